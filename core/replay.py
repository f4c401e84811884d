"""Prioritised replay: which stored programs the next minibatch learns from (eq. 6-8).

A candidate is a distinct text of the run that no user has excluded and whose pass rate and
possibility are known, at its newest sample whose possibility is: what is sampled often does not
crowd out the rest. Of these the buffer holds what `learn_from` names, and with a capacity only
those sampled last. Draws are i.i.d. with replacement, with exactly the probabilities of
`core.priority`, and take microseconds at a million programs; or they go through what is held in
shuffled passes, whatever it is worth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.candidates import bias, by_age, held, possibilities
from core.config import ReplayConfig
from core.drawing import ProportionalDrawing, RankDrawing, in_passes
from core.errors import CoreError
from core.priority import Floats, importance_weights, newest_of_each, p2value
from storage.columns import Columns
from storage.growing import Growing

#: Slots evaluated at once: their arrays stay in the processor's cache.
_PART = 1 << 15

_NOTHING = (
    "There is nothing to replay yet: no program of this run that is not excluded and that "
    "replay.learn_from names has a known pass rate and possibility. Sample and test some first."
)


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """A minibatch: sample ids (n,) int64, their P(i) (n,) and importance weights (n,) float32."""

    samples: NDArray[np.int64]
    probabilities: Floats
    weights: NDArray[np.float32]


class ReplayBuffer:
    """The candidates of one run.

    Every row of the run with a possibility has a slot, in order of age. A slot whose text was
    sampled again later or is excluded, whose pass rate is unknown, that `learn_from` leaves out, or
    for which there is no room, has the P2Value NaN and is not drawn.
    """

    _revision: int  # of the mirror, when it was looked at
    _rescored: int
    _mirrored: int  # rows of the mirror that were looked at
    _rows: Growing[np.int32]  # by slot: row of the mirror
    _possibility: Growing[np.float64]  # by slot: NaN once it is superseded
    _pass_rate: Growing[np.float32]  # by slot, as last seen
    _p2value: Growing[np.float64]  # by slot
    _newest: Growing[np.int32]  # by program: its slot

    def __init__(self, columns: Columns, run: int, config: ReplayConfig) -> None:
        self._columns = columns
        self._run = run
        self._config = config
        self._proportional = ProportionalDrawing()
        self._ranked = RankDrawing()
        self._excluded = np.empty(0, np.int64)  # programs
        self._begin()

    def __len__(self) -> int:
        """Number of candidates."""
        return self._candidates

    def extend(self) -> None:
        """Takes in what the mirror learned at its last refresh."""
        if self._columns.revision == self._revision:
            return
        if self._columns.rescored != self._rescored:
            self._begin()
            return
        self._revision = self._columns.revision
        changed = np.concatenate((self._add_slots(), self._changed_pass_rates()))
        if not len(changed):
            return
        config = self._config
        alone = config.learn_from == "all" and not config.capacity
        if not alone or config.half_life or config.task_balance:  # one change moves others
            self._tune()
            return
        self._p2value.values[changed] = p2value(
            self._possibility.values[changed], self._pass_rate.values[changed], config.alpha
        )
        self._p2value.values[self._excluded_slots()] = np.nan
        self._candidates = int(np.count_nonzero(~np.isnan(self._p2value.values)))
        if config.prioritization == "rank":
            self._ranked.update(self._p2value.values)
        else:
            self._proportional.update(self._p2value.values, changed)

    def configure(self, config: ReplayConfig) -> None:
        """Draws by other knobs from now on."""
        if config == self._config:
            return
        before, self._config = self._config, config
        whose = (config.possibility, config.possibility_under)
        if whose != (before.possibility, before.possibility_under):
            self._begin()
        else:
            self._tune()

    def exclude(self, programs: Mapping[int, bool]) -> None:
        """Keeps texts from being drawn (True) or lets them be drawn again, from the next draw on.

        A text that the run samples again stays excluded.
        """
        said = np.array([*programs], np.int64)
        away = np.array([*programs.values()], bool)
        self._excluded = np.union1d(np.setdiff1d(self._excluded, said[~away]), said[away])
        self._tune()

    def draw(self, n: int, rng: np.random.Generator) -> Draw:
        """Draws n candidates, i.i.d. with replacement; raises CoreError where there are none."""
        if not len(self):
            raise CoreError(_NOTHING)
        drawing = self._ranked if self._config.prioritization == "rank" else self._proportional
        slots, probabilities = drawing.draw(rng.random(n))
        samples = self._columns.sample.take(self._rows.values.take(slots)).astype(np.int64)
        return Draw(samples, probabilities, importance_weights(probabilities, self._config.beta))

    def draw_in_passes(self, n: int, rng: np.random.Generator, begin: int) -> Draw:
        """The next n candidates of shuffled passes of which `begin` have come before.

        Under `draw = "groups"` the programs of a task come together. The generator is the same for
        all draws of the passes, in its first state. Raises CoreError where there are no candidates.
        """
        if not len(self):
            raise CoreError(_NOTHING)
        rows = self._rows.values[np.flatnonzero(~np.isnan(self._p2value.values))]
        grouped = self._config.draw == "groups"
        groups = self._columns.task.take(rows) if grouped else np.arange(len(rows))
        drawn = rows[in_passes(groups, begin, n, rng)]
        probabilities = np.full(n, 1.0 / len(rows))
        samples = self._columns.sample.take(drawn).astype(np.int64)
        return Draw(samples, probabilities, np.ones(n, np.float32))

    @property
    def excluded(self) -> NDArray[np.int64]:
        """The texts that are kept from being drawn, in order: ids of programs."""
        return self._excluded

    def _begin(self) -> None:
        """Takes in everything that the mirror holds."""
        self._revision, self._rescored = self._columns.revision, self._columns.rescored
        self._mirrored = 0
        self._rows, self._newest = Growing(np.int32), Growing(np.int32, fill=-1)
        self._possibility, self._p2value = Growing(np.float64), Growing(np.float64)
        self._pass_rate = Growing(np.float32)
        self._add_slots()
        self._tune()

    def _add_slots(self) -> NDArray[np.int64]:
        """Gives slots to the rows that are new; returns them and the slots they supersede."""
        columns, begin = self._columns, self._mirrored
        fresh = by_age(columns, np.flatnonzero(columns.run[begin:] == self._run) + begin)
        chance = possibilities(columns, fresh, self._config)
        fresh, chance = fresh[~np.isnan(chance)], chance[~np.isnan(chance)]
        self._mirrored = len(columns)
        if not len(fresh):
            return fresh
        programs = columns.program[fresh]
        slots = np.arange(len(self._rows), len(self._rows) + len(fresh))
        self._rows.extend(fresh)
        self._possibility.extend(chance)
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

    def _tune(self) -> None:
        """Evaluates every slot (eq. 6) and begins to draw by the present knobs."""
        config, values = self._config, self._p2value.values
        for begin in range(0, len(values), _PART):
            part = slice(begin, begin + _PART)
            chance, rate = self._possibility.values[part], self._pass_rate.values[part]
            values[part] = p2value(chance, rate, config.alpha)
        values[self._excluded_slots()] = np.nan
        candidate = held(self._columns, self._rows.values, ~np.isnan(values), config)
        values[~candidate] = np.nan
        self._candidates = int(np.count_nonzero(candidate))
        weights = bias(self._columns, self._rows.values, candidate, config)
        if config.prioritization == "rank":
            self._ranked.tune(values, config.exponent, weights)
        else:
            self._proportional.tune(values, config.exponent, config.floor, weights)

    def _excluded_slots(self) -> NDArray[np.int32]:
        """The slots that the excluded texts have now."""
        known = self._excluded[: np.searchsorted(self._excluded, len(self._newest))]
        slots = self._newest.values.take(known)
        return slots[slots >= 0]
