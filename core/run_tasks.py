"""The tasks of a run: what is trained on and how often, and what is measured, held out or seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.config import Config, TasksConfig
from core.errors import CoreError
from core.tasks import Task
from core.tasks.leaks import find_leaks
from core.tasks.load import load_tasks
from core.tasks.spec import parse_spec


@dataclass(frozen=True, slots=True)
class RunTasks:
    """Every list of tasks that a run needs, none with a task twice.

    `weights` says by id how often a task of `train` is drawn beside the others. `seen` is measured
    like `held_out`, but may hold what is trained on.
    """

    train: Sequence[Task]
    weights: Mapping[str, float]
    held_out: Sequence[Task]
    seen: Sequence[Task]


def load_run_tasks(config: Config) -> RunTasks:
    """The tasks that the configuration names; raises CoreError where a held-out one is no such.

    A task that several datasets of tasks.train hold has the weight of the first. With tasks.limit
    the datasets give their first tasks in turns, so that none is crowded out by one before it.
    """
    tasks = config.tasks
    train, weights = _load_train(tasks)
    held_out, seen = _load_measured(tasks, tasks.held_out), _load_measured(tasks, tasks.seen)
    _refuse(train, held_out, "tasks.train", "list it under tasks.seen, or change one of the two")
    _refuse(seen, held_out, "tasks.seen", "take it out of one of the two")
    return RunTasks(train, weights, held_out, seen)


def _load_train(tasks: TasksConfig) -> tuple[list[Task], dict[str, float]]:
    weights: dict[str, float] = {}
    datasets: list[list[Task]] = []
    for text in tasks.train:
        spec = parse_spec(text, tasks.custom)
        found = load_tasks(spec, limit=tasks.limit, customs=tasks.custom)
        datasets.append([task for task in found if task.task_id not in weights])
        weights |= {task.task_id: spec.weight for task in datasets[-1]}
    if tasks.limit:
        turns = sorted((place, n) for n, of in enumerate(datasets) for place in range(len(of)))
        counts = Counter(n for _, n in turns[: tasks.limit])
        datasets = [of[: counts[n]] for n, of in enumerate(datasets)]
    train = [task for dataset in datasets for task in dataset]
    return train, {task.task_id: weights[task.task_id] for task in train}


def _load_measured(tasks: TasksConfig, specs: Iterable[str]) -> list[Task]:
    loaded = (task for spec in specs for task in load_tasks(spec, customs=tasks.custom))
    return list({task.task_id: task for task in loaded}.values())


def _refuse(others: Sequence[Task], held_out: Sequence[Task], setting: str, advice: str) -> None:
    leaks = find_leaks(others, held_out)
    if leaks:
        count = "1 task is" if len(leaks) == 1 else f"{len(leaks):,} tasks are"
        raise CoreError(
            f"{count} in both {setting} and tasks.held_out, for instance {leaks[0]}: a model must "
            f"not be measured on what it learns from; {advice}."
        )
