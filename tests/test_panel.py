"""A panel draws itself again only where it has changed, and never what is no longer true."""

from __future__ import annotations

from typing import Any

from btp_tui.panels.status import NowLine, TitleBar
from btp_tui.screens.live import LiveScreen
from tests.screens import snapshot, still_app
from tests.test_key_help import text_of


async def test_of_two_snapshots_before_one_painting_the_second_is_seen() -> None:
    async with still_app(snapshot()).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        screen: Any = pilot.app.screen
        assert isinstance(screen, LiveScreen)
        screen.show(snapshot("paused"))
        screen.show(snapshot("died"))
        await pilot.pause()
        title, now = text_of(pilot).splitlines()[:2]
        assert "died" in title
        assert "The engine died" in now


async def test_a_painting_between_two_snapshots_changes_nothing_about_the_second() -> None:
    """What was drawn to be compared is used up by the painting that it was drawn for."""
    async with still_app(snapshot()).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        screen: Any = pilot.app.screen
        for bar in (screen.query_one(TitleBar), screen.query_one(NowLine)):
            bar.show(snapshot("paused"))
            assert "aused" in bar.render().plain
            bar.show(snapshot("died"))
            assert "died" in bar.render().plain
            assert "died" in bar.render().plain
        await pilot.pause()
        assert "died" in text_of(pilot).splitlines()[0]


async def test_a_snapshot_that_goes_back_to_what_is_painted_undoes_the_one_between() -> None:
    async with still_app(snapshot()).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.pause()
        before = text_of(pilot)
        assert "running" in before
        screen: Any = pilot.app.screen
        screen.show(snapshot("died"))
        screen.show(snapshot())
        await pilot.pause()
        assert text_of(pilot) == before
