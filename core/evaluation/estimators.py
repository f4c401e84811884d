"""What the results of programs say about a model: pass@k, n@k, and the two figures of APPS.

Nothing but arrays in, and a value a task or a share of 1 out, so that intervals can be taken
around all of them alike.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import CoreError

Floats = NDArray[np.float64]


def pass_at_k(n: ArrayLike, c: ArrayLike, k: int) -> Floats:
    """The chance that one of k programs is right, where c of n independent draws were.

    Unbiased: 1 - C(n-c, k) / C(n, k) (Chen et al. 2021, arXiv 2107.03374, eq. 1), a value for each
    task, `n` and `c` as numpy broadcasts them. Raises CoreError unless 0 <= c <= n and 1 <= k <= n.
    """
    drawn, correct = np.broadcast_arrays(np.asarray(n, np.float64), np.asarray(c, np.float64))
    if np.any((correct < 0) | (correct > drawn)):
        raise CoreError("pass@k: between none and all of the drawn programs can be right.")
    if k < 1 or np.any(drawn < k):
        raise CoreError(f"pass@k: k = {k} needs a k of 1 or more, and as many draws for each task.")
    # C(n-c, k) / C(n, k), a factor for each of the k: neither is formed, both would overflow.
    step = np.arange(k)
    factors = np.maximum(drawn[..., None] - correct[..., None] - step, 0.0)
    result: Floats = 1.0 - np.prod(factors / (drawn[..., None] - step), axis=-1)
    return result


def n_at_k(correct: ArrayLike, scores: ArrayLike, n: int) -> Floats:
    """Whether one of the n best of k programs is right: the n@k of AlphaCode, (tasks,).

    The share of tasks solved by n submissions out of k programs (arXiv 2203.07814, section 2.2).
    `correct` and `scores` are (tasks, k). Handed in are the n that a filter which does not know the
    tests scores highest (theirs: a task's examples, and programs that behave alike taken as one).
    Of programs scored alike each is as likely to be handed in, and the value is the expectation
    over that. Raises CoreError unless 1 <= n <= k.
    """
    right, rated = np.asarray(correct, np.bool_), np.asarray(scores, np.float64)
    k = rated.shape[1]
    if not 1 <= n <= k:
        raise CoreError(f"n@k: n = {n} must be from 1 to k = {k}.")
    order = np.argsort(-rated, axis=1, kind="stable")
    last = np.take_along_axis(rated, order[:, n - 1 : n], axis=1)  # the lowest that is handed in
    above, level = rated > last, rated == last
    places = n - above.sum(1)
    solved: Floats = np.where((right & above).any(1), 1.0, 0.0)
    for task in np.flatnonzero(solved == 0.0):
        solved[task] = pass_at_k(level[task].sum(), (right & level)[task].sum(), int(places[task]))
    return solved


def strict_accuracy(pass_rates: ArrayLike) -> float:
    """The share of programs that pass every test (APPS, arXiv 2105.09938).

    `pass_rates` is (tasks,), or (tasks, draws), where it is the mean over tasks of pass@1.
    """
    return float(np.mean(np.asarray(pass_rates, np.float64) == 1.0))


def test_case_average(pass_rates: ArrayLike) -> float:
    """The mean share of a task's tests that its program passes (APPS, arXiv 2105.09938).

    `pass_rates` is (tasks,) or (tasks, draws).
    """
    return float(np.mean(np.asarray(pass_rates, np.float64)))


def groups(labels: Sequence[str]) -> dict[str, NDArray[np.intp]]:
    """The places of the tasks of each difficulty, dataset, ..., in the order they first come in.

    An estimate by difficulty is that of `pass_rates[places]`.
    """
    found: dict[str, list[int]] = {}
    for place, label in enumerate(labels):
        found.setdefault(label, []).append(place)
    return {label: np.array(places, np.intp) for label, places in found.items()}
