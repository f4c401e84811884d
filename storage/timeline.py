"""What a run's time brought, read in steps: readings of the machine, updates, commands.

A long run is read once and thinly; after that, only what is new.
"""

from __future__ import annotations

from storage.reader import Reader, telemetry_of
from storage.schema import Telemetry, UpdateFigures

#: Of a first look at a long run, how many rows are read in full, and how many of those before.
_NEWEST, _BEFORE = 700, 1000


def readings_after(reader: Reader, run: int, after: int) -> tuple[list[Telemetry], int]:
    """The readings of a run's machine with an id above `after`, oldest first, and the last id.

    Where there are many, the newest ones and some of those before.
    """
    bounds = "SELECT count(*), max(id) FROM telemetry WHERE run = ? AND id > ?"
    rows = reader.query(bounds, (run, after))
    if not rows or not rows[0][0]:
        return [], after
    count, last = rows[0]
    step = max(1, (count - _NEWEST) // _BEFORE)
    full = _from(reader, "telemetry", "id", run, after)
    wanted = (
        "SELECT reading FROM telemetry WHERE run = ? AND id > ? AND id <= ? "
        "AND (id >= ? OR id % ? = 0) ORDER BY id"
    )
    found = reader.query(wanted, (run, after, last, full, step))
    return [telemetry_of(reading) for (reading,) in found], last


def updates_from(reader: Reader, run: int, first: int) -> list[UpdateFigures]:
    """The updates of a run with a number of `first` or more, in order.

    Where there are many, the newest ones and some of those before.
    """
    counted = "SELECT count(*) FROM updates WHERE run = ? AND number >= ?"
    rows = reader.query(counted, (run, first))
    if not rows or not rows[0][0]:
        return []
    step = max(1, (rows[0][0] - _NEWEST) // _BEFORE)
    full = _from(reader, "updates", "number", run, first - 1)
    found = reader.query(
        "SELECT number, loss, grad_norm, at FROM updates WHERE run = ? AND number >= ? "
        "AND (number >= ? OR number % ? = 0) ORDER BY number",
        (run, first, full, step),
    )
    return [UpdateFigures(*row) for row in found]


def waiting_commands(reader: Reader, run: int) -> tuple[str, ...]:
    """The names of the commands that the engine of a run has not answered yet, oldest first."""
    asked = "SELECT name FROM commands WHERE run = ? AND handled_at IS NULL ORDER BY id"
    return tuple(name for (name,) in reader.query(asked, (run,)))


def last_refusal(reader: Reader, run: int) -> str:
    """What the engine said to the newest knob that it was asked to turn; nothing where it did."""
    rows = reader.query(
        "SELECT answer FROM commands WHERE run = ? AND name = 'set' AND handled_at IS NOT NULL "
        "ORDER BY id DESC LIMIT 1",
        (run,),
    )
    return "" if not rows or rows[0][0] == "set" else str(rows[0][0])


def _from(reader: Reader, table: str, column: str, run: int, after: int) -> int:
    """The first of the newest rows that are read in full."""
    rows = reader.query(
        f"SELECT {column} FROM {table} WHERE run = ? AND {column} > ? "
        f"ORDER BY {column} DESC LIMIT 1 OFFSET ?",
        (run, after, _NEWEST - 1),
    )
    return int(rows[0][0]) if rows else after + 1
