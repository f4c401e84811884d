"""Intervals around what was measured on some tasks with some seeds: the percentile bootstrap.

Results are arrays (seeds, tasks), every seed measured on the same tasks, or (points, seeds, tasks)
where a seed was measured at several points of its run. A resample draws seeds and tasks, each with
replacement and apart from each other, since both are samples of many (the pigeonhole bootstrap:
Owen 2007, doi 10.1214/07-AOAS122); with one seed it says how much hangs on the choice of tasks
alone. Two arms are compared on the same draws, so that what is hard for both cancels out (paired).

What a handful of seeds cannot show, no resampling shows either: with five, the seeds' part of an
interval is too narrow by a tenth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import CoreError

Floats = NDArray[np.float64]

#: Resamples, unless a caller wants fewer.
RESAMPLES = 10_000

#: Most numbers of one array of draws: 10,000 resamples of 5,000 tasks at once would take 400 MB.
_MOST_AT_ONCE = 4_000_000

#: What is made of a mean a resample: (R,) or (R, points) -> (R,).
Statistic = Callable[[Floats], Floats]

#: The same of two arms.
PairedStatistic = Callable[[Floats, Floats], Floats]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure, and the bounds that enclose `level` of its resamples, as many below as above.

    `mean` is the figure of the results themselves. It can be NaN, and a bound infinite, where a
    figure does not exist: a ratio to nothing, or programs to an accuracy that is never reached.
    """

    mean: float
    low: float
    high: float


def bootstrap_mean(
    values: ArrayLike,
    rng: np.random.Generator,
    level: float = 0.95,
    resamples: int = RESAMPLES,
) -> Interval:
    """The mean of results (seeds, tasks); raises CoreError where there are none or one is NaN."""
    return bootstrap(values, lambda means: means, rng, level, resamples)


def bootstrap(
    values: ArrayLike,
    statistic: Statistic,
    rng: np.random.Generator,
    level: float = 0.95,
    resamples: int = RESAMPLES,
) -> Interval:
    """A statistic of the mean over seeds and tasks of results ([points,] seeds, tasks)."""
    results = _checked(values)
    drawn = [
        statistic(_means(results, seeds, tasks))
        for seeds, tasks in _draws(results.shape[-2:], rng, resamples)
    ]
    return _interval(statistic(_mean(results)), drawn, level)


def paired_bootstrap(
    a: ArrayLike,
    b: ArrayLike,
    statistic: PairedStatistic,
    rng: np.random.Generator,
    level: float = 0.95,
    resamples: int = RESAMPLES,
) -> Interval:
    """A statistic of the means of two arms, each ([points,] seeds, tasks), on the same draws.

    Seed i and task j are the same in both; their points may differ. Raises CoreError where they
    have not as many seeds and tasks.
    """
    first, second = _checked(a), _checked(b)
    if first.shape[-2:] != second.shape[-2:]:
        raise CoreError(
            f"Results on {first.shape[-2:]} and {second.shape[-2:]} seeds and tasks cannot be "
            "paired: measure both on the same."
        )
    drawn = [
        statistic(_means(first, seeds, tasks), _means(second, seeds, tasks))
        for seeds, tasks in _draws(first.shape[-2:], rng, resamples)
    ]
    return _interval(statistic(_mean(first), _mean(second)), drawn, level)


def difference(a: Floats, b: Floats) -> Floats:
    """How much higher a is, for `paired_bootstrap`."""
    return a - b


def ratio(a: Floats, b: Floats) -> Floats:
    """How many times b is in a, for `paired_bootstrap`; NaN for 0 of 0 and never of never."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return a / b


def programs_to_reach(programs: ArrayLike, accuracy: float) -> Statistic:
    """The number of programs after which an accuracy curve first is as high as `accuracy`.

    `programs` (points,) are those sampled by each point, ascending; curves are (R, points), taken
    as straight between their points. Infinite for one that stays below. For `bootstrap` alone, or
    one for each arm in a paired statistic: `lambda a, b: ratio(reach_a(a), reach_b(b))`.
    """
    at = np.asarray(programs, np.float64)
    if at.ndim != 1 or not len(at) or np.any(np.diff(at) <= 0):
        raise CoreError("The points of an accuracy curve must have ascending numbers of programs.")

    def first_reached(curves: Floats) -> Floats:
        reached = curves >= accuracy
        point = reached.argmax(1)
        rows = np.arange(len(curves))
        before = np.maximum(point - 1, 0)
        low, high = curves[rows, before], curves[rows, point]
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(point == 0, 0.0, (accuracy - low) / (high - low))
        crossing = at[before] + share * (at[point] - at[before])
        return np.where(reached.any(1), crossing, np.inf)

    return first_reached


def _checked(values: ArrayLike) -> Floats:
    results = np.asarray(values, np.float64)
    if results.ndim not in (2, 3) or not results.size:
        raise CoreError("Results to resample must be an array of (seeds, tasks), and not empty.")
    if np.isnan(results).any():
        raise CoreError("Results to resample must not miss a task: measure every seed on all.")
    return results


def _mean(results: Floats) -> Floats:
    """As a single resample that draws everything once: (1,) or (1, points)."""
    mean: Floats = results.mean((-2, -1))[None]
    return mean


def _draws(
    shape: tuple[int, ...], rng: np.random.Generator, resamples: int
) -> Iterator[tuple[Floats, Floats]]:
    """How often each seed and each task was drawn, (r, seeds) and (r, tasks)."""
    at_once = max(1, _MOST_AT_ONCE // max(shape))
    for start in range(0, resamples, at_once):
        count = min(at_once, resamples - start)
        seeds, tasks = (_times_drawn(size, count, rng) for size in shape)
        yield seeds, tasks


def _times_drawn(size: int, count: int, rng: np.random.Generator) -> Floats:
    """(count, size): of `size` things drawn with replacement as many times, how often each."""
    drawn = rng.integers(0, size, (count, size))
    drawn += np.arange(count)[:, None] * size
    times = np.bincount(drawn.ravel(), minlength=count * size)
    return times.reshape(count, size).astype(np.float64)


def _means(results: Floats, seeds: Floats, tasks: Floats) -> Floats:
    """The mean of each resample: (r,), or (r, points)."""
    shape = results.shape
    # Divided last: of results that are 0 or 1, the sums are exact.
    by_seed = (results.reshape(-1, shape[-1]) @ tasks.T).reshape(*shape[:-1], -1)
    means: Floats = (by_seed * seeds.T).sum(-2).T / (shape[-2] * shape[-1])
    return means


def _interval(figure: Floats, drawn: list[Floats], level: float) -> Interval:
    """Resamples without a figure count as lowest for one bound and as highest for the other."""
    figures = np.concatenate(drawn)
    tail = (1.0 - level) / 2
    missing = np.isnan(figures)
    # By a method that never goes between two figures: halfway to infinity there is nothing.
    low = np.quantile(np.where(missing, -np.inf, figures), tail, method="inverted_cdf")
    high = np.quantile(np.where(missing, np.inf, figures), 1 - tail, method="inverted_cdf")
    return Interval(float(figure[0]), float(low), float(high))
