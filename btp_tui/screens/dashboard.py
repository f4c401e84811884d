"""The dashboard: five questions answered at a glance, by size and place (DESIGN 7)."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.events import Resize
from textual.widgets import Static

from btp_tui.panels.curves import AccuracyPlot, LossPlot
from btp_tui.panels.latest import latest_table
from btp_tui.panels.log import EngineLog
from btp_tui.panels.machine import Machine
from btp_tui.panels.replay import NewPrograms, PriorityHistogram
from btp_tui.panels.status import PhaseBars
from btp_tui.panels.table import Table
from btp_tui.screens.live import LiveScreen
from btp_tui.snapshot import ProgramLine, Snapshot

WELCOME = """[b $primary]Watch a code model learn from its own programs.[/]

No run in [b]{workspace}[/b] yet.

Press [b $footer-key-foreground]d[/] to start the demo: a small model writes programs, runs \
their tests, and learns from good and failed ones. It takes two minutes on two cores and \
needs no download, no GPU and no account.

[$dimmed]For your own model and tasks: btp-tui train --config FILE, with this screen open \
in another terminal.[/]"""


class DashboardScreen(LiveScreen):
    """Is it learning, what is it doing, from what, is the machine used, what did it write."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "l",
            "toggle_log",
            "Log",
            show=False,
            tooltip="The log or the newest programs",
        ),
    ]

    _room_for_log = False

    def compose_body(self) -> ComposeResult:
        """The panels in the order of the questions; btp.tcss places them for each size."""
        yield PhaseBars(id="bars")
        with Container(id="panels"):
            yield AccuracyPlot(id="accuracy", classes="framed")
            yield PriorityHistogram(id="histogram", classes="framed")
            yield NewPrograms(id="outcomes", classes="framed")
            latest = latest_table("latest")
            latest.add_class("framed")
            latest.border_title = "Latest programs"
            yield latest
            yield EngineLog(footnote="l goes back", id="log-instead", classes="framed")
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
        turns = "" if self._room_for_log else ", l shows the log"
        self._latest.border_subtitle = f"enter opens one{turns}"

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        """The log's key works only where it is needed."""
        return not (action == "toggle_log" and self._room_for_log)

    def show(self, snapshot: Snapshot) -> None:
        """The panels, or the welcome where there is no run."""
        empty = snapshot.watched is None
        self.set_class(empty, "-empty")
        if empty:
            text = WELCOME.format(workspace=snapshot.workspace) if snapshot.loaded else ""
            self.query_one("#welcome Static", Static).update("" if snapshot.problem else text)
        elif self.focused is None:
            self._latest.focus()
        super().show(snapshot)
        self._latest.show_rows(snapshot.watched.latest if snapshot.watched else ())

    def action_toggle_log(self) -> None:
        """Where there is no room for both, the log takes the place of the newest programs."""
        self.toggle_class("-log")

    @on(Table.Opened, "#latest")
    async def open_program(self) -> None:
        """Shows one of the newest programs in full."""
        if self._latest.row is not None:
            await self.app.run_action(f"open_program({self._latest.row.sample})")

    @property
    def _latest(self) -> Table[ProgramLine]:
        return self.query_one("#latest", Table)
