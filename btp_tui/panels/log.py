"""The engine's newest lines; never more than fit."""

from __future__ import annotations

from textual.content import Content

from btp_tui import words
from btp_tui.panels.panel import Panel, line, lines
from btp_tui.snapshot import Snapshot
from btp_tui.theme import LEVELS
from storage.schema import Event

Said = tuple[str, tuple[Event, ...]]  # what holds programs back, and the events


class EngineLog(Panel[Said]):
    """What the engine has to say, newest at the bottom, and which sandbox programs run in."""

    TITLE = "Engine log"

    def __init__(self, footnote: str = "", id: str | None = None, classes: str | None = None):
        super().__init__(id=id, classes=classes)
        self._footnote = footnote

    def part(self, snapshot: Snapshot) -> Said | None:
        """The newest events, oldest first."""
        watched = snapshot.watched
        return (watched.isolation, watched.log) if watched else None

    def captions(self, shown: Said, _width: int) -> tuple[str, str]:
        """Above: what the executor proved to hold at its start."""
        isolation, _ = shown
        return f"{self.TITLE} [$dimmed]sandbox: {isolation or 'unknown'}[/]", self._footnote

    def draw(self, shown: Said, width: int, height: int) -> Content:
        """One row an event; long messages are cut."""
        _, events = shown
        if not events:
            return line(("The engine has said nothing yet.", "$dimmed"))
        return lines([_event_row(event, width) for event in events[-height:]])


def _event_row(event: Event, width: int) -> Content:
    sign = LEVELS.get(event.level, LEVELS["info"])
    stamp = f"{words.clock(event.at)} {sign.mark} "
    style = sign.style if event.level != "info" else ""
    message = event.message.replace("\n", " ")
    return line(
        (stamp, "$dimmed" if event.level == "info" else sign.style),
        (words.fit(message, width - len(stamp)), style),
    )
