"""How each main state looks, at the smallest and a large window; a sentence of intent above each.

After a change that was meant: pytest tests/test_screen_pictures.py --snapshot-update, and look at
every picture that changed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from btp_tui.snapshot import Knobs, RunLine, Snapshot, Watched
from tests.screens import START, run_line, snapshot, still_app, watched

SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (200, 50)
Compare = Callable[..., bool]


@pytest.fixture(autouse=True)
def same_clock_everywhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times of day are local: the pictures are taken in one time zone."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def same(compare: Compare, shown: Snapshot, size: tuple[int, int], *keys: str) -> bool:
    return compare(still_app(shown), press=keys, terminal_size=size)


# Nothing was trained here yet: the one key to press stands in the middle, nothing else competes.
@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_empty_workspace(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert same(snap_compare, Snapshot("btp-runs"), size)


# d was pressed: the screen says at once that the engine starts, every panel what it waits for.
def test_starting(snap_compare: Compare) -> None:
    line = RunLine("demo-1", "starting", "train", "", START)
    assert same(snap_compare, Snapshot("btp-runs", runs=(line,), watched=Watched(line)), SMALL)


# The five questions at a glance, in every size laid out on purpose; nothing is cut off.
@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE])
def test_running(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert same(snap_compare, snapshot(), size)


# The same with two GPUs: use, memory, temperature and power of each, also in two rows.
@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_running_on_gpus(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert same(snap_compare, snapshot(gpus=2), size)


# At 80 by 24 the log takes turns with the newest programs.
def test_log_in_a_small_window(snap_compare: Compare) -> None:
    assert same(snap_compare, snapshot(), SMALL, "l")


# Training is paused: the sentence says so and names the key; p is "go on" now.
def test_paused(snap_compare: Compare) -> None:
    assert same(snap_compare, snapshot("paused"), SMALL)


# The display is held, which is not the same: the badge says that training goes on.
def test_display_held(snap_compare: Compare) -> None:
    assert same(snap_compare, snapshot(), SMALL, "space")


# The engine is gone: what is safe and which key resumes it.
def test_died(snap_compare: Compare) -> None:
    assert same(snap_compare, snapshot("died"), SMALL)


# It is over: how long it took and what came of it.
def test_finished(snap_compare: Compare) -> None:
    assert same(snap_compare, snapshot("finished"), SMALL)


# The store cannot be read: the sentence goes before everything else, the last figures stay.
def test_problem(snap_compare: Compare) -> None:
    sentence = "btp-runs/btp.db stayed locked by another process for 10 s; end it and try again."
    assert same(snap_compare, replace(snapshot(), problem=sentence), SMALL)


# Knobs that the engine does not use yet are marked as a preview, in the words of eq. 6-8.
def test_preview_of_other_knobs(snap_compare: Compare) -> None:
    knobs = Knobs(alpha=0.65, exponent=4.5, prioritization="rank", possibility="joint")
    shown = snapshot(knobs=knobs)
    assert same(snap_compare, shown, SMALL)


# The browser: filter, what it found, rows, and the program under the cursor with its tests.
@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE])
def test_programs(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert same(snap_compare, snapshot(), size, "b", "down", "down", "down")


# One program over the whole window: P2Value worked out, failing line marked, expected and actual.
def test_one_program(snap_compare: Compare) -> None:
    assert same(snap_compare, snapshot(), SMALL, "enter")


# Runs: state in a word and a sign, first and newest accuracy; Enter watches, r resumes.
@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_runs(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert same(snap_compare, snapshot(), size, "3", "down", "down")


# Every key of the screen below with what it does; Textual's own are left out.
def test_keys(snap_compare: Compare) -> None:
    assert same(snap_compare, snapshot(), MIDDLE, "question_mark")


# Stopping ends the engine, so it is asked first, with the gentler key named.
def test_question_before_stopping(snap_compare: Compare) -> None:
    assert same(snap_compare, snapshot(), SMALL, "s")


# A run that never reported anything still has a line, with dashes for what is unknown.
def test_runs_with_unknown_figures(snap_compare: Compare) -> None:
    bare = run_line("bare-1", "died", progress=None, initial=None, newest=None)
    shown: Any = Snapshot("btp-runs", START, (bare,), replace(watched("died"), line=bare))
    assert same(snap_compare, shown, SMALL, "3")
