"""Jump mode: a letter on every place, pressing it goes there."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from btp_tui.keys.active import active_keys
from btp_tui.panels.keys import KeyLine
from btp_tui.screens.dashboard import DashboardScreen
from btp_tui.screens.jump import LETTERS, JumpScreen, targets
from btp_tui.screens.program import ProgramScreen
from btp_tui.screens.runs import RunsScreen
from tests.screens import snapshot, still_app
from tests.test_key_help import text_of

SIZES = [(60, 15), (80, 24), (200, 50)]


async def test_every_place_that_takes_keys_or_clicks_has_a_letter() -> None:
    async with still_app(snapshot()).run_test(size=SIZES[-1]) as pilot:
        await pilot.pause()
        for keys in (["1"], ["b"], ["3"], ["4"], ["1", "enter"]):
            await pilot.press(*keys)
            for size in SIZES:
                await pilot.resize_terminal(*size)
                await pilot.pause()
                await assert_every_place_has_a_letter(pilot)
                await pilot.press("escape")
        assert isinstance(pilot.app.screen, ProgramScreen)


async def assert_every_place_has_a_letter(pilot: Pilot[Any]) -> None:
    screen = pilot.app.screen
    corners = {(widget.region.x, widget.region.y) for widget in screen.focus_chain}
    clicks = {key.shown[0] for _, key in screen.query_one(KeyLine).places()}
    modes = {key.shown[0] for key in active_keys(screen) if key.action.startswith("show(")}
    await pilot.press("semicolon")
    await pilot.pause()
    labels = [each for each in pilot.app.screen.query(Static) if each.has_class("letter")]
    at = {(label.region.x, label.region.y) for label in labels}
    assert corners <= at
    assert len(labels) == len(corners) + len(clicks - modes)
    rows = text_of(pilot).splitlines()
    assert all(f" {label.render()} ".strip() in rows[label.region.y] for label in labels)


async def test_a_letter_goes_to_its_screen() -> None:
    async with still_app(snapshot()).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.press("semicolon")
        row = text_of(pilot).splitlines()[0]
        await pilot.press(row[row.index("Runs") - 2])
        await pilot.pause()
        assert isinstance(pilot.app.screen, RunsScreen)


async def test_a_letter_puts_the_focus_into_its_part() -> None:
    async with still_app(snapshot()).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.press("b")
        await pilot.pause()
        screen = pilot.app.screen
        at = screen.query_one(Input).region
        place = [(target.x, target.y) for target in targets(screen)].index((at.x, at.y))
        await pilot.press("semicolon", LETTERS[place])
        await pilot.pause()
        assert isinstance(pilot.app.focused, Input)


async def test_a_letter_presses_a_key_of_the_footer() -> None:
    async with still_app(snapshot()).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        found = targets(pilot.app.screen)
        column = next(
            x for x, key in pilot.app.screen.query_one(KeyLine).places() if key.key == "s"
        )
        place = [target.x if target.y == 39 else -1 for target in found].index(column)
        await pilot.press("semicolon", LETTERS[place])
        await pilot.pause()
        assert "Stop training" in text_of(pilot)


@pytest.mark.parametrize("key", ["escape", "semicolon"])
async def test_escape_stays_and_other_keys_do_nothing(key: str) -> None:
    async with still_app(snapshot()).run_test() as pilot:
        await pilot.pause()
        await pilot.press("semicolon", "3", "tab")
        assert isinstance(pilot.app.screen, JumpScreen)
        await pilot.press(key)
        assert isinstance(pilot.app.screen, DashboardScreen)


async def test_a_semicolon_in_a_filter_is_text() -> None:
    async with still_app(snapshot()).run_test() as pilot:
        await pilot.pause()
        await pilot.press("b", "slash", "semicolon")
        await pilot.pause()
        assert pilot.app.screen.query_one(Input).value == ";"
