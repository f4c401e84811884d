"""The application as far as it asks engines: what keys do about training and its knobs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from textual.message import Message

from btp_tui.control.steering import Steering
from btp_tui.reading.feed import Feed
from btp_tui.reading.messages import SnapshotReady
from btp_tui.watching import WatchingApp


class SteeredApp(WatchingApp):
    """Starts, pauses, goes on with and stops training; turns the knobs of the replay."""

    def __init__(
        self,
        workspace: Path,
        run: str | None = None,
        feed: Callable[[Path, Callable[[Message], object]], Feed] = Feed,
    ) -> None:
        super().__init__(workspace, run, feed)
        self._steering = Steering(self)

    def on_snapshot_ready(self, message: SnapshotReady) -> None:
        """Hears what engines answer; showing it is for WatchingApp to do."""
        self._steering.turning.heard(message.snapshot)

    def administer(self, action: str, run: str, *arguments: str) -> None:
        """Has `python -m core runs` do something to a run that no engine works on."""
        self._steering.administer(action, run, *arguments)

    async def start_run(self, prefix: str, toml: str) -> bool:
        """Starts a run with a configuration and watches it; whether an engine could be started."""
        return await self._steering.start(prefix, toml)

    async def action_start_demo(self) -> None:
        """Starts the demo in a new run and watches it."""
        await self._steering.start_demo()

    async def action_resume_run(self, name: str) -> None:
        """Goes on with a run that stopped or died, and watches it."""
        await self._steering.resume(name)

    async def action_resume_watched(self) -> None:
        """Goes on with the run in sight."""
        if self.watched_run is not None:
            await self._steering.resume(self.watched_run.name)

    def action_pause_training(self) -> None:
        """Asks the engine to pause."""
        self._steering.pause()

    def action_resume_training(self) -> None:
        """Asks a paused engine to go on."""
        self._steering.go_on()

    def action_stop_training(self) -> None:
        """Asks whether to stop."""
        self._steering.stop()

    def action_turn(self, knob: str, steps: int) -> None:
        """Turns a knob of the replay, as a preview."""
        self._steering.turning.turn(knob, steps)

    def action_set_knob(self, knob: str, value: float) -> None:
        """Sets a knob of the replay, as a preview."""
        self._steering.turning.set(knob, value)

    def action_apply_knobs(self) -> None:
        """Asks the engine to draw by the preview."""
        self._steering.turning.apply()

    def action_revert_knobs(self) -> None:
        """Forgets a preview."""
        self._steering.turning.revert()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only keys that do something to the run in sight are shown and taken."""
        can = self._steering.can(action)
        return super().check_action(action, parameters) if can is None else can
