"""The list of keys and the palette: complete, in the order of use, found by a key or a word."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from textual.containers import VerticalScroll
from textual.pilot import Pilot

from btp_tui.keys.active import active_keys
from btp_tui.keys.notes import NOTES
from btp_tui.screens.key_help import KeyHelp, key_list
from tests.screens import snapshot, still_app


def text_of(pilot: Pilot[Any]) -> str:
    """What stands on the screen."""
    return "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())


async def listed_after(*keys: str, typed: str = "") -> str:
    """The list of keys on the screen that some keys lead to."""
    async with still_app(snapshot()).run_test(size=(120, 60)) as pilot:
        await pilot.pause()
        await pilot.press(*keys, "question_mark", *typed)
        await pilot.pause()
        assert isinstance(pilot.app.screen, KeyHelp)
        return text_of(pilot)


async def test_the_keys_of_the_screen_in_sight_come_before_the_global_ones() -> None:
    listed = await listed_after("4")
    places = [listed.index(text) for text in ("Look for tasks by name", "One row up", "All runs")]
    assert places == sorted(places)
    assert "How well each task" not in listed  # it is the screen in sight
    assert "b  2  Browse" in listed  # an action stands once, with all of its keys


async def test_typing_leaves_the_keys_whose_words_match() -> None:
    listed = await listed_after(typed="checkpoint stop")
    assert "Save a checkpoint and stop training" in listed
    assert "All runs" not in listed


async def test_a_typed_key_comes_first_whatever_words_contain_it() -> None:
    listed = await listed_after(typed="s")
    rows = [row for row in listed.splitlines() if "│" in row]
    assert (
        "Save a checkpoint and stop"
        in rows[next(i for i, r in enumerate(rows) if "This key" in r) + 1]
    )


async def test_a_question_mark_is_something_to_look_for_as_well() -> None:
    assert "This list" in await listed_after(typed="?")


async def test_where_nothing_matches_it_is_said() -> None:
    assert "No key and no word like 'qqq' here." in await listed_after(typed="qqq")


async def test_the_list_says_what_the_numbers_of_the_screen_mean() -> None:
    listed = await listed_after(typed="p2value")
    assert "how much is learned from a program (eq. 6)" in listed


async def test_long_sentences_are_broken_below_their_begin() -> None:
    async with still_app(snapshot()).run_test() as pilot:
        rows = key_list(active_keys(pilot.app.screen), NOTES["DashboardScreen"], "", 40)
        assert max(len(row) for row in rows.plain.splitlines()) <= 40
        words = " ".join(rows.plain.split())
        assert all(note.means in words for note in NOTES["DashboardScreen"])


@pytest.mark.parametrize("size", [(60, 15), (80, 24)])
async def test_arrow_keys_scroll_the_list_while_something_is_typed(size: tuple[int, int]) -> None:
    async with still_app(snapshot()).run_test(size=size) as pilot:
        await pilot.pause()
        await pilot.press("question_mark")
        await pilot.pause()
        scroll = pilot.app.screen.query_one(VerticalScroll)
        for key, rows in (("down", 1), ("pagedown", 9), ("up", 8), ("pageup", 0)):
            await pilot.press(key)
            assert scroll.scroll_offset.y == rows
        await pilot.press("escape")
        assert not isinstance(pilot.app.screen, KeyHelp)


@pytest.mark.parametrize("keys", [[], ["b"], ["3"], ["4"], ["enter"]])
async def test_the_palette_names_each_action_once_and_with_its_key(keys: list[str]) -> None:
    async with still_app(snapshot()).run_test() as pilot:
        await pilot.pause()
        await pilot.press(*keys)
        await pilot.pause()
        commands = list(pilot.app.get_system_commands(pilot.app.screen))
        titles = Counter(command.title for command in commands)
        assert [title for title, times in titles.items() if times > 1] == []
        without = {title for title in titles if not title.endswith(")")}
        assert {title for title in without if not title.startswith("Theme: ")} == {"Screenshot"}
        assert sum(title.startswith("Quit") for title in titles) == 1


async def test_the_palette_does_what_its_key_would_do_also_while_a_filter_is_written() -> None:
    async with still_app(snapshot()).run_test() as pilot:
        await pilot.pause()
        await pilot.press("4", "slash", "ctrl+p", *"runs")
        await pilot.pause(0.3)
        await pilot.press("enter")
        await pilot.pause()
        assert type(pilot.app.screen).__name__ == "RunsScreen"
