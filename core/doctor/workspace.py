"""Where runs would be kept, looked at without leaving a trace."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from core.doctor.check import Check, State
from storage.connection import explained, schema_version
from storage.errors import StorageError
from storage.filesystem import filesystem_type, refuse_network
from storage.schema import SCHEMA_VERSION
from storage.workspace import Workspace

_GIB = 1 << 30
#: What the demo takes; below it a run would soon end by itself.
_LEAST_ROOM = _GIB // 4
#: A checkpoint takes 12 bytes a parameter, and up to five lie there at once.
_GOOD_ROOM = 4 * _GIB

_OTHER = "choose another workspace with --workspace or BTP_WORKSPACE."


def check_workspace(folder: Path) -> Iterator[Check]:
    """The folder, its file system, the room there, and its database if it has one."""
    place = _nearest_there(folder.absolute())
    writable = _check_folder(folder, place)
    local = _check_local(folder)
    yield writable
    yield local
    yield _check_room(place)
    if not (writable.fails or local.fails) and Workspace(folder).exists:
        yield _check_database(Workspace(folder).database)


def _nearest_there(folder: Path) -> Path:
    """The folder, or the first above it that exists and can be reached."""
    for place in (folder, *folder.parents):
        try:
            place.stat()
        except OSError:
            continue
        return place
    return Path("/")


def _check_folder(folder: Path, place: Path) -> Check:
    if not place.is_dir():
        advice = f"Move that file away, or {_OTHER}"
        return _check("folder", "fails", f"{folder}: {place} is a file, not a folder", advice)
    there = place == folder.absolute()
    locked = [file for file in (place, *(_files(folder) if there else ())) if not _may_write(file)]
    if locked:
        advice = f"Change the permissions of {locked[0]}, or {_OTHER}"
        return _check("folder", "fails", f"{locked[0]} may not be written to", advice)
    found = "is there" if there else f"does not exist yet and can be made in {place}"
    return _check("folder", "ok", f"{folder} {found}{', writable' if there else ''}")


def _files(folder: Path) -> list[Path]:
    """What a run writes to besides new files, where it exists."""
    names = ("btp.db", "btp.db-wal", "btp.db-shm", "runs")
    return [folder / name for name in names if (folder / name).exists()]


def _may_write(file: Path) -> bool:
    return os.access(file, os.W_OK | os.X_OK if file.is_dir() else os.W_OK)


def _check_local(folder: Path) -> Check:
    kind = filesystem_type(folder)
    try:
        refuse_network(folder)
    except StorageError as error:
        return _check("file system", "fails", f"{kind}, a network file system", str(error))
    return _check("file system", "ok", f"{kind}, local" if kind else "of unknown type")


def _check_room(place: Path) -> Check:
    free = shutil.disk_usage(place).free
    found = f"{free / _GIB:.1f} GiB free"
    if free >= _GOOD_ROOM:
        return _check("room", "ok", found)
    advice = (
        f"A checkpoint takes 12 bytes a parameter, up to five lie there: free some, or {_OTHER}"
    )
    state: State = "note" if free >= _LEAST_ROOM else "fails"
    return _check("room", state, f"{found}, less than {_GOOD_ROOM // _GIB}", advice)


def _check_database(database: Path) -> Check:
    try:
        version = _version(database)
    except StorageError as error:
        return _check("database", "fails", f"{database.name} cannot be used", str(error))
    if version < SCHEMA_VERSION:
        upgrade = f"`btp-tui db upgrade --workspace {database.parent}`"
        advice = f"{upgrade} brings it up to date and keeps a copy of it as it is."
        return _check("database", "note", f"version {version} of {SCHEMA_VERSION}", advice)
    return _check("database", "ok", f"version {version}, as this btp-tui needs it")


def _version(database: Path) -> int:
    """The version of the tables; SQLite would leave files behind where no log lies there yet."""
    log = database.with_name(f"{database.name}-wal")
    mode = "ro" if log.exists() else "ro&immutable=1"
    address = f"{database.absolute().as_uri()}?mode={mode}"
    with explained(database), closing(sqlite3.connect(address, uri=True)) as connection:
        return schema_version(connection, database)


def _check(name: str, state: State, found: str, advice: str = "") -> Check:
    return Check("workspace", name, state, found, advice)
