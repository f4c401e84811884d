"""Writes a workspace: each method is one transaction, and done again it changes nothing.

The engine writes results; the screen writes commands and nothing else. After `kill -9` everything
that a method returned from is there, once.
"""

from __future__ import annotations

import json
import platform
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, astuple, replace
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

import numpy as np

from storage.connection import connect_writer, explained, transaction
from storage.errors import StorageError
from storage.ids import floor
from storage.log_keeper import LogKeeper
from storage.samples import SampleStore
from storage.schema import (
    Command,
    EvaluationRecord,
    Flag,
    PossibilityRecord,
    Progress,
    SampleRecord,
    StoredSample,
    TaskRecord,
    Telemetry,
    UpdateRecord,
    VerdictRecord,
)
from storage.workspace import Workspace

_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")  # see Workspace.run_folder
_LONGEST_PREFIX = 80


Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def _patient(
    write: Callable[Concatenate[Writer, Arguments], Result],
) -> Callable[Concatenate[Writer, Arguments], Result]:
    """A write that is tried again for as long as `on_full` returns when there was no room."""

    @wraps(write)
    def patiently(writer: Writer, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        while True:
            try:
                return write(writer, *args, **kwargs)
            except StorageError as error:
                if not error.full or writer.on_full is None:
                    raise
                writer.on_full()

    return patiently


class Writer:
    """One connection that writes; its methods may be called from several threads.

    Where the disk is full, results wait for `on_full`, which returns when they may be tried again;
    without it they raise StorageError, as everything else does.
    """

    def __init__(self, workspace: Workspace, on_full: Callable[[], None] | None = None) -> None:
        self.workspace = workspace.open()
        self.on_full = on_full
        self._connection = connect_writer(workspace.database)
        self._lock = threading.RLock()
        self._samples = SampleStore(self._connection)
        self._log = LogKeeper(self._connection, workspace.database)

    def close(self) -> None:
        """Closes the connection."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def next_run_name(self, prefix: str) -> str:
        """The first free name of the form "demo-3"; what no name may hold is replaced."""
        prefix = _UNFIT.sub("-", prefix)[:_LONGEST_PREFIX].strip("._-") or "run"
        names = {name for (name,) in self._connection.execute("SELECT name FROM runs")}
        folder = self.workspace.run_folder(prefix).parent
        names.update(path.name for path in folder.glob("*"))
        numbers = (re.fullmatch(rf"{re.escape(prefix)}-(\d+)", name) for name in names)
        return f"{prefix}-{max((int(found[1]) for found in numbers if found), default=0) + 1}"

    def check_free(self, name: str) -> None:
        """Raises StorageError where there is a run of this name."""
        with self._lock, explained(self.workspace.database):
            found = self._connection.execute("SELECT 1 FROM runs WHERE name = ?", (name,))
            if found.fetchone():
                raise StorageError(
                    f"There is a run {name} already in {self.workspace.path}; "
                    "resume it, or choose another name."
                )

    def create_run(self, name: str, kind: str, config_toml: str, model: str, isolation: str) -> int:
        """Registers a run, makes its folder, and returns its id.

        Raises StorageError where the name is taken or would not do as the name of a folder.
        """
        self.workspace.run_folder(name).mkdir(parents=True, exist_ok=True)
        row = (name, kind, config_toml, model, platform.node(), isolation, time.time())
        with self._transaction() as connection:
            self.check_free(name)
            run = _insert(connection, "runs (name, kind, config, model, host, isolation, at)", row)
        self._samples.own(run)
        return run

    def add_tasks(self, tasks: Sequence[TaskRecord]) -> None:
        """Stores tasks; those that are stored stay as they are.

        Raises StorageError where a stored task has another prompt or other tests: verdicts on the
        one say nothing about the other.
        """
        rows = [(*astuple(task)[:-1], json.dumps(task.tests)) for task in tasks]
        with self._transaction() as connection:
            for row in rows:
                stored = connection.execute(
                    "SELECT prompt, tests FROM tasks WHERE task_id = ?", row[:1]
                ).fetchone()
                if stored is None:
                    _insert(
                        connection,
                        "tasks (task_id, dataset, description, prompt, difficulty, tests)",
                        row,
                    )
                elif stored != (row[3], row[5]):
                    raise StorageError(
                        f"The task {row[0]} is stored in {self.workspace.path} with another prompt "
                        "or other tests; nothing was changed. Choose another workspace."
                    )

    @_patient
    def add_samples(
        self, run: int, iteration: int, records: Sequence[SampleRecord]
    ) -> list[StoredSample]:
        """Stores sampled programs, each text of a task once, and says where each of them landed.

        A sample that an earlier process stored under the same (run, iteration, task, rank, source)
        is returned as it is. Raises StorageError where that one has another text, or a task is
        not stored.
        """
        with self._transaction():
            return self._samples.add(run, iteration, records)

    @_patient
    def add_verdicts(self, run: int, records: Sequence[VerdictRecord]) -> None:
        """Appends verdicts; of several on one program the newest counts."""
        with self._transaction():
            self._samples.judge(run, records)

    @_patient
    def add_possibilities(
        self, run: int, update_number: int, records: Sequence[PossibilityRecord]
    ) -> None:
        """Appends what a run's student says of stored samples; of several the newest counts."""
        now = time.time()
        rows = [(run, update_number, *astuple(record), now) for record in records]
        with self._transaction() as connection:
            connection.executemany(
                "INSERT INTO possibilities (run, update_number, sample, logprob, n_tokens, at) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                rows,
            )

    @_patient
    def add_update(self, run: int, update: UpdateRecord) -> None:
        """Appends an update of the trainer; one whose number is stored stays as it is."""
        *values, draws, at = astuple(update)
        row = (run, *values, np.array(draws, "<i8").tobytes(), at or time.time())
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO updates "
                "(run, iteration, number, loss, grad_norm, n_tokens, seconds, draws, at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run, number) DO NOTHING",
                row,
            )

    def rewind_updates(self, run: int, number: int) -> None:
        """Deletes the updates after `number`, and what was measured or said after them."""
        with self._transaction() as connection:
            deleted = connection.execute(
                "DELETE FROM updates WHERE run = ? AND number > ?", (run, number)
            ).rowcount
            deleted += connection.execute(
                "DELETE FROM possibilities WHERE run = ? AND update_number > ?", (run, number)
            ).rowcount
            deleted += connection.execute(
                "DELETE FROM evaluations WHERE run = ? AND update_number > ?", (run, number)
            ).rowcount
            if deleted:
                row = (run, number, time.time())
                connection.execute("INSERT INTO rewinds (run, number, at) VALUES (?, ?, ?)", row)

    @_patient
    def add_evaluation(self, run: int, evaluation: EvaluationRecord) -> None:
        """Appends a held-out measurement; the same one again stays as it is."""
        *values, tasks, seconds, at = astuple(evaluation)
        row = (run, *values, json.dumps(tasks), seconds, at or time.time())
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO evaluations "
                "(run, iteration, update_number, label, accuracy, pass_rate, tasks, seconds, at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (run, label, iteration, update_number) DO NOTHING",
                row,
            )

    def add_telemetry(self, run: int, telemetry: Telemetry) -> None:
        """Appends a reading of the machine."""
        at = telemetry.at or time.time()
        reading = json.dumps(asdict(replace(telemetry, at=at)))
        with self._transaction() as connection:
            _insert(connection, "telemetry (run, reading, at)", (run, reading, at))

    def add_event(self, run: int, level: str, message: str) -> None:
        """Appends a line to the engine's log; half a surrogate pair is written as an escape."""
        with self._transaction() as connection:
            text = message.encode(errors="backslashreplace").decode()
            row = (run, level, text, time.time())
            _insert(connection, "events (run, level, message, at)", row)

    def set_flag(
        self, run: int, flag: Flag, raised: bool, samples: Sequence[int], update_number: int = 0
    ) -> list[int]:
        """Says something of the texts of a run's samples, or takes it back; where it is said stays.

        It counts in the updates after `update_number`. Returns the programs it was new for. Raises
        StorageError, with nothing changed, where one of the samples is not the run's.
        """
        wanted = sorted(set(map(int, samples)))
        with self._transaction() as connection:
            rows = connection.execute(
                "SELECT s.program, (SELECT f.raised FROM flags f WHERE f.run = ?1 "
                "AND f.program = s.program AND f.flag = ?2 ORDER BY f.id DESC LIMIT 1) "
                "FROM json_each(?3) w JOIN samples s ON s.id = w.value WHERE s.run = ?1",
                (run, flag, json.dumps(wanted)),
            ).fetchall()
            if len(rows) != len(wanted):
                raise _foreign_sample(connection, run, wanted)
            programs = list(dict.fromkeys(text for text, said in rows if bool(said) != raised))
            first, now = floor(connection, "flags") + 1, time.time()
            connection.executemany(
                "INSERT INTO flags VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (number, run, program, flag, raised, update_number, now)
                    for number, program in enumerate(programs, first)
                ],
            )
        return programs

    def set_progress(self, run: int, progress: Progress) -> None:
        """Says where a run stands; the heartbeat is now."""
        progress = replace(progress, heartbeat=time.time())
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO progress (run, detail, heartbeat) VALUES (?, ?, ?) ON CONFLICT (run) "
                "DO UPDATE SET detail = excluded.detail, heartbeat = excluded.heartbeat",
                (run, json.dumps(asdict(progress)), progress.heartbeat),
            )

    def add_command(self, run: int, name: str, argument: dict[str, object]) -> int:
        """Asks something of the engine and returns the command's id; the screen's only write."""
        with self._transaction() as connection:
            row = (run, name, json.dumps(argument), time.time())
            return _insert(connection, "commands (run, name, argument, at)", row)

    def pending_commands(self, run: int) -> list[Command]:
        """The commands of a run that have no answer yet, oldest first."""
        with self._lock, explained(self.workspace.database):
            rows = self._connection.execute(
                "SELECT id, name, argument FROM commands "
                "WHERE run = ? AND handled_at IS NULL ORDER BY id",
                (run,),
            ).fetchall()
        return [Command(number, name, json.loads(argument)) for number, name, argument in rows]

    def answer_command(self, command: int, answer: str) -> None:
        """Notes what was done with a command; the first answer stays."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE commands SET handled_at = ?, answer = ? "
                "WHERE id = ? AND handled_at IS NULL",
                (time.time(), answer, command),
            )

    def lapse_commands(self, run: int) -> None:
        """Answers what still asks an engine that is gone to pause, to go on or to stop."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE commands SET handled_at = ?, answer = 'lapsed: that engine has ended' "
                "WHERE run = ? AND handled_at IS NULL AND name IN ('pause', 'resume', 'stop')",
                (time.time(), run),
            )

    @contextmanager
    def durable(self) -> Iterator[None]:
        """What is written inside, and all before it, is on the disk when its method returns."""
        with self._lock, explained(self.workspace.database):
            self._connection.execute("PRAGMA synchronous = FULL")
            try:
                yield
            finally:
                self._connection.execute("PRAGMA synchronous = NORMAL")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = self._connection
        with self._lock, explained(self.workspace.database):
            try:
                with transaction(connection):
                    yield connection
            except BaseException:
                self._samples.rolled_back()
                raise
            self._samples.committed()
            self._log.after_commit()


def _foreign_sample(
    connection: sqlite3.Connection, run: int, samples: Sequence[int]
) -> StorageError:
    """What is wrong with samples of which some are not the run's."""
    rows = connection.execute(
        "SELECT w.value, r.name FROM json_each(?) w LEFT JOIN samples s ON s.id = w.value "
        "LEFT JOIN runs r ON r.id = s.run WHERE s.run IS NOT ? LIMIT 1",
        (json.dumps(samples), run),
    )
    sample, owner = rows.fetchone()
    whose = f"belongs to the run {owner}" if owner else "is not stored"
    return StorageError(f"The program {sample} {whose}; nothing was changed.")


def _insert(connection: sqlite3.Connection, table: str, row: tuple[object, ...]) -> int:
    """Inserts a row into "table (column, ...)" and returns its id."""
    marks = ", ".join("?" * len(row))
    number = connection.execute(f"INSERT INTO {table} VALUES ({marks})", row).lastrowid
    assert number is not None
    return number
