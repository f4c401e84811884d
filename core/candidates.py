"""What the equations need of stored samples: which count, their possibility, age and task.

The replay buffer and the screen's histogram both take it from here.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from core.priority import (
    Floats,
    Possibility,
    PossibilityUnder,
    balance,
    freshness,
    possibility,
    student_counts,
)
from storage.rows import Rows

#: Who writes the student's own programs: see SampleRecord.source.
STUDENT = "self"

LearnFrom = Literal["all", "passed", "newest"]


class Knobs(Protocol):
    """The settings that say which of the stored figures count; see ReplayConfig."""

    @property
    def possibility(self) -> Possibility: ...
    @property
    def possibility_under(self) -> PossibilityUnder: ...
    @property
    def learn_from(self) -> LearnFrom: ...
    @property
    def capacity(self) -> int: ...
    @property
    def half_life(self) -> float: ...
    @property
    def task_balance(self) -> float: ...


def possibilities(samples: Rows, rows: NDArray[Any], knobs: Knobs) -> Floats:
    """P(t) of some rows (n,), NaN where nobody who counts has said."""
    logprob, n_tokens = samples.logprob.take(rows), samples.n_tokens.take(rows)
    student_logprob = samples.student_logprob.take(rows)
    by_student = samples.source.take(rows) == _code(samples.sources)
    asked = student_counts(logprob, student_logprob, by_student, knobs.possibility_under)
    if asked.any():
        logprob = np.where(asked, student_logprob, logprob)
        n_tokens = np.where(asked, samples.student_tokens.take(rows), n_tokens)
    return possibility(logprob, n_tokens, knobs.possibility)


def bias(
    samples: Rows, rows: NDArray[Any], candidate: NDArray[np.bool_], knobs: Knobs
) -> Floats | None:
    """B_i of some rows (n,), of which some are candidates; None where no knob asks for it."""
    found: Floats | None = None
    if knobs.half_life:
        found = freshness(samples.iteration.take(rows), candidate, knobs.half_life)
    if knobs.task_balance:
        even = balance(samples.task.take(rows), candidate, knobs.task_balance)
        found = even if found is None else found * even
    return found


def by_age(samples: Rows, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows (n,) of one run, the oldest first: by iteration, task and rank.

    Ids follow the order in which tasks were done, which a run that was killed does not repeat.
    """
    columns = samples.iteration, samples.task, samples.rank
    iteration, task, rank = (column.take(rows) for column in columns)
    later, same = np.diff(iteration) > 0, np.diff(iteration) == 0
    other, alike = np.diff(task) > 0, np.diff(task) == 0
    if np.all(later | (same & (other | (alike & (np.diff(rank) >= 0))))):
        return rows
    return rows.take(np.lexsort((rank, task, iteration)))


def held(
    samples: Rows, rows: NDArray[Any], candidate: NDArray[np.bool_], knobs: Knobs
) -> NDArray[np.bool_]:
    """Which of some rows (n,), in order of age, the buffer holds of those that are candidates.

    They are those that `learn_from` names: all, those that passed every test, or those of the
    newest iteration that has any; of these the last ones, where the buffer has an end. What is
    sampled again is new again, and comes back.
    """
    if knobs.learn_from == "passed":
        candidate = candidate & (samples.pass_rate.take(rows) == 1.0)
    elif knobs.learn_from == "newest":
        iteration = samples.iteration.take(rows)
        candidate = candidate & (iteration == np.max(iteration[candidate], initial=0))
    if not knobs.capacity:
        return candidate
    last = np.zeros_like(candidate)
    last[np.flatnonzero(candidate)[-knobs.capacity :]] = True
    return last


def _code(sources: list[str]) -> int:
    return sources.index(STUDENT) if STUDENT in sources else -1
