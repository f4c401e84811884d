"""Whether a database is sound: by SQLite's own checks, and by what the store promises.

Nothing is written. Where SQLite finds damage, the rows that can still be read are counted.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from storage.connection import explained, log_of, schema_version
from storage.errors import StorageError
from storage.rescue.log import read_log
from storage.rescue.promises import broken_promises
from storage.rescue.survey import Survey

#: Lines of SQLite's own words that are kept; the first few say as much as all of them.
_SHOWN = 20

#: By which a database whose header is destroyed is known as a workspace.
_TABLES = {"runs", "programs", "texts", "samples", "verdicts"}


@dataclass(frozen=True, slots=True)
class TableState:
    """How many rows of a table can be read, and about how many are lost (None: nobody knows)."""

    name: str
    readable: int
    lost: int | None


@dataclass(slots=True)
class Checkup:
    """What a check came to; `sizes` are bytes of the database and its log.

    `tables` is empty where SQLite can read everything; `said` are its own words about the damage.
    """

    database: Path
    database_bytes: int = 0
    log_bytes: int = 0
    problems: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    tables: list[TableState] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not self.problems

    @property
    def damaged(self) -> bool:
        """Whether the file itself is broken, rather than what is written in it."""
        return bool(self.tables)

    @property
    def rows_lost(self) -> int:
        """About how many rows are lost, as far as it can be known."""
        return sum(table.lost or 0 for table in self.tables)


def check(database: Path, on_step: Callable[[str], None] = lambda _: None) -> Checkup:
    """Checks a database; `on_step` hears what is looked at now.

    Raises StorageError where it is not one of ours, or of a newer version.
    """
    checkup = Checkup(database, database.stat().st_size)
    at_rest = not log_of(database).exists()
    on_step("the log")
    log = read_log(database)
    if log.problem:  # a writer may have begun it anew in the middle of the read
        log = read_log(database)
    checkup.log_bytes = log.size
    if log.problem:
        checkup.problems.append(log.problem)
    try:
        _ask_sqlite(checkup, on_step)
    except sqlite3.DatabaseError as error:
        if not _is_damage(error):
            with explained(database):
                raise
        checkup.said.append(str(error))
    if at_rest and (checkup.said or checkup.problems) and log_of(database).exists():
        return check(database, on_step)  # a writer came, and what was read belongs to no one moment
    if checkup.said:
        on_step("the rows that can be read")
        _count_rows(checkup)
    return checkup


def _connect_to_look(database: Path) -> sqlite3.Connection:
    """A connection that leaves no trace: SQLite would leave files behind where no log lies yet."""
    mode = "ro" if log_of(database).exists() else "ro&immutable=1"
    address = f"{database.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)


def _is_damage(error: sqlite3.Error) -> bool:
    """Whether an error says that the file is broken."""
    name = getattr(error, "sqlite_errorname", "")
    # Garbage where a text should be is found by the sqlite3 module, which has no name for it.
    garbled = isinstance(error, sqlite3.OperationalError) and "decode to UTF-8" in str(error)
    return garbled or name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_IOERR_SHORT"))


def _ask_sqlite(checkup: Checkup, on_step: Callable[[str], None]) -> None:
    with closing(_connect_to_look(checkup.database)) as connection:
        version = schema_version(connection, checkup.database)
        if not version:
            raise StorageError(
                f"{checkup.database} holds no tables; nothing was ever stored in it, or it was "
                "emptied. Choose another workspace with --workspace."
            )
        on_step("pages and indexes")
        lines = [line for (line,) in connection.execute(f"PRAGMA integrity_check({_SHOWN})")]
        checkup.said += [] if lines == ["ok"] else lines
        if not checkup.said:
            _read_names(connection)
            checkup.problems += _dangling(connection, on_step)
            checkup.problems += broken_promises(connection, version, on_step)


def _read_names(connection: sqlite3.Connection) -> None:
    """Reads the small tables whole: what is no text is found by reading it, and not before."""
    for table in ("runs", "tasks", "sources", "outcomes", "events"):
        for _ in connection.execute(f"SELECT * FROM {table}"):
            pass


def _dangling(connection: sqlite3.Connection, on_step: Callable[[str], None]) -> Iterator[str]:
    on_step("references")
    sql = """SELECT "table", parent, count(*) FROM pragma_foreign_key_check
    GROUP BY "table", parent ORDER BY 1, 2"""
    for table, parent, count in connection.execute(sql):
        yield f"{count:,} {_rows(count)} of {table} refer to {parent} that are not there."


def _count_rows(checkup: Checkup) -> None:
    with Survey(checkup.database) as survey:
        if not _TABLES & set(survey.trees) - set(survey.names_lost) and not _any_leaf(survey):
            raise StorageError(
                f"{checkup.database} is not a SQLite database, and nothing in it looks like a "
                "workspace; it was not touched. Choose another one with --workspace."
            )
        survey.count()
        checkup.tables = [
            TableState(name, tree.readable, tree.lost) for name, tree in survey.trees.items()
        ]
        header = survey.pages.has_header
    checkup.problems.append(_damage(checkup, header))


def _any_leaf(survey: Survey) -> bool:
    return any(tree.leaves or tree.strays for tree in survey.trees.values())


def _damage(checkup: Checkup, has_header: bool) -> str:
    """The damage in a sentence."""
    what = "The file is damaged" if has_header else "The header of the file is destroyed"
    unknown = [table.name for table in checkup.tables if table.lost is None]
    lost = checkup.rows_lost
    readable = sum(table.readable for table in checkup.tables)
    if not lost and not unknown:
        return f"{what}, but no row is lost: all {readable:,} can be read."
    also = f", not counting {', '.join(unknown)}, of which nothing is known" if unknown else ""
    return f"{what}: {readable:,} rows can be read, about {lost:,} are lost{also}."


def _rows(count: int) -> str:
    return "row" if count == 1 else "rows"
