"""`btp-tui runs`: the runs of a workspace as a table."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from btp_tui.reading.observer import Observer
from btp_tui.reading.wishes import Wishes
from btp_tui.snapshot import RunLine
from btp_tui.words import count, day, duration, percent, plural
from storage.errors import StorageError
from storage.workspace import Workspace

_PIPED_WIDTH = 160  # a pipe has no width; cut names would be of no use to what reads it


def print_runs(folder: Path, archived: bool = False, as_json: bool = False) -> None:
    """Prints a row or a JSON object a run, newest first; archived ones where asked for.

    Raises StorageError where the store cannot be read.
    """
    with Observer(Workspace(folder)) as observer:
        snapshot = observer.first_look(Wishes())
    if snapshot.problem:
        raise StorageError(snapshot.problem)
    shown = [line for line in snapshot.runs if archived or not line.archived or line.alive]
    if as_json:
        for line in shown:
            print(json.dumps(_figures(line)))
        return
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
    for line in shown:
        table.add_row(*_cells(line))
    console.print(table)
    away = len(snapshot.runs) - len(shown)
    if away:
        console.print(f"{plural(away, 'archived run')}: --archived shows them, too.")


def _figures(line: RunLine) -> dict[str, object]:
    """What the columns show, as numbers: times in seconds, accuracies in [0, 1]."""
    progress = line.progress
    return {
        "run": line.name,
        "state": line.state,
        "kind": line.kind,
        "started": line.at,
        "programs": progress and progress.programs,
        "updates": progress and progress.updates,
        "initial_accuracy": line.initial,
        "accuracy": line.newest,
        "seconds": progress and progress.elapsed_s,
        "model": line.model,
        "archived": line.archived,
    }


def _cells(line: RunLine) -> tuple[str, ...]:
    progress = line.progress
    accuracy = "–"
    if line.initial is not None:
        accuracy = f"{percent(line.initial)} → {percent(line.newest)}"
    return (
        line.name,
        f"{line.state}, archived" if line.archived else line.state,
        line.kind,
        day(line.at),
        count(progress.programs) if progress else "–",
        count(progress.updates) if progress else "–",
        accuracy,
        duration(progress.elapsed_s) if progress else "–",
        line.model or "–",
    )
