"""Held-out measurement: how often the most probable program of a task is right."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from core.evaluation.estimators import strict_accuracy, test_case_average
from core.evaluation.judging import judged
from core.executor import Executor
from core.prompts.fitting import fitting_tasks
from core.sampler import StudentSampler
from core.tasks import Task


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`pass_rates` holds, a task, the pass rate of its most probable program.

    A task whose verdict stayed unknown, whose prompt does not fit into the model's context, or that
    a server left unanswered counts as not solved: dropping it would flatter the model.
    """

    pass_rates: dict[str, float]
    seconds: float

    @property
    def accuracy(self) -> float:
        """Strict accuracy: the share of tasks whose most probable program passes every test."""
        return strict_accuracy(list(self.pass_rates.values()))

    @property
    def pass_rate(self) -> float:
        """Mean share of tests passed (APPS: test-case average)."""
        return test_case_average(list(self.pass_rates.values()))


def last_is_best(measurements: Sequence[Mapping[str, float]]) -> bool:
    """Whether no measurement, as {task_id: pass rate}, beats the last on the tasks all share."""
    shared = set.intersection(*(set(measured) for measured in measurements))
    accuracies = [strict_accuracy([rates[task] for task in shared]) for rates in measurements]
    return accuracies[-1] == max(accuracies)


def evaluate(
    sampler: StudentSampler,
    executor: Executor,
    tasks: Sequence[Task],
    on_progress: Callable[[int], None] = lambda done: None,
) -> Evaluation:
    """Samples and tests the most probable program of each task; `on_progress` gets tasks done.

    `on_progress` may raise to abandon the measurement, as `judged` says.
    """
    started = time.perf_counter()
    fitting, _ = fitting_tasks(sampler.prompts, tasks)
    asked = {task.task_id for task in fitting}
    pass_rates = {task.task_id: 0.0 for task in tasks if task.task_id not in asked}
    programs = (
        (task.task_id, task, written[0].text) for task, written in sampler.most_probable(fitting)
    )
    for key, verdict in judged(programs, executor, lambda: on_progress(len(pass_rates))):
        pass_rates[str(key)] = verdict.pass_rate or 0.0
    unanswered = {task.task_id: 0.0 for task in tasks}
    return Evaluation(unanswered | pass_rates, time.perf_counter() - started)
