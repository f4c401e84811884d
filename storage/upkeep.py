"""The size of a workspace and what takes it, and giving back the room that nothing takes."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from storage.connection import connect_reader, connect_writer, explained, log_of
from storage.errors import StorageError
from storage.rescue.run_folders import checkpoint_bytes
from storage.schema import DELETED_KINDS
from storage.workspace import Workspace

#: Where SQLite builds a copy of the database, the first of them that it can write to.
_TEMPORARY = ("SQLITE_TMPDIR", "TMPDIR")
_TEMPORARY_FOLDERS = ("/var/tmp", "/usr/tmp", "/tmp")

#: (table, bytes with its indexes, rows): one look at every page, where counting rows takes one too.
_BY_PAGE = """SELECT m.tbl_name, sum(d.pgsize),
sum(CASE WHEN m.type = 'table' AND d.pagetype = 'leaf' THEN d.ncell ELSE 0 END)
FROM dbstat d JOIN sqlite_master m ON m.name = d.name GROUP BY m.tbl_name"""


@dataclass(frozen=True, slots=True)
class TableSize:
    """A table with its indexes; `bytes` is None where this SQLite cannot say."""

    name: str
    rows: int
    bytes: int | None


@dataclass(frozen=True, slots=True)
class RunSize:
    """A run, what it stored, and bytes of its checkpoints."""

    name: str
    kind: str
    samples: int
    updates: int
    evaluations: int
    checkpoint_bytes: int


@dataclass(frozen=True, slots=True)
class Stats:
    """What a workspace holds; sizes are bytes, `outcomes` counts verdicts.

    `repeated` is the share of samples whose text was sampled for its task before. `files` are the
    database, its log, and what else lies beside it, by name; `free` of the database is not in use.
    """

    tables: list[TableSize]
    runs: list[RunSize]
    outcomes: dict[str, int]
    programs: int
    samples: int
    repeated: float
    files: dict[str, int]
    checkpoints: int
    free: int


@dataclass(frozen=True, slots=True)
class Vacuumed:
    """Bytes of database and log before and after; `log_kept` where a reader held on to the log."""

    before: int
    after: int
    log_kept: bool

    @property
    def gained(self) -> int:
        """Bytes given back to the disk."""
        return self.before - self.after


def stats(workspace: Workspace) -> Stats:
    """Counts rows and bytes; every page is looked at once. Raises StorageError."""
    workspace.open()
    with explained(workspace.database), closing(connect_reader(workspace.database)) as connection:
        connection.execute("BEGIN")  # one moment, also while an engine writes
        tables = _tables(connection)
        rows = {table.name: table.rows for table in tables}
        programs, samples = rows["programs"], rows["samples"]
        outcomes = connection.execute(
            "SELECT o.name, n FROM (SELECT outcome, count(*) AS n FROM verdicts GROUP BY outcome) "
            "JOIN outcomes o ON o.id = outcome ORDER BY n DESC"
        ).fetchall()
        page, free = (_pragma(connection, name) for name in ("page_size", "freelist_count"))
        runs = _runs(connection, workspace)
    return Stats(
        tables=tables,
        runs=runs,
        outcomes=dict(outcomes),
        programs=programs,
        samples=samples,
        repeated=max(0.0, 1 - programs / samples) if samples else 0.0,
        files={file.name: file.stat().st_size for file in _files(workspace)},
        checkpoints=checkpoint_bytes(workspace),
        free=page * free,
    )


def room_for_vacuum(workspace: Workspace) -> int:
    """Bytes that a vacuum needs for a while: a copy of what is in use, and once more in the log."""
    with explained(workspace.database), closing(connect_reader(workspace.database)) as connection:
        names = ("page_count", "freelist_count", "page_size")
        pages, free, size = (_pragma(connection, name) for name in names)
    return 2 * (pages - free) * size


def vacuum(workspace: Workspace) -> Vacuumed:
    """Writes the database anew without gaps and empties its log; a kill leaves it as it was.

    Raises StorageError where an engine is at work on a run, or there is too little room.
    """
    workspace.open()
    alive = workspace.engines_alive()
    if alive:
        raise StorageError(
            f"An engine is at work on {alive[0]} in {workspace.path}; stop it first, or wait."
        )
    _refuse_without_room(workspace)
    before = _size(workspace)
    with explained(workspace.database), closing(connect_writer(workspace.database)) as connection:
        connection.execute("VACUUM")
        kept, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return Vacuumed(before, _size(workspace), bool(kept))


def _refuse_without_room(workspace: Workspace) -> None:
    each = room_for_vacuum(workspace) // 2
    here, there = workspace.path, _temporary_folder()
    if here.stat().st_dev == there.stat().st_dev:
        needs = [(here, 2 * each)]
    else:
        needs = [(here, each), (there, each)]
    for folder, needed in needs:
        free = shutil.disk_usage(folder).free
        if free < needed:
            raise StorageError(
                f"The disk of {folder} has {free:,} bytes of room, and a vacuum needs {needed:,} "
                "for a while; nothing was changed. Free some and try again."
            )


def _temporary_folder() -> Path:
    named = [os.environ[name] for name in _TEMPORARY if name in os.environ]
    for folder in map(Path, (*named, *_TEMPORARY_FOLDERS)):
        if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
            return folder
    return Path()


def _tables(connection: sqlite3.Connection) -> list[TableSize]:
    names = [
        name
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0 ORDER BY rootpage"
        )
    ]
    try:
        found = connection.execute(_BY_PAGE).fetchall()
    except sqlite3.OperationalError:  # this SQLite was built without it
        counts = {
            name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names
        }
        return [TableSize(name, counts[name], None) for name in names]
    sizes = {name: TableSize(name, rows, size) for name, size, rows in found}
    return [sizes[name] for name in names]


def _runs(connection: sqlite3.Connection, workspace: Workspace) -> list[RunSize]:
    samples, updates, evaluations = (
        dict(connection.execute(f"SELECT run, count(*) FROM {table} GROUP BY run").fetchall())
        for table in ("samples", "updates", "evaluations")
    )
    return [
        RunSize(
            name=name,
            kind=kind,
            samples=samples.get(run, 0),
            updates=updates.get(run, 0),
            evaluations=evaluations.get(run, 0),
            checkpoint_bytes=checkpoint_bytes(workspace, name),
        )
        for run, name, kind in connection.execute(
            f"SELECT id, name, kind FROM runs WHERE kind NOT IN {DELETED_KINDS} ORDER BY id DESC"
        )
    ]


def _files(workspace: Workspace) -> list[Path]:
    """The database, its log, copies of older versions and the search index."""
    beside = (file for file in workspace.path.glob("*.db*") if file.is_file())
    return sorted(file for file in beside if not file.name.endswith("-shm"))


def _size(workspace: Workspace) -> int:
    files = (workspace.database, log_of(workspace.database))
    return sum(file.stat().st_size for file in files if file.exists())


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
