"""The list of runs: each key by what it does to the workspace, and what a comparison says."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from btp_tui.app import BtpApp
from btp_tui.comparison import compare
from btp_tui.panels.table import Table
from btp_tui.reading.observer import Observer
from btp_tui.reading.wishes import Wishes
from btp_tui.screens.compare import CompareScreen, tables
from btp_tui.screens.dialogs import Question
from btp_tui.screens.prompt import Prompt
from btp_tui.screens.runs import RunsScreen
from btp_tui.snapshot import RunLine
from storage.resting import archive_run
from storage.schema import Progress
from tests.screens import run_line, snapshot, still_app
from tests.states import comparison
from tests.stores import Store, evaluation

SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (200, 50)

RUNS = ("demo-1", "mine", "third", "fourth", "fifth")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A workspace with five finished runs, the newest of them "fifth"."""
    with Store(tmp_path) as store:
        for name in RUNS[1:]:
            config = f"seed = {len(name)}\n[replay]\nalpha = 0.{len(name)}\n"
            store.writer.create_run(name, "train", config, "nano", "all")
        for run in range(1, 6):
            store.writer.set_progress(run, Progress(state="finished", phase="done", programs=7))
            for number in range(3):
                store.writer.add_evaluation(run, evaluation("during", number, number))
        yield store


@asynccontextmanager
async def listed(store: Store) -> AsyncIterator[Pilot[Any]]:
    """The list of runs of a real workspace, the cursor on "fifth"."""
    async with BtpApp(store.workspace.path).run_test(size=MIDDLE) as pilot:
        await pilot.press("3")
        await until(pilot, lambda: len(table(pilot).rows) == 5)
        yield pilot


async def until(pilot: Pilot[Any], holds: Callable[[], bool]) -> None:
    """Waits for what another process or thread is to do; fails after a while."""
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        await pilot.pause(0.02)


def table(pilot: Pilot[Any]) -> Table[RunLine]:
    return pilot.app.screen.query_one("#runs", Table)


def names(pilot: Pilot[Any]) -> list[str]:
    return [run.name for run in table(pilot).rows]


def said(pilot: Pilot[Any]) -> str:
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join(strip.text for strip in strips)


async def test_e_renames_the_run_and_its_folder(store: Store) -> None:
    async with listed(store) as pilot:
        await pilot.press("e")
        assert isinstance(pilot.app.screen, Prompt)
        pilot.app.screen.query_one(Input).value = "better"
        await pilot.press("enter")
        await until(pilot, lambda: "better" in names(pilot))
        await until(pilot, lambda: "fifth is better now." in said(pilot))
    assert store.workspace.run_folder("better").is_dir()
    assert not store.workspace.run_folder("fifth").exists()


async def test_e_and_escape_leaves_the_name(store: Store) -> None:
    async with listed(store) as pilot:
        await pilot.press("e", "x", "escape")
        assert isinstance(pilot.app.screen, RunsScreen)
    assert store.reader.run("fifth") is not None


async def test_a_name_that_is_taken_is_refused_in_a_sentence(store: Store) -> None:
    async with listed(store) as pilot:
        await pilot.press("e")
        pilot.app.screen.query_one(Input).value = "mine"
        await pilot.press("enter")
        await until(pilot, lambda: "There is a run mine already" in said(pilot))


async def test_a_puts_a_run_away_and_capital_a_shows_it_and_a_takes_it_out(store: Store) -> None:
    async with listed(store) as pilot:
        await pilot.press("a")
        await until(pilot, lambda: len(names(pilot)) == 4)
        assert store.workspace.archived("fifth")
        assert "1 archived, A shows" in str(table(pilot).border_subtitle)
        await pilot.press("A")
        assert len(names(pilot)) == 5
        await pilot.press("home", "a")
        await until(pilot, lambda: not any(run.archived for run in table(pilot).rows))
    assert not store.workspace.archived("fifth")


async def test_x_and_y_deletes_the_run_and_x_and_n_does_not(store: Store) -> None:
    async with listed(store) as pilot:
        await pilot.press("x", "n")
        assert isinstance(pilot.app.screen, RunsScreen)
        await pilot.press("x")
        assert isinstance(pilot.app.screen, Question)
        assert "7 programs" in said(pilot)
        assert "checkpoints" in said(pilot)
        await pilot.press("y")
        await until(pilot, lambda: names(pilot) == ["fourth", "third", "mine", "demo-1"])
    assert not store.workspace.run_folder("fifth").exists()


@pytest.mark.parametrize("key", ["e", "a", "x"])
async def test_a_run_with_an_engine_is_refused_in_a_sentence(key: str) -> None:
    async with still_app(snapshot("running")).run_test(size=MIDDLE) as pilot:
        await pilot.press("3", key)
        assert isinstance(pilot.app.screen, RunsScreen)
        assert "An engine is at work on demo-1: stop it before" in said(pilot)


async def test_m_marks_up_to_four_and_v_compares_them(store: Store) -> None:
    async with listed(store) as pilot:
        await pilot.press("m", "v")
        assert isinstance(pilot.app.screen, RunsScreen)  # one alone is nothing to compare
        for _ in range(4):
            await pilot.press("down", "m")
        await until(pilot, lambda: "4 runs are marked already" in said(pilot))
        await pilot.press("v")
        await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen))
        await pilot.pause()
        shown = said(pilot)
        assert all(name in shown for name in ("A fifth", "B fourth", "C third", "D mine"))
        assert "replay.alpha" in shown
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, RunsScreen)
        await pilot.press("m")  # the cursor is on the fifth, which has no room for a mark
        assert "4 runs are marked already" in said(pilot)
        await pilot.press("up", "m", "m")
        await until(pilot, lambda: "D finished" in said(pilot))


async def test_t_draws_the_curves_over_time(store: Store) -> None:
    async with listed(store) as pilot:
        await pilot.press("m", "down", "m", "v")
        await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen))
        await pilot.pause()
        assert "updates" in said(pilot)
        await pilot.press("t")
        await pilot.pause()
        assert "min:s" in said(pilot)


def test_only_settings_that_differ_are_listed(store: Store) -> None:
    lines = tuple(run_line(name, "finished") for name in ("mine", "third"))
    differences = dict(compare(store.workspace, lines).differences)
    assert differences == {"seed": ("4", "5"), "replay.alpha": ("0.4", "0.5")}


def test_an_archived_run_is_not_watched_unless_it_is_named(store: Store) -> None:
    archive_run(store.workspace, "fifth", archived=True)
    with Observer(store.workspace) as observer:
        watched = observer.first_look(Wishes()).watched
        named = observer.first_look(Wishes(watch="fifth")).watched
    assert watched is not None
    assert watched.line.name == "fourth"
    assert named is not None
    assert named.line.name == "fifth"


def test_a_letter_stands_where_each_line_ends_and_in_the_table() -> None:
    drawn = str(tables(comparison(2), 76))
    assert "A demo-1" in drawn
    assert "B rank-based" in drawn
