"""Prioritised replay: which stored programs the next minibatch learns from (eq. 6-8).

A candidate is a distinct text of the run whose pass rate and possibility are known, at its newest
sample that came with a log-probability: what is sampled often does not crowd out the rest. Draws
are i.i.d. with replacement, with exactly the probabilities of `core.priority`, and take
microseconds at a million programs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.config import ReplayConfig
from core.drawing import ProportionalDrawing, RankDrawing
from core.errors import CoreError
from core.priority import Floats, importance_weights, newest_of_each, p2value, possibility
from storage.columns import Columns
from storage.growing import Growing

#: Slots evaluated at once: their arrays stay in the processor's cache.
_PART = 1 << 15


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """A minibatch: sample ids (n,) int64, their P(i) (n,) and importance weights (n,) float32."""

    samples: NDArray[np.int64]
    probabilities: Floats
    weights: NDArray[np.float32]


class ReplayBuffer:
    """The candidates of one run.

    Every row of the run with a log-probability has a slot, in the order in which they were sampled.
    A slot whose text was sampled again later, or whose pass rate is unknown, has the P2Value NaN
    and is not drawn.
    """

    def __init__(self, columns: Columns, run: int, config: ReplayConfig) -> None:
        self._columns = columns
        self._run = run
        self._config = config
        self._revision = -1
        self._mirrored = 0  # rows of the mirror that were looked at
        self._rows = Growing(np.int32)  # by slot: row of the mirror
        self._possibility = Growing(np.float64)  # by slot: NaN once it is superseded
        self._pass_rate = Growing(np.float32)  # by slot, as last seen
        self._p2value = Growing(np.float64)  # by slot
        self._newest = Growing(np.int32, fill=-1)  # by program: its slot
        self._candidates = 0
        self._proportional = ProportionalDrawing()
        self._ranked = RankDrawing()
        self._tune()
        self.extend()

    def __len__(self) -> int:
        """Number of candidates."""
        return self._candidates

    def extend(self) -> None:
        """Takes in what the mirror learned at its last refresh: new samples and verdicts."""
        if self._columns.revision == self._revision:
            return
        self._revision = self._columns.revision
        changed = np.concatenate((self._add_slots(), self._changed_pass_rates()))
        if not len(changed):
            return
        self._p2value.values[changed] = p2value(
            self._possibility.values[changed], self._pass_rate.values[changed], self._config.alpha
        )
        self._count()
        if self._config.prioritization == "rank":
            self._ranked.update(self._p2value.values)
        else:
            self._proportional.update(self._p2value.values, changed)

    def configure(self, config: ReplayConfig) -> None:
        """Draws by other knobs from now on."""
        if config == self._config:
            return
        kind_changed = config.possibility != self._config.possibility
        self._config = config
        if kind_changed:
            rows = self._rows.values
            newest = self._newest.values[self._columns.program[rows]] == np.arange(len(rows))
            self._possibility.values[:] = np.where(newest, self._possibilities(rows), np.nan)
        self._tune()

    def draw(self, n: int, rng: np.random.Generator) -> Draw:
        """Draws n candidates, i.i.d. with replacement; raises CoreError where there are none."""
        if not len(self):
            raise CoreError(
                "There is nothing to replay yet: no program of this run has a known pass rate and "
                "possibility. Sample and test some first."
            )
        drawing = self._ranked if self._config.prioritization == "rank" else self._proportional
        slots, probabilities = drawing.draw(rng.random(n))
        samples = self._columns.sample.take(self._rows.values.take(slots)).astype(np.int64)
        return Draw(samples, probabilities, importance_weights(probabilities, self._config.beta))

    def _add_slots(self) -> NDArray[np.int64]:
        """Gives slots to the rows that are new; returns them and the slots they supersede."""
        columns, begin = self._columns, self._mirrored
        wanted = (columns.run[begin:] == self._run) & np.isfinite(columns.logprob[begin:])
        fresh = np.flatnonzero(wanted) + begin
        self._mirrored = len(columns)
        if not len(fresh):
            return fresh
        programs = columns.program[fresh]
        slots = np.arange(len(self._rows), len(self._rows) + len(fresh))
        self._rows.extend(fresh)
        self._possibility.extend(self._possibilities(fresh))
        self._pass_rate.extend(columns.pass_rate[fresh])
        self._p2value.grow(len(self._rows))
        self._newest.grow(int(programs.max()) + 1)
        superseded = self._newest.values[programs]
        newest = newest_of_each(programs)
        self._newest.values[programs[newest]] = slots[newest]
        superseded = np.concatenate((superseded[superseded >= 0], slots[~newest]))
        self._possibility.values[superseded] = np.nan
        return np.union1d(slots, superseded)

    def _changed_pass_rates(self) -> NDArray[np.int64]:
        known = self._columns.pass_rate[self._rows.values]
        # Compared as bits: NaN (unknown) equals itself then.
        changed = np.flatnonzero(known.view(np.int32) != self._pass_rate.values.view(np.int32))
        self._pass_rate.values[changed] = known[changed]
        return changed

    def _possibilities(self, rows: NDArray[np.integer]) -> Floats:
        columns = self._columns
        return possibility(columns.logprob[rows], columns.n_tokens[rows], self._config.possibility)

    def _tune(self) -> None:
        """Evaluates every slot (eq. 6) and begins to draw by the present knobs."""
        config, values = self._config, self._p2value.values
        for begin in range(0, len(values), _PART):
            part = slice(begin, begin + _PART)
            chance, rate = self._possibility.values[part], self._pass_rate.values[part]
            values[part] = p2value(chance, rate, config.alpha)
        self._count()
        if config.prioritization == "rank":
            self._ranked.tune(values, config.exponent)
        else:
            self._proportional.tune(values, config.exponent, config.floor)

    def _count(self) -> None:
        self._candidates = int(np.count_nonzero(~np.isnan(self._p2value.values)))
