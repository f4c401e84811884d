"""The mirror of the store as the screen uses it; runs on the feed's thread."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from btp_tui.reading.candidates import Candidates, Pool, find_pool
from btp_tui.reading.intervals import SLOW_S
from btp_tui.snapshot import IterationOutcomes, Knobs, ProgramLine
from core.candidates import possibilities
from core.priority import p2value
from storage.columns import UNJUDGED, Columns
from storage.reader import Reader

#: The outcome of a program whose other tests may have been skipped.
_TIMEOUT = "timeout"


class Mirror:
    """The columns of all samples, brought up to date at most once a second."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.columns = Columns(reader)
        self.changes = 0
        """Counts the looks that brought something new."""
        self._looked = -SLOW_S
        self._pool: Pool | None = None
        self._pool_of: tuple[object, ...] = ()
        self._candidates: Candidates | None = None

    def look(self) -> None:
        """Takes in what was stored since, unless it was done a moment ago."""
        if time.monotonic() - self._looked >= SLOW_S:
            self._looked = time.monotonic()
            self.changes += self.columns.refresh()

    def candidates(self, run: int, knobs: Knobs) -> Candidates:
        """The candidates of a run, looked for again only when something has changed."""
        held = knobs.possibility_under, knobs.learn_from, knobs.capacity
        wanted = (self.changes, run, *held, knobs.possibility)
        if self._pool is None or self._pool_of[:-1] != wanted[:-1]:
            self._pool = find_pool(self.columns, run, knobs)
        elif self._pool_of != wanted:
            self._pool = self._under_other_possibility(self._pool, run, knobs)
        self._pool_of = wanted
        now = self._candidates
        if now is None or now.pool is not self._pool or now.knobs != knobs:
            now = self._candidates = Candidates(self._pool, knobs)
        return now

    def _under_other_possibility(self, pool: Pool, run: int, knobs: Knobs) -> Pool:
        """The same candidates with P(t) of the other kind, where that leaves none of them out."""
        columns = self.columns
        if np.any((columns.n_tokens == 0) & ~np.isnan(columns.logprob)):  # only "joint" has those
            return find_pool(columns, run, knobs)
        return replace(pool, possibility=possibilities(columns, pool.rows, knobs))

    def newest(self, run: int, most: int, knobs: Knobs) -> tuple[ProgramLine, ...]:
        """The newest samples of a run as lines of a table, the newest first."""
        return self.lines(np.flatnonzero(self.columns.run == run)[-most:][::-1], knobs)

    def lines(self, rows: NDArray[np.int64], knobs: Knobs) -> tuple[ProgramLine, ...]:
        """Rows of the mirror as lines of a table, their text fetched from the store."""
        columns = self.columns
        chance = possibilities(columns, rows, knobs)
        value = p2value(chance, columns.pass_rate[rows].astype(np.float64), knobs.alpha)
        found = {row.sample: row for row in self.reader.rows(columns.sample[rows])}
        partial = self.reader.partial(self._timed_out(rows))
        shown = []
        for row, likely, worth in zip(rows.tolist(), chance.tolist(), value.tolist(), strict=True):
            program = found.get(int(columns.sample[row]))
            if program is not None:
                shown.append(
                    ProgramLine(
                        sample=program.sample,
                        task=program.task_id,
                        iteration=program.iteration + 1,
                        rank=program.rank + 1,
                        source=program.source,
                        outcome=self._outcome(row),
                        pass_rate=_known(float(columns.pass_rate[row])),
                        logprob=program.logprob,
                        n_tokens=program.n_tokens,
                        possibility=_known(likely),
                        p2value=_known(worth),
                        replays=int(columns.replays[row]),
                        text=program.preview,
                        partial=program.program in partial,
                        run_id=int(columns.run[row]),
                        excluded=bool(columns.excluded[row]),
                        marked=bool(columns.marked[row]),
                    )
                )
        return tuple(shown)

    def _timed_out(self, rows: NDArray[np.int64]) -> list[int]:
        """The programs of some rows that may have tests which were skipped after a timeout."""
        columns = self.columns
        if _TIMEOUT not in columns.outcomes:
            return []
        code = columns.outcomes.index(_TIMEOUT)
        programs: list[int] = columns.program[rows[columns.outcome[rows] == code]].tolist()
        return programs

    def _outcome(self, row: int) -> str | None:
        code = int(self.columns.outcome[row])
        return None if code == UNJUDGED else self.columns.outcomes[code]

    def student_logprob(self, row: int) -> float | None:
        """log P(t) as the student said last, None where it was not asked since."""
        return _known(float(self.columns.student_logprob[row]))

    def iterations(self, run: int) -> tuple[IterationOutcomes, ...]:
        """Outcomes by iteration: one pass over the run's rows."""
        columns = self.columns
        mine = columns.run == run
        iteration, outcome = columns.iteration[mine], columns.outcome[mine].astype(np.int64)
        pass_rate = columns.pass_rate[mine].astype(np.float64)
        if not len(iteration):
            return ()
        names = [*columns.outcomes, ""]
        held = np.unique(iteration)  # an imported run may hold any numbers
        place, size = np.searchsorted(held, iteration), len(held)
        codes = np.where(outcome == UNJUDGED, len(columns.outcomes), outcome)
        counts = np.bincount(place * len(names) + codes, minlength=size * len(names))
        known = np.isfinite(pass_rate)
        total = np.bincount(place[known], weights=pass_rate[known], minlength=size)
        rated = np.bincount(place[known], minlength=size)
        shown = []
        for at, row in enumerate(counts.reshape(size, len(names)).tolist()):
            outcomes = sorted(
                ((name, number) for name, number in zip(names, row, strict=True) if number),
                key=lambda one: -one[1],
            )
            mean = total[at] / rated[at] if rated[at] else None
            shown.append(IterationOutcomes(int(held[at]) + 1, tuple(outcomes), mean))
        return tuple(shown)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value
