"""Copies what can still be read of a damaged workspace into a fresh one.

Rows keep their ids. A row that refers to one that is lost is left out, but a lost run, task, source
or outcome gets a stand-in named lost-ID, because a single broken page of theirs would else take
every program with it. Runs with programs of such a task cannot be resumed. A lost row of `programs`
is made anew from its text and a sample. The damaged workspace is only read.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import cast

import numpy as np

from storage.connection import connect_new, explained
from storage.errors import StorageError
from storage.rescue.promises import matches
from storage.rescue.run_folders import copied_bytes, copy_runs
from storage.rescue.shapes import Shape, fresh_shapes
from storage.rescue.survey import Row, Survey
from storage.schema import SCHEMA_VERSION
from storage.texts import digest, free_digest
from storage.workspace import Workspace

_CHUNK = 2_000

#: Rows that stand in for lost ones, so that what refers to them can stay.
_STAND_INS = {
    "runs": "INSERT INTO runs SELECT ?1, 'lost-' || ?1, 'salvaged', '', '', '', '', 0.0",
    "sources": "INSERT INTO sources SELECT ?1, 'lost-' || ?1",
    "outcomes": "INSERT INTO outcomes SELECT ?1, 'lost-' || ?1",
    "tasks": "INSERT INTO tasks SELECT ?1, 'lost-' || ?1, 'lost', '', '', NULL, '[]'",
}
_COUNTED_UP = ("tasks", "sources", "outcomes")  # without a gap: see Columns

#: The kind of a run that cannot be resumed any more.
_CLOSED = "salvaged"


@dataclass(slots=True)
class Salvaged:
    """What was copied, by table: rows, rows left out, stand-ins; `lost` is None where unknown.

    `rebuilt` counts rows of `programs` that were made anew, `trimmed` updates that drew samples
    which are lost and whose draws now lack those; `closed` are the runs that cannot be resumed
    because tasks of theirs are lost. `runs` are the run folders that were copied, without the files
    named in `unreadable`.
    """

    copied: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    lost: dict[str, int | None] = field(default_factory=dict)
    stand_ins: dict[str, int] = field(default_factory=dict)
    rebuilt: int = 0
    trimmed: int = 0
    closed: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


def salvage(
    damaged: Workspace, new: Workspace, on_step: Callable[[str], None] = lambda _: None
) -> Salvaged:
    """Fills a workspace that does not exist yet; it appears when it is whole.

    Raises StorageError where nothing can be read, an engine is at work, or the place will not do.
    """
    part = _prepare(damaged, new)
    salvaged = Salvaged()
    try:
        with Survey(damaged.database) as survey:
            if survey.pages.version > SCHEMA_VERSION:
                raise StorageError(
                    f"{damaged.database} was made by a newer btp-tui; salvage it with that one."
                )
            Workspace(part.path).create()
            _fill(survey, part, salvaged, on_step)
        if not any(salvaged.copied.values()):
            raise StorageError(f"Nothing in {damaged.database} can be read; nothing was made.")
        on_step("run folders")
        salvaged.runs, salvaged.unreadable = copy_runs(damaged, part)
        if new.path.exists():
            new.path.rmdir()
        part.path.rename(new.path)
    except OSError as error:
        raise _cannot_write(new, error) from error
    finally:
        shutil.rmtree(part.path, ignore_errors=True)
    return salvaged


def _prepare(damaged: Workspace, new: Workspace) -> Workspace:
    """The workspace beside the new one that is filled first; refuses what cannot go well."""
    if not damaged.exists:
        raise StorageError(f"There is no workspace in {damaged.path}; name one with --workspace.")
    source, target = damaged.path.resolve(), new.path.resolve()
    if target.is_relative_to(source):
        raise StorageError(f"{new.path} lies in the damaged workspace; choose another place.")
    if new.path.exists() and (not new.path.is_dir() or any(new.path.iterdir())):
        raise StorageError(f"{new.path} is not empty; name a folder that does not exist yet.")
    alive = damaged.engines_alive()
    if alive:
        raise StorageError(f"An engine is at work on {alive[0]}; stop it first, then try again.")
    part = Workspace(target.with_name(f"{target.name}.part"))
    if part.path.exists():
        raise StorageError(
            f"{part.path} was left by an attempt that was cut short; remove it, then try again."
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_write(new, error) from error
    needed = damaged.database.stat().st_size + copied_bytes(damaged, target.parent)
    room = shutil.disk_usage(target.parent).free
    if needed > room:
        raise StorageError(
            f"The disk of {target.parent} has {room:,} bytes of room and {needed:,} are needed; "
            "free some, or choose another place."
        )
    return part


def _cannot_write(new: Workspace, error: OSError) -> StorageError:
    return StorageError(f"Cannot write {new.path}: {error.strerror}; choose another place for it.")


def _fill(
    survey: Survey, new: Workspace, salvaged: Salvaged, on_step: Callable[[str], None]
) -> None:
    shapes = fresh_shapes(survey.pages.page_size)
    with explained(new.database), closing(connect_new(new.database)) as connection:
        # Until it is whole a kill leaves nothing anyway: see salvage().
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        for name in shapes:
            on_step(name)
            _copy(survey, name, shapes[name], connection)
        before = {name: _count(connection, name) for name in shapes}
        on_step("references")
        _drop_foreign_texts(connection)
        salvaged.rebuilt = _rebuild_programs(connection)
        _drop_danglers(connection, shapes)
        salvaged.copied = {name: _count(connection, name) for name in shapes}
        salvaged.left_out = {name: before[name] - count for name, count in salvaged.copied.items()}
        salvaged.left_out["programs"] += salvaged.rebuilt
        lost_tasks = _stand_in(connection, shapes, "tasks")
        salvaged.closed = _close_runs(connection, lost_tasks)
        salvaged.stand_ins = {
            name: len(_stand_in(connection, shapes, name)) for name in _STAND_INS if name != "tasks"
        }
        salvaged.stand_ins["tasks"] = len(lost_tasks)
        salvaged.trimmed = _trim_draws(connection)
        connection.execute("COMMIT")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA journal_mode = WAL")
    survey.share_ids()
    salvaged.lost = {name: tree.lost for name, tree in survey.trees.items()}


def _copy(survey: Survey, name: str, shape: Shape, connection: sqlite3.Connection) -> None:
    """Inserts the rows of a table; of doubles, which a lost page may hold, the first one counts."""
    if name not in survey.trees:
        return
    names = survey.trees[name].shape.names
    known = [place for place, column in enumerate(names) if column in shape.names]
    rows = survey.rows(name)
    for width, same in groupby(rows, key=len):  # rows from before a column was added are shorter
        columns = [names[place] for place in known if place < width]
        sql = (
            f"INSERT OR IGNORE INTO {name} ({', '.join(columns)}) "
            f"VALUES ({', '.join('?' * len(columns))})"
        )
        for some in _chunks(same):
            picked = [[row[place] for place in known if place < width] for row in some]
            connection.executemany(sql, picked)


def _chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while some := list(islice(iterator, _CHUNK)):
        yield some


def _drop_foreign_texts(connection: sqlite3.Connection) -> None:
    """Deletes texts that were overwritten; writes the digests of the others anew where needed."""
    connection.create_function("text_digest", 2, digest, deterministic=True)
    connection.create_function("fits", 2, matches, deterministic=True)
    joined = "programs p JOIN texts t USING (id)"
    fits = "fits(p.digest, text_digest(p.task, t.text))"
    good, total = connection.execute(f"SELECT total({fits}), count(*) FROM {joined}").fetchone()
    if 2 * good >= total:
        connection.execute(
            f"DELETE FROM texts WHERE id IN (SELECT p.id FROM {joined} WHERE NOT {fits})"
        )
        return
    # Nearly none fits: the workspace is older than the digests of this version.
    taken: set[int] = set()
    numbers = connection.execute(f"SELECT text_digest(p.task, t.text), p.id FROM {joined}")
    for some in _chunks(numbers):
        connection.executemany(
            "UPDATE programs SET digest = ? WHERE id = ?",
            [(free_digest(cast("int", number), taken), program) for number, program in some],
        )


def _rebuild_programs(connection: sqlite3.Connection) -> int:
    """Makes lost rows of programs whose text and a sample are there; returns how many."""
    return connection.execute(
        "INSERT INTO programs (id, task, digest) "
        "SELECT t.id, s.task, text_digest(s.task, t.text) FROM samples s "
        "JOIN texts t ON t.id = s.program "
        "WHERE t.id NOT IN (SELECT id FROM programs) GROUP BY t.id"
    ).rowcount


def _drop_danglers(connection: sqlite3.Connection, shapes: dict[str, Shape]) -> None:
    """Deletes what refers to lost rows, parents first, so that one pass is enough."""
    for name, shape in shapes.items():
        for column in shape.columns:
            parent = column.refers_to
            if parent is None or parent in _STAND_INS:
                continue
            key = shapes[parent].names[shapes[parent].key]
            connection.execute(
                f"DELETE FROM {name} WHERE {column.name} IS NOT NULL AND NOT EXISTS "
                f"(SELECT 1 FROM {parent} WHERE {parent}.{key} = {name}.{column.name})"
            )
        if name == "programs":  # a program without its text is nothing
            connection.execute("DELETE FROM programs WHERE id NOT IN (SELECT id FROM texts)")


def _stand_in(connection: sqlite3.Connection, shapes: dict[str, Shape], table: str) -> list[int]:
    """Adds rows for those that are missing and referred to, or counted over; returns their ids."""
    wanted: set[int] = set()
    for name, shape in shapes.items():
        for column in shape.columns:
            if column.refers_to == table:
                rows = connection.execute(f"SELECT DISTINCT {column.name} FROM {name}")
                wanted.update(number for (number,) in rows)
    there = {number for (number,) in connection.execute(f"SELECT id FROM {table}")}
    if table in _COUNTED_UP:
        wanted.update(range(1, max(wanted | there, default=0) + 1))
    missing = sorted(wanted - there)
    connection.executemany(_STAND_INS[table], [(number,) for number in missing])
    return missing


def _close_runs(connection: sqlite3.Connection, lost_tasks: list[int]) -> list[str]:
    """Marks training runs that sampled programs of a lost task; returns their names.

    Resumed, they would draw programs whose task nobody knows.
    """
    connection.execute("CREATE TEMP TABLE lost_tasks (id INTEGER PRIMARY KEY)")
    connection.executemany("INSERT INTO lost_tasks VALUES (?)", [(task,) for task in lost_tasks])
    rows = connection.execute(
        f"UPDATE runs SET kind = '{_CLOSED}' WHERE kind = 'train' AND id IN "
        "(SELECT run FROM samples WHERE task IN (SELECT id FROM lost_tasks)) RETURNING name"
    ).fetchall()
    return sorted(name for (name,) in rows)


def _trim_draws(connection: sqlite3.Connection) -> int:
    """Takes lost samples out of the draws: the mirror counts draws of samples that are there."""
    rows = connection.execute("SELECT id FROM samples")
    samples = np.fromiter((sample for (sample,) in rows), np.int64)
    trimmed = []
    for update, blob in connection.execute("SELECT id, draws FROM updates"):
        draws = np.frombuffer(blob, "<i8")
        there = np.isin(draws, samples)
        if not there.all():
            trimmed.append((draws[there].tobytes(), update))
    connection.executemany("UPDATE updates SET draws = ? WHERE id = ?", trimmed)
    return len(trimmed)


def _count(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
