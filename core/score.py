"""Runs existing programs against a dataset's tests, stores both, and says how many pass.

The file of programs is read twice, a line at a time: first all of it is checked, so that nothing
is written for a file with a broken line, then its programs stream through the executor: no more
than a batch and what is running is held in memory.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TextIO

from core.config import toml_value
from core.errors import CoreError
from core.executor import Executor
from core.records import task_record, verdict_record
from core.reporter import Reporter, Totals
from core.submissions import Submission, read_submissions, tasks_by_any_id
from core.tasks import Task, Verdict
from core.tasks.load import load_tasks
from storage.schema import Progress, VerdictRecord
from storage.workspace import Workspace
from storage.writer import Writer

#: Programs and verdicts stored in one transaction.
BATCH = 256


def score(
    tasks: str,
    programs: Path,
    workspace: Workspace,
    executor: Executor,
    out: Path | None = None,
    on_progress: Callable[[int, int], None] = lambda *_: None,
) -> dict[str, object]:
    """Runs every program of the file `programs` against the dataset `tasks` ("humaneval:PATH").

    Stores them as a run of kind "score"; `out` gets a JSON line a program, in the file's order,
    and appears only when all of them are done. `on_progress` hears (done, total) programs. Raises
    CoreError or StorageError before anything is written where an input is wrong.

    Returns run, tasks (those with programs), programs, passed, inconclusive, pass_rate (mean of
    the known ones), seconds, isolation, and paths: programs by how they were judged (stdin, split,
    other).
    """
    started = time.monotonic()
    known = tasks_by_any_id(load_tasks(tasks))
    used, total = _check(programs, known)
    tally = _Tally()
    with ExitStack() as stack:
        lines = stack.enter_context(_written_beside(out)) if out else None
        writer = stack.enter_context(Writer(workspace.create()))
        name = writer.next_run_name("score")
        stack.enter_context(workspace.engine_lock(name))
        named = {"tasks": tasks, "programs": str(programs)}
        config = "".join(f"{key} = {toml_value(value)}\n" for key, value in named.items())
        run = writer.create_run(name, "score", config, "", str(executor.isolation))
        reporter = stack.enter_context(_reported(workspace, run, executor, total))
        writer.add_tasks([task_record(task) for task in used])
        scoring = _Scoring(run, writer, executor, _OrderedLines(lines, out))
        for verdict in scoring.judge(read_submissions(programs, known)):
            tally.add(verdict)
            reporter.set(tested=tally.done, programs=tally.done)
            on_progress(tally.done, total)
    return {
        "run": name,
        "tasks": len(used),
        **tally.summary(),
        "seconds": time.monotonic() - started,
        "isolation": str(executor.isolation),
        "paths": {path: tally.paths[path] for path in ("stdin", "split", "other")},
    }


def _check(programs: Path, known: dict[str, Task]) -> tuple[Sequence[Task], int]:
    """The tasks that the file has programs for, and the number of its programs."""
    used: dict[str, Task] = {}
    total = 0
    for submission in read_submissions(programs, known):
        used[submission.task.task_id] = submission.task
        total += 1
    if not total:
        raise CoreError(f"{programs} holds no programs; expected one JSON object a line.")
    return list(used.values()), total


@contextmanager
def _reported(workspace: Workspace, run: int, executor: Executor, total: int) -> Iterator[Reporter]:
    """Keeps the run's progress in the store current while inside; says how it ended."""
    progress = Progress(state="running", phase="test", test_total=total)
    with Reporter(workspace, run, progress, lambda: Totals(tests=executor.tests_run)) as reporter:
        state = "failed"
        try:
            yield reporter
            state = "finished"
        except KeyboardInterrupt:
            state = "stopped"
            raise
        finally:
            reporter.set(state=state, phase="done")


@contextmanager
def _written_beside(path: Path) -> Iterator[TextIO]:
    """A file that takes its place only when all of it is written; raises CoreError."""
    if path.is_dir():
        raise CoreError(f"Cannot write {path}: it is a folder; name a file.")
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    with _writing(path):
        file = beside.open("w", encoding="utf-8")
    try:
        yield file
        with _writing(path):
            file.close()
            beside.replace(path)
    finally:
        with _writing(path):
            file.close()
            beside.unlink(missing_ok=True)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CoreError(f"Cannot write {path}: {error.strerror or error}.") from error


@dataclass(slots=True)
class _Tally:
    """What the verdicts so far add up to."""

    done: int = 0
    passed: int = 0
    inconclusive: int = 0
    rates: float = 0.0
    paths: Counter[str] = field(default_factory=Counter)

    def add(self, verdict: Verdict) -> None:
        self.done += 1
        self.passed += verdict.passed
        self.inconclusive += verdict.pass_rate is None
        self.rates += verdict.pass_rate or 0.0
        self.paths[verdict.path] += 1

    def summary(self) -> dict[str, object]:
        conclusive = self.done - self.inconclusive
        return {
            "programs": self.done,
            "passed": self.passed,
            "inconclusive": self.inconclusive,
            "pass_rate": self.rates / conclusive if conclusive else 0.0,
        }


class _OrderedLines:
    """Writes the results in the order of the file, though they come as they finish."""

    def __init__(self, file: TextIO | None, path: Path | None) -> None:
        self._file = file
        self._path = path
        self._waiting: dict[int, str] = {}
        self._next = 0

    def add(self, position: int, submission: Submission, verdict: Verdict) -> None:
        if self._file is None or self._path is None:
            return
        result = {
            "task_id": submission.identifier,
            "index": submission.index,
            "passed": verdict.passed,
            "pass_rate": verdict.pass_rate,
            "outcome": str(verdict.outcome),
        }
        self._waiting[position] = json.dumps(result, ensure_ascii=False)
        while self._next in self._waiting:
            with _writing(self._path):
                self._file.write(self._waiting.pop(self._next) + "\n")
            self._next += 1


class _Scoring:
    """Streams programs into store and executor, and their verdicts back into the store."""

    def __init__(self, run: int, writer: Writer, executor: Executor, lines: _OrderedLines) -> None:
        self._run = run
        self._writer = writer
        self._executor = executor
        self._lines = lines
        self._running: dict[int, tuple[Submission, int]] = {}  # position -> (what, program id)
        self._unstored: list[VerdictRecord] = []

    def judge(self, submissions: Iterator[Submission]) -> Iterator[Verdict]:
        """Yields the verdicts as the programs finish."""
        position = 0
        while batch := list(islice(submissions, BATCH)):
            stored = self._writer.add_samples(self._run, 0, [each.record for each in batch])
            for submission, where in zip(batch, stored, strict=True):
                self._running[position] = (submission, where.program)
                self._executor.submit(position, submission.task, submission.record.text)
                position += 1
                yield from self._collect(wait_s=0.0)
        while self._running:
            yield from self._collect(wait_s=0.1)
        self._store()

    def _collect(self, wait_s: float) -> list[Verdict]:
        verdicts = []
        for key, verdict in self._executor.completed(wait_s):
            assert isinstance(key, int)
            submission, program = self._running.pop(key)
            self._lines.add(key, submission, verdict)
            self._unstored.append(verdict_record(program, verdict))
            verdicts.append(verdict)
        if len(self._unstored) >= BATCH:
            self._store()
        return verdicts

    def _store(self) -> None:
        self._writer.add_verdicts(self._run, self._unstored)
        self._unstored.clear()
