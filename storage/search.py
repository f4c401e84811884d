"""Full-text search over program texts and task descriptions, in a database of its own.

`search.db` is derived from the store and may be deleted at any time: whoever searches, and every
engine, brings it up to date. It is a file of its own so that filling it never makes the store's
writer wait, and so that no damage to it is damage to the store. The text itself stays in the store
alone (the index is contentless): 250 bytes a program.
"""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from storage.connection import (
    BUSY_TIMEOUT_S,
    INDEX_PATIENCE_S,
    connect_index,
    explained,
    transaction,
)
from storage.errors import StorageError
from storage.workspace import Workspace

#: Changes with the tables and the tokenizer; an index of another version is made anew.
_VERSION = 2

#: Programs indexed in one transaction.
_BATCH = 2_000

#: Seconds between two looks of an Indexer that finds nothing new.
_INTERVAL_S = 0.25

#: Seconds that an Indexer takes at most for what is left when it ends.
_LAST_S = 5.0

#: A word is what Python takes for a name: letters, digits and "_", whatever their case.
_LAST_WORD = re.compile(r"\w+(?=\W*\Z)")
_TOKENIZER = "unicode61 remove_diacritics 0 tokenchars '_'"

# Large pages and a large list of what is not written yet: filling takes 40 % less time.
_TABLES = f"""
CREATE VIRTUAL TABLE programs USING fts5(text, content='', tokenize="{_TOKENIZER}");
CREATE VIRTUAL TABLE tasks USING fts5(description, content='', tokenize="{_TOKENIZER}");
INSERT INTO programs (programs, rank) VALUES ('pgsz', 8000), ('hashsize', 16000000);
CREATE TABLE indexed (program INTEGER NOT NULL, digest INTEGER, task INTEGER NOT NULL, name TEXT);
INSERT INTO indexed VALUES (0, NULL, 0, NULL);
"""

_FEED_PROGRAMS = """INSERT INTO programs (rowid, text) SELECT id, text FROM store.texts
WHERE id > (SELECT program FROM indexed) AND id <= ?"""

_FEED_TASKS = """INSERT INTO tasks (rowid, description) SELECT id, description FROM store.tasks
WHERE id > (SELECT task FROM indexed)"""

_NOTE = """UPDATE indexed SET program = ?1,
digest = (SELECT digest FROM store.programs WHERE id = ?1),
(task, name) = (SELECT ifnull(max(id), 0), task_id FROM store.tasks)"""

_COMPLETE = """SELECT program = (SELECT ifnull(max(id), 0) FROM store.programs)
AND task = (SELECT ifnull(max(id), 0) FROM store.tasks) FROM indexed"""

#: Whether the index is one of this very store: another one would hold other texts under the ids.
_FITS = """SELECT digest IS (SELECT digest FROM store.programs WHERE id = program)
AND name IS (SELECT task_id FROM store.tasks WHERE id = task) FROM indexed"""

#: A last word of fewer characters stands for itself alone: as a beginning it would stand for a
#: large part of all words, and take as long.
_PREFIX = 3

#: Ids read at once, the first time and later: whoever waits for the newest hits has them soon.
_FIRST_IDS, _MORE_IDS = 1_000, 20_000

#: Hears the ids of programs that were found, newest first; may end the search by an exception.
OnFound = Callable[[NDArray[np.int64]], object]

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What holds some words: programs by their text, tasks by their description; ascending ids.

    `left` counts the programs that are not indexed yet, and were not looked at; `last` is the
    newest one that was.
    """

    programs: NDArray[np.int64]
    tasks: NDArray[np.int64]
    left: int = 0
    last: int = 0


class SearchIndex:
    """The index of one workspace; opened, made or made anew when it is first needed."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._place = workspace.path / "search.db"
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._discarded = False

    def close(self) -> None:
        """Closes the connection; the next question opens another."""
        with self._lock:
            self._close()

    def find(
        self, words: str, known: Found | None = None, on_found: OnFound = lambda _: None
    ) -> Found:
        """What holds these words one after another; the last may be the beginning of one.

        That is, where it has three characters or more. At least one character must be a letter, a
        digit or "_"; what lies between words does not count. What is not indexed yet is not found:
        see `feed`. `known` is what was found for the words before: only what was indexed since is
        looked at. Raises StorageError.
        """
        text = words.encode(errors="replace").decode()  # half a surrogate pair is no text
        match = '"' + text.replace("\0", " ").replace('"', '""') + '"' + _star(text)
        before = known or Found(np.empty(0, np.int64), np.empty(0, np.int64))

        def ask(connection: sqlite3.Connection) -> Found:
            last, newest = _extent(connection)
            tasks = connection.execute("SELECT rowid FROM tasks WHERE tasks MATCH ?", (match,))
            new = _newest_first(connection, match, before.last, on_found)
            programs = np.concatenate([before.programs, new[::-1]])
            return Found(
                programs,
                np.fromiter(chain.from_iterable(tasks), np.int64),
                max(0, newest - last),
                last,
            )

        return self._with_index(ask)

    def feed(self, budget_s: float) -> int:
        """Indexes what is new for about so many seconds; returns how many programs are left.

        Where another process is at it, that one goes on. Raises StorageError.
        """
        deadline = time.monotonic() + budget_s
        while (left := self._with_index(_feed)) and time.monotonic() < deadline:
            pass
        return left

    def _with_index(self, act: Callable[[sqlite3.Connection], Result]) -> Result:
        """Acts on the index, on a new one where the one there is damaged."""
        with self._lock, explained(self._place):
            try:
                return act(self._opened())
            except sqlite3.DatabaseError as error:
                if not _damaged(error):
                    raise
                if self._discarded:  # and still damaged: it is the store
                    with explained(self._workspace.database):
                        raise
            self._discard()
        return self._with_index(act)

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = connect_index(self._place, self._workspace.database)
            try:
                _prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _discard(self) -> None:
        self._close()
        self._discarded = True
        for suffix in ("", "-wal", "-shm"):
            self._place.with_name(self._place.name + suffix).unlink(missing_ok=True)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Indexer:
    """Keeps the index up to date from a thread of its own while inside, and at its end.

    A failure (a full disk, say) leaves the rest to whoever comes next: the index is no result.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._index = SearchIndex(workspace)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._feed, name="indexer", daemon=True)

    def __enter__(self) -> Indexer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _feed(self) -> None:
        while not self._ended.wait(_INTERVAL_S):
            with suppress(StorageError):
                while self._index.feed(0.0) and not self._ended.is_set():
                    pass
        with suppress(StorageError):
            self._index.feed(_LAST_S)
        self._index.close()


def _feed(connection: sqlite3.Connection) -> int:
    """Indexes a batch; returns how many programs are left."""
    if connection.execute(_COMPLETE).fetchone()[0]:
        return 0  # most often there is nothing to write
    try:
        with transaction(connection):
            begin, newest = _extent(connection)
            end = min(newest, begin + _BATCH)  # before the begin where the newest was deleted
            connection.execute(_FEED_TASKS)
            connection.execute(_FEED_PROGRAMS, (end,))
            connection.execute(_NOTE, (end,))
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname.startswith("SQLITE_BUSY"):
            return _left(connection)
        raise
    return newest - end


def _extent(connection: sqlite3.Connection) -> tuple[int, int]:
    """The last program that is indexed, and the newest that there is."""
    sql = "SELECT program, (SELECT ifnull(max(id), 0) FROM store.programs) FROM indexed"
    indexed, newest = connection.execute(sql).fetchone()
    return indexed, newest


def _left(connection: sqlite3.Connection) -> int:
    """How many programs are not indexed yet."""
    indexed, newest = _extent(connection)
    return max(0, newest - indexed)


def _prepare(connection: sqlite3.Connection) -> None:
    """Makes the tables, or makes them anew where they are of another version or store."""
    if _fits(connection):
        return
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_S * 1000:.0f}")
    with transaction(connection):
        if not _fits(connection):  # else another process was faster
            for name in ("programs", "tasks", "indexed"):
                connection.execute(f"DROP TABLE IF EXISTS main.{name}")
            for statement in filter(None, map(str.strip, _TABLES.split(";\n"))):
                connection.execute(statement)
            connection.execute(f"PRAGMA main.user_version = {_VERSION}")
    connection.execute(f"PRAGMA busy_timeout = {INDEX_PATIENCE_S * 1000:.0f}")


def _fits(connection: sqlite3.Connection) -> bool:
    (version,) = connection.execute("PRAGMA main.user_version").fetchone()
    return version == _VERSION and bool(connection.execute(_FITS).fetchone()[0])


def _damaged(error: sqlite3.DatabaseError) -> bool:
    return error.sqlite_errorname.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))


def _star(text: str) -> str:
    """What makes the last word a beginning."""
    last = _LAST_WORD.search(text)
    return " *" if last is not None and len(last[0]) >= _PREFIX else ""


def _newest_first(
    connection: sqlite3.Connection, match: str, after: int, on_found: OnFound
) -> NDArray[np.int64]:
    """Programs with ids above `after` that match."""
    sql = "SELECT rowid FROM programs WHERE programs MATCH ? AND rowid > ? ORDER BY rowid DESC"
    parts: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    with closing(connection.execute(sql, (match, after))) as cursor:
        wanted = _FIRST_IDS
        while ids := cursor.fetchmany(wanted):
            parts.append(np.fromiter(chain.from_iterable(ids), np.int64))
            on_found(parts[-1])
            wanted = _MORE_IDS
    return np.concatenate(parts)
