"""Equations 1-8 against numbers worked out by hand, and the fast order against the plain one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.testing import assert_allclose, assert_array_equal

from core.priority import (
    best_first,
    importance_weights,
    newest_of_each,
    p2value,
    possibility,
    priorities,
    probabilities,
)

UNKNOWN = np.nan
SHARES = st.floats(0.0, 1.0)


def test_possibility_is_the_product_or_the_geometric_mean_of_token_probabilities() -> None:
    """Eq. 1-2: tokens of probability 0.5, 0.5 and 0.25."""
    logprob, n_tokens = np.array([np.log(0.5 * 0.5 * 0.25)]), np.array([3])
    assert_allclose(possibility(logprob, n_tokens, "joint"), [0.0625])
    assert_allclose(possibility(logprob, n_tokens, "per_token"), [0.0625 ** (1 / 3)])


def test_a_long_program_keeps_its_per_token_possibility() -> None:
    logprob, n_tokens = np.array([-2000.0]), np.array([4000])
    assert possibility(logprob, n_tokens, "joint")[0] == 0.0
    assert_allclose(possibility(logprob, n_tokens, "per_token"), [np.exp(-0.5)])


def test_possibility_is_unknown_where_what_it_needs_is() -> None:
    logprob, n_tokens = np.array([UNKNOWN, -1.0]), np.array([3, 0])
    assert_array_equal(np.isnan(possibility(logprob, n_tokens, "per_token")), [True, True])
    assert_array_equal(np.isnan(possibility(logprob, n_tokens, "joint")), [True, False])


def test_p2value_mixes_possibility_and_pass_rate() -> None:
    """Eq. 6."""
    chance, rate = np.array([0.5, 1.0, 0.5]), np.array([1.0, 0.0, UNKNOWN], np.float32)
    assert_allclose(p2value(chance, rate, 0.2), [0.9, 0.2, UNKNOWN])
    assert_allclose(p2value(chance, rate, 1.0), [0.5, 1.0, UNKNOWN])


def test_proportional_priority_is_the_p2value_or_the_floor() -> None:
    """Eq. 8, first form."""
    value = np.array([0.5, 0.0, UNKNOWN])
    found = priorities(value, np.arange(3), "proportional", 0.01)
    assert_allclose(found, [0.5, 0.01, UNKNOWN])


def test_rank_priority_is_one_over_the_rank_and_the_newer_of_equals_comes_first() -> None:
    """Eq. 8, second form."""
    value = np.array([0.2, 0.9, 0.5, 0.5, UNKNOWN, 0.5])
    age_order = np.array([10, 20, 60, 40, 50, 30])
    ranked = priorities(value, age_order, "rank", 0.01)
    assert_allclose(ranked, [1 / 5, 1, 1 / 2, 1 / 3, UNKNOWN, 1 / 4])


def test_probabilities_are_normalised_powers_of_priorities() -> None:
    """Eq. 7: 1, 4 and 16 of 21 at an exponent of 2."""
    priority = np.array([0.1, 0.2, UNKNOWN, 0.4])
    assert_allclose(probabilities(priority, 2.0), [1 / 21, 4 / 21, 0, 16 / 21])
    assert_allclose(probabilities(priority, 1.0), [1 / 7, 2 / 7, 0, 4 / 7])
    assert_allclose(probabilities(priority, 0.0), [1 / 3, 1 / 3, 0, 1 / 3])


def test_probabilities_hold_where_powers_underflow() -> None:
    assert_allclose(probabilities(np.array([1e-200, 2e-200]), 3.0), [1 / 9, 8 / 9])
    assert_allclose(probabilities(np.array([0.0, 0.0]), 3.0), [0.5, 0.5])
    assert_array_equal(probabilities(np.array([UNKNOWN]), 1.0), [0.0])
    assert len(probabilities(np.array([]), 1.0)) == 0


@given(
    arrays.arrays(np.float64, st.integers(1, 50), elements=SHARES),
    st.floats(0.0, 20.0),
    st.sampled_from(["proportional", "rank"]),
)
def test_probabilities_add_up_to_one_and_follow_the_priorities(
    value: np.ndarray, exponent: float, kind: str
) -> None:
    priority = priorities(value, np.arange(len(value)), kind, 1e-6)  # type: ignore[arg-type]
    chance = probabilities(priority, exponent)
    assert_allclose(chance.sum(), 1.0)
    assert np.all(np.diff(chance[np.argsort(priority)]) >= 0)


def test_importance_weights_undo_the_preference_by_beta() -> None:
    chance = np.array([0.5, 0.125, 0.25])
    assert_allclose(importance_weights(chance, 1.0), [0.25, 1.0, 0.5])
    assert_allclose(importance_weights(chance, 0.5), [0.5, 1.0, 0.5**0.5])
    assert_array_equal(importance_weights(chance, 0.0), [1.0, 1.0, 1.0])
    assert importance_weights(chance, 0.4).dtype == np.float32
    assert len(importance_weights(np.array([]), 0.4)) == 0


def test_the_newest_row_of_each_program_stands_for_it() -> None:
    found = newest_of_each(np.array([3, 1, 3, 7, 1]))
    assert_array_equal(found, [False, False, True, True, True])
    assert len(newest_of_each(np.array([], np.int32))) == 0


def plain_order(value: np.ndarray) -> np.ndarray:
    return np.lexsort((-np.arange(len(value)), -value))


@given(
    arrays.arrays(
        np.float64,
        st.integers(0, 200),
        elements=st.one_of(SHARES, st.sampled_from([0.0, -0.0, 0.5, 1.0, 5e-324, 2.0, 1e300])),
    )
)
def test_the_fast_order_is_the_plain_one(value: np.ndarray) -> None:
    assert_array_equal(best_first(value), plain_order(value))


@pytest.mark.parametrize("count", [2, 1000, 70_000])
def test_values_that_differ_in_their_last_bits_are_told_apart(count: int) -> None:
    rng = np.random.default_rng(count)
    value = np.full(count, 0.7).view(np.int64) + rng.integers(-3, 4, count)
    clustered = np.where(rng.random(count) < 0.2, rng.random(count), value.view(np.float64))
    assert_array_equal(best_first(clustered), plain_order(clustered))


@given(st.lists(SHARES, min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_ranks_do_not_depend_on_the_order_of_the_array(values: list[float], random) -> None:  # type: ignore[no-untyped-def]
    value, age_order = np.array(values), np.arange(len(values))
    shuffled = list(range(len(values)))
    random.shuffle(shuffled)
    whole = priorities(value, age_order, "rank", 0.0)
    assert_array_equal(
        priorities(value[shuffled], age_order[shuffled], "rank", 0.0), whole[shuffled]
    )
