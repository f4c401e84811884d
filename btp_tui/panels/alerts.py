"""Warnings as rows that say what to do; dismissed ones stay away while they hold."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content

from btp_tui import words
from btp_tui.alerts import Alert, alerts_of
from btp_tui.keys.names import key_of
from btp_tui.panels.panel import Panel, line, lines
from btp_tui.snapshot import Snapshot
from btp_tui.theme import LEVELS

#: Rows at most, in a short window and in a tall one.
_SHORT, _TALL, _TALL_FROM = 1, 3, 32


@dataclass(frozen=True, slots=True)
class Shown:
    """The warnings in sight, the newest first, and how many were dismissed."""

    alerts: tuple[Alert, ...]
    dismissed: int


class AlertRows(Panel[Shown]):
    """No row where nothing is wrong; else the newest warnings, and how many more there are.

    What was dismissed is remembered for its run as long as this screen lives and the warning holds.
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._known: dict[str, list[str]] = {}  # of each run the kinds that hold, oldest first
        self._dismissed: dict[str, set[str]] = {}
        self._run = ""
        self._rows = 0

    def part(self, snapshot: Snapshot) -> Shown | None:
        """What holds of the watched run and was not dismissed."""
        watched = snapshot.watched
        if watched is None:
            return None
        run = self._run = watched.line.name
        found = {alert.kind: alert for alert in alerts_of(watched, snapshot.at)}
        before = self._known.get(run, [])
        kept = [kind for kind in before if kind in found]
        come = [kind for kind in found if kind not in kept]
        known = self._known[run] = [*kept, *reversed(come)]  # the most urgent counts as newest
        away = self._dismissed[run] = self._dismissed.get(run, set()) & set(found)
        shown = tuple(found[kind] for kind in reversed(known) if kind not in away)
        return Shown(shown, len(away))

    def show(self, snapshot: Snapshot) -> None:
        """Takes as many rows as there are warnings, within the window's limit."""
        super().show(snapshot)
        self._take_rows()

    def on_resize(self) -> None:
        """Another window has other room."""
        super().on_resize()
        self._take_rows()

    def draw(self, shown: Shown, width: int, height: int) -> Content:
        """One row a warning; the last says how many more there are."""
        rows = []
        for place, alert in enumerate(shown.alerts[:height]):
            more = len(shown.alerts) - height if place == height - 1 else 0
            rows.append(_row(alert, width, more, newest=place == 0))
        return lines(rows)

    @property
    def in_sight(self) -> int:
        """How many warnings could be dismissed."""
        return len(self._shown.alerts) if self._shown else 0

    @property
    def away(self) -> int:
        """How many were dismissed and still hold."""
        return self._shown.dismissed if self._shown else 0

    def dismiss(self) -> None:
        """Puts the newest away; the caller shows the snapshot again."""
        if self._shown and self._shown.alerts:
            self._dismissed[self._run].add(self._shown.alerts[0].kind)

    def bring_back(self) -> None:
        """Shows all that were put away again, once the caller shows the snapshot."""
        self._dismissed[self._run] = set()

    def _take_rows(self) -> None:
        limit = _TALL if self.app.size.height >= _TALL_FROM else _SHORT
        rows = min(limit, self.in_sight)
        self.display = rows > 0
        if rows and rows != self._rows:
            self._rows = self.styles.height = rows


def _row(alert: Alert, width: int, more: int, newest: bool) -> Content:
    """Sign, what is wrong, and what to do; the end of the last row counts those without one."""
    sign = LEVELS["warning"]
    keys = f"  +{more}" if more > 0 else ""
    if newest:  # it is the one that the key takes away
        keys += f"  {key_of('dashboard.dismiss')}{' dismisses' if width >= 100 else ''}"
    room = width - 4 - len(keys)
    if len(alert.what) + 1 + len(alert.todo) <= room:
        said = line((alert.what, sign.style), f" {alert.todo}")
    else:
        said = line((words.fit(alert.short, room), sign.style))
    pad = " " * max(0, room - said.cell_length)
    return line((f" {sign.mark} ", sign.style), said, pad, (f"{keys} ", "$dimmed"))
