"""Excluding and marking on the screen: the keys, the signs, and the numbers that follow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from textual.pilot import Pilot

from btp_tui.app import BtpApp
from btp_tui.control import engine
from btp_tui.panels.keys import KeyLine
from btp_tui.panels.program_facts import program_facts
from btp_tui.panels.table import Table
from btp_tui.reading.cards import find_card
from btp_tui.reading.observer import Observer
from btp_tui.reading.wishes import Wishes
from btp_tui.screens.program import ProgramScreen
from btp_tui.snapshot import Exclusion, Knobs, Standing
from storage.errors import StorageError
from tests.screens import START, card, snapshot, still_app
from tests.stores import Store, update
from tests.test_screen_keys import text_of


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Three judged programs of demo-1, the first drawn twice."""
    with Store(tmp_path) as opened:
        opened.judged(dict(zip(opened.sampled("x", "y", "z"), (1.0, 0.5, 0.0), strict=True)))
        opened.writer.add_update(opened.run, update(1, [1, 1, 2]))
        yield opened


async def asked(folder: Path, *keys: str, **said: Any) -> list[tuple[str, dict[str, Any]]]:
    """The commands in the store after keys in the list of a run at work, whose rows say `said`."""
    with Store(folder) as store:
        app = still_app(snapshot("running"), store.workspace.path)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("b")
            await pilot.pause()
            table = app.screen.query_one("#programs", Table)
            table.show_rows([replace(row, run_id=1, **said) for row in table.rows])
            await pilot.press(*keys)
            await app.workers.wait_for_complete()
        return [(each.name, each.argument) for each in store.writer.pending_commands(store.run)]


@pytest.mark.parametrize(
    ("key", "said", "name"),
    [
        ("x", {}, "exclude"),
        ("x", {"excluded": True}, "include"),
        ("m", {}, "mark"),
        ("m", {"marked": True, "excluded": True}, "unmark"),
    ],
)
async def test_in_the_list_a_key_asks_the_engine_for_the_program_under_the_cursor(
    key: str, said: dict[str, Any], name: str, tmp_path: Path
) -> None:
    assert await asked(tmp_path, "down", key, **said) == [(name, {"samples": [999]})]


async def test_on_its_own_screen_a_program_is_excluded_and_the_answer_is_said(
    tmp_path: Path,
) -> None:
    with Store(tmp_path) as store:
        app = still_app(snapshot("running"), store.workspace.path)
        async with app.run_test(size=(80, 24)) as pilot:
            await opened(pilot)
            await pilot.press("x")
            await app.workers.wait_for_complete()
            await pilot.pause()
            assert "Asked the engine of demo-1 never to draw it again." in text_of(pilot)
        [command] = store.writer.pending_commands(store.run)
        assert (command.name, command.argument) == ("exclude", {"samples": [997]})


@pytest.mark.parametrize("alone", [False, True])
async def test_the_footer_says_what_the_keys_would_do_to_the_program_in_sight(alone: bool) -> None:
    words = ("Mark", "Unmark", "Exclude", "Include")

    def offered(app: BtpApp) -> list[str]:
        keys = app.screen.query_one(KeyLine).fitting()
        return [key.description for key in keys if key.description in words]

    app = still_app(snapshot())
    async with app.run_test(size=(200, 50)) as pilot:
        await pilot.press("b")
        await pilot.pause()
        if alone:
            await opened(pilot)
        assert offered(app) == ["Mark", "Exclude"]
        if alone:
            said = replace(card(997), marked=True, excluded=Exclusion(START, 3))
            cast("ProgramScreen", app.screen).show_card(said)
        else:
            table = app.screen.query_one("#programs", Table)
            first, *others = table.rows
            table.show_rows([replace(first, marked=True, excluded=True), *others])
        await pilot.pause()
        assert offered(app) == ["Unmark", "Include"]
        assert "Include" in text_of(pilot)
        assert "Exclude" not in text_of(pilot)
        assert {"Unmark (m)", "Include (x)"} < {
            each.title for each in app.get_system_commands(app.screen)
        }
        if not alone:
            await pilot.press("down")
            await pilot.pause()
            assert offered(app) == ["Mark", "Exclude"]


async def test_behind_the_palette_the_flags_are_those_of_the_program_in_sight() -> None:
    app = still_app(snapshot())
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        cast("ProgramScreen", app.screen).show_card(replace(card(997), marked=True))
        await pilot.press("ctrl+p")
        await pilot.press(*"mark (m)")
        await pilot.pause(0.5)
        assert "Unmark" in text_of(pilot)


async def opened(pilot: Pilot[Any]) -> None:
    """A program of demo-1 on its own screen."""
    app: Any = pilot.app
    app.action_open_program(997)
    await pilot.pause()
    app.screen.show_card(replace(card(997), run_id=1))
    await pilot.pause()


async def test_without_an_engine_a_process_does_it_and_its_refusal_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[tuple[object, ...]] = []

    async def administer(_workspace: object, *arguments: str, group: str) -> str:
        done.append((group, *arguments))
        if arguments[0] == "mark":
            raise StorageError("Another engine is at work on run demo-1.")
        return "demo-1: 1 program excluded from replay."

    monkeypatch.setattr(engine, "administer", administer)
    app = still_app(snapshot("finished"), tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        for key, said in (("x", "1 program excluded from replay"), ("m", "Another engine is at")):
            await opened(pilot)
            await pilot.press(key)
            await app.workers.wait_for_complete()
            await pilot.pause()
            assert said in text_of(pilot)
    assert done == [("programs", "exclude", "demo-1", "997"), ("programs", "mark", "demo-1", "997")]


async def test_signs_in_the_list_say_what_is_excluded_and_marked() -> None:
    app = still_app(snapshot())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("b")
        await pilot.pause()
        table = app.screen.query_one("#programs", Table)
        both, one, none, *_ = table.rows
        table.show_rows(
            [replace(both, excluded=True, marked=True), replace(one, excluded=True), none]
        )
        await pilot.pause()
        rows = [row for row in text_of(pilot).splitlines() if "train/17" in row]
        assert [("★" in row, "⊖" in row) for row in rows[:3]] == [
            (True, True),
            (False, True),
            (False, False),
        ]


def facts(**changes: Any) -> str:
    return "\n".join(row.plain for row in program_facts(replace(card(), **changes)))


def test_an_excluded_program_keeps_its_p2value_and_says_since_when_it_is_not_drawn() -> None:
    standing = Standing(Knobs(), 0.88, 0.576, 0.0, 0, 1533)
    said = facts(marked=True, excluded=Exclusion(START, 118), standing=standing)
    assert "★ marked   ⊖ excluded from replay" in said
    assert "P2Value   0.576 = 0.20·0.88 P(t) + 0.80·0.50 pass rate" in said
    assert "priority  none: excluded, x lets it be drawn again" in said
    assert "replayed  3 times, last in updates 118, 112 (2 times)\n" in said
    assert said.splitlines()[-1].startswith("excluded  since 20")
    assert said.endswith(", after update 118")
    assert "after update" not in facts(excluded=Exclusion(START, 0), standing=standing)
    assert "excluded" not in facts()


def test_an_excluded_program_is_no_candidate_but_its_numbers_stay_right(store: Store) -> None:
    store.writer.set_flag(store.run, "excluded", True, [1], 4)
    store.writer.set_flag(store.run, "marked", True, [2])
    with Observer(store.workspace) as observer:
        watched = observer.snapshot(Wishes()).watched
        assert watched is not None and watched.histogram is not None
        assert watched.histogram.candidates == 2
        assert [(line.excluded, line.marked) for line in watched.latest][::-1] == [
            (True, False),
            (False, True),
            (False, False),
        ]
        found = find_card(observer, 1, Knobs())
        assert found is not None and found.excluded is not None and found.standing is not None
        assert (found.excluded.update, found.replays) == (4, 2)
        assert (found.standing.probability, found.standing.candidates) == (0.0, 2)
        assert found.standing.p2value == pytest.approx(0.2 * found.standing.possibility + 0.8)
        other = find_card(observer, 2, Knobs())
        assert other is not None and other.standing is not None and other.marked
        assert (other.standing.place, other.standing.candidates) == (1, 2)


def test_a_program_that_is_included_again_is_a_candidate_again(store: Store) -> None:
    with Observer(store.workspace) as observer:
        for raised, candidates in ((True, 2), (False, 3)):
            store.writer.set_flag(store.run, "excluded", raised, [3])
            observer.mirror._looked = -10.0  # a second later
            observer.snapshot(Wishes())
            pool = observer.mirror.candidates(store.run, Knobs()).pool
            assert len(pool.rows) == candidates
