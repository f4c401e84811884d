"""Answers and counters on disk: what was paid for once is not asked again.

One SQLite file beside the run's other files. An answer is written, with what it cost, before
anybody sees it; a request is counted before it is sent. So nothing acknowledged is lost with the
process, and budgets hold over all of a run. What no longer reads as a database is set aside.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import astuple, fields
from pathlib import Path
from typing import TypeVar

from core.endpoint.answers import Answer, from_json, to_json
from core.endpoint.counters import Counters
from core.errors import CoreError

_Result = TypeVar("_Result")

_NAMES = [field.name for field in fields(Counters)]
_SCHEMA = f"""
create table if not exists answers (key text primary key, answers text not null) without rowid;
create table if not exists counters (id integer primary key check (id = 0),
    {", ".join(f"{name} real not null default 0" for name in _NAMES)});
insert or ignore into counters (id) values (0);
"""
_COUNT = f"update counters set {', '.join(f'{name} = {name} + ?' for name in _NAMES)}"

#: What SQLite says of a file that is damaged, or no database at all.
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class AnswerCache:
    """The answers of one run by the digest of their request; safe to use from several threads.

    `on_warning` hears of a damaged file. Raises CoreError where the file cannot be read or written.
    """

    def __init__(self, file: Path, on_warning: Callable[[str], None]) -> None:
        self.file = file
        self._on_warning = on_warning
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None
        self.counters = Counters()
        self._do(self._read_counters)

    def get(self, key: str) -> tuple[Answer, ...] | None:
        """The answers to a request that was asked before, which counts as one more of those."""
        found = self._do(lambda database: self._find(database, key))
        if found is not None:
            self.count(Counters(cached=1))
        return found

    def put(self, key: str, answers: tuple[Answer, ...], spent: Counters) -> None:
        """Keeps answers, and what they cost, in one transaction."""
        text = to_json(answers)

        def write(database: sqlite3.Connection) -> None:
            with database:
                database.execute("insert or replace into answers values (?, ?)", (key, text))
                database.execute(_COUNT, astuple(spent))

        self._do(write)
        self.counters += spent

    def count(self, spent: Counters) -> None:
        """Adds to the counters."""

        def write(database: sqlite3.Connection) -> None:
            with database:
                database.execute(_COUNT, astuple(spent))

        self._do(write)
        self.counters += spent

    def close(self) -> None:
        """Closes the file; the next use would open it again."""
        with self._lock:
            self._disconnect()

    def _do(self, act: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Acts on the open database; on a new one where the old turns out to be damaged."""
        with self._lock:
            try:
                try:
                    return act(self._connect())
                except sqlite3.DatabaseError as error:
                    if _primary_code(error) not in _DAMAGED:
                        raise
                    self._set_aside()
                    return act(self._connect())
            except (sqlite3.Error, OSError) as error:
                raise CoreError(
                    f"Cannot keep a server's answers in {self.file}: {error}."
                ) from None

    def _connect(self) -> sqlite3.Connection:
        if self._database is None:
            # Transactions are short, and only this process writes; the lock keeps threads apart.
            self._database = sqlite3.connect(self.file, timeout=10.0, check_same_thread=False)
            self._database.execute("pragma journal_mode = wal")
            self._database.execute("pragma synchronous = normal")
            self._database.executescript(_SCHEMA)
        return self._database

    def _disconnect(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    def _set_aside(self) -> None:
        self._disconnect()
        number = 1
        while (aside := self.file.with_name(f"{self.file.name}.damaged-{number}")).exists():
            number += 1
        self.file.replace(aside)
        for suffix in ("-wal", "-shm"):
            self.file.with_name(self.file.name + suffix).unlink(missing_ok=True)
        self.counters = Counters()
        self._on_warning(
            f"{self.file} is damaged: it was set aside as {aside.name}, answers in it are asked "
            "again, and the counters of requests and cost begin at 0."
        )

    def _read_counters(self, database: sqlite3.Connection) -> None:
        row = database.execute(f"select {', '.join(_NAMES)} from counters").fetchone()
        kinds = [type(getattr(Counters(), name)) for name in _NAMES]
        self.counters = Counters(*(kind(value) for kind, value in zip(kinds, row, strict=True)))

    def _find(self, database: sqlite3.Connection, key: str) -> tuple[Answer, ...] | None:
        row = database.execute("select answers from answers where key = ?", (key,)).fetchone()
        try:
            return from_json(row[0]) if row else None
        except (ValueError, TypeError):
            return None  # asked again, and then written anew


def _primary_code(error: sqlite3.DatabaseError) -> int:
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
