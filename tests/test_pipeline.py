"""The loop of sampling, testing and replay: which tasks an iteration takes, and how it stops."""

from __future__ import annotations

from collections import Counter
from dataclasses import MISSING, fields
from functools import partial
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.chance import shuffled, turns
from core.checkpoints import Counters
from core.control import Interrupted
from core.measurements import Label, Measurements
from core.pipeline import Pipeline
from storage.schema import EvaluationRecord

SIZES = st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n)))


@given(seed=st.integers(0, 9), count_and_size=SIZES, iterations=st.integers(1, 30))
def test_no_task_comes_twice_in_an_iteration_and_all_come_equally_often(
    seed: int, count_and_size: tuple[int, int], iterations: int
) -> None:
    count, size = count_and_size
    drawn: list[int] = []
    for iteration in range(iterations):
        order = turns(partial(shuffled, seed, count), count, size, iteration).tolist()
        assert len(order) == len(set(order)) == size
        assert turns(partial(shuffled, seed, count), count, size, iteration).tolist() == order
        drawn += order
        times = Counter(dict.fromkeys(range(count), 0)) + Counter(drawn)
        often = [times[task] for task in range(count)]
        assert max(often) - min(often) <= 1
    for begin in range(0, len(drawn) - count + 1, count):
        assert len(set(drawn[begin : begin + count])) == count, "an epoch holds every task once"


def test_each_epoch_has_an_order_of_its_own() -> None:
    first, second = (shuffled(0, 50, epoch).tolist() for epoch in range(2))
    assert first != second


def of_mocks(kind: Any) -> dict[str, Any]:
    needed = [each.name for each in fields(kind) if each.default is MISSING and each.init]
    parts: dict[str, Any] = {name: Mock() for name in needed}
    parts["control"].with_room = lambda act: act()
    return parts


def pipeline_of_mocks() -> Pipeline:
    return Pipeline(**{**of_mocks(Pipeline), "tasks": []})


def evaluation(update: int, rate: float) -> EvaluationRecord:
    label = "initial" if update < 8 else "during"
    return EvaluationRecord(1, update, label, rate, rate, {"a": rate}, 1.0)


@pytest.mark.parametrize(
    ("measured", "marked"),
    [
        ([evaluation(4, 0.0), evaluation(8, 1.0)], True),
        ([evaluation(4, 1.0), evaluation(8, 0.0)], False),
        ([evaluation(4, 0.0), evaluation(6, 1.0)], False),  # of an earlier checkpoint
    ],
)
def test_killed_between_measuring_and_marking_the_best_is_marked_on_resume(
    measured: list[EvaluationRecord], marked: bool
) -> None:
    parts = of_mocks(Measurements)
    parts["reader"].evaluations.return_value = measured
    counters = Counters(iteration=2, update=8, update_in_iteration=0)
    label: Label = "initial" if measured[-1].update_number < 8 else "during"
    Measurements(**parts).measure(label, counters)
    assert parts["checkpoints"].mark_best.called == marked


@pytest.mark.parametrize(("begun", "due"), [(0, True), (3, False)])
def test_an_iteration_resumed_within_its_updates_is_not_measured_again(
    begun: int, due: bool
) -> None:
    pipeline = pipeline_of_mocks()
    pipeline.config.evaluation.every = 2  # type: ignore[misc]
    pipeline.counters = Counters(iteration=2, update=8 + begun, update_in_iteration=begun)
    assert pipeline._measurement_due() == due


def test_a_stop_does_not_wait_for_slow_tests() -> None:
    pipeline = pipeline_of_mocks()
    pipeline.reader.unjudged.return_value = []  # type: ignore[attr-defined]
    pipeline.executor.completed.return_value = []  # type: ignore[attr-defined]
    pipeline.control.attend.side_effect = Interrupted("stopped")  # type: ignore[attr-defined]
    pipeline._under_test._awaited.add(1)
    with pytest.raises(Interrupted):
        pipeline.run_to_end()
