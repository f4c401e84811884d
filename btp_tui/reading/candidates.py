"""What a run can learn from, and how likely each of it is drawn: eq. 6-8 over the mirror."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from btp_tui.snapshot import Histogram, Knobs, Standing
from core.candidates import bias, by_age, held, possibilities
from core.priority import Floats, newest_of_each, p2value, priorities, probabilities, shares
from storage.columns import Columns

BINS = 20

#: Candidates evaluated at once: their arrays stay in the processor's cache.
_PART = 1 << 15


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Distinct programs with known pass rate and possibility that nobody excluded, at their newest.

    `rows` (n,) are indexes into the mirror, in order of age; the other arrays go with them.
    `replays` counts the draws of the text, at whichever of its samples.
    """

    columns: Columns
    rows: NDArray[np.int64]
    possibility: Floats
    pass_rate: NDArray[np.float32]
    replays: NDArray[np.int64]

    def p2value(self, alpha: float) -> Floats:
        """Eq. 6 (n,)."""
        return p2value(self.possibility, self.pass_rate, alpha)

    def bias(self, knobs: Knobs) -> Floats | None:
        """What age and task make of each (n,); None where they do not count."""
        return bias(self.columns, self.rows, np.ones(len(self.rows), bool), knobs)


def find_pool(columns: Columns, run: int, knobs: Knobs) -> Pool:
    """The candidates of a run; of the knobs only those matter that say who is one."""
    rows = by_age(columns, np.flatnonzero(columns.run == run))
    chance = possibilities(columns, rows, knobs)
    known = ~np.isnan(chance)
    rows, chance = rows[known], chance[known]
    candidate = newest_of_each(columns.program[rows]) & ~np.isnan(columns.pass_rate[rows])
    candidate &= ~columns.excluded[rows]
    kept = held(columns, rows, candidate, knobs)
    rows, chance = rows[kept], chance[kept]
    return Pool(columns, rows, chance, columns.pass_rate[rows], _replays(columns, run, rows))


@dataclass(frozen=True, eq=False)
class Candidates:
    """A pool under some knobs; what takes long is worked out when it is asked for."""

    pool: Pool
    knobs: Knobs

    @cached_property
    def probability(self) -> Floats:
        """P(i) of each candidate (n,), as the engine draws."""
        if self.knobs.draw != "prioritized":
            return np.full(len(self.pool.rows), 1.0 / max(1, len(self.pool.rows)))
        knobs, value = self.knobs, self.pool.p2value(self.knobs.alpha)
        priority = priorities(value, np.arange(len(value)), knobs.prioritization, knobs.floor)
        return probabilities(priority, knobs.exponent, self.pool.bias(knobs))

    def histogram(self, bins: int = BINS) -> Histogram:
        """Shares of programs and of draws over equal bins of P2Value."""
        prioritized = self.knobs.draw == "prioritized"
        by_rank = self.knobs.prioritization == "rank"
        stored, drawn = self._fill(bins, weigh=prioritized and not by_rank)
        if prioritized and by_rank:
            drawn = self._fill_by_rank(stored)
        if not drawn.any():  # every priority is 0, or none counts: all are drawn alike
            drawn = stored
        rows = len(self.pool.rows)
        never = float(np.mean(self.pool.replays == 0)) if rows else 0.0
        return Histogram(_of_one(stored), _of_one(drawn), rows, never)

    def standing(self, row: int) -> Standing | None:
        """Where the program of one row of the mirror stands."""
        pool = self.pool
        places = np.flatnonzero(pool.rows == row)
        if not len(places):
            return self._aside(row)
        found = places[0]
        probability = self.probability[found]
        return Standing(
            knobs=self.knobs,
            possibility=float(pool.possibility[found]),
            p2value=float(pool.p2value(self.knobs.alpha)[found]),
            probability=float(probability),
            place=int((self.probability > probability).sum()) + 1,
            candidates=len(pool.rows),
        )

    def _aside(self, row: int) -> Standing | None:
        """What an excluded program is worth, though it is not drawn."""
        columns, pool = self.pool.columns, self.pool
        if not columns.excluded[row]:
            return None
        same = (columns.program == columns.program[row]) & (columns.run == columns.run[row])
        rows = by_age(columns, np.flatnonzero(same))
        chance = possibilities(columns, rows, self.knobs)
        known = np.flatnonzero(~np.isnan(chance))
        if not len(known) or rows[known[-1]] != row or np.isnan(columns.pass_rate[row]):
            return None
        likely = chance[known[-1:]]
        value = p2value(likely, columns.pass_rate[row : row + 1], self.knobs.alpha)
        return Standing(self.knobs, float(likely[0]), float(value[0]), 0.0, 0, len(pool.rows))

    def _fill(self, bins: int, weigh: bool) -> tuple[Floats, Floats]:
        """Programs in each bin, and what they are drawn of where priorities are proportional."""
        pool, knobs = self.pool, self.knobs
        stored, drawn = np.zeros(bins), np.zeros(bins)
        weights = pool.bias(knobs) if weigh else None
        reference = max(1e-300, knobs.floor, self._largest())
        for begin in range(0, len(pool.rows), _PART):
            part = slice(begin, begin + _PART)
            value = p2value(pool.possibility[part], pool.pass_rate[part], knobs.alpha)
            place = _place(value, bins)
            stored += np.bincount(place, minlength=bins)
            if not weigh:
                continue
            share = np.maximum(value, knobs.floor, out=value)
            share = shares(share, knobs.exponent, reference, out=share)
            if weights is not None:
                share *= weights[part]
            drawn += np.bincount(place, weights=share, minlength=bins)
        return stored, drawn

    def _fill_by_rank(self, stored: Floats) -> Floats:
        """What the programs in each bin are drawn of by rank, best bin first."""
        if self.knobs.half_life or self.knobs.task_balance:  # ranks of one bin are not alike
            place = _place(self.pool.p2value(self.knobs.alpha), len(stored))
            return np.bincount(place, self.probability, len(stored)).astype(np.float64)
        worst = np.cumsum(stored[::-1])[::-1].astype(np.int64)  # the last rank of each bin
        ends = _rank_ends(int(stored.sum()), self.knobs.exponent)
        return ends[worst] - ends[worst - stored.astype(np.int64)]

    def _largest(self) -> float:
        """No P2Value is larger; most are not much smaller than it."""
        alpha, pool = self.knobs.alpha, self.pool
        likely, passing = pool.possibility.max(initial=0), pool.pass_rate.max(initial=0)
        return float(alpha * likely + (1 - alpha) * passing)


def _place(value: Floats, bins: int) -> NDArray[np.int64]:
    return np.minimum((value * bins).astype(np.int64), bins - 1)


def _of_one(amounts: Floats) -> tuple[float, ...]:
    """Amounts as shares of their sum; all 0 where it is."""
    total = float(amounts.sum())
    return tuple((amounts / total if total else amounts).tolist())


@lru_cache(maxsize=1)
def _rank_ends(ranks: int, exponent: float) -> Floats:
    """Σ of r^-ω over the ranks up to each, from none to all."""
    return np.concatenate(([0.0], np.cumsum(np.arange(1.0, ranks + 1) ** -exponent)))


def _replays(columns: Columns, run: int, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    mine = columns.run == run
    drawn = np.bincount(columns.program[mine], weights=columns.replays[mine])
    return drawn[columns.program[rows]].astype(np.int64) if len(rows) else np.empty(0, np.int64)
