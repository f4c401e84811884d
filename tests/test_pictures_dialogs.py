"""How the windows look that lie over a screen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from btp_tui.control.rerun import TestThenNow, ThenNow
from btp_tui.filters.book import FilterFile
from btp_tui.screens.rerun import RerunDialog, then_and_now
from tests.pictures import (
    ALL,
    LARGE,
    MIDDLE,
    SMALL,
    Compare,
    Picture,
    assert_as_before,
    each,
)
from tests.screens import snapshot
from tests.states import EMPTY, warned


async def filters_of_ones_own(pilot: Pilot[Any]) -> None:
    """Opens the list of filters where two were saved."""
    kept = FilterFile(Path("btp-runs"))
    kept.change(lambda book: book.kept("short and right", "pass:1 tokens:<40 sort:tokens"))
    kept.change(lambda book: book.kept("slow", "outcome:timeout iter:>3"))
    await pilot.press("F")


async def answered(pilot: Pilot[Any]) -> None:
    """The program was run again: what took too long has passed."""
    await pilot.press("R")
    dialog = pilot.app.screen
    assert isinstance(dialog, RerunDialog)
    tests = (
        TestThenNow("timeout", "passed", "", 3.4),
        TestThenNow("error", "error", "Traceback …\nIndexError: list index out of range", 0.01),
        TestThenNow(None, "passed", "", 0.02),
    )
    dialog._finish(then_and_now(ThenNow(20.0, "timeout", "error", tests)))


async def taken(pilot: Pilot[Any]) -> None:
    """A file of the name is there already."""
    Path("programs.parquet").touch()
    await pilot.press("E", "tab", "tab")


async def running(pilot: Pilot[Any]) -> None:
    """Looks for a command."""
    await pilot.press(*"stop")
    await pilot.app.workers.wait_for_complete()


@each(
    Picture(
        "question",
        "Stopping ends the engine: asked first, with the gentler key named.",
        snapshot(),
        "s",
        sizes=ALL,
    ),
    Picture(
        "deleting",
        "What is lost, what stays, and the gentler key.",
        snapshot("finished"),
        "3 down x",
    ),
    Picture(
        "leaving the form",
        "How many changes are lost, and how to keep them.",
        snapshot(),
        "N down down enter 7 enter escape",
    ),
    Picture(
        "prompt",
        "The name as it is, ready to be edited.",
        snapshot("finished"),
        "3 down e",
        sizes=(SMALL, LARGE),
    ),
    Picture("writing toml", "Where to, and what starts it then.", snapshot(), "N w"),
)
def test_questions(snap_compare: Compare, picture: Picture, size: tuple[int, int]) -> None:
    """As it was when somebody last looked at it."""
    assert_as_before(snap_compare, picture, size)


@each(
    Picture(
        "dashboard",
        "The keys of the screen first, each once with all its keys; Textual's own left out.",
        warned(),
        "question_mark",
        sizes=ALL,
    ),
    Picture(
        "programs",
        "Its keys and its filter language.",
        snapshot(),
        "b question_mark",
        sizes=(MIDDLE,),
    ),
    Picture(
        "program", "The keys of one program.", snapshot(), "enter question_mark", sizes=(LARGE,)
    ),
    Picture("form", "The keys of the form.", snapshot(), "N question_mark", sizes=(MIDDLE,)),
    Picture("found", "What has the words typed.", snapshot(), "question_mark a l p h a"),
    Picture("not found", "No key has them, and it says so.", snapshot(), "question_mark z z z"),
)
def test_keys(snap_compare: Compare, picture: Picture, size: tuple[int, int]) -> None:
    """As it was when somebody last looked at it."""
    assert_as_before(snap_compare, picture, size)


@each(
    Picture("dashboard", "A letter on every place.", snapshot(), "semicolon", sizes=ALL),
    Picture("programs", "A letter on every place.", snapshot(), "b semicolon"),
    Picture("empty", "The other screens and the keys.", EMPTY, "semicolon"),
)
def test_jump(snap_compare: Compare, picture: Picture, size: tuple[int, int]) -> None:
    """As it was when somebody last looked at it."""
    assert_as_before(snap_compare, picture, size)


@each(
    Picture(
        "commands",
        "What keys do, each once and with its key.",
        snapshot(),
        "ctrl+p",
        sizes=ALL,
    ),
    Picture("looked for", "What has the letters typed.", snapshot(), "ctrl+p", act=running),
)
def test_palette(snap_compare: Compare, picture: Picture, size: tuple[int, int]) -> None:
    """As it was when somebody last looked at it."""
    assert_as_before(snap_compare, picture, size)


@each(
    Picture(
        "saved filters",
        "Two of one's own before those of every workspace; which keys do what to them.",
        snapshot(),
        "b",
        sizes=ALL,
        act=filters_of_ones_own,
    ),
    Picture(
        "saving a filter",
        "What is saved, and that a name is replaced.",
        snapshot(),
        "b f F s",
    ),
    Picture(
        "export",
        "What is written where, and what the ending stands for.",
        snapshot(),
        "b f E",
        sizes=ALL,
    ),
    Picture("export taken", "A file of that name is never replaced.", snapshot(), "b", act=taken),
    Picture(
        "rerun",
        "The limit of its run, ten times that to begin with; nothing is written down.",
        snapshot(),
        "b down down down R",
        sizes=ALL,
    ),
    Picture(
        "rerun wrong limit",
        "What can be written there.",
        snapshot(),
        "b down down down R x enter",
    ),
    Picture(
        "rerun done",
        "Then and now beside each other, and that the stored verdict stays.",
        snapshot(),
        "b down down down",
        act=answered,
    ),
)
def test_of_programs(snap_compare: Compare, picture: Picture, size: tuple[int, int]) -> None:
    """As it was when somebody last looked at it."""
    assert_as_before(snap_compare, picture, size)
