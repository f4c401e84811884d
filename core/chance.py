"""Every random choice of a run: a generator each by (seed, purpose, index), so that it repeats."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

#: What a generator is for: the second word of its seed.
TASK_ORDER, REPLAY, DROPOUT, HELD_OUT, ADAPTER, MIXTURE, SAMPLING, PASSES, BOOTSTRAP = range(9)


def generator(seed: int, purpose: int, index: int) -> np.random.Generator:
    """The generator of one choice."""
    return np.random.default_rng((seed, purpose, index))


def shuffled(seed: int, count: int, epoch: int) -> NDArray[np.int64]:
    """The order in which an epoch takes `count` tasks, where chance alone decides."""
    return generator(seed, TASK_ORDER, epoch).permutation(count)


def turns(
    order_of: Callable[[int], NDArray[np.int64]], count: int, size: int, iteration: int
) -> NDArray[np.int64]:
    """Which of `count` tasks an iteration of `size` <= count takes, as (size,) indexes.

    Every task comes once, in the order of the epoch, before any comes again. In an iteration that
    ends one epoch and begins the next, the new order puts what it already holds last, so that no
    task comes twice in it.
    """
    begin = iteration * size
    held = np.empty(0, np.int64)  # of the last epoch, in the iteration that goes on into the next
    for epoch in range((begin + size - 1) // count + 1):
        fresh = order_of(epoch)
        again = np.isin(fresh, held)
        order = np.concatenate((held, fresh[~again], fresh[again]))
        first = epoch * count - len(held)  # place of order[0] in the whole run
        held = order[len(order) - (epoch + 1) * count % size :]
    return order[begin - first : begin - first + size]
