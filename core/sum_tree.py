"""Weights that change one by one and are drawn from in proportion, a million of them at a time.

A tree of partial sums with 16 children a node, as numpy arrays: a level is drawn from, or brought
up to date, for a whole minibatch in one operation. Sums are added up anew, never adjusted by
differences, so that rounding errors do not gather.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_FANOUT = 16
_SHIFT = 4  # log2 of the fan-out

#: A level this small is searched as a whole.
_TOP = 8192

#: A row of a level as one item: numpy copies it many times faster than 16 numbers.
_ROW = np.dtype((np.void, 8 * _FANOUT))


@dataclass(frozen=True, slots=True, eq=False)
class _Level:
    """The children of all nodes of one height; `ends` holds each row of `weights` summed up."""

    weights: NDArray[np.float64]  # (nodes, 16)
    ends: NDArray[np.float64]  # (nodes, 16)


class SumTree:
    """Non-negative weights by index, all 0 at first."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._levels: list[_Level] = []
        nodes = max(length, 1)
        while nodes > _TOP or not self._levels:
            nodes = -(-nodes // _FANOUT)
            self._levels.append(_Level(np.zeros((nodes, _FANOUT)), np.zeros((nodes, _FANOUT))))
        self._top = _Level(np.zeros((1, nodes)), np.zeros((1, nodes)))

    def __len__(self) -> int:
        return self._length

    @property
    def total(self) -> float:
        """The sum of all weights."""
        return float(self._top.ends[0, -1])

    @property
    def leaves(self) -> NDArray[np.float64]:
        """All weights (n,), to be written to; call `rebuild` afterwards."""
        return self._levels[0].weights.reshape(-1)[: self._length]

    def rebuild(self) -> None:
        """Adds everything up anew."""
        for level, above in zip(self._levels, [*self._levels[1:], self._top], strict=True):
            np.cumsum(level.weights, axis=1, out=level.ends)
            above.weights.reshape(-1)[: len(level.ends)] = level.ends[:, -1]
        np.cumsum(self._top.weights, axis=1, out=self._top.ends)

    def weights(self, indexes: NDArray[np.int64]) -> NDArray[np.float64]:
        """The weights behind indexes."""
        return self._levels[0].weights.reshape(-1).take(indexes)

    def update(self, indexes: NDArray[np.int64], weights: NDArray[np.float64]) -> None:
        """Sets weights; of an index that occurs twice the last one stays."""
        for level in self._levels:
            level.weights.reshape(-1)[indexes] = weights
            indexes = indexes >> _SHIFT
            ends = level.weights.take(indexes, axis=0).cumsum(axis=1)
            level.ends.view(_ROW)[indexes] = ends.view(_ROW)
            weights = ends[:, -1]
        self._top.weights[0, indexes] = weights
        np.cumsum(self._top.weights, axis=1, out=self._top.ends)

    def find(self, points: NDArray[np.float64]) -> NDArray[np.int64]:
        """The index in whose share of the total each point of [0, 1) falls; never one of weight 0.

        The total must be positive.
        """
        # In ascending order the search below takes a third of the time.
        order = points.argsort()
        ends = self._top.ends[0]
        rest = _within(points[order] * self.total, ends[-1])
        indexes = np.searchsorted(ends, rest, side="right")
        rest -= ends[indexes] - self._top.weights[0, indexes]
        for level in reversed(self._levels):
            ends = level.ends.take(indexes, axis=0)  # (points, 16)
            rest = _within(rest, ends[:, -1])
            child = (ends > rest[:, None]).argmax(axis=1)
            indexes = (indexes << _SHIFT) + child
            if level is not self._levels[0]:
                rest -= ends[np.arange(len(rest)), child] - level.weights.reshape(-1).take(indexes)
        found = np.empty_like(indexes)
        found[order] = indexes
        return found


def _within(points: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
    """The points, moved into [0, end) where rounding has carried them out of it."""
    return np.minimum(np.maximum(points, 0.0), np.nextafter(end, 0.0))
