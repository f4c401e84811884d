"""Datasets by their notation (see `spec`): public ones, local files, and the embedded tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from core.config import CustomTasksConfig
from core.errors import CoreError
from core.exchange.reading import read_rows
from core.tasks import (
    apps,
    codecontests,
    custom,
    hub,
    humaneval,
    humaneval_plus,
    livecodebench,
    mbpp,
    mbpp_plus,
    nano,
)
from core.tasks.jsonl import Record
from core.tasks.spec import EMBEDDED, SPLITS, TaskSpec, nearest, parse_spec, parts_of
from core.tasks.task import Task

#: What a task is made of; None for a record that is not in the splits or choices asked for.
Builder = Callable[[Record, TaskSpec], Task | None]

_BUILDERS: dict[str, Builder] = {
    "humaneval": humaneval.build,
    "humaneval+": humaneval_plus.build,
    "mbpp": mbpp.build,
    "mbpp+": mbpp_plus.build,
    "apps": apps.build,
    "codecontests": codecontests.build,
    "livecodebench": livecodebench.build,
    **dict.fromkeys(EMBEDDED, nano.build),
}

#: Datasets that publish several solutions.
_SOLUTIONS: dict[str, Callable[[Record], list[str]]] = {
    "apps": apps.solutions,
    "codecontests": codecontests.solutions,
}

#: Every dataset that is built in.
DATASETS = tuple(SPLITS)

#: Of a configuration that adds no datasets.
NO_CUSTOMS: Mapping[str, CustomTasksConfig] = MappingProxyType({})

#: Datasets whose files do not say which split a record is of.
_SPLIT_UNSAID = ("codecontests", "livecodebench", *EMBEDDED)


def load_tasks(
    spec: str | TaskSpec,
    allow_untested: bool = False,
    limit: int = 0,
    customs: Mapping[str, CustomTasksConfig] = NO_CUSTOMS,
) -> list[Task]:
    """The tasks of "humaneval:PATH", "mbpp:test", "nano:held-out", ..., in the order of the file.

    Not more than the first `limit`, where it is not 0: what comes after them is neither read nor
    fetched. `customs` are the datasets that the configuration adds. Raises CoreError in one
    sentence: unknown dataset, unreadable file, broken line, missing field, a task without tests
    (unless `allow_untested`), two different tasks with one id, a weight, which only training has.
    """
    if isinstance(spec, str):
        spec = _unweighted(spec, customs)
    tasks: dict[str, Task] = {}
    for record, task in _built(spec, customs):
        if not task.tests and not allow_untested:
            raise CoreError(
                f"{record.place}: the task {task.task_id} has no tests; "
                "add some, or remove the line."
            )
        _take(tasks, record, task)
        if len(tasks) == limit:
            break
    _refuse_none(tasks, spec)
    return list(tasks.values())


def load_solved(
    spec: str, most: int, customs: Mapping[str, CustomTasksConfig] = NO_CUSTOMS
) -> list[tuple[Task, tuple[str, ...]]]:
    """The tasks, each with up to `most` published solutions, its reference the first of them.

    Tasks without tests are among them. Raises CoreError as `load_tasks` does.
    """
    asked = _unweighted(spec, customs)
    tasks: dict[str, Task] = {}
    solutions: dict[str, tuple[str, ...]] = {}
    for record, task in _built(asked, customs):
        _take(tasks, record, task)
        others = _SOLUTIONS[asked.name](record) if asked.name in _SOLUTIONS else []
        every = [text for text in (task.reference, *others) if text is not None]
        solutions[task.task_id] = tuple(dict.fromkeys(every))[:most]
    _refuse_none(tasks, asked)
    return [(task, solutions[task.task_id]) for task in tasks.values()]


def _unweighted(text: str, customs: Mapping[str, CustomTasksConfig]) -> TaskSpec:
    spec = parse_spec(text, customs)
    if spec.weight != 1.0:
        raise CoreError(f"{text!r}: only the datasets of tasks.train can have a weight.")
    return spec


def _take(tasks: dict[str, Task], record: Record, task: Task) -> None:
    """Adds a task; one that is there already, word for word, counts once."""
    if tasks.setdefault(task.task_id, task) != task:
        raise CoreError(
            f"{record.place}: the id of {task.task_id} is already taken by another task; "
            "ids must be unique."
        )


def _refuse_none(tasks: dict[str, Task], spec: TaskSpec) -> None:
    if not tasks:
        part = ", ".join(spec.splits + spec.choices)
        origin, of = spec.path or spec.name, f" of {part}" if part else ""
        raise CoreError(f"{origin} holds no tasks{of}; expected one JSON object a line.")


def _built(
    spec: TaskSpec, customs: Mapping[str, CustomTasksConfig]
) -> Iterator[tuple[Record, Task]]:
    """Each record that is asked for, and its task."""
    for of_split, records in _sources(spec, customs):
        if spec.name in customs:
            build: Builder = custom.builder(customs[spec.name])
        else:
            build = _BUILDERS[spec.name]
        for record in records:
            task = build(record, of_split)
            if task is not None:
                yield record, task


def _sources(
    spec: TaskSpec, customs: Mapping[str, CustomTasksConfig]
) -> Iterator[tuple[TaskSpec, Iterable[Record]]]:
    if spec.name in customs:
        yield spec, custom.records(spec, customs[spec.name])
    elif spec.path:
        yield spec, _read_file(spec)
    elif spec.name in EMBEDDED:
        yield spec, nano.read_splits(spec)
    else:
        yield from hub.fetch_public(spec)


def _read_file(spec: TaskSpec) -> Iterator[Record]:
    """The records of a local file; raises CoreError for a split that a file can't tell."""
    if spec.splits and spec.name in _SPLIT_UNSAID:
        raise CoreError(
            f"{spec}: a file of {spec.name} does not say which split its records are of; "
            f"name the file without {','.join(spec.splits)}."
        )
    path = Path(spec.path).expanduser()
    if not path.exists():
        parts = parts_of(spec.name)
        if spec.name in EMBEDDED or nearest(spec.path.partition(":")[0], parts, cutoff=0.6):
            known = " nor ".join(f"{spec.name}:{part}" for part in parts)
            raise CoreError(f"{spec} is neither {known}, nor a file's path.")
    return read_rows(path)
