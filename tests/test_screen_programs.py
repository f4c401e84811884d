"""The browser of programs: each of its keys by what it does, and what it shows while data moves."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from btp_tui.app import BtpApp
from btp_tui.filters.book import BUILT_IN, FilterFile
from btp_tui.panels.completion_list import CompletionList
from btp_tui.panels.filter_bar import FilterBar
from btp_tui.panels.table import Table
from btp_tui.reading.messages import PageReady
from btp_tui.screens.export import ExportDialog, place_problem
from btp_tui.screens.program import ProgramScreen
from btp_tui.screens.programs import ProgramsScreen
from btp_tui.screens.prompt import Prompt
from btp_tui.screens.saved_filters import SavedFilters
from btp_tui.snapshot import PAGE, Page
from tests.screens import Examples, page, program_line, snapshot, still_app
from tests.stores import Store


@asynccontextmanager
async def browsing(
    folder: Path,
    size: tuple[int, int] = (80, 24),
    examples: Examples = Examples(),  # noqa: B008  # it is frozen
) -> AsyncIterator[tuple[Pilot[Any], BtpApp, ProgramsScreen]]:
    """The browser, on the still feed and a workspace."""
    app = still_app(replace(snapshot(), workspace=str(folder)), folder, examples)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        await pilot.press("b")
        await pilot.pause()
        assert isinstance(app.screen, ProgramsScreen)
        yield pilot, app, app.screen


def bar(screen: ProgramsScreen) -> FilterBar:
    return screen.query_one(FilterBar)


def table(screen: ProgramsScreen) -> Table[Any]:
    return screen.query_one("#programs", Table)


def text_of(app: BtpApp) -> str:
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


async def shown(pilot: Pilot[Any], app: BtpApp, next_page: Page) -> None:
    """The feed posts a page."""
    app.post_message(PageReady(next_page))
    await pilot.pause()


# The filter bar


async def test_every_key_of_a_filter_asks_at_once(tmp_path: Path) -> None:
    async with browsing(tmp_path) as (pilot, app, _):
        await pilot.press("slash", *"iter:")
        await pilot.press("3")
        await pilot.pause()
        assert app.wishes.page == ("iter:3", 0)
        await pilot.press("backspace", "2")
        await pilot.pause()
        assert app.wishes.page == ("iter:2", 0)


async def test_what_is_typed_faster_than_the_focus_moves_is_filter_text_and_no_key(
    tmp_path: Path,
) -> None:
    async with browsing(tmp_path) as (pilot, app, screen):
        for key in ("slash", "s", "t", "space", "r"):
            app.post_message(events.Key(key, {"slash": "/", "space": " "}.get(key, key)))
        await pilot.pause()
        await pilot.pause()
        assert app.screen is screen
        assert bar(screen).value == "st r"


async def test_a_word_that_may_become_a_key_is_searched_for_only_after_enter(
    tmp_path: Path,
) -> None:
    async with browsing(tmp_path) as (pilot, app, screen):
        await pilot.press("slash", *"pass")
        await pilot.pause()
        assert app.wishes.page == ("", 0)
        await pilot.press("enter")
        await pilot.pause()
        assert app.wishes.page == ("pass", 0)
        assert table(screen).has_focus


async def test_what_is_not_understood_is_said_and_the_last_page_stays(tmp_path: Path) -> None:
    async with browsing(tmp_path) as (pilot, app, screen):
        await pilot.press("slash", *"pass:[b]half")
        await pilot.pause()
        assert "✗ pass:[b]half is no range: write pass:0.5..1" in text_of(app)
        assert app.wishes.page == ("pass:", 0)
        assert len(table(screen).rows) == 120
        await shown(pilot, app, Page(screen.filter, problem="There is no run 'x'."))
        assert "✗ There is no run 'x'." in text_of(app)
        assert len(table(screen).rows) == 120


async def test_tab_goes_through_the_completions_and_shift_tab_back(tmp_path: Path) -> None:
    async with browsing(tmp_path) as (pilot, _, screen):
        await pilot.press("slash", *"sort:-")
        seen = []
        for key in ("tab", "tab", "tab", "shift+tab"):
            await pilot.press(key)
            seen.append(bar(screen).value)
        assert seen == ["sort:-newest", "sort:-pass", "sort:-p2value", "sort:-pass"]
        await pilot.press("space", "shift+tab")
        assert bar(screen).value == "sort:-pass sort:"


async def test_the_completions_are_listed_under_the_word_and_go_with_the_focus(
    tmp_path: Path,
) -> None:
    async with browsing(tmp_path) as (pilot, app, screen):
        listed = screen.query_one(CompletionList)
        assert not listed.display
        await pilot.press("slash")
        await pilot.pause()
        assert "outcome:timeout,error" in text_of(app)
        await pilot.press(*"task:na")
        await pilot.pause()
        assert "nano/train/17" in text_of(app)
        await pilot.press("escape")
        await pilot.pause()
        assert not listed.display


async def test_one_completion_is_taken_and_the_next_tab_completes_what_follows(
    tmp_path: Path,
) -> None:
    async with browsing(tmp_path) as (pilot, _, screen):
        await pilot.press("slash", *"outc", "tab", "tab")
        assert bar(screen).value == "outcome:passed"


async def test_up_and_down_go_through_what_was_written_before(tmp_path: Path) -> None:
    FilterFile(tmp_path).change(lambda book: book.used("iter:1").used("iter:2"))
    async with browsing(tmp_path) as (pilot, _, screen):
        await pilot.press("slash", *"it")
        seen = []
        for key in ("up", "up", "up", "down", "down"):
            await pilot.press(key)
            seen.append(bar(screen).value)
        assert seen == ["iter:2", "iter:1", "iter:1", "iter:2", "it"]


async def test_a_filter_that_was_used_is_there_at_the_next_start(tmp_path: Path) -> None:
    async with browsing(tmp_path) as (pilot, app, _):
        await pilot.press("slash", *"iter:3", "enter")
        await app.workers.wait_for_complete()
        await pilot.press("slash", *"iter:x", "escape")  # not understood: not kept
        await app.workers.wait_for_complete()
    async with browsing(tmp_path) as (pilot, _, screen):
        await pilot.press("slash", "up")
        assert bar(screen).value == "iter:3"
        await pilot.press("up")
        assert bar(screen).value == "iter:3"


# Saved filters


async def test_a_built_in_filter_is_applied_by_enter(tmp_path: Path) -> None:
    async with browsing(tmp_path) as (pilot, app, screen):
        await pilot.press("F")
        await pilot.pause()
        assert isinstance(app.screen, SavedFilters)
        await pilot.press("down", "enter")
        await pilot.pause()
        assert screen.filter == [*BUILT_IN.values()][1]
        assert app.wishes.page == (screen.filter, 0)


async def test_the_filter_in_sight_is_saved_renamed_and_deleted(tmp_path: Path) -> None:
    async with browsing(tmp_path) as (pilot, app, screen):
        screen.filter = "x[0] iter:3"
        await pilot.press("F", "s")
        assert isinstance(app.screen, Prompt)
        await pilot.press(*"mine", "enter")
        await app.workers.wait_for_complete()
        assert FilterFile(tmp_path).read().saved == (("mine", "x[0] iter:3"),)
        assert "mine" in text_of(app)
        await pilot.press("r", "end", "backspace", "enter")
        await app.workers.wait_for_complete()
        assert FilterFile(tmp_path).read().saved == (("min", "x[0] iter:3"),)
        await pilot.press("x")
        await app.workers.wait_for_complete()
        assert FilterFile(tmp_path).read().saved == ()


async def test_a_built_in_filter_can_be_neither_renamed_nor_deleted(tmp_path: Path) -> None:
    async with browsing(tmp_path) as (pilot, app, _):
        await pilot.press("F", "r", "x")
        await pilot.pause()
        assert isinstance(app.screen, SavedFilters)
        assert len(app.screen.query_one("#saved", Table).rows) == len(BUILT_IN)
        await pilot.press("escape")
        assert isinstance(app.screen, ProgramsScreen)


async def test_a_saved_filter_may_have_brackets_in_its_name(tmp_path: Path) -> None:
    FilterFile(tmp_path).change(lambda book: book.kept("[/a]", "iter:1").kept("b", "iter:2"))
    async with browsing(tmp_path) as (pilot, app, _):
        await pilot.press("F", "down", "r")
        app.screen.query_one(Input).value = "[/a]"
        await pilot.press("enter")
        await pilot.pause()
        [said] = app._notifications
        assert said.message == "[/a] is there already: choose another name."
        assert not said.markup


# Export


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("~nobody-of-this-name/x.jsonl", "There is no user nobody-of-this-name."),
        ("x" * 300, "Nothing can be written there: File name too long."),
        ("a\0b.jsonl", "The name holds a character that cannot be seen: write it anew."),
        ("\x1b[31m.jsonl", "The name holds a character that cannot be seen: write it anew."),
    ],
    ids=["user", "long", "nul", "escape"],
)
def test_a_name_that_no_file_can_have_is_refused_in_a_sentence(written: str, problem: str) -> None:
    assert place_problem(written) == problem


async def test_the_filtered_set_is_exported_by_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Store(tmp_path) as store:
        programs = store.sampled("x = 1", "x = 2", "x = 3")
        store.judged(dict(zip(programs, (1.0, 0.5, 0.0), strict=True)))
        async with browsing(store.workspace.path) as (pilot, app, screen):
            screen.filter = "-pass:0 sort:pass"
            await pilot.press("E")
            await pilot.pause()
            assert isinstance(app.screen, ExportDialog)
            assert "programs.jsonl" in text_of(app)
            await pilot.press("enter")
            await app.workers.wait_for_complete()
            await pilot.pause()
            assert app._voice.said == f"2 programs written to {tmp_path / 'programs.jsonl'}."
    lines = (tmp_path / "programs.jsonl").read_text().splitlines()
    assert [json.loads(line)["program"] for line in lines] == ["x = 2", "x = 1"]


async def test_an_export_that_fails_is_said_in_a_sentence_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "gone"
    place.mkdir()
    monkeypatch.chdir(tmp_path)
    async with browsing(tmp_path / "none") as (pilot, app, _):
        await pilot.press("E")
        await pilot.press(*["left"] * len("programs.jsonl"), *"gone/")
        place_was_there = place_problem("gone/programs.jsonl")
        await pilot.press("enter")
        await app.workers.wait_for_complete()
        assert place_was_there == ""
        assert "There is no workspace in" in app._voice.trouble
    assert [*place.iterdir()] == []


async def test_tab_changes_the_format_by_the_name(tmp_path: Path) -> None:
    async with browsing(tmp_path) as (pilot, app, _):
        await pilot.press("E")
        seen = []
        for _ in range(4):
            await pilot.press("tab")
            seen.append(app.screen.query_one("#place").value)  # type: ignore[attr-defined]
        assert seen == ["programs.jsonl.gz", "programs.parquet", "programs", "programs.jsonl"]
        await pilot.press("escape")
        assert isinstance(app.screen, ProgramsScreen)


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    (tmp_path / "there.jsonl").touch()
    assert place_problem(str(tmp_path / "new.jsonl")) == ""
    assert "there already" in place_problem(str(tmp_path / "there.jsonl"))
    assert "There is no folder" in place_problem(str(tmp_path / "none" / "x.jsonl"))
    assert place_problem("") == "Write the name of a file or folder."


async def test_of_nothing_found_nothing_is_exported(tmp_path: Path) -> None:
    async with browsing(tmp_path) as (pilot, app, screen):
        await shown(pilot, app, replace(page(""), rows=(), total=0))
        await pilot.press("E")
        assert app.screen is screen


# The table


async def test_new_programs_appear_and_the_cursor_stays_on_its_program(tmp_path: Path) -> None:
    async with browsing(tmp_path) as (pilot, app, screen):
        assert "row 1 of 1,632" in text_of(app)
        newer = program_line(-1), program_line(-2)
        await shown(pilot, app, replace(page(""), rows=(*newer, *page("").rows), total=1634))
        assert table(screen).cursor == 2
        assert table(screen).rows[2].sample == 1000
        assert "row 3 of 1,634" in text_of(app)


async def test_a_program_that_newer_ones_push_off_the_page_is_followed_to_the_next(
    tmp_path: Path,
) -> None:
    async with browsing(tmp_path) as (pilot, app, screen):
        await pilot.press("down", "down")
        before, rows = page(""), tuple(program_line(-number) for number in range(200, 80, -1))
        await shown(pilot, app, replace(before, rows=rows, total=before.total + 600))
        assert app.wishes.page == ("", 600)
        assert table(screen).row == program_line(2)
        assert table(screen).cursor == 2
        assert "row 603 of 1,632" in text_of(app)  # the still feed has as many as before
        await pilot.press("less_than_sign")
        await pilot.pause()
        assert app.wishes.page == ("", 100)
        await pilot.press("less_than_sign")
        await pilot.pause()
        assert app.wishes.page == ("", 0)


async def test_a_program_that_leaves_the_filter_turns_no_page(tmp_path: Path) -> None:
    async with browsing(tmp_path) as (pilot, app, screen):
        before, rows = page(""), tuple(program_line(-number) for number in range(1, 21))
        await shown(pilot, app, replace(before, rows=rows, total=before.total + 20))
        assert app.wishes.page == ("", 0)
        assert table(screen).rows == rows


async def test_another_filter_begins_at_its_top(tmp_path: Path) -> None:
    async with browsing(tmp_path) as (pilot, _, screen):
        await pilot.press("down", "down", "o")
        await pilot.pause()
        assert screen.filter == "sort:-pass"
        assert table(screen).cursor == 0


async def test_while_words_are_searched_for_the_newest_hits_are_shown_without_a_number(
    tmp_path: Path,
) -> None:
    async with browsing(tmp_path) as (pilot, app, screen):
        await pilot.press("slash", *"x_1", "enter")
        newest = replace(page("x_1"), searching=True, total=120)
        await shown(pilot, app, newest)
        assert "the newest hits · searching on" in text_of(app)
        assert "row 1 of" not in text_of(app)
        rows = page("x_1").rows[::-1]
        await shown(pilot, app, replace(page("x_1"), rows=rows, total=777))
        assert "777 of 1,632 programs" in text_of(app)
        assert table(screen).cursor == 0, "it is sorted otherwise, and begins at its top"


async def test_a_held_display_shows_all_that_a_new_filter_finds_and_nothing_newer(
    tmp_path: Path,
) -> None:
    def newest_hits(text: str, offset: int = 0) -> Page:
        return replace(page(text, offset), searching=bool(text))

    async with browsing(tmp_path, examples=Examples(page=newest_hits)) as (pilot, app, _):
        await pilot.press("space", "slash", *"x_1", "enter")
        await shown(pilot, app, replace(page("x_1"), total=777))
        assert "777 of 1,632" in text_of(app)
        await shown(pilot, app, replace(page("x_1"), total=778))
        assert "777 of 1,632" in text_of(app)


async def test_a_click_on_a_title_sorts_by_it_and_another_one_turns_it_round(
    tmp_path: Path,
) -> None:
    async with browsing(tmp_path) as (pilot, app, screen):
        title = text_of(app).splitlines()
        row = next(at for at, line in enumerate(title) if "P2Value" in line)
        column = title[row].index("P2Value")
        for sort in ("sort:-p2value", "sort:p2value"):
            await pilot.click(offset=(column, row))
            await pilot.pause()
            assert screen.filter == sort
        await shown(pilot, app, replace(page(screen.filter), sort="p2value", descending=False))
        assert "P2Value↑" in text_of(app)
        await pilot.click(offset=(title[row].index("outcome"), row))
        assert screen.filter == "sort:outcome"


@pytest.mark.parametrize(("key", "clicks"), [("enter", 0), ("", 2)])
async def test_enter_and_a_double_click_open_a_program(
    tmp_path: Path, key: str, clicks: int
) -> None:
    async with browsing(tmp_path) as (pilot, app, screen):
        if clicks:
            await pilot.click(table(screen), offset=(4, 4))
            await pilot.click(table(screen), offset=(4, 4), times=clicks)
        else:
            await pilot.press("down", "down", key)
        await pilot.pause()
        assert isinstance(app.screen, ProgramScreen)
        assert app.wishes.sample == 998


async def test_pages_are_turned_from_the_one_in_sight(tmp_path: Path) -> None:
    async with browsing(tmp_path) as (pilot, app, _):
        await pilot.press("greater_than_sign")
        await pilot.pause()
        assert app.wishes.page == ("", PAGE)
        assert "row 501 of 1,632" in text_of(app)


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (200, 50)])
async def test_the_dialogs_fit_every_window(tmp_path: Path, size: tuple[int, int]) -> None:
    async with browsing(tmp_path, size) as (pilot, app, _):
        for key, word in (("F", "closes"), ("E", "goes back")):
            await pilot.press(key)
            await pilot.pause()
            assert word in text_of(app), key
            await pilot.press("escape")
