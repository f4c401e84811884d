"""What an objective is told of the programs of a minibatch, out of a real store."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.config import ObjectiveConfig, ReplayConfig
from core.objectives.examples import Examples
from core.objectives.siblings import MOST, Siblings
from core.replay import Draw
from core.rescoring import Encoder
from core.training import Contrast, Example
from storage.programs import pack_tokens
from storage.schema import SampleRecord
from tests.stores import Store

NOBODY = np.empty(0, np.int64)


class Spelled:
    """A format in which a task is one token and a teacher's program its letters."""

    def prompt(self, task: str) -> list[int]:
        return [ord(task)]

    def completion_ids(self, task: str, text: str) -> list[int]:
        return [ord(letter) for letter in text]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path) as opened:
        yield opened


def sampled(
    store: Store, rates: dict[str, float | None], task: str = "a", iteration: int = 0, **more: Any
) -> list[int]:
    """Stores programs whose tokens are their letters, at e^-0.5 each, and their pass rates."""
    records = [_record(task, text, rank, **more) for rank, text in enumerate(rates)]
    stored = store.writer.add_samples(store.run, iteration, records)
    store.judged({one.program: rate for one, rate in zip(stored, rates.values(), strict=True)})
    store.columns.refresh()
    return [one.sample for one in stored]


def _record(task: str, text: str, rank: int, source: str = "self") -> SampleRecord:
    ids = np.array([ord(letter) for letter in text], np.int32)
    tokens = pack_tokens(ids, np.full(len(ids), -0.5, np.float32))
    return SampleRecord(task, rank, source, text, -0.5 * len(ids), len(ids), tokens)


def examples(
    store: Store,
    samples: list[int],
    name: str,
    weights: list[float] | None = None,
    excluded: np.ndarray[Any, Any] = NOBODY,
    **knobs: Any,
) -> list[Example]:
    encoder = Encoder(None, Spelled(), None, {task: task for task in "abc"})  # type: ignore[arg-type]
    parts = store.columns, store.reader, encoder
    made = Examples(
        store.run,
        ObjectiveConfig(name=name),  # type: ignore[arg-type]
        *parts,
        Siblings(store.run, *parts),
    )
    n = len(samples)
    draw = Draw(np.array(samples), np.full(n, 1 / n), np.array(weights or [1.0] * n, np.float32))
    return made.of(draw, ReplayConfig(**knobs), excluded)


def test_the_likelihood_needs_the_tokens_and_the_importance_weight(store: Store) -> None:
    (one,) = sampled(store, {"xy": 0.5})
    assert examples(store, [one], "nll", [0.25]) == [Example([97], [120, 121], weight=0.25)]


def test_a_program_weighs_its_p2value_times_its_importance(store: Store) -> None:
    one, two = sampled(store, {"xy": 0.5, "z": 1.0})
    first, second = examples(store, [one, two], "weighted_nll", [1.0, 0.5], alpha=0.2)
    assert first.weight == pytest.approx(0.2 * math.exp(-0.5) + 0.8 * 0.5)
    assert second.weight == pytest.approx(0.5 * (0.2 * math.exp(-0.5) + 0.8))


def test_advantages_are_of_the_task_in_its_iteration(store: Store) -> None:
    sampled(store, {"aa": 1.0, "bb": 1.0})  # an iteration before
    sampled(store, {"cc": 1.0}, task="b", iteration=1)
    one, two, _ = sampled(store, {"x": 1.0, "yy": 0.5, "zzz": 0.0}, iteration=1)
    first, second = examples(store, [one, two], "grpo")
    assert first.advantage == pytest.approx(0.5 / math.sqrt(1 / 6), rel=1e-4)
    assert second.advantage == 0.0
    assert first.behaviour == (-0.5,)
    assert second.behaviour == (-0.5, -0.5)


def test_a_group_that_is_all_alike_has_no_advantage(store: Store) -> None:
    one, *_ = sampled(store, {"x": 1 / 3, "y": 1 / 3, "z": 1 / 3})
    (only,) = examples(store, [one], "grpo")
    assert abs(only.advantage) < 1e-6


def test_every_program_weighs_alike_whatever_its_length_and_a_repeated_one_twice(
    store: Store,
) -> None:
    """As in eq. 3: a mean over programs of means over tokens."""
    records = [_record("a", text, rank) for rank, text in enumerate(["x", "x", "yyyy"])]
    stored = store.writer.add_samples(store.run, 0, records)
    store.judged({stored[0].program: 1.0, stored[2].program: 0.0})
    store.columns.refresh()
    first, second = examples(store, [stored[1].sample, stored[2].sample], "grpo")
    share = [len(each.program) * each.weight / 5 for each in (first, second)]
    assert share == pytest.approx([2 / 3, 1 / 3])
    assert first.advantage == pytest.approx((1 / 3) / math.sqrt(2 / 9), rel=1e-4)


def test_another_models_programs_have_no_behaviour(store: Store) -> None:
    (one,) = sampled(store, {"xy": 1.0}, source="teacher")
    (only,) = examples(store, [one], "grpo")
    assert only.behaviour == ()


def test_contrasts_come_from_all_texts_of_the_task_failed_ones_too(store: Store) -> None:
    sampled(store, {"xz": 0.0, "q": 0.5})
    sampled(store, {"xq": 0.0}, task="b")
    (one,) = sampled(store, {"xy": 1.0}, iteration=1, source="teacher")
    (only,) = examples(store, [one], "contrast", [0.5], learn_from="passed", capacity=1)
    assert only.weight == 0.5
    assert only.contrasts == (Contrast(1, ord("z"), 0.5),), "the x is worth as much as the q"


def test_excluded_and_untested_texts_are_compared_with_none(store: Store) -> None:
    sampled(store, {"xz": None, "xq": 0.0})
    (one,) = sampled(store, {"xy": 1.0})
    excluded = store.columns.program[store.columns.sample == 2].astype(np.int64)
    (only,) = examples(store, [one], "contrast", excluded=excluded)
    assert only.contrasts == ()


def test_only_the_newest_texts_of_a_task_are_compared(store: Store) -> None:
    sampled(store, {"xz": 0.0})
    for iteration in range(MOST - 1):
        sampled(store, {f"x{iteration}": 1.0}, iteration=iteration + 1)
    (one,) = sampled(store, {"xy": 1.0}, iteration=MOST)
    (only,) = examples(store, [one], "contrast")
    assert only.contrasts == ()
    sampled(store, {"xz": 0.0}, iteration=MOST + 1)  # sampled again: new again
    (only,) = examples(store, [one], "contrast")
    assert [(each.position, each.token) for each in only.contrasts] == [(1, ord("z"))]
