"""All runs of the workspace: which one to watch, and which to go on with."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from btp_tui import words
from btp_tui.panels.panel import Piece
from btp_tui.panels.table import Column, Table
from btp_tui.screens.live import LiveScreen
from btp_tui.snapshot import RunLine, Snapshot
from btp_tui.theme import STATES


class RunsScreen(LiveScreen):
    """One row a run, newest first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "resume", "Resume", tooltip="Go on with the run from its last checkpoint"),
        Binding("escape", "app.show('dashboard')", "Back", show=False),
    ]

    def compose_body(self) -> ComposeResult:
        """The table alone."""
        columns: list[Column[RunLine]] = [
            Column("state", 10, _state),
            Column("run", 12, lambda run: run.name),
            Column("held-out", 17, _accuracy),
            Column("iter", 7, _iterations, right=True),
            Column("programs", 9, _programs, right=True),
            Column("took", 11, _took, right=True, optional=1),
            Column("started", 16, lambda run: words.day(run.at), optional=2),
            Column("kind", 6, lambda run: run.kind, optional=4),
            Column("model", 0, lambda run: run.model, optional=3),
        ]
        table = Table(
            columns,
            key=lambda run: run.name,
            empty="No run yet: press d to start the demo.",
            id="runs",
            pinned=True,
        )
        table.add_class("framed")
        table.border_title = "Runs"
        table.border_subtitle = "[$dimmed]enter watches one[/]"
        yield table

    def on_mount(self) -> None:
        """Keys go to the table."""
        self._table.focus()

    def show(self, snapshot: Snapshot) -> None:
        """Takes over the list."""
        super().show(snapshot)
        self._table.show_rows(snapshot.runs)
        self.refresh_bindings()

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        """Only a run that no engine works on can be gone on with."""
        if action == "resume":
            run = self._table.row
            return run is not None and resumable(run)
        return True

    @on(Table.Highlighted, "#runs")
    def another_row(self) -> None:
        """Whether a run can be resumed differs from row to row."""
        self.refresh_bindings()

    @on(Table.Opened, "#runs")
    async def watch_run(self) -> None:
        """Watches a run on the dashboard."""
        if self._table.row is not None:
            await self.app.run_action(f"watch_run({self._table.row.name!r})")

    async def action_resume(self) -> None:
        """Starts an engine that goes on with the highlighted run."""
        if self._table.row is not None:
            await self.app.run_action(f"resume_run({self._table.row.name!r})")

    @property
    def _table(self) -> Table[RunLine]:
        return self.query_one("#runs", Table)


def resumable(run: RunLine) -> bool:
    """Whether an engine could go on with it: it was training, and none is at work."""
    return run.kind == "train" and run.state in ("stopped", "failed", "died")


def _state(run: RunLine) -> Piece:
    sign = STATES[run.state]
    return (f"{sign.mark} {run.state}", sign.style)


def _accuracy(run: RunLine) -> Piece:
    if run.initial is None or run.newest is None:
        return ("–", "$dimmed")
    return f"{words.percent(run.initial)} → {words.percent(run.newest)}"


def _iterations(run: RunLine) -> Piece:
    progress = run.progress
    if progress is None:
        return "–"
    return (
        f"{progress.iteration}/{progress.iterations}"
        if progress.iterations
        else f"{progress.iteration}"
    )


def _programs(run: RunLine) -> Piece:
    return words.count(run.progress.programs) if run.progress else "–"


def _took(run: RunLine) -> Piece:
    return words.duration(run.progress.elapsed_s) if run.progress else "–"
