"""Programs in the executor: handed in as they are written, their verdicts stored as they come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from core.executor import Executor
from core.records import verdict_record
from core.reporter import Reporter
from core.tasks import Task
from storage.writer import Writer


@dataclass(slots=True)
class UnderTest:
    """The programs of one run whose verdict is still to come, by the id of their text."""

    run: int
    executor: Executor
    writer: Writer
    reporter: Reporter
    _awaited: set[int] = field(default_factory=set)

    def submit(self, program: int, task: Task, text: str, attend: Callable[[], None]) -> None:
        """Has a program tested; `attend` is called while there is no room, and may raise."""
        if program in self._awaited:  # two beams of one task can spell the same text
            return
        while not self.executor.has_room:  # a stop need not wait for slow programs
            self.collect(wait_s=0.1)
            attend()
        self._awaited.add(program)
        self.executor.submit(program, task, text)
        self.reporter.set(test_total=self.reporter.progress.test_total + 1)

    def collect(self, wait_s: float = 0.0) -> None:
        """Stores the verdicts that have come."""
        records = []
        for key, verdict in self.executor.completed(wait_s):
            assert isinstance(key, int)
            self._awaited.discard(key)
            records.append(verdict_record(key, verdict))
        if records:
            self.writer.add_verdicts(self.run, records)
            self.reporter.set(tested=self.reporter.progress.tested + len(records))

    def finish(self, attend: Callable[[], None]) -> None:
        """Returns when every verdict is stored."""
        if self._awaited:
            self.reporter.set(phase="test")
        while self._awaited:
            self.collect(wait_s=0.1)
            attend()
