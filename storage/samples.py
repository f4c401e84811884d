"""The hot path of the store: samples with their texts and tokens, and the verdicts on them."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import astuple

from storage.errors import StorageError
from storage.ids import floor
from storage.schema import SampleRecord, StoredSample, VerdictRecord
from storage.texts import Texts, digest, next_digest

COLUMNS = {
    "programs": ("id", "task", "digest"),
    "texts": ("id", "text"),
    "samples": (
        *("id", "run", "iteration", "task", "rank", "source", "program"),
        *("logprob", "n_tokens", "at"),
    ),
    "tokens": ("id", "tokens"),
    "verdicts": (
        *("id", "program", "run", "pass_rate", "outcome"),
        *("path", "seconds", "at", "partial"),
    ),
    "reports": ("id", "tests"),
}

#: What makes a sample the same one again: (task, rank, source).
_Key = tuple[int, int, int]


class SampleStore:
    """Inserts inside a transaction that the Writer holds, which keeps every other writer out.

    What it remembers of the database (names, digests, which programs the run has judged) is
    extended by cursor at the begin of each call, so that other engines on the workspace are heard
    of. Only verdicts of the same run spare a test: another run may have tested under other limits.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._texts = Texts()
        self._new: dict[int, int] = {}  # programs of the open transaction by digest
        self._judged = bytearray(1)  # by program: whether _judging knows its pass rate
        self._judging = 0  # the run
        self._last_verdict = 0
        self._own_runs: set[int] = set()
        self._earlier: dict[tuple[int, int], dict[_Key, tuple[int, int]]] = {}
        self._ids: dict[str, dict[str, int]] = {"tasks": {}, "sources": {}, "outcomes": {}}

    def own(self, run: int) -> None:
        """Notes a run that this process began: no earlier process can have stored its samples."""
        self._own_runs.add(run)

    def committed(self) -> None:
        """What was inserted is stored."""
        if self._new:
            self._texts.add(self._new)
            self._new = {}

    def rolled_back(self) -> None:
        """What was inserted is gone: forget the digests and names that came with it."""
        self._new = {}
        self._ids = {name: {} for name in self._ids}

    def add(self, run: int, iteration: int, records: Sequence[SampleRecord]) -> list[StoredSample]:
        """See Writer.add_samples."""
        self._hear_verdicts(run)
        tasks = [self._id("tasks", record.task_id) for record in records]
        programs = self._place(tasks, records)
        earlier = self._earlier_samples(run, iteration)
        sample = floor(self._connection, "samples")
        now = time.time()
        judged = self._judged
        samples: list[tuple[object, ...]] = []
        tokens: list[tuple[object, ...]] = []
        stored: list[StoredSample] = []
        for record, task, program in zip(records, tasks, programs, strict=True):
            source = self._id("sources", record.source)
            known = program < len(judged) and bool(judged[program])
            same = earlier.get((task, record.rank, source)) if earlier else None
            if same is not None:
                _expect_same_text(run, iteration, record, same[1] == program)
                stored.append(StoredSample(same[0], program, known))
                continue
            sample += 1
            key = (sample, run, iteration, task, record.rank, source, program)
            samples.append((*key, record.logprob, record.n_tokens, now))
            if record.tokens is not None:
                tokens.append((sample, record.tokens))
            stored.append(StoredSample(sample, program, known))
        self._insert("samples", samples)
        self._insert("tokens", tokens)
        return stored

    def judge(self, run: int, records: Sequence[VerdictRecord]) -> None:
        """See Writer.add_verdicts."""
        first = floor(self._connection, "verdicts") + 1
        now = time.time()
        verdicts: list[tuple[object, ...]] = []
        reports: list[tuple[object, ...]] = []
        for number, record in enumerate(records, first):
            outcome = self._id("outcomes", record.outcome)
            key = (number, record.program, run, record.pass_rate, outcome)
            verdicts.append((*key, record.path, record.seconds, now, record.partial))
            tests = [astuple(test) for test in record.tests]
            # As ASCII: what a program printed may hold half a surrogate pair, which is no text.
            reports.append((number, json.dumps(tests)))
        self._insert("verdicts", verdicts)
        self._insert("reports", reports)

    def _place(self, tasks: Sequence[int], records: Sequence[SampleRecord]) -> list[int]:
        """Finds or makes the program of each record."""
        self._texts.extend(self._connection)
        digests = _digests(tasks, records)
        stored, new = self._texts.find(digests), self._new
        first = max(self._texts.last, floor(self._connection, "programs")) + 1
        added: list[tuple[int, int, int]] = []  # (program, task, digest)
        texts: list[tuple[int, str]] = []
        placed: list[int] = []
        for record, task, number in zip(records, tasks, digests, strict=True):
            program = new.get(number) or stored.get(number)
            while program is not None:
                text = self._text(program, first, texts)
                if text is None:  # deleted since: its digest is free again
                    program = None
                elif text == record.text:
                    break
                else:
                    number = next_digest(number)
                    program = new.get(number) or self._texts.find([number]).get(number)
            if program is None:
                program = new[number] = first + len(added)
                added.append((program, task, number))
                texts.append((program, record.text))
            placed.append(program)
        self._insert("programs", added)
        self._insert("texts", texts)
        return placed

    def _text(self, program: int, first: int, texts: Sequence[tuple[int, str]]) -> str | None:
        """The text of a stored program, or of one that is added now, `first` and those after it."""
        if program >= first:
            return texts[program - first][1]
        row = self._connection.execute("SELECT text FROM texts WHERE id = ?", (program,)).fetchone()
        return row[0] if row else None

    def _earlier_samples(self, run: int, iteration: int) -> dict[_Key, tuple[int, int]]:
        """(sample, program) of what earlier processes stored under a run's iteration, by key."""
        if run in self._own_runs:
            return {}
        if (run, iteration) not in self._earlier:
            rows = self._connection.execute(
                "SELECT task, rank, source, id, program FROM samples "
                "WHERE run = ? AND iteration = ?",
                (run, iteration),
            )
            self._earlier = {(run, iteration): {tuple(row[:3]): tuple(row[3:]) for row in rows}}
        return self._earlier[run, iteration]

    def _hear_verdicts(self, run: int) -> None:
        if run != self._judging:
            self._judging, self._judged, self._last_verdict = run, bytearray(1), 0
        rows = self._connection.execute(
            "SELECT id, program, run = ? AND pass_rate IS NOT NULL FROM verdicts WHERE id > ? "
            "ORDER BY id",
            (run, self._last_verdict),
        )
        for verdict, program, conclusive in rows:
            self._last_verdict = verdict
            if program >= len(self._judged):
                self._judged.extend(bytes(program))  # doubles
            self._judged[program] |= conclusive

    def _id(self, table: str, name: str) -> int:
        """The id of a task, source or outcome; sources and outcomes are added when new."""
        known = self._ids[table].get(name)
        if known is None:
            known = self._ids[table][name] = self._find_or_add(table, name)
        return known

    def _find_or_add(self, table: str, name: str) -> int:
        column = "task_id" if table == "tasks" else "name"
        found = self._connection.execute(f"SELECT id FROM {table} WHERE {column} = ?", (name,))
        row = found.fetchone()
        if row is not None:
            return int(row[0])
        if table == "tasks":
            raise StorageError(
                f"Task {name!r} is not in the workspace; store it before its programs."
            )
        added = self._connection.execute(
            f"INSERT INTO {table} (name) VALUES (?)", (name,)
        ).lastrowid
        assert added is not None
        return added

    def _insert(self, table: str, rows: Sequence[tuple[object, ...]]) -> None:
        columns = COLUMNS[table]
        marks = ", ".join("?" * len(columns))
        self._connection.executemany(
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows
        )


def _digests(tasks: Sequence[int], records: Sequence[SampleRecord]) -> list[int]:
    found: list[int] = []
    try:
        for task, record in zip(tasks, records, strict=True):
            found.append(digest(task, record.text))
    except UnicodeEncodeError as error:
        raise StorageError(
            f"A program of {records[len(found)].task_id} holds half a surrogate pair (character "
            f"{error.start + 1}), which is no text; mend or leave out this program."
        ) from error
    return found


def _expect_same_text(run: int, iteration: int, record: SampleRecord, same: bool) -> None:
    if not same:
        raise StorageError(
            f"Run {run} holds another program of {record.task_id} under iteration {iteration}, "
            f"rank {record.rank}, source {record.source!r}; stored samples are never replaced."
        )
