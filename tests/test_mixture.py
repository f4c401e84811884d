"""Which tasks an iteration takes: by weight, by band, never one twice, and the same again."""

import gzip
import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.chance import shuffled, turns
from core.coverage import Coverage
from core.errors import CoreError
from core.mixture import REVISIT, Mixture, chances, recent_pass_rates
from storage.columns import Columns
from storage.reader import Reader
from storage.schema import SampleRecord, TaskRecord, VerdictRecord
from storage.workspace import Workspace
from storage.writer import Writer
from tests.engine_runs import ITERATIONS, TASKS, finish, new_run, wait_until

weights_of_tasks = st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=60)
seeds = st.integers(0, 2**32)
iterations = st.integers(0, 40)


def in_turn(seed: int, count: int, size: int, iteration: int) -> list[int]:
    return turns(partial(shuffled, seed, count), count, size, iteration).tolist()


@given(seeds, st.integers(1, 60), st.data(), iterations)
def test_equal_weights_and_no_band_give_every_task_its_turn(
    seed: int, count: int, data: st.DataObject, iteration: int
) -> None:
    size = data.draw(st.integers(1, count))
    weight = data.draw(st.floats(1e-3, 1e3))
    chosen = Mixture([weight] * count).choose(seed, size, iteration)
    assert chosen.tolist() == in_turn(seed, count, size, iteration)


@given(seeds, weights_of_tasks, st.data(), iterations)
def test_no_task_comes_twice_and_the_size_is_kept(
    seed: int, weights: list[float], data: st.DataObject, iteration: int
) -> None:
    size = data.draw(st.integers(1, len(weights)))
    rates = st.one_of(st.floats(0, 1), st.just(float("nan")))
    pass_rates = np.array(data.draw(st.lists(rates, min_size=len(weights), max_size=len(weights))))
    mixture = Mixture(weights, (0.25, 0.75))
    chosen = mixture.choose(seed, size, iteration, pass_rates).tolist()
    assert len(set(chosen)) == len(chosen) == size
    assert set(chosen) <= set(range(len(weights)))
    assert mixture.choose(seed, size, iteration, pass_rates).tolist() == chosen


@pytest.mark.parametrize("weights", [[1.7e308] * 9 + [1.0], [1e-320] * 4 + [1.0, 2.0]])
def test_weights_may_be_as_large_and_as_small_as_numbers_get(weights: list[float]) -> None:
    chosen = Mixture(weights).choose(0, 5, 0).tolist()
    assert len(set(chosen)) == len(chosen) == 5


@given(weights_of_tasks, st.data())
def test_chances_are_in_proportion_to_the_weights_and_never_above_one(
    weights: list[float], data: st.DataObject
) -> None:
    size = data.draw(st.integers(1, len(weights)))
    chance = chances(np.array(weights), size)
    assert chance.sum() == pytest.approx(size)
    assert np.all((chance >= 0) & (chance <= 1))
    below = chance < 1
    assert np.ptp(chance[below] / np.array(weights)[below]) <= 1e-9 if below.any() else True
    heaviest = chance[np.argmax(weights)]
    assert heaviest == chance.max()


def shares(mixture: Mixture, size: int, rates: NDArray[np.float64] | None = None) -> list[float]:
    """The share of 4,000 iterations that each task is in."""
    counts = np.zeros(len(mixture.weights))
    for iteration in range(4_000):
        counts[mixture.choose(7, size, iteration, rates)] += 1
    return list(counts / 4_000)


def test_a_task_of_twice_the_weight_comes_twice_as_often() -> None:
    """Three standard errors of 4,000 draws are below 0.025."""
    found = shares(Mixture([2.0] * 4 + [1.0] * 12), size=5)
    assert found == pytest.approx([0.5] * 4 + [0.25] * 12, abs=0.025)


def test_a_weight_beyond_every_iteration_leaves_the_rest_in_proportion() -> None:
    found = shares(Mixture([100.0, 2.0, 1.0, 1.0]), size=2)
    assert found == pytest.approx([1.0, 0.5, 0.25, 0.25], abs=0.025)


def test_any_two_tasks_come_together() -> None:
    mixture = Mixture([1.0, 1.0, 1.0, 2.0, 2.0, 2.0])
    pairs = {frozenset(mixture.choose(0, 2, iteration).tolist()) for iteration in range(500)}
    assert len(pairs) == 15


def test_tasks_outside_the_band_come_a_tenth_as_often_and_untried_ones_count_as_inside() -> None:
    rates = np.array([0.0, 1.0, 0.5, 0.2, 0.8, np.nan] * 5)
    found = shares(Mixture([1.0] * 30, (0.2, 0.8)), size=6, rates=rates)
    inside = 6 / (20 + 10 * REVISIT)
    expected = [inside * REVISIT] * 2 + [inside] * 4
    assert found == pytest.approx(expected * 5, abs=0.03)


def test_an_iteration_is_filled_up_from_outside_where_the_band_holds_too_few() -> None:
    rates = np.array([0.5, 0.5, 1.0, 1.0, 1.0, 1.0])
    found = shares(Mixture([1.0] * 6, (0.2, 0.8)), size=4, rates=rates)
    assert found == pytest.approx([1.0, 1.0, 0.5, 0.5, 0.5, 0.5], abs=0.03)


@pytest.mark.parametrize(("weights", "band"), [([1.0, 2.0], (0.0, 1.0)), ([1.0] * 2, (0.2, 0.8))])
def test_coverage_takes_no_orders_from_weights_or_a_band(
    weights: list[float], band: tuple[float, float]
) -> None:
    with pytest.raises(CoreError, match=r"leave tasks.band"):
        Mixture(weights, band, Coverage(["add one", "add two"], 0))


def test_the_whole_range_is_no_band() -> None:
    mixture = Mixture([1.0] * 9, (0.0, 1.0))
    assert not mixture.banded
    chosen = mixture.choose(0, 4, 3, np.linspace(0, 1, 9))
    assert chosen.tolist() == in_turn(0, 9, 4, 3)


def test_recent_pass_rates_are_those_before_the_iteration_of_the_last_time_and_the_run(
    tmp_path: Path,
) -> None:
    """Of four tasks: tried twice, tried in another run, without a verdict, never tried."""
    workspace = Workspace(tmp_path).create()
    with Writer(workspace) as writer, Reader(workspace) as reader:
        names = ["a", "b", "c", "d"]
        writer.add_tasks([TaskRecord(name, "x", "", "", None, ()) for name in names])
        runs = [writer.create_run(name, "train", "", "model", "") for name in ("one", "two")]

        def sampled(run: int, iteration: int, task: str, *rates: float | None) -> None:
            for rank, rate in enumerate(rates):
                text = f"{run} {iteration} {rank}"
                record = SampleRecord(task, rank, "self", text, None, None, None)
                [stored] = writer.add_samples(run, iteration, [record])
                if rate is not None:
                    verdict = VerdictRecord(stored.program, rate, "error", (), "stdin", 0.0, False)
                    writer.add_verdicts(run, [verdict])

        sampled(runs[0], 0, "a", 0.0, 0.0)
        sampled(runs[0], 2, "a", 0.5, 1.0, None)
        sampled(runs[0], 4, "a", 0.1)
        sampled(runs[1], 1, "b", 1.0)
        sampled(runs[0], 1, "c", None)
        columns = Columns(reader)
        columns.refresh()
        expected = {0: np.nan, 1: 0.0, 2: 0.0, 3: 0.75, 4: 0.75, 5: 0.1}
        for iteration, rate in expected.items():
            found = recent_pass_rates(columns, runs[0], iteration, names)
            np.testing.assert_allclose(found, [rate, np.nan, np.nan, np.nan], rtol=1e-6)


def test_a_killed_run_takes_the_tasks_that_the_pass_rates_before_each_iteration_ask_for(
    tmp_path: Path,
) -> None:
    """Weights, band and seen tasks in a real run; the second engine goes on as the first would."""
    folder = Path(__file__).parents[1] / "core" / "nano" / "tasks" / "nano"
    heavy, seen = tmp_path / "heavy.jsonl", tmp_path / "seen.jsonl"
    with gzip.open(folder / "train.jsonl.gz", "rt", encoding="utf-8") as lines:
        first = [next(lines) for _ in range(20)]
    heavy.write_text("".join(first), encoding="utf-8")
    seen.write_text("".join(first[:2]), encoding="utf-8")
    run = new_run(tmp_path)
    run.settings = {
        "tasks.train": f"['nano:{heavy}*3','nano:train']",
        "tasks.band": "[0.1,0.9]",
        "tasks.seen": f"['nano:{seen}']",
        "evaluation.every": 9,
        "trainer.updates_per_iteration": 1,
    }
    engine = run.start()
    if wait_until(lambda: {iteration for iteration, _, _ in run.samples()} == {0, 1}, engine):
        engine.kill()
    engine.wait()
    result = json.loads(finish(run.resume()).splitlines()[-1])
    assert set(result["seen"]) == {"accuracy", "pass_rate"}

    mixture = Mixture([3.0] * 20 + [1.0] * 20, (0.1, 0.9))
    names = [f"nano/train/{number}" for number in range(40)]
    columns = Columns(Reader(run.workspace))
    columns.refresh()
    outside = 0
    for iteration in range(ITERATIONS):
        rates = recent_pass_rates(columns, 1, iteration, names)
        outside += int(((rates < 0.1) | (rates > 0.9)).sum())
        expected = {names[index] for index in mixture.choose(0, TASKS, iteration, rates)}
        assert {task for when, task, _ in run.samples() if when == iteration} == expected
    assert outside
