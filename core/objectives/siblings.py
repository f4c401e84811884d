"""The texts that a run holds of a task, as the student's tokens: what one is compared with.

They are those that may be replayed but for `replay.learn_from` and the room there is: failures are
what others part from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.candidates import by_age, possibilities
from core.config import ReplayConfig
from core.objectives.branches import Ids
from core.priority import newest_of_each
from core.rescoring import Encoder
from storage.columns import Columns
from storage.reader import Reader
from storage.rows import members

#: Texts of a task that are looked at, the newest ones.
MOST = 16

#: Tokens remembered, so that most texts are read once: 40 MB at the most.
_REMEMBERED = 1 << 20


@dataclass(slots=True)
class Siblings:
    """Reads the texts of tasks; the tokens of a sample never change, and some are remembered."""

    run: int
    columns: Columns
    reader: Reader
    encoder: Encoder
    _ids: dict[int, Ids] = field(default_factory=dict)  # by sample
    _remembered: int = 0  # tokens in all of them

    def of(
        self, tasks: NDArray[np.int32], excluded: NDArray[np.int64], knobs: ReplayConfig
    ) -> Mapping[int, Mapping[Ids, float]]:
        """Pass rates by token ids by the code of the task."""
        rows = self._rows(tasks, excluded, knobs)
        columns = self.columns
        found: dict[int, dict[Ids, float]] = {int(task): {} for task in tasks}
        programs = self._programs(columns.sample[rows].tolist())
        rates, codes = columns.pass_rate[rows].tolist(), columns.task[rows].tolist()
        for program, rate, task in zip(programs, rates, codes, strict=True):
            found[task][program] = rate
        return found

    def _programs(self, samples: Sequence[int]) -> list[Ids]:
        if self._remembered > _REMEMBERED:
            self._ids.clear()
            self._remembered = 0
        for sampled in self.reader.tokens([one for one in samples if one not in self._ids]):
            ids = self._ids[sampled.sample] = tuple(self.encoder.program(sampled))
            self._remembered += len(ids)
        return [self._ids[sample] for sample in samples]

    def _rows(
        self, tasks: NDArray[np.int32], excluded: NDArray[np.int64], knobs: ReplayConfig
    ) -> NDArray[np.int64]:
        """The newest samples of the newest texts of each task, by age."""
        columns = self.columns
        rows = np.flatnonzero((columns.run == self.run) & members(tasks, columns.task))
        rows = by_age(columns, rows)
        rows = rows[~np.isnan(possibilities(columns, rows, knobs))]
        rows = rows[newest_of_each(columns.program[rows])]
        rows = rows[~np.isnan(columns.pass_rate[rows])]
        rows = rows[~np.isin(columns.program[rows], excluded)]
        return rows[_last_of_each(columns.task[rows], MOST)]


def _last_of_each(task: NDArray[np.int32], most: int) -> NDArray[np.bool_]:
    """Which entries are among the last `most` of their task."""
    order = np.argsort(task, kind="stable")
    ends = np.searchsorted(task[order], task[order], side="right")
    last = np.empty(len(task), bool)
    last[order] = ends - np.arange(len(task)) <= most
    return last
