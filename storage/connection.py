"""Connections to the database of a workspace, and what its errors mean to a user."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from storage.errors import StorageError
from storage.schema import APPLICATION_ID, SCHEMA_VERSION

#: Seconds that a connection waits for another writer.
BUSY_TIMEOUT_S = 10.0

#: Seconds that it waits for another who fills the index: there is enough in it to answer from.
INDEX_PATIENCE_S = 0.05

#: Bytes in the log before they move to the database: a page written often moves once.
LOG_BYTES = 32 << 20

#: Bytes a page of a new database: against SQLite's 4096, inserts take 17 % less time and the file
#: 12 % less room (a program with its tokens is 3,000 bytes); with more, single reads take longer.
PAGE_BYTES = 8192

#: With less room than this on the disk (bytes), a failed write is put down to it.
_ROOM = 1 << 20


def log_of(database: Path) -> Path:
    """Where SQLite keeps the log of a database."""
    return database.with_name(f"{database.name}-wal")


def connect_writer(database: Path) -> sqlite3.Connection:
    """Opens an existing workspace for writing: WAL, synchronous NORMAL, explicit transactions."""
    with explained(database):
        connection = _connect(database, "rw")
        _check_version(connection, database)
        _prepare_for_writing(connection)
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


def connect_index(index: Path, database: Path) -> sqlite3.Connection:
    """Opens or creates an index beside a workspace, which is there to be read as `store`.

    Waits an instant only for another process that is writing to the index.
    """
    with explained(database):
        connect_reader(database).close()
    connection = _connect(index, "rwc")
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        _enter_wal(connection)
        _prepare_for_writing(connection)
        connection.execute("ATTACH ? AS store", (f"{database.absolute().as_uri()}?mode=ro",))
        connection.execute(f"PRAGMA busy_timeout = {INDEX_PATIENCE_S * 1000:.0f}")
    except BaseException:
        connection.close()
        raise
    return connection


def _enter_wal(connection: sqlite3.Connection) -> None:
    """Two that do this at once to a new file get in each other's way, and SQLite does not wait."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorname.startswith("SQLITE_BUSY")
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """What is written inside is stored whole or, where an error comes out, not at all."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:  # a full disk has ended it already
            connection.execute("ROLLBACK")


def read_version(database: Path) -> int:
    """The version of a workspace's tables, without changing anything; see `schema_version`."""
    with explained(database), closing(_connect(database, "ro")) as connection:
        return schema_version(connection, database)


def _prepare_for_writing(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA synchronous = NORMAL")
    (page,) = connection.execute("PRAGMA page_size").fetchone()
    connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_BYTES // page}")
    connection.execute(f"PRAGMA journal_size_limit = {LOG_BYTES}")


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
            f"{database} was made by an older btp-tui (its version is {version}, this one needs "
            f"{SCHEMA_VERSION}); `btp-tui db upgrade --workspace {database.parent}` brings it up "
            "to date and keeps a copy of it as it is."
        )


@contextmanager
def explained(database: Path) -> Iterator[None]:
    """Turns SQLite's errors about the state of the world into StorageErrors; bugs stay bugs."""
    try:
        yield
    except sqlite3.Error as error:
        # Bytes that are no text are found by Python, which has no name for it.
        garbled = "SQLITE_CORRUPT" if "decode to UTF-8" in str(error) else ""
        sentence = _sentence(database, getattr(error, "sqlite_errorname", garbled))
        if sentence is None:
            raise
        raise sentence from error


def _sentence(database: Path, name: str) -> StorageError | None:
    folder = database.parent
    if name == "SQLITE_FULL" or (name.startswith("SQLITE_IOERR") and without_room(folder)):
        return StorageError(
            f"There is no room left on the disk of {folder}; what was stored is safe. "
            "Free some space and go on.",
            full=True,
        )
    if name.startswith("SQLITE_READONLY"):
        text = "may not be written to; what it holds is safe. Change its permissions"
    elif name.startswith("SQLITE_CANTOPEN"):
        text = "cannot be opened; check that the folder exists and may be written to"
    elif name.startswith("SQLITE_CORRUPT") or (
        name.startswith("SQLITE_NOTADB") and _was_workspace(database)
    ):
        text = (
            f"is damaged; `btp-tui db check --workspace {folder}` says what can still be read and "
            "how to get it out"
        )
    elif name.startswith("SQLITE_NOTADB"):
        text = "is not a SQLite database; it was not touched. Move it away"
    elif name.startswith("SQLITE_BUSY"):
        text = f"stayed locked by another process for {BUSY_TIMEOUT_S:.0f} s; end it and try again"
    elif name.startswith("SQLITE_IOERR"):
        text = "cannot be read or written (an I/O error of the disk); check the disk"
    else:
        return None
    choice = "" if name.startswith("SQLITE_BUSY") else ", or choose another workspace"
    return StorageError(f"{database} {text}{choice}.")


def _was_workspace(database: Path) -> bool:
    """Whether a file whose header is destroyed was a workspace: by its tables, or its runs."""
    if (database.parent / "runs").is_dir():
        return True
    with database.open("rb") as file:
        return b"CREATE TABLE samples" in file.read(_ROOM)


def without_room(folder: Path) -> bool:
    """Whether the disk of a folder is full."""
    return shutil.disk_usage(folder).free < _ROOM
