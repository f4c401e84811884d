"""Programs from a file: JSONL with a program a line, as `btp-tui score` takes them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import CoreError
from core.prompts import program_text
from core.tasks.jsonl import Record, read_records
from core.tasks.task import Task
from storage.schema import SampleRecord


@dataclass(frozen=True, slots=True)
class Submission:
    """One program of the file: the `index`-th (from 0) of its task.

    `identifier` is the task's id as the file writes it (a text, or a whole number).
    """

    identifier: str | int
    index: int
    task: Task
    record: SampleRecord


def tasks_by_any_id(tasks: Sequence[Task]) -> dict[str, Task]:
    """The tasks under their own id ("mbpp/11") and under the one their dataset gives ("11")."""
    ours = {task.task_id: task for task in tasks}
    theirs = {task.task_id.removeprefix(f"{task.dataset}/"): task for task in tasks}
    return theirs | ours


def read_submissions(path: Path, tasks: Mapping[str, Task]) -> Iterator[Submission]:
    """Yields the programs of a file in order, one line in memory at a time.

    A line holds `task_id` (or `problem_id`) and `program` (a whole file) or `completion` (what
    follows the prompt), optionally `logprob`, `n_tokens` and `source`. Raises CoreError naming
    the line and the field that is wrong.
    """
    seen: Counter[str] = Counter()
    for record in read_records(path):
        task = _task(record, tasks)
        index = seen[task.task_id]
        seen[task.task_id] += 1
        sample = SampleRecord(
            task_id=task.task_id,
            rank=index,
            source=record.optional_text("source") or f"import:{path.name}",
            text=_text(record, task),
            logprob=_logprob(record),
            n_tokens=_n_tokens(record),
            tokens=None,
        )
        name = "task_id" if "task_id" in record.values else "problem_id"
        yield Submission(record.values[name], index, task, sample)


def _task(record: Record, tasks: Mapping[str, Task]) -> Task:
    identifier = record.identifier("task_id", "problem_id")
    if identifier not in tasks:
        example = next(iter(tasks))
        raise CoreError(
            f"{record.place}: there is no task {identifier!r} in the dataset; "
            f"its ids look like {example!r}."
        )
    return tasks[identifier]


def _text(record: Record, task: Task) -> str:
    if "program" in record.values:
        name, text = "program", record.text("program")
    elif "completion" in record.values:
        name, text = "completion", program_text(task, record.text("completion"))
    else:
        raise CoreError(
            f"{record.place}: neither 'program' (a whole file) nor 'completion' "
            "(what follows the prompt) is there."
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise CoreError(
            f"{record.place}: {name!r} is not valid Unicode: {error.reason}."
        ) from error
    return text


def _logprob(record: Record) -> float | None:
    value = record.values.get("logprob")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not -math.inf < value <= 0:
        raise record.wrong("logprob", "a log-probability in nats, at most 0")
    return float(value)


def _n_tokens(record: Record) -> int | None:
    value = record.values.get("n_tokens")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise record.wrong("n_tokens", "a whole number from 1")
    return value
