"""The figures of a measurement, each with its interval: overall, by dataset and by difficulty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.chance import BOOTSTRAP, generator
from core.evaluation.bootstrap import Interval, bootstrap_mean
from core.evaluation.decoding import Decoding
from core.evaluation.estimators import groups, n_at_k, pass_at_k
from core.evaluation.measure import Measured


@dataclass(frozen=True, slots=True)
class Figures:
    """Of some tasks: strict accuracy, test-case average, pass@k by k, and n@k by n.

    Of beams the first two are those of the most probable, of draws the mean over all of them, so
    that strict accuracy is pass@1. pass@k is about draws; n@k hands in the n most probable programs
    (by log P(t), each text once).
    """

    tasks: int
    accuracy: Interval
    pass_rate: Interval
    pass_at_k: dict[int, Interval]
    n_at_k: dict[int, Interval]

    def as_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a measurement says; groups only where there are several."""

    overall: Figures
    by_dataset: Mapping[str, Figures]
    by_difficulty: Mapping[str, Figures]


def report(measured: Measured, decoding: Decoding, seed: int) -> Report:
    """The figures of all tasks and of their groups; `seed` draws the resamples."""
    values = _values(measured, decoding)
    everything = np.arange(len(measured.asked))

    def figures(places: NDArray[np.intp]) -> Figures:
        def interval(name: tuple[str, int]) -> Interval:
            # Anew for each: a figure's interval does not hang on what else is asked for.
            return bootstrap_mean(values[name][places][None], generator(seed, BOOTSTRAP, 0))

        by_kind = {
            kind: {k: interval((kind, k)) for of, k in values if of == kind}
            for kind in ("pass@k", "n@k")
        }
        return Figures(
            len(places),
            interval(("accuracy", 0)),
            interval(("pass rate", 0)),
            by_kind["pass@k"],
            by_kind["n@k"],
        )

    datasets = groups([each.dataset for each in measured.asked])
    difficulties = groups([each.task.difficulty or "" for each in measured.asked])
    return Report(
        figures(everything),
        {name: figures(places) for name, places in datasets.items() if len(datasets) > 1},
        {
            name: figures(places)
            for name, places in difficulties.items()
            if name and len(difficulties) > 1
        },
    )


def _values(measured: Measured, decoding: Decoding) -> dict[tuple[str, int], NDArray[np.float64]]:
    """By kind of figure and k: a value for each task, (tasks,)."""
    correct = measured.pass_rates == 1.0
    drawn = decoding.name == "sample"
    counting = slice(None) if drawn else slice(1)
    found = {
        ("accuracy", 0): correct[:, counting].mean(1),
        ("pass rate", 0): measured.pass_rates[:, counting].mean(1),
    }
    for k in decoding.ks:
        if drawn:
            found["pass@k", k] = pass_at_k(decoding.written, correct.sum(1), k)
        if k < decoding.written or not drawn:  # of all draws handed in: pass@k of them
            found["n@k", k] = n_at_k(correct, measured.scores, k)
    return found
