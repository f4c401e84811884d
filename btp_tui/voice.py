"""What a key is answered: a sentence in the place of what the engine does, for a moment."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import App
from textual.timer import Timer

#: Seconds that the answer to a key stays in sight, and that of one that could not be done.
SAID_S, TROUBLE_S = 2.5, 12.0


class Voice:
    """Holds the newest sentence until its time is over; the one before is forgotten."""

    def __init__(self, app: App[None], changed: Callable[[], None]) -> None:
        self._app, self._changed = app, changed
        self.said = self.trouble = ""
        self._silence: Timer | None = None

    def say(self, said: str = "", trouble: str = "") -> None:
        """Says what was done, or why it could not be; neither is silence."""
        if self._silence is not None:
            self._silence.stop()
        self.said, self.trouble = said, trouble
        self._changed()
        if said or trouble:
            self._silence = self._app.set_timer(TROUBLE_S if trouble else SAID_S, self.say)
