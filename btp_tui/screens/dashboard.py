"""The dashboard: five questions answered at a glance, by size and place (DESIGN 7)."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.events import Resize
from textual.widgets import Static

from btp_tui.keys.names import key_of
from btp_tui.panels.alerts import AlertRows
from btp_tui.panels.curves import AccuracyPlot, LossPlot
from btp_tui.panels.imported import TestedFile
from btp_tui.panels.latest import latest_table
from btp_tui.panels.log import EngineLog
from btp_tui.panels.machine import Machine
from btp_tui.panels.panel import READING
from btp_tui.panels.replay import NewPrograms, PriorityHistogram
from btp_tui.panels.status import PhaseBars
from btp_tui.panels.table import Table
from btp_tui.reading.spans import ALL, Span, next_span
from btp_tui.screens.live import LiveScreen
from btp_tui.snapshot import ProgramLine, Snapshot

WELCOME = """[b $primary]Watch a code model learn from its own programs.[/]

No run in [b]{workspace}[/b] yet.

Press [b $footer-key-foreground]d[/] to start the demo: a small model writes programs, runs \
their tests, and learns from good and failed ones. It takes two minutes on two cores and \
needs no download, no GPU and no account.

Press [b $footer-key-foreground]N[/] for a run with your own model, tasks and settings."""


UNREADABLE = """[b $failed]✗ This workspace cannot be read.[/]

The line above says why, and what to do. Looking has changed nothing.

[$dimmed]This screen looks again by itself; q closes it.[/]"""


class DashboardScreen(LiveScreen):
    """Is it learning, what is it doing, from what, is the machine used, what did it write."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter",
            "app.apply_knobs",
            "Apply",
            priority=True,  # before the table, which opens a program where there is no preview
            tooltip="Have the engine draw by the knobs of the preview",
            id="dashboard.apply",
        ),
        Binding(
            "escape",
            "app.revert_knobs",
            "Revert",
            tooltip="Back to the knobs the engine uses",
            id="dashboard.revert",
        ),
        Binding(
            "z",
            "turn_span(1)",
            "Time",
            show=False,
            tooltip="Plots of all the run, or its last 60, 15, 5 minutes, 1 minute",
            id="dashboard.span",
        ),
        Binding(
            "Z",
            "turn_span(-1)",
            "Time back",
            show=False,
            tooltip="The same, the other way round",
            id="dashboard.span-back",
        ),
        Binding(
            "w",
            "dismiss_alert",
            "Dismiss",
            show=False,  # its row says so
            tooltip="Dismiss the newest warning as long as it holds",
            id="dashboard.dismiss",
        ),
        Binding(
            "W",
            "bring_back_alerts",
            "Warnings",
            tooltip="Show dismissed warnings again",
            id="dashboard.warnings",
        ),
        Binding(
            "l",
            "toggle_log",
            "Log",
            show=False,
            tooltip="The log or the newest programs",
            id="dashboard.log",
        ),
    ]

    _room_for_log = False
    _span: Span = ALL
    _snapshot: Snapshot | None = None

    def compose_body(self) -> ComposeResult:
        """The panels in the order of the questions; btp.tcss places them for each size."""
        yield AlertRows(id="alerts")
        yield PhaseBars(id="bars")
        with Container(id="panels"):
            yield AccuracyPlot(id="accuracy", classes="framed")
            yield TestedFile(id="tested", classes="framed")
            yield PriorityHistogram(id="histogram", classes="framed")
            yield NewPrograms(id="outcomes", classes="framed")
            latest = latest_table("latest")
            latest.add_class("framed")
            latest.border_title = "Latest programs"
            yield latest
            yield EngineLog(
                footnote=f"{key_of('dashboard.log')} goes back", id="log-instead", classes="framed"
            )
            yield LossPlot(id="loss", classes="framed")
            yield Machine(id="machine", classes="framed")
            yield EngineLog(id="log", classes="framed")
        with Container(id="welcome"):
            yield Static()

    def on_resize(self, event: Resize) -> None:
        """Only where the log has no place of its own does it take turns with the programs."""
        self._room_for_log = event.size.height >= 32 or event.size.width >= 150
        if self._room_for_log:
            self.remove_class("-log")
        self._say_what_opens()

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        """Keys work only where they are needed."""
        match action:
            case "toggle_log":
                return not self._room_for_log
            case "turn_span":
                return self._snapshot is not None and self._snapshot.watched is not None
            case "dismiss_alert":
                return self._alerts.in_sight > 0
            case "bring_back_alerts":
                return self._alerts.away > 0
            case _:
                return True

    def show(self, snapshot: Snapshot) -> None:
        """The panels, or the welcome where there is no run."""
        self._snapshot = snapshot = replace(snapshot, span=self._span)
        watched = snapshot.watched
        self.set_class(watched is None, "-empty")
        self.set_class(watched is not None and not watched.line.trains, "-tested")
        if watched is None:
            self.query_one("#welcome Static", Static).update(_welcome(snapshot))
        elif self.focused is None:
            self._latest.focus()
        before = self._alerts.in_sight, self._alerts.away
        super().show(snapshot)
        if (self._alerts.in_sight, self._alerts.away) != before:
            self.refresh_bindings()
        self._latest.show_rows(watched.latest if watched else ())
        self._latest.show_empty("No program yet." if watched and watched.whole else READING)
        self._say_what_opens()

    def action_turn_span(self, steps: int) -> None:
        """Plots show more or less of the run's time."""
        self._span = next_span(self._span, steps)
        self._show_again()

    def action_dismiss_alert(self) -> None:
        """Puts the newest warning away."""
        self._alerts.dismiss()
        self._show_again()

    def action_bring_back_alerts(self) -> None:
        """Shows the warnings that were put away."""
        self._alerts.bring_back()
        self._show_again()

    @on(PriorityHistogram.Set)
    async def set_knob(self, message: PriorityHistogram.Set) -> None:
        """A slider was set by mouse."""
        await self.app.run_action(f"set_knob({message.knob!r}, {message.value})")

    def action_toggle_log(self) -> None:
        """Where there is no room for both, the log takes the place of the newest programs."""
        self.toggle_class("-log")

    @on(Table.Opened, "#latest")
    async def open_program(self) -> None:
        """Shows one of the newest programs in full."""
        if self._latest.row is not None:
            await self.app.run_action(f"open_program({self._latest.row.sample})")

    def _say_what_opens(self) -> None:
        watched = self._snapshot.watched if self._snapshot else None
        opens = "double click" if watched and watched.preview else key_of("table.open")
        turns = "" if self._room_for_log else f", {key_of('dashboard.log')} shows the log"
        if (said := f"{opens} opens one{turns}") != self._latest.border_subtitle:
            self._latest.border_subtitle = said

    def _show_again(self) -> None:
        if self._snapshot is not None:
            self.show(self._snapshot)

    @property
    def _alerts(self) -> AlertRows:
        return self.query_one("#alerts", AlertRows)

    @property
    def _latest(self) -> Table[ProgramLine]:
        return self.query_one("#latest", Table)


def _welcome(snapshot: Snapshot) -> str:
    """What stands in the place of the panels."""
    if snapshot.problem:
        return "" if snapshot.loaded else UNREADABLE
    return WELCOME.format(workspace=snapshot.workspace) if snapshot.loaded else ""
