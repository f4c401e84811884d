"""Tasks that are measured on and trained on: by their ids, and by their texts across datasets.

HumanEval+ and MBPP+ hold the tasks of HumanEval and MBPP under the same ids. Under different ids,
two tasks are one where the description or the prompt of the one says word for word what those of
the other say, whatever the case, white space and punctuation; within one dataset, whose authors put
some texts into two of their splits, only where the tests are the same as well. Not found are
paraphrases.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from core.tasks.task import Task

#: Texts of fewer words ("Add two numbers.") say too little to tell a task by.
FEWEST_WORDS = 5


@dataclass(frozen=True, slots=True)
class Leak:
    """A task that is trained on, and the one it is among those that are only measured."""

    trained: Task
    measured: Task

    def __str__(self) -> str:
        ours, theirs = self.trained.task_id, self.measured.task_id
        return ours if ours == theirs else f"{ours}, which is {theirs}"


def find_leaks(trained: Iterable[Task], measured: Iterable[Task]) -> list[Leak]:
    """Every task of `trained` that is among `measured`, in the order of `trained`."""
    by_id: dict[str, Task] = {}
    by_text: dict[str, list[Task]] = {}
    for task in measured:
        by_id.setdefault(_benchmark_id(task), task)
        for text in _texts(task):
            by_text.setdefault(text, []).append(task)
    found = ((task, next(_same(task, by_id, by_text), None)) for task in trained)
    return [Leak(task, other) for task, other in found if other is not None]


def _same(task: Task, by_id: dict[str, Task], by_text: dict[str, list[Task]]) -> Iterator[Task]:
    if same := by_id.get(_benchmark_id(task)):
        yield same
    for text in _texts(task):
        for other in by_text.get(text, ()):
            if _family(other) != _family(task) or other.tests == task.tests:
                yield other


def _family(task: Task) -> str:
    """The dataset; "humaneval" of humaneval+ as well."""
    return task.dataset.removesuffix("+")


def _benchmark_id(task: Task) -> str:
    return f"{_family(task)}/{task.task_id.removeprefix(f'{task.dataset}/')}"


def _texts(task: Task) -> set[str]:
    """What the task says, in plain words; nothing where it says too little."""
    words = (re.findall(r"\w+", text.casefold()) for text in (task.description, task.prompt))
    return {" ".join(found) for found in words if len(found) >= FEWEST_WORDS}
