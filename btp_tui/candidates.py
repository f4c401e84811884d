"""What a run can learn from, and how likely each of it is drawn: eq. 6-8 over the mirror."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from btp_tui.snapshot import Histogram, Knobs, Standing
from core.priority import newest_of_each, p2value, possibility, priorities, probabilities
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

    def histogram(self) -> Histogram:
        """Shares of programs and of draws over equal bins of P2Value."""
        bins = np.minimum((self.p2value * BINS).astype(np.int64), BINS - 1)
        stored = np.bincount(bins, minlength=BINS) / max(1, len(self.rows))
        drawn = np.bincount(bins, weights=self.probability, minlength=BINS)
        return Histogram(tuple(stored.tolist()), tuple(drawn.tolist()), len(self.rows))

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
    rows = np.flatnonzero((columns.run == run) & np.isfinite(columns.logprob))
    rows = rows[newest_of_each(columns.program[rows])]
    chance = possibilities(columns, knobs)[rows]
    value = p2value(chance, columns.pass_rate[rows].astype(np.float64), knobs.alpha)
    known = np.isfinite(value)
    rows, chance, value = rows[known], chance[known], value[known]
    priority = priorities(value, np.arange(len(rows)), knobs.prioritization, knobs.floor)
    return Candidates(knobs, rows, chance, value, probabilities(priority, knobs.exponent))


def possibilities(columns: Columns, knobs: Knobs) -> NDArray[np.float64]:
    """P(t) of every row of the mirror; nan where the source reported no log-probability."""
    chance = possibility(columns.logprob, columns.n_tokens, knobs.possibility)
    return np.asarray(chance, np.float64)
