"""What is drawn can be read: every text of every screen in each theme, as the terminal gets it.

Colours are taken from the rendered segments, after styles, opacity and filters, so that no pair of
text and ground escapes; lines and blocks of plots and frames are no text (WCAG 2, 1.4.3).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from rich.style import Style
from textual.pilot import Pilot
from textual.theme import Theme

from btp_tui.panels.table import Table
from btp_tui.screens.dashboard import DashboardScreen
from btp_tui.theme import THEMES
from tests.screens import snapshot, still_app
from tests.test_screen_theme import contrast

#: The least contrast of text and its ground (WCAG 2, level AA), and of a mark that means something.
TEXT, MARK = 4.5, 3.0

#: Keys that lead from the dashboard to everything that looks different.
VIEWS = [
    "",
    "l",
    "space",
    "question_mark",
    "question_mark z z z",
    "semicolon",
    "ctrl+p",
    "ctrl+p p r down",
    "s",
    "enter",
    "enter u",
    "enter v",
    "b down",
    "b slash x colon",
    "3 down m down m",
    "3 down m down m v",
    "3 down e",
    "3 down x",
    "4",
    "4 slash x",
]


def drawn(pilot: Pilot[Any]) -> Iterator[tuple[str, str, str]]:
    """Each text on the screen with its colour and that of its ground."""
    for strip in pilot.app.screen._compositor.render_strips():
        for text, style, _ in strip:
            if text.strip() and style is not None:
                yield text, *_colours(style)


def _colours(style: Style) -> tuple[str, str]:
    assert style.color is not None and style.bgcolor is not None
    assert not style.dim, "a terminal decides how faint that is"
    pair = style.color.get_truecolor().hex, style.bgcolor.get_truecolor().hex
    return (pair[1], pair[0]) if style.reverse else pair


def is_drawing(text: str) -> bool:
    """Whether it is only lines, blocks and dots: frames, bars, plots."""
    return all(c == " " or "─" <= c <= "▟" or "⠀" <= c <= "⣿" for c in text)


async def illegible(pilot: Pilot[Any]) -> dict[tuple[str, str, float], str]:
    """The pairs that are too faint, each with a text that has it."""
    found = {}
    for text, colour, ground in drawn(pilot):
        ratio = round(contrast(colour, ground), 2)
        if ratio < TEXT and not is_drawing(text):
            found[colour, ground, ratio] = text
    return found


async def back_to_the_dashboard(pilot: Pilot[Any]) -> None:
    """Leaves whatever the keys have led to."""
    for _ in range(6):
        if isinstance(pilot.app.screen, DashboardScreen):
            return
        await pilot.press("escape")
        await pilot.pause()


async def test_every_text_of_every_screen_can_be_read_in_every_theme() -> None:
    async with still_app(snapshot(gpus=1)).run_test(size=(120, 40)) as pilot:
        for view in VIEWS:
            await pilot.pause()
            await pilot.press(*view.split())
            await pilot.pause(0.1 if "ctrl+p" in view else 0)
            for theme in THEMES:
                pilot.app.theme = theme.name
                await pilot.pause()
                assert await illegible(pilot) == {}, (theme.name, view)
            await back_to_the_dashboard(pilot)


async def test_every_state_of_a_run_can_be_read_in_every_theme() -> None:
    async with still_app(snapshot()).run_test() as pilot:
        feed: Any = pilot.app._feed  # type: ignore[attr-defined]
        for state in ("paused", "finished", "failed", "died", "stopped", "problem"):
            shown = snapshot("running" if state == "problem" else state)
            feed.show(replace(shown, problem="Locked for 10 s." if state == "problem" else ""))
            for theme in THEMES:
                pilot.app.theme = theme.name
                await pilot.pause()
                assert await illegible(pilot) == {}, (theme.name, state)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_marks_that_mean_something_stand_out_from_their_ground(theme: Theme) -> None:
    names = ["passed", "failed", "errored", "timeout", "denied", "drawn", "stored"]
    marks = {name: theme.variables[name] for name in [*names, "frame-focused"]}
    marks |= {"primary": theme.primary, "secondary": str(theme.secondary)}
    grounds = [str(theme.background), str(theme.surface)]
    faint = [n for n, c in marks.items() if min(contrast(c, g) for g in grounds) < MARK]
    assert faint == []


async def test_without_colours_all_can_be_read_and_the_focus_is_seen_by_its_form(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with still_app(snapshot()).run_test(size=(120, 40)) as pilot:
        for view in VIEWS:
            await pilot.pause()
            await pilot.press(*view.split())
            await pilot.pause(0.1 if "ctrl+p" in view else 0)
            assert await illegible(pilot) == {}, view
            channels = {pair for _, *pair in drawn(pilot) for pair in pair}
            assert {c for c in channels if not c[1:3] == c[3:5] == c[5:7]} == set(), view
            await back_to_the_dashboard(pilot)
        await pilot.press("b")
        await pilot.pause()
        table = pilot.app.screen.query_one("#programs", Table)
        assert corner(pilot, table) == "┏"
        await pilot.press("tab")
        await pilot.pause()
        assert corner(pilot, table) == "╭"


async def test_the_row_under_the_cursor_has_a_sign_besides_its_colour() -> None:
    async with still_app(snapshot()).run_test() as pilot:
        await pilot.pause()
        for key in ("1", "b", "3", "4"):
            await pilot.press(key, "down")
            await pilot.pause()
            table = pilot.app.screen.query_one(Table)
            signs = [table.render_line(y).text[0] for y in range(table.size.height)]
            assert [y for y, sign in enumerate(signs) if sign == "›"] == [2], key


def corner(pilot: Pilot[Any], table: Table[Any]) -> str:
    """The upper left character of a frame."""
    rows = [strip.text for strip in pilot.app.screen._compositor.render_strips()]
    return rows[table.region.y][table.region.x]


async def test_only_themes_that_can_be_read_are_in_the_palette() -> None:
    async with still_app(snapshot()).run_test() as pilot:
        await pilot.pause()
        titles = {command.title for command in pilot.app.get_system_commands(pilot.app.screen)}
        themes = {title for title in titles if "heme" in title and title != "Theme (^t)"}
        assert themes == {"Theme: light", "Theme: high-contrast"}
