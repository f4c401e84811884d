"""Bootstrap intervals: what is resampled, that they hold what they promise, and how fast."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import CoreError
from core.evaluation.bootstrap import (
    Interval,
    bootstrap,
    bootstrap_mean,
    difference,
    paired_bootstrap,
    programs_to_reach,
    ratio,
)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def solved(shape: tuple[int, ...], chance: float, seed: int = 0) -> np.ndarray:
    return (rng(seed).random(shape) < chance).astype(float)


def test_the_same_generator_gives_the_same_interval() -> None:
    values = solved((5, 40), 0.4)
    assert bootstrap_mean(values, rng(3)) == bootstrap_mean(values, rng(3))
    assert bootstrap_mean(values, rng(3)) != bootstrap_mean(values, rng(4))


def test_with_one_seed_the_interval_is_that_of_resampled_tasks() -> None:
    values = solved((1, 200), 0.3)
    interval = bootstrap_mean(values, rng())
    spread = 1.96 * values.std() / np.sqrt(values.size)
    assert interval.mean == values.mean()
    assert interval.high - interval.mean == pytest.approx(spread, rel=0.1)
    assert interval.mean - interval.low == pytest.approx(spread, rel=0.1)


def test_seeds_that_differ_widen_the_interval_as_tasks_that_differ_do() -> None:
    by_seed = np.repeat([[0.0], [1.0], [1.0], [0.0], [1.0]], 300, axis=1)
    resampled_seeds = rng().binomial(5, 0.6, 100_000) / 5
    low, high = np.quantile(resampled_seeds, [0.025, 0.975], method="inverted_cdf")
    assert bootstrap_mean(by_seed, rng()) == Interval(0.6, low, high)


def test_an_interval_of_95_percent_holds_the_truth_about_so_often() -> None:
    seeds = range(400)
    intervals = [bootstrap_mean(solved((1, 100), 0.4, s), rng(s), resamples=500) for s in seeds]
    held = sum(interval.low <= 0.4 <= interval.high for interval in intervals)
    assert 0.91 <= held / len(intervals) <= 0.98


def test_the_level_says_how_much_lies_within() -> None:
    values = solved((1, 300), 0.5)
    narrow, wide = (bootstrap_mean(values, rng(), level) for level in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.mean < narrow.high < wide.high


def test_what_is_hard_for_both_arms_cancels_out() -> None:
    hardness = rng().random((5, 300))
    a, b = (hardness < 0.5).astype(float), (hardness < 0.45).astype(float)
    paired = paired_bootstrap(a, b, difference, rng())
    assert paired.mean == pytest.approx(a.mean() - b.mean())
    assert paired.low > 0
    assert bootstrap_mean(a, rng()).low < bootstrap_mean(b, rng()).high  # unpaired they overlap


def test_a_ratio_of_arms_is_that_of_their_means() -> None:
    b = solved((5, 300), 0.4)
    interval = paired_bootstrap(b * 0.5, b, ratio, rng())
    assert (interval.mean, interval.low, interval.high) == pytest.approx((0.5, 0.5, 0.5))


def test_arms_that_were_measured_on_other_tasks_cannot_be_paired() -> None:
    with pytest.raises(CoreError, match="cannot be paired"):
        paired_bootstrap(np.ones((5, 3)), np.ones((5, 4)), difference, rng())


@pytest.mark.parametrize("values", [np.ones(3), np.ones((0, 3)), [[1.0, np.nan]]])
def test_results_with_gaps_or_of_another_shape_are_refused(values: object) -> None:
    with pytest.raises(CoreError, match="Results to resample"):
        bootstrap_mean(values, rng())  # type: ignore[arg-type]


# Programs needed to reach an accuracy


@pytest.mark.parametrize(
    ("curve", "needed"),
    [
        ([0.2, 0.4, 0.8], 150.0),  # halfway between 0.4 and 0.8
        ([0.6, 0.7, 0.8], 0.0),
        ([0.2, 0.6, 0.1], 100.0),  # the first time counts
        ([0.0, 0.6, 0.6], 100.0),
        ([0.1, 0.2, 0.59], np.inf),
    ],
)
def test_programs_to_an_accuracy_are_read_off_the_curve(curve: list[float], needed: float) -> None:
    reach = programs_to_reach([0, 100, 200], 0.6)
    assert reach(np.array([curve]))[0] == pytest.approx(needed)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=8), st.floats(0.01, 1))
def test_the_curve_has_the_accuracy_where_it_is_said_to_reach_it(
    curve: list[float], accuracy: float
) -> None:
    programs = np.arange(len(curve)) * 100.0
    needed = programs_to_reach(programs, accuracy)(np.array([curve]))[0]
    if needed == np.inf:
        assert max(curve) < accuracy
        return
    height = np.interp(needed, programs, curve)
    assert height == pytest.approx(max(accuracy, curve[0]), abs=1e-9)
    earlier = np.array(curve)[programs < needed]
    assert (earlier < accuracy).all()


def test_programs_needed_have_an_interval_and_a_paired_ratio() -> None:
    hardness = rng().random((5, 300))
    fast = np.stack([hardness < share for share in (0.3, 0.6, 0.9)]).astype(float)
    slow = np.stack([hardness < share for share in (0.3, 0.45, 0.6, 0.75, 0.9)]).astype(float)
    of_fast = programs_to_reach([0, 100, 200], 0.8)
    of_slow = programs_to_reach([0, 100, 200, 300, 400], 0.8)
    interval = bootstrap(fast, of_fast, rng())
    assert interval.low < interval.mean < interval.high
    assert interval.mean == pytest.approx(100 + 100 * (0.8 - 0.6) / 0.3, abs=10)
    halved = paired_bootstrap(fast, slow, lambda a, b: ratio(of_fast(a), of_slow(b)), rng())
    assert halved.low < 0.5 < halved.high
    assert halved.high - halved.low < 0.05


def test_where_an_accuracy_is_not_always_reached_the_interval_has_no_end() -> None:
    curve = np.stack([solved((5, 40), 0.2), solved((5, 40), 0.6, 1)])
    reach = programs_to_reach([0, 100], float(curve[1].mean()))
    interval = bootstrap(curve, reach, rng())
    assert interval.mean == pytest.approx(100.0)
    assert (interval.low < 100.0, interval.high) == (True, np.inf)


def test_where_neither_arm_reaches_it_nothing_is_said_about_their_ratio() -> None:
    curve = np.stack([solved((2, 9), 0.1), solved((2, 9), 0.2)])
    reach = programs_to_reach([0, 100], 0.9)
    interval = paired_bootstrap(curve, curve, lambda a, b: ratio(reach(a), reach(b)), rng())
    assert np.isnan(interval.mean)
    assert (interval.low, interval.high) == (-np.inf, np.inf)


def test_points_must_ascend() -> None:
    with pytest.raises(CoreError, match="ascending"):
        programs_to_reach([0, 200, 200], 0.5)


# Cost


def test_ten_thousand_resamples_of_five_seeds_and_300_tasks_take_less_than_a_second() -> None:
    values = solved((5, 300), 0.5)
    began = time.process_time()  # other processes may be using the machine
    bootstrap_mean(values, rng(), resamples=10_000)
    assert time.process_time() - began < 1.0


def test_very_many_tasks_are_resampled_a_part_at_a_time() -> None:
    values = solved((1, 50_000), 0.5)
    interval = bootstrap_mean(values, rng(), resamples=200)
    assert 0 < interval.high - interval.low < 0.02
