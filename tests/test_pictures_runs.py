"""How the list of runs, their comparison and the form of a new run look in every state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from textual.pilot import Pilot

from btp_tui.comparison import Comparison
from btp_tui.screens.compare import CompareScreen
from btp_tui.snapshot import Snapshot
from tests.pictures import (
    ALL,
    LARGE,
    MIDDLE,
    SMALL,
    Compare,
    Picture,
    assert_as_before,
    each,
    settle,
)
from tests.screens import START, run_line, snapshot, watched
from tests.states import (
    DAMAGED,
    EMPTY,
    LOADING,
    comparison,
    million,
    starting,
)

STATES = ("running", "paused", "starting", "finished", "stopped", "failed", "died")


def every_state() -> Snapshot:
    """One run in each of the states, and an import."""
    now = snapshot()
    runs = [run_line(f"run-{state}", state, id=place) for place, state in enumerate(STATES, 1)]
    other = run_line("their-programs", "finished", kind="import", initial=None, newest=None)
    return replace(now, runs=(*runs, other))


def archived() -> Snapshot:
    """Three runs and one that is put away."""
    now = snapshot("finished")
    away = run_line("first-try", "stopped", archived=True, newest=0.35)
    return replace(now, runs=(*now.runs, away))


def bare() -> Snapshot:
    """A run that never reported anything."""
    line = run_line("bare-1", "died", progress=None, initial=None, newest=None)
    return Snapshot("btp-runs", START, (line,), replace(watched("died"), line=line))


@each(
    Picture(
        "three",
        "State in a word and a sign, first and newest accuracy; r resumes the one that died.",
        snapshot(),
        "3 down down",
        sizes=ALL,
    ),
    Picture("every state", "Each state has a sign and a word of its own.", every_state(), "3"),
    Picture("empty", "No run yet, and the two keys that make one.", EMPTY, "3"),
    Picture("loading", "Nothing is claimed before the workspace was read.", LOADING, "3"),
    Picture("starting", "A run that has just begun has a row already.", starting(), "3"),
    Picture("damaged", "What is damaged and what to do, no “empty”.", DAMAGED, "3"),
    Picture("unknown figures", "Dashes for what was never reported.", bare(), "3"),
    Picture(
        "marked and archived",
        "Letters for marks, the word archived beside the sign; the keys for both.",
        archived(),
        "3 A m down m",
        sizes=(SMALL, LARGE),
    ),
    Picture(
        "all archived",
        "Everything is put away: which key shows it.",
        Snapshot("btp-runs", START, (run_line("first-try", "stopped", archived=True),)),
        "3",
    ),
    Picture("million", "A million programs after 26 days.", million(), "3", sizes=(SMALL, MIDDLE)),
)
def test_runs(snap_compare: Compare, picture: Picture, size: tuple[int, int]) -> None:
    """As it was when somebody last looked at it."""
    assert_as_before(snap_compare, picture, size)


async def four(pilot: Pilot[Any]) -> None:
    """Compares four runs."""
    await pilot.app.push_screen(CompareScreen(comparison(4)))


async def two_over_time(pilot: Pilot[Any]) -> None:
    """Compares two runs, over time."""
    await pilot.app.push_screen(CompareScreen(comparison(2)))
    await pilot.press("t")


async def unmeasured(pilot: Pilot[Any]) -> None:
    """Compares two runs that have the same settings and no measurement."""
    runs = tuple(replace(one, evaluations=()) for one in comparison(2).runs)
    await pilot.app.push_screen(CompareScreen(Comparison(runs)))


@each(
    Picture(
        "four",
        "Each line ends at its letter; the figures, then only the settings that differ.",
        snapshot("finished"),
        "3",
        sizes=ALL,
        act=four,
    ),
    Picture("over time", "The axis says so.", snapshot("finished"), "3", act=two_over_time),
    Picture(
        "unmeasured", "Nothing was measured, nothing differs.", snapshot(), "3", act=unmeasured
    ),
)
def test_comparison(snap_compare: Compare, picture: Picture, size: tuple[int, int]) -> None:
    """As it was when somebody last looked at it."""
    assert_as_before(snap_compare, picture, size)


def then(keys: str) -> Any:
    """Keys in the form, once its first estimate is there."""

    async def press(pilot: Pilot[Any]) -> None:
        await settle(pilot)
        for key in keys.split():
            await pilot.press(key)
            await pilot.pause()

    return press


@each(
    Picture(
        "opening",
        "The fields of the demo with their values; what one means, what the run would take.",
        snapshot(),
        "N",
        sizes=ALL,
        act=then("down " * 4),
    ),
    Picture(
        "wrong value",
        "One changed and another wrong: signs at both, the sentence beside what is typed.",
        snapshot(),
        "N",
        act=then("down down enter 7 down down enter x"),
    ),
    Picture(
        "filtered",
        "What the words find, in its sections.",
        snapshot(),
        "N",
        act=then("slash a l p h a enter"),
    ),
    Picture(
        "changed only",
        "Only what differs from the beginning.",
        snapshot(),
        "N",
        sizes=(MIDDLE,),
        act=then("down down enter 7 enter c"),
    ),
    Picture(
        "other beginning",
        "Another preset, with its sentence and its estimate.",
        snapshot(),
        "N",
        act=then("right"),
    ),
)
def test_new_run(snap_compare: Compare, picture: Picture, size: tuple[int, int]) -> None:
    """As it was when somebody last looked at it."""
    assert_as_before(snap_compare, picture, size)
