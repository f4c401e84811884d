"""Reads a workspace, in short transactions; a workspace that does not exist yet reads as empty.

numpy and the search are imported by what needs them: a screen lists the runs without.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

from storage.connection import connect_reader, explained, read_version
from storage.programs import ProgramDetail, ProgramRow, SampledText, preview, unpack_tokens
from storage.schema import (
    DELETED_KINDS,
    DeviceReading,
    EvaluationRecord,
    Event,
    Flag,
    FlagRecord,
    Progress,
    Run,
    TaskRecord,
    Telemetry,
    TestRecord,
    UpdateRecord,
    VerdictRecord,
)
from storage.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from storage.search import Found, OnFound, SearchIndex

__all__ = ["ProgramDetail", "ProgramRow", "Reader", "SampledText"]

_RUNS = f"""SELECT id, name, kind, config, model, host, isolation, at, detail
FROM runs LEFT JOIN progress ON run = id WHERE kind NOT IN {DELETED_KINDS}"""

#: Whoever writes where a run stands writes the moment, too.
_RUN_MARKS = f"""SELECT id, name, kind, ifnull(heartbeat, 0.0)
FROM runs LEFT JOIN progress ON run = id WHERE kind NOT IN {DELETED_KINDS} ORDER BY id DESC"""

_SAMPLES = """FROM samples s JOIN tasks t ON t.id = s.task JOIN sources c ON c.id = s.source
JOIN texts x ON x.id = s.program"""

_TOKENS = f"{_SAMPLES} LEFT JOIN tokens k ON k.id = s.id"

#: Seconds that a search may take to index what is new.
_FEED_S = 0.1

#: Most values in one IN (...): SQLite allows more, but a page or a minibatch needs no more.
_CHUNK = 500

#: No id is as large, and SQLite would not take it for one.
_TOO_LARGE = 1 << 63


class Reader:
    """One read-only connection, opened when the workspace exists; threads may share it."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._connection: sqlite3.Connection | None = None
        self._lock = threading.RLock()

    def close(self) -> None:
        """Closes the connection; the next question opens another."""
        if "_index" in vars(self):
            self._index.close()
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def runs(self, known: Sequence[Run] = ()) -> list[Run]:
        """All runs, newest first; those `known` that nobody has written since are taken from it."""
        if not known:
            return [_run(row) for row in self.query(f"{_RUNS} ORDER BY id DESC")]
        before = {(run.id, run.name, run.kind, _heartbeat(run)): run for run in known}
        with self.snapshot():
            marks = self.query(_RUN_MARKS)
            changed = self._by_id(f"{_RUNS} AND id", [row[0] for row in marks if row not in before])
        return [before.get(row) or _run(changed[row[0]]) for row in marks]

    def run(self, name: str) -> Run | None:
        """The run of a name, None where there is none."""
        rows = self.query(f"{_RUNS} AND name = ?", (name,))
        return _run(rows[0]) if rows else None

    def progress(self, run: int) -> Progress | None:
        """Where a run stands; None before its engine said so."""
        rows = self.query("SELECT detail FROM progress WHERE run = ?", (run,))
        return Progress(**json.loads(rows[0][0])) if rows else None

    def settings(self, run: int) -> list[tuple[str, Any]]:
        """The live settings that a run's engines have taken over, (key, value), oldest first."""
        rows = self.query(
            "SELECT argument FROM commands WHERE run = ? AND name = 'set' AND answer = 'set' "
            "ORDER BY id",
            (run,),
        )
        arguments = (json.loads(argument) for (argument,) in rows)
        return [(argument["key"], argument["value"]) for argument in arguments]

    def flags(self, run: int, flag: Flag, after: int = 0) -> list[FlagRecord]:
        """What was said of the programs of a run, oldest first, from the id after `after` on."""
        rows = self.query(
            "SELECT id, program, raised, update_number, at FROM flags "
            "WHERE run = ? AND flag = ? AND id > ? ORDER BY id",
            (run, flag, after),
        )
        return [FlagRecord(*[*row[:2], bool(row[2]), *row[3:]]) for row in rows]

    def stray(self, run: int, samples: Sequence[int]) -> list[int]:
        """Those of the samples that are not the run's."""
        mine = self._by_id(f"SELECT id FROM samples WHERE run = {int(run)} AND id", samples)
        return [sample for sample in samples if sample not in mine]

    def raised(self, run: int, program: int) -> dict[Flag, FlagRecord]:
        """What counts now of all that was said of a program of a run."""
        rows = self.query(
            "SELECT flag, max(id), program, raised, update_number, at FROM flags "
            "WHERE run = ? AND program = ? GROUP BY flag",
            (run, program),
        )
        return {
            flag: FlagRecord(number, program, True, *rest)
            for flag, number, program, raised, *rest in rows
            if raised
        }

    def answer(self, command: int) -> str | None:
        """What was done with a command; None where nothing was yet."""
        rows = self.query("SELECT answer FROM commands WHERE id = ?", (command,))
        return str(rows[0][0]) if rows and rows[0][0] is not None else None

    def evaluations(self, run: int) -> list[EvaluationRecord]:
        """The held-out measurements of a run, oldest first."""
        rows = self.query(
            "SELECT iteration, update_number, label, accuracy, pass_rate, tasks, seconds, at "
            "FROM evaluations WHERE run = ? ORDER BY id",
            (run,),
        )
        return [EvaluationRecord(*[*row[:5], json.loads(row[5]), *row[6:]]) for row in rows]

    def updates(self, run: int, after: int = 0) -> list[UpdateRecord]:
        """The updates of a run with a number above `after`, in order."""
        rows = self.query(
            "SELECT iteration, number, loss, grad_norm, n_tokens, seconds, draws, at "
            "FROM updates WHERE run = ? AND number > ? ORDER BY number",
            (run, after),
        )
        return [UpdateRecord(*[*row[:6], _draws(row[6]), row[7]]) for row in rows]

    def newest_draws(
        self, run: int, samples: NDArray[Any], last: int
    ) -> tuple[tuple[int, int], ...]:
        """Which of the last updates of a run drew one of the samples, and how often, newest first.

        Each is (update number, times). Draws are not indexed: `last` bounds what is read.
        """
        rows = self.query(
            "SELECT number, draws FROM updates WHERE run = ? ORDER BY number DESC LIMIT ?",
            (run, last),
        )
        if not rows:
            return ()
        import numpy as np

        drawn = np.isin(np.frombuffer(b"".join(blob for _, blob in rows), "<i8"), samples)
        update = np.repeat(np.arange(len(rows)), [len(blob) // 8 for _, blob in rows])
        times = np.bincount(update[drawn], minlength=len(rows))
        return tuple((rows[at][0], int(times[at])) for at in np.flatnonzero(times).tolist())

    def events(self, run: int, last: int = 200) -> list[Event]:
        """The newest lines of a run's log, oldest first."""
        rows = self.query(
            "SELECT level, message, at FROM events WHERE run = ? ORDER BY id DESC LIMIT ?",
            (run, last),
        )
        return [Event(*row) for row in reversed(rows)]

    def telemetry(self, run: int, last: int = 120) -> list[Telemetry]:
        """The newest readings of a run's machine, oldest first."""
        rows = self.query(
            "SELECT reading FROM telemetry WHERE run = ? ORDER BY id DESC LIMIT ?", (run, last)
        )
        return [telemetry_of(reading) for (reading,) in reversed(rows)]

    def rows(self, samples: Sequence[int] | NDArray[Any]) -> list[ProgramRow]:
        """A line for each of the samples, in their order; what is not stored is left out."""
        found = self._by_id(
            "SELECT s.id, s.program, t.task_id, s.iteration, s.rank, c.name, s.logprob, "
            f"s.n_tokens, x.text, t.prompt {_SAMPLES} WHERE s.id",
            samples,
        )
        rows = (found[sample] for sample in map(int, samples) if sample in found)
        return [ProgramRow(*[*row[:8], preview(*row[8:])]) for row in rows]

    def partial(self, programs: Iterable[int]) -> set[int]:
        """Which of the programs have a newest verdict for which tests were skipped."""
        # max() in SQLite takes the other columns from the row that holds it.
        sql = "SELECT program, partial, max(id) FROM verdicts WHERE program"
        found = self._by_id(sql, programs, tail="GROUP BY program")
        return {program for program, (_, partial, _) in found.items() if partial}

    def program(self, sample: int) -> ProgramDetail | None:
        """Everything about a sample; None where it is not stored."""
        with self.snapshot():
            rows = self.query(
                "SELECT s.id, s.run, s.iteration, s.rank, c.name, s.program, x.text, s.logprob, "
                "s.n_tokens, s.at, k.tokens, t.task_id, t.dataset, t.description, t.prompt, "
                f"t.difficulty, t.tests {_TOKENS} WHERE s.id = ?",
                (int(sample),),
            )
            if not rows:
                return None
            *head, blob, task_id, dataset, description, prompt, difficulty, tests = rows[0]
            shown = tuple((given, expected) for given, expected in json.loads(tests))
            task = TaskRecord(task_id, dataset, description, prompt, difficulty, shown)
            verdict = self._verdict(head[5])
            return ProgramDetail(*[*head, *unpack_tokens(blob), task, verdict])

    def tokens(self, samples: Sequence[int] | NDArray[Any]) -> list[SampledText]:
        """What the trainer needs of each of the samples, in their order, with repetition.

        Raises KeyError with the id of a sample that is not stored.
        """
        sql = f"SELECT s.id, t.task_id, c.name, x.text, k.tokens {_TOKENS} WHERE s.id"
        found = self._by_id(sql, samples)
        return [SampledText._make(found[sample]) for sample in map(int, samples)]

    def rescored(self, run: int, update_number: int) -> tuple[int, int]:
        """How many samples a run's student has scored after so many updates, and the last ever."""
        rows = self.query(
            "SELECT (SELECT count(*) FROM possibilities WHERE run = ?1 AND update_number = ?2), "
            "ifnull((SELECT sample FROM possibilities WHERE run = ?1 "
            "ORDER BY update_number DESC, id DESC LIMIT 1), 0)",
            (run, update_number),
        )
        return rows[0]

    def unjudged(self, run: int) -> list[tuple[int, str, str]]:
        """(program, task_id, text) of what a run sampled and has no pass rate of, oldest first."""
        return self.query(
            "SELECT x.id, t.task_id, x.text FROM texts x "
            "JOIN programs p ON p.id = x.id JOIN tasks t ON t.id = p.task "
            "WHERE x.id IN (SELECT program FROM samples WHERE run = ?) AND NOT EXISTS "
            "(SELECT 1 FROM verdicts v "
            "WHERE v.program = x.id AND v.run = ? AND v.pass_rate IS NOT NULL) ORDER BY x.id",
            (run, run),
        )

    def sampled_tasks(self, run: int, iteration: int) -> set[str]:
        """The task_ids that a run has sampled in an iteration; a task's programs come together."""
        rows = self.query(
            "SELECT task_id FROM tasks WHERE id IN "
            "(SELECT task FROM samples WHERE run = ? AND iteration = ?)",
            (run, iteration),
        )
        return {task_id for (task_id,) in rows}

    def search(
        self, words: str, known: Found | None = None, on_found: OnFound = lambda _: None
    ) -> Found:
        """What holds words one after another: see SearchIndex.find.

        Indexes what is new first, as far as that takes no time that a reader would notice.
        """
        import numpy as np

        from storage.search import Found

        if not self.workspace.exists:
            return Found(np.empty(0, np.int64), np.empty(0, np.int64))
        self._index.feed(_FEED_S)
        return self._index.find(words, known, on_found)

    def query(self, sql: str, arguments: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of one statement; none where the workspace does not exist yet."""
        with self._lock, explained(self.workspace.database):
            connection = self._connected()
            return connection.execute(sql, arguments).fetchall() if connection else []

    def numbers(self, sql: str, arguments: Sequence[object] = ()) -> NDArray[np.float64]:
        """All rows of a statement whose columns are numbers, (rows, columns) float64.

        Null has to be written as 9e999 (which reads as infinity): see `ifnull`.
        """
        import numpy as np

        with self._lock, explained(self.workspace.database):
            connection = self._connected()
            if connection is None:
                return np.empty((0, 1))
            cursor = connection.execute(sql, arguments)
            values = np.fromiter(chain.from_iterable(cursor), np.float64)
            return values.reshape(-1, len(cursor.description))

    def version(self) -> int:
        """Differs from what it was whenever another connection has written; 0: no workspace."""
        rows = self.query("PRAGMA data_version")
        return int(rows[0][0]) if rows else 0

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """What is read inside belongs to one moment; keep it short, it holds back the WAL."""
        with self._lock, explained(self.workspace.database):
            connection = self._connected()
            if connection is None or connection.in_transaction:
                yield
                return
            connection.execute("BEGIN")
            try:
                yield
            finally:
                connection.execute("COMMIT")

    @cached_property
    def _index(self) -> SearchIndex:
        from storage.search import SearchIndex

        return SearchIndex(self.workspace)

    def _connected(self) -> sqlite3.Connection | None:
        if self._connection is None and self.workspace.exists:
            # An empty database is a workspace that another process is just making.
            if read_version(self.workspace.database) == 0:
                return None
            self._connection = connect_reader(self.workspace.database)
        return self._connection

    def _by_id(self, sql: str, ids: Iterable[int], tail: str = "") -> dict[int, tuple[Any, ...]]:
        """Rows of `sql IN (ids) tail` by their first column."""
        wanted = sorted({int(number) for number in ids if number < _TOO_LARGE})
        found: dict[int, tuple[Any, ...]] = {}
        for begin in range(0, len(wanted), _CHUNK):
            chunk = wanted[begin : begin + _CHUNK]
            marks = ", ".join("?" * len(chunk))
            found.update((row[0], row) for row in self.query(f"{sql} IN ({marks}) {tail}", chunk))
        return found

    def _verdict(self, program: int) -> VerdictRecord | None:
        rows = self.query(
            "SELECT v.program, v.pass_rate, o.name, r.tests, v.path, v.seconds, v.partial "
            "FROM verdicts v JOIN outcomes o ON o.id = v.outcome JOIN reports r ON r.id = v.id "
            "WHERE v.program = ? ORDER BY v.id DESC LIMIT 1",
            (program,),
        )
        if not rows:
            return None
        number, pass_rate, outcome, tests, path, seconds, partial = rows[0]
        records = tuple(TestRecord(*test) for test in json.loads(tests))
        return VerdictRecord(number, pass_rate, outcome, records, path, seconds, bool(partial))


def _heartbeat(run: Run) -> float:
    return run.progress.heartbeat if run.progress else 0.0


def _run(row: tuple[Any, ...]) -> Run:
    *columns, detail = row
    return Run(*[*columns, Progress(**json.loads(detail)) if detail else None])


def _draws(blob: bytes) -> tuple[int, ...]:
    import numpy as np

    return tuple(np.frombuffer(blob, "<i8").tolist())


def telemetry_of(stored: str) -> Telemetry:
    """A reading of the machine from its JSON."""
    reading = json.loads(stored)
    devices = tuple(DeviceReading(**device) for device in reading.pop("devices"))
    cores = tuple(reading.pop("cores", ()))
    return Telemetry(devices=devices, cores=cores, **reading)
