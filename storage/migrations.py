"""Brings a database to the version of `storage.schema`: the only place that changes its tables.

Imported only by the commands that need it: sqlite-utils takes a third of a second to import.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from sqlite_utils import Database

from storage.connection import PAGE_BYTES, connect_new, explained, schema_version, transaction
from storage.schema import APPLICATION_ID, DDL
from storage.texts import digest, free_digest

_ROWS = 10_000


def _create_tables(database: Database) -> None:
    for statement in statements(DDL):
        database.execute(statement)


def _mark_partial_verdicts(database: Database) -> None:
    """Whether tests were skipped after one that timed out; before version 2 none could be."""
    database.execute("ALTER TABLE verdicts ADD COLUMN partial INTEGER NOT NULL DEFAULT 0")


def _add_possibilities(database: Database) -> None:
    """What the student says of a stored text; and digests by another, faster function."""
    database.execute("""CREATE TABLE possibilities (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES runs,      -- whose student was asked
        update_number INTEGER NOT NULL,            -- and after how many updates
        sample INTEGER NOT NULL REFERENCES samples,
        logprob REAL NOT NULL,                     -- log P(t) under the student, nats
        n_tokens INTEGER NOT NULL,
        at REAL NOT NULL
    )""")
    database.execute("CREATE INDEX possibilities_run ON possibilities (run, update_number)")
    taken: set[int] = set()
    rows = database.execute("SELECT p.id, p.task, t.text FROM programs p JOIN texts t USING (id)")
    while some := rows.fetchmany(_ROWS):
        digests = [
            (free_digest(digest(task, text), taken), program) for program, task, text in some
        ]
        database.conn.executemany("UPDATE programs SET digest = ? WHERE id = ?", digests)


def _add_flags(database: Database) -> None:
    """What a user says of stored programs; of several rows on one the newest counts."""
    database.execute("""CREATE TABLE flags (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES runs,
        program INTEGER NOT NULL REFERENCES programs,
        flag TEXT NOT NULL,                        -- excluded (from the replay), marked
        raised INTEGER NOT NULL,                   -- 0 where it was taken back
        update_number INTEGER NOT NULL,            -- it counts in the updates after this one
        at REAL NOT NULL
    )""")
    database.execute("CREATE INDEX flags_program ON flags (run, program)")


#: What leads from version n to n + 1, for n = 0, 1, ...
MIGRATIONS: tuple[Callable[[Database], None], ...] = (
    _create_tables,
    _mark_partial_verdicts,
    _add_possibilities,
    _add_flags,
)


def migrate(path: Path) -> None:
    """Creates the tables, or brings older ones up to date, in one transaction.

    Before an older workspace is changed a copy is laid beside it (`btp.db.version-N`). Raises
    StorageError on a database that is not ours, newer than this program, or not writable, and where
    there is no room. No other process may be at it: see Workspace.create.
    """
    with explained(path), closing(connect_new(path)) as connection:
        version = schema_version(connection, path)
        if 0 < version < len(MIGRATIONS):
            _back_up(connection, copy_of(path, version))
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")  # of a database that is empty yet
        connection.execute("PRAGMA journal_mode = WAL")
        with transaction(connection):
            for step in MIGRATIONS[version:]:
                step(Database(connection))
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def copy_of(path: Path, version: int) -> Path:
    """Where a database of an older version is kept as it was."""
    return path.with_name(f"{path.name}.version-{version}")


def statements(script: str) -> Iterator[str]:
    """Splits a script: `executescript` would end the transaction that the tables belong in."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _back_up(connection: sqlite3.Connection, copy: Path) -> None:
    beside = copy.with_name(copy.name + ".part")
    try:
        beside.unlink(missing_ok=True)
        with closing(sqlite3.connect(beside)) as target:
            connection.backup(target)
        beside.replace(copy)
    finally:
        beside.unlink(missing_ok=True)
