"""Moves a run to another name: its row and its folder, which cannot be changed in one step.

A marker beside the database says what is moved where. The row is changed first and decides: where a
process is killed in between, whoever opens the workspace next lets the folder follow the row.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from storage.connection import connect_reader, explained, transaction
from storage.errors import StorageError

_MARKER = ".moving-"

#: A run's folder by its name; a deleted one's, whose name is no run's, lies beside the database.
DELETED = ".deleted-"


def folder_of(workspace: Path, name: str) -> Path:
    """Where the folder of a run of this name belongs, also of one that is being deleted."""
    return workspace / name if name.startswith(DELETED) else workspace / "runs" / name


def move_run(
    connection: sqlite3.Connection,
    workspace: Path,
    run: int,
    names: tuple[str, str],
    change: Callable[[], None],
) -> None:
    """Changes a run's row by `change`, which gives it the second of the names, and its folder.

    The caller holds the run's lock. Raises StorageError, with nothing changed, where the new folder
    is there already.
    """
    old, new = (folder_of(workspace, name) for name in names)
    with _marked(workspace / f"{_MARKER}{run}", names):
        if new.exists():
            raise StorageError(f"There is a folder {new} already; choose another name.")
        with transaction(connection):
            change()
        try:
            if old.exists():
                old.rename(new)
        except OSError as error:
            with transaction(connection):
                connection.execute("UPDATE runs SET name = ? WHERE id = ?", (names[0], run))
            raise StorageError(
                f"Cannot move {old} to {new}: {error.strerror}; the run keeps its name."
            ) from error


def settle_moves(workspace: Path, database: Path) -> None:
    """Lets folders follow their runs where a process was killed while it moved one."""
    for marker in workspace.glob(f"{_MARKER}*"):
        with suppress(FileNotFoundError), _locked(marker):
            _settle(marker, workspace, database)


def _settle(marker: Path, workspace: Path, database: Path) -> None:
    if not marker.exists():  # whoever moved it came to an end while this one waited
        return
    with suppress(ValueError):  # a torn marker: nothing was changed yet
        before, after = json.loads(marker.read_text(encoding="utf-8"))
        old, new = folder_of(workspace, before), folder_of(workspace, after)
        run = int(marker.name.removeprefix(_MARKER))
        if _name_of(run, database) == after and old.exists() and not new.exists():
            old.rename(new)
    marker.unlink()


def _name_of(run: int, database: Path) -> str | None:
    with explained(database), closing(connect_reader(database)) as connection:
        row = connection.execute("SELECT name FROM runs WHERE id = ?", (run,)).fetchone()
        return row[0] if row else None


@contextmanager
def _marked(marker: Path, names: tuple[str, str]) -> Iterator[None]:
    with _locked(marker, create=True) as descriptor:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(names).encode(), 0)
        os.fsync(descriptor)
        try:
            yield
        finally:
            marker.unlink()


@contextmanager
def _locked(file: Path, create: bool = False) -> Iterator[int]:
    descriptor = os.open(file, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0), 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)
