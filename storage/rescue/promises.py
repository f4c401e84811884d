"""What the store promises beyond what SQLite can check, each as a question to a database."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from storage.rescue.shapes import JSON_COLUMNS
from storage.schema import SCHEMA_VERSION
from storage.texts import digest, next_digest

#: Rows between two reports of how far it is.
_STRIDE = 20_000

#: Programs that may share a digest by chance, and stand under the numbers that follow it.
_CHAIN = 8

#: A question whose answer is how many break a promise, and the sentence about them.
_COUNTED = (
    (
        "SELECT count(*) FROM programs WHERE id NOT IN (SELECT id FROM texts)",
        "{} of the programs have no text.",
    ),
    (
        "SELECT count(*) - count(DISTINCT digest) FROM programs",
        "{} of the programs have the digest of another one.",
    ),
    (
        "SELECT count(*) FROM samples s JOIN programs p ON p.id = s.program WHERE p.task <> s.task",
        "{} of the samples name another task than their program does.",
    ),
    (
        """SELECT ifnull(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM samples
        GROUP BY run, iteration, task, rank, source HAVING n > 1)""",
        "{} of the samples are doubles: of the same run, iteration, task, rank and source.",
    ),
    # Past the index, which may be what is wrong.
    (
        """SELECT ifnull(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM updates NOT INDEXED
        GROUP BY run, number HAVING n > 1)""",
        "{} of the updates are doubles: of the same run and number.",
    ),
    (
        """SELECT ifnull(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM evaluations NOT INDEXED
        GROUP BY run, label, iteration, update_number HAVING n > 1)""",
        "{} of the evaluations are doubles: of the same run, label, iteration and update.",
    ),
    # Read by position: see Columns.
    *(
        (
            f"SELECT ifnull(max(id), 0) - count(*) FROM {table}",
            f"{{}} of the numbers of {table} are missing, which count up without a gap.",
        )
        for table in ("tasks", "sources", "outcomes")
    ),
)


def broken_promises(
    connection: sqlite3.Connection, version: int, on_step: Callable[[str], None]
) -> Iterator[str]:
    """A sentence for each promise that does not hold; `on_step` hears what is looked at."""
    on_step("samples and programs")
    for question, sentence in _COUNTED:
        (count,) = connection.execute(question).fetchone()
        if count:
            yield sentence.format(f"{count:,}")
    on_step("draws")
    lost = _lost_draws(connection)
    if lost:
        yield f"{lost:,} of the updates drew samples that are not there."
    for table, column in sorted(JSON_COLUMNS):
        on_step(table)
        garbled = _garbled(connection, table, column)
        if garbled:
            yield f"{garbled:,} of the rows of {table} hold something else than JSON in {column}."
    yield from _broken_texts(connection, version, on_step)


def matches(stored: int, computed: int) -> bool:
    """Whether a digest can be that of a text, where others may have had the same before it."""
    for _ in range(_CHAIN):
        if stored == computed:
            return True
        computed = next_digest(computed)
    return False


def _garbled(connection: sqlite3.Connection, table: str, column: str) -> int:
    """How many rows hold no JSON where it belongs; SQLite's own test would refuse NaN."""
    count = 0
    for (text,) in connection.execute(f"SELECT {column} FROM {table}"):
        try:
            json.loads(text)
        except ValueError:
            count += 1
    return count


def _lost_draws(connection: sqlite3.Connection) -> int:
    """How many updates name samples that are not stored."""
    rows = connection.execute("SELECT id FROM samples")
    samples = np.fromiter((sample for (sample,) in rows), np.int64)
    return sum(
        not np.isin(np.frombuffer(draws, "<i8"), samples).all()
        for (draws,) in connection.execute("SELECT draws FROM updates")
    )


def _broken_texts(
    connection: sqlite3.Connection, version: int, on_step: Callable[[str], None]
) -> Iterator[str]:
    (total,) = connection.execute("SELECT count(*) FROM texts").fetchone()
    found = np.empty((total, 2), np.int64)  # (digest of what is stored, program)
    foreign = 0
    rows = connection.execute("SELECT id, task, digest, text FROM programs JOIN texts USING (id)")
    for place, (program, task, stored, text) in enumerate(rows):
        computed = digest(task, text)
        found[place] = computed, program
        foreign += not matches(stored, computed)
        if place % _STRIDE == 0:
            on_step(f"texts, {place:,} of {total:,}")
    if foreign and version == SCHEMA_VERSION:  # an older one has digests of another kind
        yield f"{foreign:,} of the texts are not what was stored: they do not fit their digests."
    doubles = _doubles(connection, found[: place + 1 if total else 0])
    if doubles:
        yield f"{doubles:,} of the texts are stored more than once for their task."


def _doubles(connection: sqlite3.Connection, found: NDArray[np.int64]) -> int:
    found = found[np.argsort(found[:, 0], kind="stable")]
    same = np.flatnonzero(found[1:, 0] == found[:-1, 0])
    sql = """SELECT count(*) FROM programs p JOIN texts t USING (id), programs q JOIN texts u
    ON u.id = q.id WHERE p.id = ? AND q.id = ? AND p.task = q.task AND t.text = u.text"""
    pairs = ((int(found[at, 1]), int(found[at + 1, 1])) for at in same)
    return sum(connection.execute(sql, pair).fetchone()[0] for pair in pairs)
