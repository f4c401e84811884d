"""pass@k, n@k and the two figures of APPS, against what they are published as."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, pairwise
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import CoreError
from core.evaluation import estimators


def published(n: int, c: int, k: int) -> Fraction:
    """Chen et al. 2021, eq. 1, in whole numbers."""
    return 1 - Fraction(comb(n - c, k), comb(n, k))


def product(n: int, c: int, k: int) -> float:
    """The form in which they compute it."""
    if n - c < k:
        return 1.0
    return float(1.0 - np.prod(1.0 - k / np.arange(n - c + 1, n + 1)))


def random_cases(count: int) -> list[tuple[int, int, int]]:
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 401, count)
    return [(int(n), int(rng.integers(0, n + 1)), int(rng.integers(1, n + 1))) for n in sizes]


def test_pass_at_k_is_the_published_estimator_on_a_thousand_random_cases() -> None:
    for n, c, k in random_cases(1000):
        ours = float(estimators.pass_at_k(n, c, k))
        assert ours == pytest.approx(float(published(n, c, k)), rel=1e-11, abs=1e-13)
        assert ours == pytest.approx(product(n, c, k), rel=1e-9, abs=1e-11)


def test_many_tasks_get_the_values_that_each_gets_alone() -> None:
    n, c = np.array([10, 10, 200, 5]), np.array([0, 3, 7, 5])
    alone = [float(estimators.pass_at_k(*pair, 4)) for pair in zip(n, c, strict=True)]
    assert estimators.pass_at_k(n, c, 4).tolist() == alone
    assert estimators.pass_at_k(10, [0, 10], 4).tolist() == [0.0, 1.0]


@given(st.lists(st.booleans(), min_size=1, max_size=8), st.data())
def test_pass_at_k_is_the_share_of_choices_of_k_that_hold_a_right_program(
    correct: list[bool], data: st.DataObject
) -> None:
    k = data.draw(st.integers(1, len(correct)))
    chosen = [any(some) for some in combinations(correct, k)]
    ours = float(estimators.pass_at_k(len(correct), sum(correct), k))
    assert ours == pytest.approx(sum(chosen) / len(chosen))


@pytest.mark.parametrize(("n", "c", "k"), [(5, 1, 6), (5, 1, 0), (5, 6, 2), (5, -1, 2)])
def test_counts_that_cannot_be_are_refused(n: int, c: int, k: int) -> None:
    with pytest.raises(CoreError, match="pass@k"):
        estimators.pass_at_k(n, c, k)


# n@k


def test_n_at_k_hands_in_the_programs_with_the_highest_scores() -> None:
    correct = [[False, True, False], [True, False, False]]
    scores = [[-1.0, -2.0, -3.0], [-9.0, -1.0, -2.0]]
    assert estimators.n_at_k(correct, scores, 1).tolist() == [0.0, 0.0]
    assert estimators.n_at_k(correct, scores, 2).tolist() == [1.0, 0.0]
    assert estimators.n_at_k(correct, scores, 3).tolist() == [1.0, 1.0]


def test_programs_that_the_filter_cannot_tell_apart_are_handed_in_by_chance() -> None:
    correct = [[True, False, True, False, False]]
    assert estimators.n_at_k(correct, np.zeros((1, 5)), 2) == pytest.approx(
        estimators.pass_at_k(5, 2, 2)
    )
    # One place is left for the three that score 0, of which one is right.
    scores = [[0.0, 1.0, -5.0, 0.0, 0.0]]
    assert estimators.n_at_k(correct, scores, 2) == pytest.approx(1 / 3)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_more_programs_handed_in_never_solve_less(tasks: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    correct, scores = rng.random((tasks, k)) < 0.4, rng.integers(0, 3, (tasks, k))
    solved = [estimators.n_at_k(correct, scores, n) for n in range(1, k + 1)]
    assert all((more >= less - 1e-12).all() for less, more in pairwise(solved))
    assert solved[-1].tolist() == correct.any(1).astype(float).tolist()


def test_more_than_there_are_cannot_be_handed_in() -> None:
    with pytest.raises(CoreError, match="n = 4 must be from 1 to k = 3"):
        estimators.n_at_k([[True, False, False]], [[0.0, 0.0, 0.0]], 4)


# APPS


def test_strict_accuracy_counts_whole_tasks_and_the_average_counts_tests() -> None:
    assert estimators.strict_accuracy([1.0, 0.99, 0.0, 1.0]) == 0.5
    assert estimators.test_case_average([1.0, 0.5, 0.0, 1.0]) == 0.625


def test_strict_accuracy_of_draws_is_pass_at_1() -> None:
    pass_rates = np.random.default_rng(0).choice([0.0, 0.5, 1.0], (7, 9))
    alone = estimators.pass_at_k(9, (pass_rates == 1).sum(1), 1)
    assert estimators.strict_accuracy(pass_rates) == pytest.approx(alone.mean())


def test_groups_hold_the_places_of_their_tasks_in_order() -> None:
    found = estimators.groups(["easy", "hard", "easy"])
    assert {name: places.tolist() for name, places in found.items()} == {
        "easy": [0, 2],
        "hard": [1],
    }
