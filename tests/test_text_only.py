"""Texts of programs, tasks and runs are shown, and steer nothing: neither terminal nor markup."""

from __future__ import annotations

import re
from dataclasses import replace

from btp_tui.app import BtpApp
from btp_tui.snapshot import Snapshot
from tests.screens import Examples, card, page, snapshot, still_app

HOSTILE = "\x1b]52;c;UFdORUQ=\x07\x1b[31m\x9b2J\u202e\x00[/x][@click=app.quit]"
STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def hostile() -> Examples:
    """A program whose every text is hostile, in a list of programs that are."""
    tests = tuple(
        replace(test, given=HOSTILE, expected=HOSTILE, actual=HOSTILE, message=HOSTILE)
        for test in card().tests
    )

    def one(sample: int) -> object:
        told = replace(card(sample), task=HOSTILE, description=HOSTILE, source=HOSTILE)
        return replace(told, text=f"x = 1  # {HOSTILE}", tests=tests)

    def listed(query: str, offset: int) -> object:
        shown = page(query, offset)
        rows = [replace(row, task=HOSTILE, text=HOSTILE, source=HOSTILE) for row in shown.rows]
        return replace(shown, rows=tuple(rows))

    return Examples(page=listed, card=one)  # type: ignore[arg-type]


def painted(app: BtpApp) -> str:
    """Every character that goes to the terminal."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


async def test_what_a_program_says_never_steers_the_terminal() -> None:
    app = still_app(named(HOSTILE), examples=hostile())
    async with app.run_test(size=(120, 40)) as pilot:
        for key in ("1", "b", "enter", "u", "v", "escape", "escape", "3", "4"):
            await pilot.press(key)
            await pilot.pause()
            text = painted(app)
            assert not STEERING.search(text), key
            assert "[/x]" in text or key in ("4", "v", "u"), key


async def test_brackets_in_the_name_of_a_task_are_no_markup() -> None:
    examples = Examples(card=lambda sample: replace(card(sample), task="T[/x]"))
    app = still_app(snapshot(), examples=examples)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("b", "enter")
        await pilot.pause()
        assert "T[/x]" in painted(app)


def named(run: str) -> Snapshot:
    """A snapshot whose run has a name of its own."""
    shown = snapshot()
    assert shown.watched is not None
    line = replace(shown.watched.line, name=run)
    return replace(shown, watched=replace(shown.watched, line=line), runs=(line,))
