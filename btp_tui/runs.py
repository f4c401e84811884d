"""`btp-tui runs`: the runs of a workspace as a table."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from btp_tui.observer import Observer
from btp_tui.snapshot import RunLine
from btp_tui.wishes import Wishes
from btp_tui.words import count, day, duration, percent
from storage.errors import StorageError
from storage.workspace import Workspace

_PIPED_WIDTH = 160  # a pipe has no width; cut names would be of no use to what reads it


def print_runs(folder: Path) -> None:
    """Prints a row a run, newest first; raises StorageError where the store cannot be read."""
    with Observer(Workspace(folder)) as observer:
        snapshot = observer.first_look(Wishes())
    if snapshot.problem:
        raise StorageError(snapshot.problem)
    console = Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH, highlight=False)
    if not snapshot.runs:
        console.print(
            f"No runs in {folder} yet: start one with `btp-tui demo --workspace {folder}`."
        )
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("run", "state", "kind", "started"):
        table.add_column(title)
    for title in ("programs", "updates", "accuracy", "time"):
        table.add_column(title, justify="right")
    table.add_column("model")
    for line in snapshot.runs:
        table.add_row(*_cells(line))
    console.print(table)


def _cells(line: RunLine) -> tuple[str, ...]:
    progress = line.progress
    accuracy = "–"
    if line.initial is not None:
        accuracy = f"{percent(line.initial)} → {percent(line.newest)}"
    return (
        line.name,
        line.state,
        line.kind,
        day(line.at),
        count(progress.programs) if progress else "–",
        count(progress.updates) if progress else "–",
        accuracy,
        duration(progress.elapsed_s) if progress else "–",
        line.model or "–",
    )
