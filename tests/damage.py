"""Stores with something of everything in them, and ways to damage their files."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

from storage.schema import DeviceReading, Progress, Telemetry
from storage.workspace import Workspace
from tests.stores import Store, evaluation, sample, task, update

ITERATIONS, TASKS, BEAMS = 60, 20, 3
PROGRAMS = ITERATIONS * TASKS  # each is sampled BEAMS times


def filled(folder: Path) -> Workspace:
    """A workspace of some thousand rows, several pages of each large table, and a checkpoint."""
    names = [f"task {number}" for number in range(TASKS)]
    numbers = random.Random(0)
    with Store(folder) as store:
        writer, run = store.writer, store.run
        writer.add_tasks([task(name, prompt="def solve():\n" * 30) for name in names])
        for iteration in range(1, ITERATIONS + 1):
            texts = {name: f"# {name} {iteration}\n" * numbers.randint(1, 400) for name in names}
            records = [
                sample(name, text, rank) for name, text in texts.items() for rank in range(BEAMS)
            ]
            stored = writer.add_samples(run, iteration, records)
            store.judged({each.program: 0.5 for each in stored})
            writer.add_update(run, update(iteration, [each.sample for each in stored[:8]]))
            writer.add_event(run, "info", f"iteration {iteration}")
            reading = DeviceReading("cpu", 50.0, 1, 2, None, None)
            writer.add_telemetry(run, Telemetry(50.0, 1, 2, 1, (reading,)))
        writer.add_evaluation(run, evaluation("initial"))
        writer.set_progress(run, Progress("finished", ""))
        writer.add_command(run, "pause", {})
        checkpoint = store.workspace.run_folder("demo-1") / "checkpoints" / "update-00000001"
        checkpoint.mkdir(parents=True)
        (checkpoint / "weights").write_bytes(b"w" * 10_000)
        (store.workspace.run_folder("demo-1") / "engine.log").write_text("hello\n")
    return store.workspace


def rows(workspace: Workspace) -> dict[str, set[tuple[object, ...]]]:
    """Every row of every table."""
    with closing(sqlite3.connect(workspace.database)) as connection:
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        ).fetchall()
        return {
            name: set(connection.execute(f"SELECT * FROM {name}").fetchall()) for (name,) in tables
        }


def pages_of(workspace: Workspace, table: str, kind: str = "leaf") -> list[int]:
    """The pages of a table's tree, or of an index's."""
    with closing(sqlite3.connect(workspace.database)) as connection:
        found = connection.execute(
            "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = ? ORDER BY pageno",
            (table, kind),
        )
        return [page for (page,) in found]


def page_size(workspace: Workspace) -> int:
    with closing(sqlite3.connect(workspace.database)) as connection:
        return int(connection.execute("PRAGMA page_size").fetchone()[0])


def overwrite(file: Path, place: int, content: bytes) -> None:
    """Writes into a file at a place, past SQLite."""
    with file.open("r+b") as opened:
        opened.seek(place)
        opened.write(content)


def spoil(workspace: Workspace, *pages: int, seed: int = 0) -> None:
    """Fills pages with garbage."""
    size, garbage = page_size(workspace), random.Random(seed)
    for page in pages:
        overwrite(workspace.database, (page - 1) * size, garbage.randbytes(size))
