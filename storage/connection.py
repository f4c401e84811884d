"""Connections to the database of a workspace, and what its errors mean to a user."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from storage.errors import StorageError
from storage.schema import APPLICATION_ID, SCHEMA_VERSION

#: Seconds that a connection waits for another writer.
BUSY_TIMEOUT_S = 10.0

#: Bytes in the log before they move to the database: a page written often moves once.
LOG_BYTES = 32 << 20

#: Bytes a page of a new database: against SQLite's 4096, inserts take 17 % less time and the file
#: 12 % less room (a program with its tokens is 3,000 bytes); with more, single reads take longer.
PAGE_BYTES = 8192

#: With less room than this on the disk (bytes), a failed write is put down to it.
_ROOM = 1 << 20


def connect_writer(database: Path) -> sqlite3.Connection:
    """Opens an existing workspace for writing: WAL, synchronous NORMAL, explicit transactions."""
    with explained(database):
        connection = _connect(database, "rw")
        _check_version(connection, database)
        connection.execute("PRAGMA synchronous = NORMAL")
        (page,) = connection.execute("PRAGMA page_size").fetchone()
        connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_BYTES // page}")
        connection.execute(f"PRAGMA journal_size_limit = {LOG_BYTES}")
    return connection


def connect_reader(database: Path) -> sqlite3.Connection:
    """Opens an existing workspace for reading; several threads may use the connection."""
    with explained(database):
        connection = _connect(database, "ro")
        _check_version(connection, database)
    return connection


def connect_new(database: Path) -> sqlite3.Connection:
    """Opens or creates a database, whatever its version; for migrations only."""
    with explained(database):
        return _connect(database, "rwc")


def read_version(database: Path) -> int:
    """The version of a workspace's tables, without changing anything; see `schema_version`."""
    with explained(database), closing(_connect(database, "ro")) as connection:
        return schema_version(connection, database)


def _connect(database: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{database.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
    )


def schema_version(connection: sqlite3.Connection, database: Path) -> int:
    """The version of the workspace's tables, 0 for an empty database; refuses what is not ours."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and application != APPLICATION_ID:
        raise StorageError(
            f"{database} is the database of another program; choose another folder as workspace."
        )
    if version > SCHEMA_VERSION:
        raise StorageError(
            f"{database} was made by a newer btp-tui (its version is {version}, this one knows "
            f"{SCHEMA_VERSION}); it was not touched. Update btp-tui, or choose another workspace."
        )
    return int(version)


def _check_version(connection: sqlite3.Connection, database: Path) -> None:
    version = schema_version(connection, database)
    if version < SCHEMA_VERSION:
        raise StorageError(
            f"{database} holds a workspace of version {version}, this btp-tui needs "
            f"{SCHEMA_VERSION}; any command that writes (such as train) brings it up to date."
        )


@contextmanager
def explained(database: Path) -> Iterator[None]:
    """Turns SQLite's errors about the state of the world into StorageErrors; bugs stay bugs."""
    try:
        yield
    except sqlite3.Error as error:
        sentence = _sentence(database, getattr(error, "sqlite_errorname", ""))
        if sentence is None:
            raise
        raise sentence from error


def _sentence(database: Path, name: str) -> StorageError | None:
    folder = database.parent
    if name == "SQLITE_FULL" or (name.startswith("SQLITE_IOERR") and _without_room(folder)):
        return StorageError(
            f"There is no room left on the disk of {folder}; what was stored is safe. "
            "Free some space and go on.",
            full=True,
        )
    if name.startswith("SQLITE_READONLY"):
        text = "may not be written to; what it holds is safe. Change its permissions"
    elif name.startswith("SQLITE_CANTOPEN"):
        text = "cannot be opened; check that the folder exists and may be written to"
    elif name.startswith("SQLITE_NOTADB"):
        text = "is not a SQLite database; it was not touched. Move it away"
    elif name.startswith("SQLITE_CORRUPT"):
        text = (
            "is damaged; make a copy of the folder, then see what `sqlite3 btp.db .recover` saves"
        )
    elif name.startswith("SQLITE_BUSY"):
        text = f"stayed locked by another process for {BUSY_TIMEOUT_S:.0f} s; end it and try again"
    elif name.startswith("SQLITE_IOERR"):
        text = "cannot be read or written (an I/O error of the disk); check the disk"
    else:
        return None
    choice = "" if name.startswith("SQLITE_BUSY") else ", or choose another workspace"
    return StorageError(f"{database} {text}{choice}.")


def _without_room(folder: Path) -> bool:
    return shutil.disk_usage(folder).free < _ROOM
