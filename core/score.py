"""Runs existing programs against a dataset's tests, stores both, and says how many pass.

The file of programs is read twice, a line at a time: first all of it is checked, so that nothing
is written for a file with a broken line, then its programs stream through the executor: no more
than a batch and what is running is held in memory.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TextIO

from core.config import CustomTasksConfig
from core.errors import CoreError
from core.executor import Executor
from core.files import writing, written_beside
from core.records import task_record
from core.scoring import Tally, open_run
from core.submissions import Submission, read_submissions, tasks_by_any_id
from core.tasks import Task, Verdict
from core.tasks.load import NO_CUSTOMS, load_tasks
from storage.workspace import Workspace
from storage.writer import Writer


def score(
    tasks: str,
    programs: Path,
    workspace: Workspace,
    executor: Executor,
    out: Path | None = None,
    on_progress: Callable[[int, int], None] = lambda *_: None,
    customs: Mapping[str, CustomTasksConfig] = NO_CUSTOMS,
) -> dict[str, Any]:
    """Runs every program of the file `programs` against the dataset `tasks` ("humaneval:PATH").

    Stores them as a run of kind "score"; `out` gets a JSON line a program, in the file's order,
    and appears only when all of them are done. `on_progress` hears (done, total) programs.
    `customs` are the datasets that the configuration adds. Raises CoreError or StorageError before
    anything is written where an input is wrong.

    Returns run, tasks (those with programs), seconds, isolation, and what Tally.summary holds.
    """
    started = time.monotonic()
    known = tasks_by_any_id(load_tasks(tasks, customs=customs))
    used, total = _check(programs, known)
    tally = Tally()
    with ExitStack() as stack:
        lines = stack.enter_context(_ordered_lines(out)) if out else None
        writer = stack.enter_context(Writer(workspace.create()))
        writer.add_tasks([task_record(task) for task in used])
        inputs = {"tasks": tasks, "programs": str(programs)}
        run = stack.enter_context(open_run("score", inputs, writer, executor, total))
        for position, submission, verdict in run.judge(read_submissions(programs, known)):
            tally.add(verdict)
            if lines:
                lines.add(position, submission, verdict)
            on_progress(tally.done, total)
    return {
        "run": run.name,
        "tasks": len(used),
        **tally.summary(),
        "seconds": time.monotonic() - started,
        "isolation": str(executor.isolation),
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
def _ordered_lines(path: Path) -> Iterator[_OrderedLines]:
    with written_beside(path) as beside:
        with writing(path):
            file = beside.open("w", encoding="utf-8")
        try:
            yield _OrderedLines(file, path)
        finally:
            with writing(path):
                file.close()


class _OrderedLines:
    """Writes the results in the order of the file, though they come as they finish."""

    def __init__(self, file: TextIO, path: Path) -> None:
        self._file = file
        self._path = path
        self._waiting: dict[int, str] = {}
        self._next = 0

    def add(self, position: int, submission: Submission, verdict: Verdict) -> None:
        """Takes the verdict on the program at a position, and writes what is next."""
        result = {
            "task_id": submission.identifier,
            "index": submission.index,
            "passed": verdict.passed,
            "pass_rate": verdict.pass_rate,
            "outcome": str(verdict.outcome),
        }
        self._waiting[position] = json.dumps(result, ensure_ascii=False)
        while self._next in self._waiting:
            with writing(self._path):
                self._file.write(self._waiting.pop(self._next) + "\n")
            self._next += 1
