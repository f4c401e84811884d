"""Held-out measurement: what counts as solved, which measurement is best, and giving up early."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from core.config import ModelConfig, SamplerConfig
from core.evaluation.estimators import strict_accuracy
from core.evaluation.held_out import evaluate, last_is_best
from core.executor import Executor
from core.models import load_student
from core.prompts import PromptFormat
from core.sampler import Sampler
from core.tasks import Task, Verdict
from core.tasks.load import load_tasks
from tests.tiny_models import byte_tokenizer


def test_only_tasks_with_every_test_passed_are_solved() -> None:
    assert strict_accuracy([1.0, 0.99, 0.0, 1.0]) == 0.5


@pytest.mark.parametrize(
    ("earlier", "last", "best"),
    [
        ([], {"a": 0.0}, True),
        ([{"a": 1.0, "b": 0.0}], {"a": 1.0, "b": 0.0}, True),
        ([{"a": 1.0, "b": 0.0}], {"a": 0.9, "b": 0.9}, False),
        # Two of three against one of three; but of the one task both have, none against one.
        ([{"a": 0.0, "b": 1.0, "c": 1.0}], {"a": 1.0, "d": 0.0, "e": 0.0}, True),
        ([{"a": 1.0, "d": 0.0, "e": 0.0}], {"a": 0.0, "b": 1.0, "c": 1.0}, False),
    ],
)
def test_measurements_are_compared_on_the_tasks_they_share(
    earlier: list[dict[str, float]], last: dict[str, float], best: bool
) -> None:
    assert last_is_best([*earlier, last]) == best


def test_every_task_is_measured_by_its_most_probable_program() -> None:
    tasks = load_tasks("nano:held-out")[:6]
    student = load_student(ModelConfig(offline=True), torch.device("cpu"))
    sampler = Sampler(student, SamplerConfig())
    done: list[int] = []
    with Executor(workers=1) as executor:
        result = evaluate(sampler, executor, tasks, done.append)
        top = {task.task_id: programs[0].text for task, programs in sampler.sample(tasks)}
        verdicts = executor.run([(task, top[task.task_id]) for task in tasks])
        rates = {tasks[index].task_id: verdict.pass_rate for index, verdict in verdicts}
    assert result.pass_rates == rates
    assert done[-1] == len(tasks)


def test_a_task_too_long_to_be_asked_counts_as_not_solved() -> None:
    tasks = load_tasks("nano:held-out")[:3]
    long = replace(tasks[1], prompt=tasks[1].prompt * 200)
    student = load_student(ModelConfig(offline=True), torch.device("cpu"))
    with Executor(workers=1) as executor:
        result = evaluate(Sampler(student, SamplerConfig()), executor, [tasks[0], long, tasks[2]])
    assert set(result.pass_rates) == {task.task_id for task in tasks}
    assert result.pass_rates[long.task_id] == 0.0
    assert result.pass_rates[tasks[0].task_id] > 0.0


def test_a_measurement_can_be_given_up_while_slow_tests_are_waited_for() -> None:
    tasks = load_tasks("nano:held-out")[:6]
    sampler, executor = SlowTests.sampler(tasks), SlowTests()
    asked: list[int] = []

    def give_up(done: int) -> None:
        asked.append(done)
        if len(asked) > len(tasks):  # all are sampled
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(sampler, executor, tasks, give_up)
    assert executor.in_flight == len(tasks)


class SlowTests(Executor):
    """An executor whose tests never end."""

    def __init__(self) -> None:
        self._submitted = self._handed_out = 0

    @staticmethod
    def sampler(tasks: Sequence[Task]) -> Any:
        """Writes an empty program for each task."""
        program, prompts = SimpleNamespace(text=""), PromptFormat(byte_tokenizer())
        found = ((task, [program]) for task in tasks)
        return SimpleNamespace(prompts=prompts, most_probable=lambda _: found)

    @property
    def has_room(self) -> bool:
        return True

    def submit(self, *_: object) -> None:
        self._submitted += 1

    def completed(self, wait_s: float = 0.0) -> list[tuple[Hashable, Verdict]]:
        del wait_s
        return []
