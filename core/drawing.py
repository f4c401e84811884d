"""The two ways of drawing by priority, both exact: in proportion, or by rank (eq. 7-8).

Both take P2Values by slot, NaN where a slot is no candidate, and find the slots that points of
[0, 1) fall into. Beside them stand shuffled passes, in which everything comes equally often.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.priority import Floats, best_first, biased, shares
from core.sum_tree import SumTree

Slots = NDArray[np.int64]


class ProportionalDrawing:
    """p_i = P2Value_i, at least `floor`; P(i) = p_i^ω / Σ_k p_k^ω, in a sum tree."""

    def __init__(self) -> None:
        self._tree = SumTree(0)
        self._exponent = self._floor = self._reference = 0.0

    def tune(
        self, p2value: Floats, exponent: float, floor: float, bias: Floats | None = None
    ) -> None:
        """Begins anew with these P2Values and knobs."""
        self._exponent, self._floor = exponent, floor
        if len(p2value) > len(self._tree):
            # A quarter more room than needed, so that a growing buffer seldom comes back here.
            self._tree = SumTree(len(p2value) + len(p2value) // 4)
        self._tree.leaves[len(p2value) :] = 0.0  # there may have been more slots before
        weights = self._tree.leaves[: len(p2value)]
        np.maximum(p2value, floor, out=weights)
        self._reference = float(np.fmax.reduce(weights, initial=0.0))
        shares(weights, exponent, self._reference, out=weights)
        if bias is not None:
            weights[:] = biased(weights, bias)
        self._tree.rebuild()

    def update(self, p2value: Floats, changed: Slots) -> None:
        """Takes in all P2Values, of which only the changed ones differ; there must be no bias."""
        priority = np.maximum(p2value[changed], self._floor)
        largest = np.fmax.reduce(priority, initial=0.0)
        if len(p2value) > len(self._tree) or largest > self._reference:
            self.tune(p2value, self._exponent, self._floor)
        else:
            self._tree.update(changed, shares(priority, self._exponent, self._reference))
            if not self._tree.total > 0.0:  # all are so much smaller now that nothing is left
                self.tune(p2value, self._exponent, self._floor)

    def draw(self, points: Floats) -> tuple[Slots, Floats]:
        """The slots behind the points, and their P(i)."""
        slots = self._tree.find(points)
        return slots, self._tree.weights(slots) / self._tree.total


class RankDrawing:
    """p_i = 1 / rank(i); P(i) = rank^-ω / Σ_r r^-ω, by bisection of the running sum of r^-ω."""

    def __init__(self) -> None:
        self._exponent = 0.0
        self._shares = np.empty(0)  # by rank: r^-ω
        self._ends = np.empty(0)  # by rank: Σ of r^-ω up to it

    def tune(self, p2value: Floats, exponent: float, bias: Floats | None = None) -> None:
        """Begins anew with these P2Values and knobs."""
        if exponent != self._exponent:
            self._exponent = exponent
            self._shares, self._ends = np.empty(0), np.empty(0)
        self.update(p2value, bias)

    def update(self, p2value: Floats, bias: Floats | None = None) -> None:
        """Takes in all P2Values; the sort is put off to the next draw."""
        self._p2value, self._bias = p2value, bias
        self._best_first: NDArray[np.int32] | None = None

    def draw(self, points: Floats) -> tuple[Slots, Floats]:
        """The slots behind the points, and their P(i)."""
        if self._best_first is None:
            known = np.flatnonzero(~np.isnan(self._p2value))
            order = best_first(self._p2value.take(known))
            self._best_first = known.astype(np.int32).take(order)  # half as much to gather from
            self._add_ranks(len(known))
            self._weigh()
        total = self._weight_ends[-1]
        within = np.minimum(points * total, np.nextafter(total, 0.0))
        places = np.searchsorted(self._weight_ends, within, "right")
        return self._best_first[places].astype(np.int64), self._weights.take(places) / total

    def _weigh(self) -> None:
        """The shares of the slots, best first, and their running sum."""
        assert self._best_first is not None
        count = len(self._best_first)
        self._weights, self._weight_ends = self._shares[:count], self._ends[:count]
        if self._bias is not None:
            self._weights = biased(self._weights, self._bias.take(self._best_first))
            self._weight_ends = np.cumsum(self._weights)

    def _add_ranks(self, count: int) -> None:
        before = len(self._ends)
        if count > before:
            more = np.arange(before + 1.0, count + count // 4 + 2) ** -self._exponent
            begin = self._ends[-1] if before else 0.0
            self._shares = np.concatenate((self._shares, more))
            self._ends = np.concatenate((self._ends, begin + np.cumsum(more)))


def in_passes(
    groups: NDArray[Any], begin: int, n: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Entries begin to begin + n of endless passes over items, as (n,) indexes into `groups`.

    Each pass holds every item once. Its groups (N,) come in a new order, and what is of one group
    stays together, in its own order; a minibatch may end within one, and the next goes on there.
    What comes when depends on the generator's state and on the groups alone.
    """
    names, group = np.unique(groups, return_inverse=True)
    first, last = begin // len(groups), (begin + n - 1) // len(groups)
    orders = []
    for number in range(last + 1):
        place = rng.permutation(len(names))
        if number >= first:
            orders.append(np.argsort(place[group], kind="stable"))
    skipped = begin - first * len(groups)
    return np.concatenate(orders)[skipped : skipped + n]
