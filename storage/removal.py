"""Deletes a run: all that only it needs, bit by bit.

To be deleted, a run first loses its name and its folder in one move (see storage.moves): then
nobody lists it, and it can only be deleted to the end, by the next process where one is killed.
Every further transaction leaves a sound store: no row ever refers to one that is not there.

What other processes hold in memory stays true. Ids are never given twice: the nameless row keeps
the highest ones of that moment. Texts that another run sampled stay, with the verdict that counts.
The search index may go on naming programs that are gone, which nobody finds in the store then.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from storage.connection import connect_writer, explained, transaction
from storage.ids import COUNTED, floor
from storage.moves import DELETED, folder_of, move_run
from storage.resting import needed_by, resting
from storage.schema import DELETED_KINDS
from storage.workspace import Workspace, folder_lock

#: Rows deleted in one transaction: a few milliseconds, so that an engine's writes hardly wait.
_BATCH = 500

#: Tables with a column `run` that nothing refers to; the first two name samples.
_OF_RUN = (
    *("possibilities", "updates", "evaluations", "flags"),
    *("telemetry", "events", "commands", "progress"),
)

OnStep = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Losses:
    """What deleting a run takes away: rows, and bytes of its folder.

    `programs` counts texts that no other run sampled. `needed_by` names runs whose configuration
    names a file in its folder.
    """

    samples: int
    programs: int
    updates: int
    evaluations: int
    folder_bytes: int
    needed_by: tuple[str, ...]


def losses(workspace: Workspace, name: str) -> Losses:
    """Counts what deleting a run would take away: one look at every sample."""
    with ExitStack() as stack:
        connection, run = resting(workspace, name, stack)
        uses = _Uses(connection, run)
        counts = [
            connection.execute(f"SELECT count(*) FROM {table} WHERE run = ?", (run,)).fetchone()[0]
            for table in ("updates", "evaluations")
        ]
        return Losses(
            samples=len(uses.samples),
            programs=int(np.count_nonzero((uses.mine > 0) & ~uses.others)),
            updates=counts[0],
            evaluations=counts[1],
            folder_bytes=_bytes_of(workspace.run_folder(name)),
            needed_by=needed_by(connection, name),
        )


def delete_run(workspace: Workspace, name: str, on_step: OnStep = lambda _: None) -> None:
    """Deletes a run, its rows and its folder; `on_step` hears what is done now.

    Raises StorageError where there is no such run or an engine is at work on it. Killed at any
    moment, it is either as it was or deleted to the end by `finish_deletions`.
    """
    with ExitStack() as stack:
        connection, run = resting(workspace, name, stack)

        def change() -> None:
            highest = {table: floor(connection, table) for table in COUNTED}
            connection.execute(
                "UPDATE runs SET name = ?, kind = ?, config = ?, model = '', isolation = '' "
                "WHERE id = ?",
                (f"{DELETED}{run}", DELETED_KINDS[0], json.dumps({"name": name, **highest}), run),
            )

        move_run(connection, workspace.path, run, (name, f"{DELETED}{run}"), change)
        _delete_to_the_end(connection, workspace, run, on_step)


def finish_deletions(workspace: Workspace, on_step: OnStep = lambda _: None) -> list[str]:
    """Deletes to the end what a killed process began to; returns the names the runs had.

    What another process is deleting at this moment is left to it.
    """
    finished = []
    workspace.open()
    with explained(workspace.database), closing(connect_writer(workspace.database)) as connection:
        sql = "SELECT id, json_extract(config, '$.name') FROM runs WHERE kind = ?"
        for run, name in connection.execute(sql, DELETED_KINDS[:1]).fetchall():
            folder = folder_of(workspace.path, f"{DELETED}{run}")
            with suppress(BlockingIOError), folder_lock(folder):
                _delete_to_the_end(connection, workspace, run, on_step)
                finished.append(name)
    return finished


class _Uses:
    """Which samples a run has, and by program how many of them, and whether other runs have any."""

    def __init__(self, connection: sqlite3.Connection, run: int) -> None:
        self._connection = connection
        self._run = run
        self._horizon = 0
        size = floor(connection, "programs") + 1
        self.samples = np.empty(0, np.int64)
        self.programs = np.empty(0, np.int64)
        self.mine = np.zeros(size, np.int64)
        self.others = np.zeros(size, bool)
        self.look()

    def look(self) -> None:
        """Takes in the samples stored since: another run's engine may use a text meanwhile."""
        cursor = self._connection.execute(
            "SELECT id, run, program FROM samples WHERE id > ? ORDER BY id", (self._horizon,)
        )
        while some := cursor.fetchmany(1 << 14):
            found = np.fromiter(chain.from_iterable(some), np.int64).reshape(-1, 3)
            self._horizon = int(found[-1, 0])
            missing = int(found[:, 2].max()) + 1 - len(self.mine)
            if missing > 0:
                self.mine = np.append(self.mine, np.zeros(missing, np.int64))
                self.others = np.append(self.others, np.zeros(missing, bool))
            own = found[:, 1] == self._run
            self.samples = np.append(self.samples, found[own, 0])
            self.programs = np.append(self.programs, found[own, 2])
            np.add.at(self.mine, found[own, 2], 1)
            self.others[found[~own, 2]] = True


def _delete_to_the_end(
    connection: sqlite3.Connection, workspace: Workspace, run: int, on_step: OnStep
) -> None:
    for table in _OF_RUN:
        on_step(table)
        _delete_rows(connection, table, run)
    on_step("programs")
    uses = _Uses(connection, run)
    for begin in range(0, len(uses.samples), _BATCH):
        on_step(f"programs, {begin:,} of {len(uses.samples):,}")
        part = slice(begin, begin + _BATCH)
        with transaction(connection):
            uses.look()
            _delete_samples(connection, run, uses, part)
    on_step("its folder")
    folder = folder_of(workspace.path, f"{DELETED}{run}")
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)
    with transaction(connection):
        connection.execute(
            "DELETE FROM rewinds WHERE run = ? AND id < (SELECT max(id) FROM rewinds)", (run,)
        )
        connection.execute("UPDATE runs SET kind = ? WHERE id = ?", (DELETED_KINDS[1], run))


def _delete_rows(connection: sqlite3.Connection, table: str, run: int) -> None:
    """Deletes a run's rows of a table; mirrors begin to count anew where they counted them."""
    key = "run" if table == "progress" else "id"
    sql = f"DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {table} WHERE run = ? LIMIT ?)"
    left = True
    while left:
        with transaction(connection):
            left = connection.execute(sql, (run, _BATCH)).rowcount > 0
            if left and table in _OF_RUN[:2]:
                row = (run, 0, time.time())
                connection.execute("INSERT INTO rewinds (run, number, at) VALUES (?, ?, ?)", row)


def _delete_samples(connection: sqlite3.Connection, run: int, uses: _Uses, part: slice) -> None:
    """Deletes some samples of a run, and the texts and verdicts that nothing needs without them."""
    samples, programs = uses.samples[part], uses.programs[part]
    np.subtract.at(uses.mine, programs, 1)
    touched = np.unique(programs)
    gone = touched[(uses.mine[touched] == 0) & ~uses.others[touched]]
    kept = touched[(uses.mine[touched] == 0) & uses.others[touched]]
    old = _verdicts(connection, gone)
    old += _replaced_verdicts(connection, run, kept)
    for table, ids in (
        ("tokens", samples),
        ("samples", samples),
        ("reports", old),
        ("verdicts", old),
        ("texts", gone),
        ("programs", gone),
    ):
        connection.executemany(f"DELETE FROM {table} WHERE id = ?", _each(ids))


def _verdicts(connection: sqlite3.Connection, programs: NDArray[np.int64]) -> list[int]:
    sql = "SELECT id FROM verdicts WHERE program = ?"
    return [row[0] for one in programs.tolist() for row in connection.execute(sql, (one,))]


def _replaced_verdicts(
    connection: sqlite3.Connection, run: int, programs: NDArray[np.int64]
) -> list[int]:
    """A run's verdicts on texts that stay, but for those that count: the newest of a text."""
    sql = """SELECT id FROM verdicts WHERE program = ?1 AND run = ?2
    AND id < (SELECT max(id) FROM verdicts WHERE program = ?1)"""
    return [row[0] for one in programs.tolist() for row in connection.execute(sql, (one, run))]


def _each(ids: Iterable[int] | NDArray[np.int64]) -> Iterator[tuple[int]]:
    return ((int(number),) for number in ids)


def _bytes_of(folder: Path) -> int:
    """Bytes that a folder takes; a file with several names counts once."""
    files = [file.lstat() for file in folder.rglob("*") if not file.is_dir()]
    return sum({(one.st_dev, one.st_ino): one.st_size for one in files}.values())
