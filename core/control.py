"""What may interrupt a run between two steps: commands of a screen, and signals."""

from __future__ import annotations

import time
from collections.abc import Callable

from core.config import LIVE_KNOBS, Config
from core.config_reading import with_setting
from core.errors import CoreError
from core.reporter import Reporter
from core.room import Room
from storage.errors import StorageError
from storage.schema import FLAG_COMMANDS, Command
from storage.writer import Writer

_LOOK_EVERY_S = 0.2

#: Seconds before a write that found no room is tried again.
_TRY_AGAIN_S = 1.0


class Interrupted(Exception):
    """The run was asked to stop; it checkpoints, and can be resumed."""


class BudgetSpent(Exception):
    """A budget of the configuration is used up; the run ends as planned."""


class Control:
    """Looked at between steps: pauses, stops, changes live knobs.

    `on_config` receives the new configuration whenever a live knob changes, `on_flag` what is said
    of stored programs (see core.flags): it returns the answer.
    """

    def __init__(
        self,
        run: int,
        config: Config,
        writer: Writer,
        reporter: Reporter,
        on_config: Callable[[Config], None],
        on_flag: Callable[[Command], str],
        room: Room,
    ) -> None:
        self.config = config
        self.room = room
        self._run = run
        self._writer = writer
        self._reporter = reporter
        self._on_config = on_config
        self._on_flag = on_flag
        self._paused = False
        self._out_of_room = False
        self._stop_reason: str | None = None
        self._looked = 0.0
        self._answers: dict[int, str] = {}  # to commands that were done, and are not answered yet

    def interrupt(self, reason: str) -> None:
        """Asks the run to stop at its next step; safe to call from a signal handler."""
        self._stop_reason = reason

    def attend(self) -> None:
        """Acts on whatever came up; returns when the run may go on.

        Raises Interrupted when asked to stop.
        """
        self._look()
        while self._paused and self._stop_reason is None:
            time.sleep(_LOOK_EVERY_S)
            self._look()
        if self.room.short:
            self.wait_for_room()
        if self._stop_reason is not None:
            raise Interrupted(self._stop_reason)
        if self._out_of_room:
            self._out_of_room = False
            self._reporter.set(state="running", message="")
            self._reporter.event("info", "There is room on the disk again: training goes on.")

    def with_room(self, act: Callable[[], object]) -> None:
        """Does what may be done again, and again whenever the disk turns out to be full."""
        if self.room.short:  # before it is all gone, and nobody can be told
            self.wait_for_room()
        while True:
            try:
                act()
                return
            except Exception as error:  # each library says it in its own way
                if not self.room.explains(error):
                    raise
            self.wait_for_room()

    def wait_for_room(self) -> None:
        """Pauses the run until the disk has room, to try again what found none.

        Raises Interrupted when asked to stop.
        """
        if not self._out_of_room:
            self._out_of_room = True
            self._reporter.set(state="paused", message=self.room.in_words())
            self._reporter.event("warning", f"Paused. {self.room.in_words()}")
        end = time.monotonic() + _TRY_AGAIN_S
        while self.room.short or time.monotonic() < end:
            time.sleep(_LOOK_EVERY_S)
            self._look()
            if self._stop_reason is not None:
                raise Interrupted(self._stop_reason)

    def _look(self) -> None:
        if time.monotonic() - self._looked < _LOOK_EVERY_S:
            return
        self._looked = time.monotonic()
        for command in self._writer.pending_commands(self._run):
            if command.id not in self._answers:
                try:
                    self._answers[command.id] = self._act(command)
                except StorageError as error:
                    if not error.full:  # else it is done when there is room, and what follows it
                        raise
                    break
        for command_id, answer in [*self._answers.items()]:
            try:
                self._writer.answer_command(command_id, answer)
            except StorageError as error:
                if not error.full:  # else it is told when there is room
                    raise
            else:
                del self._answers[command_id]

    def _act(self, command: Command) -> str:
        if command.name == "pause":
            self._set_paused(True)
            return "paused"
        if command.name == "resume":
            self._set_paused(False)
            return "resumed"
        if command.name == "stop":
            self._stop_reason = "stopped from the screen"
            return "stopping"
        if command.name == "set":
            return self._set_knob(str(command.argument["key"]), command.argument["value"])
        if command.name in FLAG_COMMANDS:
            return self._flag(command)
        return f"unknown command {command.name!r}"

    def _flag(self, command: Command) -> str:
        try:
            answer = self._on_flag(command)
        except StorageError as error:
            if error.full:
                raise
            return str(error)
        self._reporter.event("info", f"{answer[0].upper()}{answer[1:]}.")
        return answer

    def _set_paused(self, paused: bool) -> None:
        self._paused = paused
        self._reporter.set(state="paused" if paused or self._out_of_room else "running")
        self._reporter.event("info", "Training paused." if paused else "Training goes on.")

    def _set_knob(self, key: str, value: object) -> str:
        if key not in LIVE_KNOBS:
            return f"{key} cannot change during a run; live settings are {', '.join(LIVE_KNOBS)}"
        try:
            self.config = with_setting(self.config, key, value)
        except CoreError as error:
            return str(error)
        self._on_config(self.config)
        self._reporter.set(knobs=live_knobs(self.config))
        self._reporter.event("info", f"{key} = {value}")
        return "set"


def live_knobs(config: Config) -> dict[str, float | str]:
    """The live settings in force, by dotted key."""
    values = config.model_dump()
    return {key: values[key.split(".")[0]][key.split(".")[1]] for key in LIVE_KNOBS}
