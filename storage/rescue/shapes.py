"""What the tables of a database look like: enough to know a row of one when it is seen."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace

from storage.rescue.pages import Broken, Value

#: Columns that hold JSON: what is no JSON there was overwritten.
JSON_COLUMNS = {
    *(("tasks", "tests"), ("progress", "detail"), ("reports", "tests"), ("evaluations", "tasks")),
    *(("telemetry", "reading"), ("commands", "argument")),
}

#: Blobs of whole numbers, of so many bytes each.
_WIDTHS = {("tokens", "tokens"): 8, ("updates", "draws"): 8}

_PYTHON: dict[str, type | tuple[type, ...]] = {
    "INTEGER": int,
    "REAL": (int, float),  # SQLite stores 1.0 as 1
    "TEXT": str,
    "BLOB": bytes,
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `refers_to` is the table whose ids it holds, `optional` that it may be null."""

    name: str
    kind: str
    optional: bool
    has_default: bool
    refers_to: str | None


@dataclass(frozen=True, slots=True)
class Shape:
    """One table: its columns, which of them is the rowid, and the page where its tree begins."""

    name: str
    columns: tuple[Column, ...]
    key: int
    root: int

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its columns."""
        return tuple(column.name for column in self.columns)

    @property
    def has_json(self) -> bool:
        """Whether a column of it holds JSON."""
        return any((self.name, name) in JSON_COLUMNS for name in self.names)

    def row(self, rowid: int, values: Iterable[Value]) -> tuple[Value, ...]:
        """A row as it is stored, checked; raises Broken where it cannot be one of this table.

        A row that was stored before a column was added is shorter.
        """
        row = tuple(rowid if place == self.key else value for place, value in enumerate(values))
        absent = self.columns[len(row) :]
        if len(row) > len(self.columns) or not all(c.optional or c.has_default for c in absent):
            raise Broken
        for column, value in zip(self.columns, row, strict=False):
            self._check(column, value)
        return row

    def _check(self, column: Column, value: Value) -> None:
        place = (self.name, column.name)
        if value is None:
            if not column.optional:
                raise Broken
            return
        if not isinstance(value, _PYTHON[column.kind]):
            raise Broken
        if isinstance(value, bytes) and len(value) % _WIDTHS.get(place, 1):
            raise Broken
        if isinstance(value, str) and place in JSON_COLUMNS:
            try:
                json.loads(value)
            except ValueError:
                raise Broken from None


#: SQLite's own table of tables.
MASTER = Shape(
    "sqlite_master",
    (
        Column("type", "TEXT", False, False, None),
        Column("name", "TEXT", False, False, None),
        Column("tbl_name", "TEXT", False, False, None),
        Column("rootpage", "INTEGER", False, False, None),
        Column("sql", "TEXT", True, False, None),
    ),
    key=-1,
    root=1,
)


def fresh_shapes(page_size: int, vacuumed: bool = False) -> dict[str, Shape]:
    """The tables of a new workspace of the current version, parents before what refers to them.

    Their roots depend on the page size, and are others after a vacuum.
    """
    from sqlite_utils import Database

    from storage.migrations import MIGRATIONS

    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute(f"PRAGMA page_size = {page_size}")
        for step in MIGRATIONS:
            step(Database(connection))
        if vacuumed:
            connection.execute("VACUUM")
        return _shapes(connection)


def shape_of(sql: str, root: int) -> Shape:
    """The table that a statement creates; raises Broken where it creates none."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        try:
            connection.execute(sql)
        except (sqlite3.Error, ValueError):
            raise Broken from None
        shapes = list(_shapes(connection).values())
    if len(shapes) != 1:
        raise Broken
    return replace(shapes[0], root=root)


def _shapes(connection: sqlite3.Connection) -> dict[str, Shape]:
    tables = connection.execute(
        "SELECT name, rootpage FROM sqlite_master WHERE type = 'table' AND rootpage > 0"
    ).fetchall()
    return {name: _shape(connection, name, root) for name, root in tables}


def _shape(connection: sqlite3.Connection, table: str, root: int) -> Shape:
    references = {
        column: parent
        for _, _, parent, column, *_ in connection.execute(f"PRAGMA foreign_key_list({table})")
    }
    described = connection.execute(f"PRAGMA table_info({table})").fetchall()
    columns = tuple(
        Column(name, kind, not (required or key), default is not None, references.get(name))
        for _, name, kind, required, default, key in described
    )
    if not {column.kind for column in columns} <= set(_PYTHON):
        raise Broken
    key = next((place for place, *_, is_key in described if is_key), -1)
    return Shape(table, columns, key, root)
