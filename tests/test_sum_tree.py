"""The sum tree draws as the plain running sum would, after any sequence of changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import core.sum_tree
from core.sum_tree import SumTree


def tree_of(weights: np.ndarray) -> SumTree:
    tree = SumTree(len(weights))
    tree.leaves[:] = weights
    tree.rebuild()
    return tree


WEIGHTS = st.lists(st.sampled_from([0.0, 0.0, 1e-12, 0.3, 1.0, 5.0]), min_size=1, max_size=300)


@given(WEIGHTS, st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_each_point_falls_into_the_share_of_its_index(weights: list[float], seed: int) -> None:
    plain = np.array(weights)
    if plain.sum() == 0:
        return
    points = np.random.default_rng(seed).random(64)
    ends = np.cumsum(plain)
    expected = np.searchsorted(ends, points * ends[-1], side="right")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(core.sum_tree, "_TOP", 4)  # so that a small tree has several levels
        found = tree_of(plain).find(points)
    # A point within rounding of a border may fall on either side of it.
    near = np.abs(ends[np.minimum(found, expected)] - points * ends[-1]) < 1e-12 * ends[-1]
    assert_array_equal(found[~near], expected[~near])
    assert np.all(plain[found] > 0)


@given(WEIGHTS, st.data())
@settings(deadline=None)
def test_after_updates_it_is_the_tree_built_anew(weights: list[float], data: st.DataObject) -> None:
    plain = np.array(weights)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(core.sum_tree, "_TOP", 4)
        tree = tree_of(plain)
        for _ in range(3):
            size = data.draw(st.integers(0, 20))
            rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
            indexes, values = rng.integers(0, len(plain), size), rng.random(size)
            tree.update(indexes, values)
            plain[indexes] = values
        anew = tree_of(plain)
    assert_array_equal(tree.weights(np.arange(len(plain))), plain)
    assert tree.total == anew.total
    points = np.linspace(0, 1, 50, endpoint=False)
    if plain.sum() > 0:
        assert_array_equal(tree.find(points), anew.find(points))


def test_the_outermost_points_stay_on_positive_weights() -> None:
    weights = np.zeros(10_000)
    weights[[17, 5000, 9990]] = [1e-9, 0.1, 0.7]
    tree = tree_of(weights)
    found = tree.find(np.array([0.0, np.nextafter(1.0, 0.0)]))
    assert_array_equal(found, [17, 9990])


def test_points_on_borders_never_fall_on_weight_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights over 19 orders of magnitude, where rounding carries points across borders."""
    monkeypatch.setattr(core.sum_tree, "_TOP", 4)
    rng = np.random.default_rng(0)
    for _ in range(100):
        weights = np.where(rng.random(200) < 0.6, 0.0, 10.0 ** rng.uniform(-3, 16, 200))
        borders = np.cumsum(weights) / weights.sum()
        points = np.concatenate((borders, np.nextafter(borders, 0.0)))
        found = tree_of(weights).find(np.minimum(points, np.nextafter(1.0, 0.0)))
        assert np.all(weights[found] > 0)


def test_a_million_updates_leave_no_drift() -> None:
    rng = np.random.default_rng(0)
    tree = tree_of(np.ones(5000))
    for _ in range(400):
        tree.update(rng.integers(0, 5000, 2500), rng.random(2500) * 1e6)
    tree.update(np.arange(5000), np.full(5000, 0.1))
    assert_allclose(tree.total, 500.0, rtol=1e-15 * 5000)


def test_an_empty_tree_weighs_nothing() -> None:
    assert tree_of(np.array([])).total == 0.0
