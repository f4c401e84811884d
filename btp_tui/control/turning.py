"""Knobs of the replay that are turned on the screen: shown at once, in force when applied."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from btp_tui.control.commands import Commands
from btp_tui.keys.names import key_of
from btp_tui.snapshot import Knobs, Snapshot
from btp_tui.watching import WatchingApp
from storage.errors import StorageError

#: How a knob is called in a sentence; those without a letter go by their value alone.
_LETTERS = {"alpha": "α ", "exponent": "ω "}


class Turning:
    """Turns knobs in a preview, asks a live engine to take them over, and hears its answer."""

    def __init__(self, app: WatchingApp, commands: Commands) -> None:
        self._app = app
        self._commands = commands
        self._applied: dict[str, Any] = {}  # what the engine was asked for, until it has answered
        self._asked_at = 0.0

    @property
    def knobs(self) -> Knobs:
        """Those in force, with what was turned."""
        return replace(self._in_force, **self._turned)

    @property
    def preview(self) -> bool:
        """Whether other knobs are shown than those in force."""
        return self.knobs != self._in_force

    def turn(self, knob: str, steps: int) -> None:
        """Turns a knob by steps of its key."""
        self.set(knob, getattr(self.knobs.turned(knob, steps), knob))

    def set(self, knob: str, value: float | str) -> None:
        """Shows the histogram of another value at once; nothing else changes."""
        self._wish({**self._turned, knob: value})

    def revert(self) -> None:
        """Forgets the preview."""
        self._wish({})

    def apply(self) -> None:
        """Asks the engine to draw by what is shown, or says why nobody can be asked."""
        in_force = self._in_force
        wanted = {
            knob: value for knob, value in self._turned.items() if value != getattr(in_force, knob)
        }
        if not wanted:
            return
        run = self._app.watched_run
        if run is None or run.state not in ("running", "paused"):
            self._app.say(trouble=self._why_not(wanted))
            return
        self._applied, self._asked_at = wanted, math.inf

        async def ask(run: int) -> None:
            try:
                for knob, value in wanted.items():
                    await self._commands.set_knob(run, f"replay.{knob}", value)
            except StorageError as error:
                self._applied = {}
                self._app.say(trouble=str(error))
            else:
                self._asked_at = time.time()
                self._app.say(f"Asked the engine for {_in_words(wanted)}.")

        self._app.run_worker(ask(run.id), group="commands")

    def heard(self, snapshot: Snapshot) -> None:
        """Says what the engine has answered; what it took over is no preview any more."""
        watched = snapshot.watched
        if not self._applied or watched is None or snapshot.at <= self._asked_at:
            return
        if not watched.line.alive:
            self._applied = {}
            return
        if "set" in watched.asked:
            return
        asked, self._applied = self._applied, {}
        taken = all(getattr(watched.in_force, knob) == value for knob, value in asked.items())
        if taken:
            self._app.say(f"In force from the next minibatch on: {_in_words(asked)}.")
        else:
            self._app.say(trouble=f"The engine did not take {_in_words(asked)}: {watched.refusal}")
        left = {knob: value for knob, value in self._turned.items() if asked.get(knob) != value}
        self._wish(left)

    @property
    def _in_force(self) -> Knobs:
        watched = self._app.snapshot.watched
        return watched.in_force if watched else Knobs()

    @property
    def _turned(self) -> dict[str, Any]:
        return dict(self._app.wishes.turned)

    def _wish(self, turned: Mapping[str, Any]) -> None:
        self._app.wish(turned=tuple(turned.items()))
        self._app.screen.refresh_bindings()  # enter and escape have to do with it

    def _why_not(self, wanted: Mapping[str, Any]) -> str:
        run = self._app.watched_run
        if run is not None and run.state == "starting":
            return "The engine is still starting: apply it again when it trains."
        if run is not None and run.resumable:
            press = f"press {key_of('resume')} to resume {run.name}"
            return f"Nothing trains now: {press}, then apply it again."
        settings = " ".join(f"--set replay.{knob}={value}" for knob, value in wanted.items())
        return f"Nothing trains now: a new run takes it with {settings}"


def _in_words(values: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{_LETTERS[knob]}{value:g}" if knob in _LETTERS else str(value).replace("_", " ")
        for knob, value in values.items()
    )
