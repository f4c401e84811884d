"""Which tasks an iteration takes: datasets by weight, and tasks by how often they were solved.

The choice is a pure function of seed, iteration, weights, and the pass rates that the store holds
of the iterations before: a run that was killed makes it again. No task comes twice in an iteration.

With equal weights and no band every task comes once before any comes again, in a random order or
that of `core.coverage`. Else
each task's chance to be in an iteration is in proportion to its weight, and at most 1: a task of
weight 2 comes twice as often as one of weight 1, by chance and not by turns. The rule of the band:
a task is inside where the mean pass rate of its programs, when it was last sampled, is in
[low, high], and as long as it has no verdict; a task outside has a tenth of its weight, so that it
is tried again now and then and can come back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from core.chance import MIXTURE, generator, shuffled, turns
from core.coverage import Coverage
from core.errors import CoreError
from storage.rows import Rows

#: What is left of the weight of a task outside the band.
REVISIT = 0.1

#: Chances as near to 1 as this are taken for 1: sums of many of them are no more exact.
_CERTAIN = 1.0 - 1e-9


@dataclass(frozen=True, slots=True)
class Mixture:
    """How often each task is wanted: `weights` (tasks,) > 0, and the band [low, high] or none.

    `coverage` gives the tasks their order in place of chance. Raises CoreError where weights or a
    band ask for another.
    """

    weights: Sequence[float]
    band: tuple[float, float] = (0.0, 1.0)
    coverage: Coverage | None = None

    def __post_init__(self) -> None:
        if self.coverage is not None and (self.banded or len(set(self.weights)) > 1):
            raise CoreError(
                'tasks.order = "coverage" is an order of its own: leave tasks.band at [0.0, 1.0] '
                "and the weights of tasks.train alike."
            )

    @property
    def banded(self) -> bool:
        """Whether pass rates count."""
        return self.band != (0.0, 1.0)

    def choose(
        self, seed: int, size: int, iteration: int, pass_rates: NDArray[np.float64] | None = None
    ) -> NDArray[np.int64]:
        """The (size,) indexes of the tasks of an iteration, of size <= tasks.

        `pass_rates` (tasks,) are those of `recent_pass_rates`, needed only where `banded`.
        """
        weights = np.asarray(self.weights, np.float64)
        if pass_rates is not None and self.banded:
            low, high = self.band
            outside = (pass_rates < low) | (pass_rates > high)  # neither holds of a NaN
            weights = np.where(outside, REVISIT * weights, weights)
        elif np.all(weights == weights[0]):
            return turns(self._order_by(seed), len(weights), size, iteration)
        return _sample(weights, size, generator(seed, MIXTURE, iteration))

    def _order_by(self, seed: int) -> Callable[[int], NDArray[np.int64]]:
        """The order of the tasks in each epoch."""
        if self.coverage is not None:
            return self.coverage.order
        return partial(shuffled, seed, len(self.weights))


def chances(weights: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """In proportion to the weights, none above 1, `size` in sum: (tasks,)."""
    chance = np.zeros(len(weights))
    certain = np.zeros(len(weights), bool)
    while True:
        left = size - certain.sum()
        rest = np.where(certain, 0.0, weights)
        rest /= rest.max() or 1.0  # sums of the largest and products of the least numbers fail
        chance = np.where(certain, 1.0, left * rest / (rest.sum() or 1.0))
        more = ~certain & (chance >= _CERTAIN)
        if not more.any():
            return chance
        certain |= more


def _sample(
    weights: NDArray[np.float64], size: int, chance: np.random.Generator
) -> NDArray[np.int64]:
    """Systematic sampling: points one apart on a line of which each task has its chance's length.

    The tasks lie on it in a random order, so that any may come together with any other.
    """
    probability = chances(weights, size)
    certain = np.flatnonzero(probability >= 1.0)
    order = chance.permutation(np.flatnonzero(probability < 1.0))
    points = chance.random() + np.arange(size - len(certain))
    ends = np.cumsum(probability[order])
    hit = np.searchsorted(ends, points, side="right").clip(max=max(len(order) - 1, 0))
    return chance.permutation(np.concatenate((certain, order[hit])))


def recent_pass_rates(
    rows: Rows, run: int, iteration: int, task_ids: Sequence[str]
) -> NDArray[np.float64]:
    """The mean pass rate of each task when it was last sampled before an iteration: (tasks,).

    NaN for a task that has no verdict yet.
    """
    known = np.isfinite(rows.pass_rate) & (rows.run == run) & (rows.iteration < iteration)
    task, when, rate = rows.task[known], rows.iteration[known], rows.pass_rate[known]
    last = np.full(len(rows.tasks), -1)
    np.maximum.at(last, task, when)
    newest = when == last[task]
    sums = np.bincount(task[newest], rate[newest], minlength=len(rows.tasks))
    counts = np.bincount(task[newest], minlength=len(rows.tasks))
    means = np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0)
    place = {name: index for index, name in enumerate(rows.tasks)}
    return np.array([means[place[name]] if name in place else np.nan for name in task_ids])
