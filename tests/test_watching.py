"""What the application says and draws as it follows one snapshot after another."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.pilot import Pilot

from btp_tui.app import BtpApp
from btp_tui.panels.status import TitleBar
from btp_tui.snapshot import Snapshot
from tests.screens import START, StillFeed, run_line, snapshot, still_app


def title(app: BtpApp) -> str:
    return str(app.screen.query_one(TitleBar).render())


async def changes_of_keys(pilot: Pilot[None], app: BtpApp, shown: list[Snapshot]) -> int:
    """How often the keys are told to have changed while snapshots come."""
    feed = app._feed
    assert isinstance(feed, StillFeed)
    heard: list[object] = []
    app.screen.bindings_updated_signal.subscribe(app.screen, heard.append)
    for each in shown:
        feed.show(each)
        await pilot.pause()
    return len(heard)


@pytest.mark.parametrize(
    "still",
    [Snapshot("btp-runs"), Snapshot("btp-runs", runs=(run_line("demo-0", "died"),)), snapshot()],
)
async def test_the_footer_is_left_alone_while_no_key_changes(still: Snapshot) -> None:
    app = still_app(still)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        polls = [replace(still, at=START + second) for second in range(5)]
        assert await changes_of_keys(pilot, app, polls) == 0


async def test_the_footer_follows_when_a_run_comes_changes_and_goes() -> None:
    nothing = Snapshot("btp-runs")
    app = still_app(nothing)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        for then in (snapshot(), snapshot("paused"), nothing, replace(nothing, loaded=False)):
            assert await changes_of_keys(pilot, app, [then]) >= 1


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (Snapshot("btp-runs"), "no run yet"),
        (Snapshot("btp-runs", runs=(run_line("demo-0", "finished"),)), "no run shown"),
        (
            Snapshot("btp-runs", runs=(run_line("demo-0", "died"),), problem="The engine ended."),
            "no run shown",
        ),
        (Snapshot("btp-runs", loaded=False, problem="Cannot be read."), "not readable"),
    ],
)
async def test_the_title_says_why_there_is_no_run_on_the_dashboard(
    shown: Snapshot, said: str
) -> None:
    app = still_app(shown)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert said in title(app)
