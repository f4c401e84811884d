"""What a run can learn from, and how likely each of it is drawn: eq. 6-8 over the mirror."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from btp_tui.snapshot import Histogram, Knobs, Standing
from core.candidates import bias, newest, possibilities
from core.priority import newest_of_each, p2value, priorities, probabilities
from storage.columns import Columns

BINS = 20


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Distinct programs with known pass rate and possibility, each at its newest sample.

    `rows` (n,) are indexes into the mirror, in order of age; the other arrays go with them.
    """

    knobs: Knobs
    rows: NDArray[np.int64]
    possibility: NDArray[np.float64]
    p2value: NDArray[np.float64]
    probability: NDArray[np.float64]
    replays: NDArray[np.int64]

    def histogram(self) -> Histogram:
        """Shares of programs and of draws over equal bins of P2Value."""
        bins = np.minimum((self.p2value * BINS).astype(np.int64), BINS - 1)
        stored = np.bincount(bins, minlength=BINS) / max(1, len(self.rows))
        drawn = np.bincount(bins, weights=self.probability, minlength=BINS)
        never = float(np.mean(self.replays == 0)) if len(self.rows) else 0.0
        return Histogram(tuple(stored.tolist()), tuple(drawn.tolist()), len(self.rows), never)

    def standing(self, row: int) -> Standing | None:
        """Where the program of one row of the mirror stands."""
        found = np.searchsorted(self.rows, row)
        if found >= len(self.rows) or self.rows[found] != row:
            return None
        probability = self.probability[found]
        return Standing(
            knobs=self.knobs,
            possibility=float(self.possibility[found]),
            p2value=float(self.p2value[found]),
            probability=float(probability),
            place=int((self.probability > probability).sum()) + 1,
            candidates=len(self.rows),
        )


def find_candidates(columns: Columns, run: int, knobs: Knobs) -> Candidates:
    """The candidates of a run under the given knobs."""
    rows = np.flatnonzero(columns.run == run)
    chance = possibilities(columns, rows, knobs)
    rows, chance = rows[~np.isnan(chance)], chance[~np.isnan(chance)]
    last = newest_of_each(columns.program[rows])
    rows, chance = rows[last], chance[last]
    value = p2value(chance, columns.pass_rate[rows].astype(np.float64), knobs.alpha)
    held = newest(~np.isnan(value), knobs.capacity)
    rows, chance, value = rows[held], chance[held], value[held]
    priority = priorities(value, np.arange(len(rows)), knobs.prioritization, knobs.floor)
    weights = bias(columns, rows, np.ones(len(rows), bool), knobs)
    probability = probabilities(priority, knobs.exponent, weights)
    return Candidates(knobs, rows, chance, value, probability, _replays(columns, run, rows))


def _replays(columns: Columns, run: int, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """How often the text of each row was drawn, at whichever of its samples."""
    mine = columns.run == run
    drawn = np.bincount(columns.program[mine], weights=columns.replays[mine])
    return drawn[columns.program[rows]].astype(np.int64) if len(rows) else np.empty(0, np.int64)
