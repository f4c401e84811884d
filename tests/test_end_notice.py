"""The end of a watched run is told to the terminal, once, in the way that was chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from btp_tui.app import BtpApp
from btp_tui.personal.clipboard import passed_through
from btp_tui.personal.end_notice import EndNotice, notification, told
from btp_tui.personal.preferences import Notice, Preferences
from tests.screens import Examples, StillFeed, run_line, snapshot


def written(notice: Notice, *states: str) -> list[str]:
    """What goes to the terminal while the watched run goes through some states."""
    said: list[str] = []
    ears = EndNotice(notice, {}, said.append)
    for state in states:
        ears.heard(snapshot(state))
    return said


@pytest.mark.parametrize("end", ["finished", "failed", "died"])
@pytest.mark.parametrize("before", ["starting", "running", "paused"])
def test_a_run_that_ends_rings_the_bell_once(before: str, end: str) -> None:
    assert written("bell", before, end, end) == ["\a"]


def test_what_had_ended_before_the_screen_opened_is_not_told() -> None:
    assert written("bell", "finished", "finished") == []


def test_a_run_that_was_told_to_stop_rings_nothing() -> None:
    assert written("bell", "running", "stopped") == []


def test_a_run_that_is_resumed_rings_again_when_it_ends() -> None:
    assert written("bell", "running", "died", "running", "finished") == ["\a", "\a"]


def test_going_from_a_live_run_to_one_that_has_ended_rings_nothing() -> None:
    said: list[str] = []
    ears = EndNotice("bell", {}, said.append)
    ears.heard(snapshot("running"))
    ears.heard(snapshot("finished", line=run_line("another", "finished")))
    assert said == []


def test_off_is_off() -> None:
    assert written("off", "running", "finished") == []


def test_a_notification_names_the_run_and_what_came_of_it() -> None:
    [said] = written("desktop", "running", "finished")
    assert said == "\x1b]777;notify;btp-tui;demo-1 finished: held-out 33.0 % → 86.5 %\a"


@pytest.mark.parametrize(
    "environment",
    [{"TERM_PROGRAM": "iTerm.app"}, {"TERM": "xterm-kitty"}, {"LC_TERMINAL": "iTerm2"}],
)
def test_terminals_that_know_only_osc_9_get_that(environment: dict[str, str]) -> None:
    assert notification("demo-1 died", environment) == "\x1b]9;btp-tui: demo-1 died\a"


def test_tmux_is_asked_to_pass_the_notification_on() -> None:
    plain = notification("demo-1 died", {})
    assert notification("demo-1 died", {"TMUX": "/tmp/x,1,0"}) == passed_through(plain)


def test_a_name_cannot_smuggle_a_sequence_into_the_terminal() -> None:
    said = notification(told(run_line("a\x1b]0;x\a;b", "died", initial=None)), {})
    assert said == "\x1b]777;notify;btp-tui;a]0,x,b died\a"


async def test_the_bell_rings_also_while_the_display_is_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = BtpApp(
        Path("btp-runs"),
        feed=lambda place, post: StillFeed(snapshot(), place, post, Examples()),
        preferences=Preferences(when_run_ends="bell"),
    )
    async with app.run_test() as pilot:
        await pilot.pause()
        said: list[str] = []
        monkeypatch.setattr(app._driver, "write", said.append)
        await pilot.press("space")
        feed: Any = app._feed
        feed.show(snapshot("died"))
        await pilot.pause()
        assert said.count("\a") == 1
