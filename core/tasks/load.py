"""Datasets by name: NAME, NAME:PATH for a local file, or nano:SPLIT for the embedded tasks."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from pathlib import Path

from core.errors import CoreError
from core.tasks import apps, codecontests, hub, humaneval, livecodebench, mbpp, nano
from core.tasks.jsonl import Record, read_records
from core.tasks.task import Task

_BUILDERS: dict[str, Callable[[Record], Task]] = {
    "humaneval": humaneval.build,
    "mbpp": mbpp.build,
    "apps": apps.build,
    "codecontests": codecontests.build,
    "livecodebench": livecodebench.build,
    "nano": nano.build,
}

#: Every dataset that `load_tasks` knows.
DATASETS = tuple(_BUILDERS)


def load_tasks(spec: str, allow_untested: bool = False) -> list[Task]:
    """The tasks of "humaneval:PATH", "mbpp", "nano:held-out", ..., in the order of the file.

    Raises CoreError in one sentence: unknown dataset, unreadable file, broken line, missing field,
    a task without tests (unless `allow_untested`), two different tasks with one id.
    """
    name, _, rest = spec.partition(":")
    if name not in _BUILDERS:
        raise CoreError(_unknown(name))
    records: Iterable[Record]
    if name == "nano":
        records = nano.read_split(rest)
    else:
        records = read_records(Path(rest).expanduser()) if rest else hub.fetch_records(name)
    return _build_all(records, _BUILDERS[name], rest or name, allow_untested)


def _build_all(
    records: Iterable[Record], build: Callable[[Record], Task], origin: str, allow_untested: bool
) -> list[Task]:
    """Builds the tasks; a record that is there twice, word for word, counts once."""
    tasks: dict[str, Task] = {}
    for record in records:
        task = build(record)
        if not task.tests and not allow_untested:
            raise CoreError(
                f"{record.place}: the task {task.task_id} has no tests; "
                "add some, or remove the line."
            )
        if tasks.setdefault(task.task_id, task) != task:
            raise CoreError(
                f"{record.place}: the id of {task.task_id} is already taken by another task; "
                "ids must be unique."
            )
    if not tasks:
        raise CoreError(f"{origin} holds no tasks; expected one JSON object a line.")
    return list(tasks.values())


def _unknown(name: str) -> str:
    nearest = difflib.get_close_matches(name, DATASETS, n=1, cutoff=0.4)
    hint = f"did you mean {nearest[0]!r}?" if nearest else "give a local file as NAME:PATH."
    return f"There is no dataset {name!r} ({', '.join(DATASETS)}); {hint}"
