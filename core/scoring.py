"""Streams programs of a file through store and executor, as a run of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import get_args

from core.config import toml_value
from core.executor import Executor
from core.records import verdict_record
from core.reporter import Reporter, Totals
from core.submissions import Submission
from core.tasks import Verdict
from storage.schema import Flag, Progress, VerdictRecord
from storage.search import Indexer
from storage.workspace import Workspace
from storage.writer import Writer

#: Programs and verdicts stored in one transaction.
BATCH = 256

#: A program, its position among those of its run (from 0), and what its tests said.
Judged = tuple[int, Submission, Verdict]


@dataclass(slots=True)
class Tally:
    """What the verdicts so far add up to."""

    done: int = 0
    passed: int = 0
    inconclusive: int = 0
    rates: float = 0.0
    paths: Counter[str] = field(default_factory=Counter)

    def add(self, verdict: Verdict) -> None:
        """Counts one more verdict."""
        self.done += 1
        self.passed += verdict.passed
        self.inconclusive += verdict.pass_rate is None
        self.rates += verdict.pass_rate or 0.0
        self.paths[verdict.path] += 1

    def summary(self) -> dict[str, object]:
        """programs, passed, inconclusive, pass_rate (mean of the known ones), and paths.

        `paths` counts programs by how they were judged (stdin, split, other).
        """
        conclusive = self.done - self.inconclusive
        return {
            "programs": self.done,
            "passed": self.passed,
            "inconclusive": self.inconclusive,
            "pass_rate": self.rates / conclusive if conclusive else 0.0,
            "paths": {path: self.paths[path] for path in ("stdin", "split", "other")},
        }


@contextmanager
def open_run(
    kind: str, inputs: Mapping[str, str], writer: Writer, executor: Executor, total: int
) -> Iterator[ScoringRun]:
    """A new run of so many programs, locked and reported while inside; says how it ended.

    `inputs` are kept as the run's configuration.
    """
    workspace = writer.workspace
    name = writer.next_run_name(kind)
    with workspace.engine_lock(name):
        config = "".join(f"{key} = {toml_value(value)}\n" for key, value in inputs.items())
        run = writer.create_run(name, kind, config, "", str(executor.isolation))
        with Indexer(workspace), _reported(workspace, run, executor, total) as reporter:
            yield ScoringRun(name, run, writer, executor, reporter)


@contextmanager
def _reported(workspace: Workspace, run: int, executor: Executor, total: int) -> Iterator[Reporter]:
    """Keeps the run's progress in the store current while inside."""
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


class ScoringRun:
    """Stores and judges the programs of one run; made by `open_run`."""

    def __init__(
        self, name: str, run: int, writer: Writer, executor: Executor, reporter: Reporter
    ) -> None:
        self.name = name
        self._run = run
        self._writer = writer
        self._executor = executor
        self._reporter = reporter
        self._running: dict[int, tuple[Submission, int]] = {}  # position -> (what, program id)
        self._unstored: list[VerdictRecord] = []
        self._done = 0

    def judge(self, submissions: Iterator[Submission]) -> Iterator[Judged]:
        """Yields the verdicts as the programs finish; all of them are stored at the end."""
        position = 0
        while batch := list(islice(submissions, BATCH)):
            for submission, program in zip(batch, self._add(batch), strict=True):
                self._running[position] = (submission, program)
                self._executor.submit(position, submission.task, submission.record.text)
                position += 1
                yield from self._collect(wait_s=0.0)
        while self._running:
            yield from self._collect(wait_s=0.1)
        self._store()

    def _add(self, batch: list[Submission]) -> list[int]:
        """Stores the programs in their order, and returns the ids of their texts."""
        programs = []
        for iteration, group in groupby(batch, lambda each: each.iteration):
            submissions = list(group)
            records = [each.record for each in submissions]
            stored = self._writer.add_samples(self._run, iteration, records)
            programs += [where.program for where in stored]
            for flag in get_args(Flag):
                raised = [
                    where.sample
                    for each, where in zip(submissions, stored, strict=True)
                    if flag in each.flags
                ]
                if raised:
                    self._writer.set_flag(self._run, flag, True, raised)
        return programs

    def _collect(self, wait_s: float) -> Iterator[Judged]:
        for key, verdict in self._executor.completed(wait_s):
            assert isinstance(key, int)
            submission, program = self._running.pop(key)
            self._unstored.append(verdict_record(program, verdict))
            self._done += 1
            self._reporter.set(tested=self._done, programs=self._done)
            yield key, submission, verdict
        if len(self._unstored) >= BATCH:
            self._store()

    def _store(self) -> None:
        self._writer.add_verdicts(self._run, self._unstored)
        self._unstored.clear()
