"""Ids that are never given twice, though what had them may be deleted.

Mirrors, the search index and engines at work go on from the last id that they know: a row that came
under a number below it would never be seen.
"""

from __future__ import annotations

import sqlite3

from storage.schema import DELETED_KINDS

#: The tables; the row of a deleted run holds the highest id of each at that moment.
COUNTED = ("samples", "programs", "verdicts", "flags")

_FLOORS = {
    table: f"""SELECT max(ifnull((SELECT max(id) FROM {table}), 0), ifnull((SELECT
    max(json_extract(config, '$.{table}')) FROM runs WHERE kind IN {DELETED_KINDS}), 0))"""
    for table in COUNTED
}


def floor(connection: sqlite3.Connection, table: str) -> int:
    """The highest id that one of the tables holds or, where a run was deleted, once held."""
    (highest,) = connection.execute(_FLOORS[table]).fetchone()
    return int(highest)
