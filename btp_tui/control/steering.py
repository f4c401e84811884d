"""What the screen asks of engines: to start, pause, go on and stop; knobs: see Turning.

Asking is all it does: a command is written into the store, or a process is started.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from btp_tui.control import engine
from btp_tui.control.commands import Commands
from btp_tui.control.flagging import Flagging
from btp_tui.control.turning import Turning
from btp_tui.keys.names import key_of
from btp_tui.screens.dialogs import Question
from btp_tui.watching import WatchingApp
from storage.errors import StorageError


class Steering:
    """Asks for the watched run, and tells the user what was asked or why it could not be."""

    def __init__(self, app: WatchingApp) -> None:
        self._app = app
        self._commands = Commands(app.workspace.path)
        self.turning = Turning(app, self._commands)
        self.flagging = Flagging(app, self._commands)

    def can(self, action: str) -> bool | None:
        """Whether an action of a key does something now; None for one that is not of here."""
        run = self._app.watched_run
        match action:
            case "start_demo":
                return self._app.snapshot.loaded and (run is None or not run.alive)
            case "new_run":
                return self._readable
            case "pause_training":
                return run is not None and run.trains and run.state == "running"
            case "resume_training":
                return run is not None and run.trains and run.state == "paused"
            case "stop_training":
                return run is not None and run.trains and run.state in ("running", "paused")
            case "resume_watched":
                return run is not None and run.resumable
            case "turn":
                return run is not None and run.trains
            case "apply_knobs" | "revert_knobs":
                return self.turning.preview
            case _:
                return None

    @property
    def _readable(self) -> bool:
        """Whether nothing is known against the workspace: in a damaged one no run can begin."""
        snapshot = self._app.snapshot
        return snapshot.loaded or not snapshot.problem

    async def launch(self, launch: Callable[[], engine.Launch]) -> bool:
        """Starts an engine and watches its run on the dashboard; False where that failed."""
        try:
            started = launch()
        except StorageError as error:
            self._app.say(trouble=str(error))
            return False
        self._app.wish(launch=started, watch=started.run, turned=())
        await self._app.action_show("dashboard")
        return True

    async def start(self, prefix: str, toml: str) -> bool:
        """Starts a run with a configuration; False where that failed."""
        return await self.launch(lambda: engine.start(self._app.workspace, prefix, toml))

    async def start_demo(self) -> None:
        """Starts the demo in a new run."""
        await self.launch(lambda: engine.start(self._app.workspace, "demo"))

    async def resume(self, name: str) -> None:
        """Goes on with a run that stopped or died."""
        await self.launch(lambda: engine.resume(self._app.workspace, name))

    def administer(self, action: str, run: str, *arguments: str) -> None:
        """Has `python -m core runs` do something to a run that no engine works on."""

        async def ask() -> None:
            try:
                said = await engine.administer(self._app.workspace, action, run, *arguments)
            except StorageError as error:
                self._app.say(trouble=str(error))
                return
            watched = self._app.wishes.watch
            if watched == run and action in ("rename", "delete"):
                watched = arguments[0] if action == "rename" else None
            self._app.wish(watch=watched)
            self._app.say(said)

        self._app.say(f"{run}: {action} …")
        self._app.run_worker(ask(), group="administration")

    def pause(self) -> None:
        """Asks the engine to pause."""
        self._ask(self._commands.pause, "Asked the engine to pause after its current step.")

    def go_on(self) -> None:
        """Asks a paused engine to go on."""
        self._ask(self._commands.resume, "Asked the engine to go on.")

    def stop(self) -> None:
        """Asks the user first: stopping ends the engine's process."""
        if self._app.watched_run is None:
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._ask(self._commands.stop, "Asked the engine to save a checkpoint and stop.")

        self._app.push_screen(
            Question(
                f"Stop training {self._app.watched_run.name}?",
                f"It saves a checkpoint and ends; {key_of('resume')} resumes it later. "
                f"To take a breath, {key_of('pause')} pauses instead.",
            ),
            answered,
        )

    def _ask(self, command: Callable[[int], Coroutine[Any, Any, None]], said: str) -> None:
        """Writes a command; says what was asked, or why it could not be."""
        if self._app.watched_run is None:
            return

        async def ask(run: int) -> None:
            try:
                await command(run)
            except StorageError as error:
                self._app.say(trouble=str(error))
            else:
                self._app.say(said)

        self._app.run_worker(ask(self._app.watched_run.id), group="commands")
