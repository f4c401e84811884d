"""Keeps the log short against readers that never pause.

SQLite moves the log to the database when it is long enough, but begins it anew only at a moment
when nobody reads: a reader that polls without a pause makes it grow for ever.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path

from storage.connection import BUSY_TIMEOUT_S, LOG_BYTES, log_of

#: How many times its usual length the log may have before readers are waited for.
_PATIENCE = 2

#: Seconds that they are waited for: longer than any read of a screen.
_WAIT_S = 2.0


class LogKeeper:
    """Asked after each commit; costs the size of a file where nothing is to do."""

    def __init__(self, connection: sqlite3.Connection, database: Path) -> None:
        self._connection = connection
        self._log = log_of(database)
        self._next = _PATIENCE * LOG_BYTES

    def after_commit(self) -> None:
        """Waits for a moment without readers where the log is too long, and begins it anew."""
        if not self._log.exists() or (size := self._log.stat().st_size) <= self._next:
            return
        moved = False
        with suppress(sqlite3.Error):  # a log that stays long is no failure of what was stored
            moved = self._restart()
        # A reader that keeps its snapshot must not hold up every commit.
        self._next = _PATIENCE * LOG_BYTES if moved else size + LOG_BYTES

    def _restart(self) -> bool:
        connection = self._connection
        connection.execute(f"PRAGMA busy_timeout = {_WAIT_S * 1000:.0f}")
        try:
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
        finally:
            connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_S * 1000:.0f}")
        return not busy
