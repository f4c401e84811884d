"""The arrays of all samples, and what is asked of them: which rows, in which order."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.search import Found

#: The outcome code of a program without a verdict.
UNJUDGED = -1


@dataclass(frozen=True, slots=True)
class Filter:
    """Which samples to show; None lets everything through.

    Each of `text` is what holds some words, in its text or its task's description. `task` is a part
    of the task_id, or a pattern where it holds "*" or "?"; case does not count. `outcome` "" stands
    for programs that are not judged yet. `pass_rate`, `iteration`, `replays`, `n_tokens` and
    `logprob` are ranges, both ends included, which let nothing unknown through. `excluded` and
    `marked` are what a user said, or did not say.
    """

    run: int | None = None
    text: tuple[Found, ...] = ()
    task: str | None = None
    outcome: str | None = None
    pass_rate: tuple[float, float] | None = None
    source: str | None = None
    iteration: tuple[int, int] | None = None
    replays: tuple[int, int] | None = None
    n_tokens: tuple[int, int] | None = None
    logprob: tuple[float, float] | None = None
    excluded: bool | None = None
    marked: bool | None = None


class Rows:
    """Arrays with one entry a row of `samples`, in the order of their ids.

    `logprob` is what the sampler reported, in nats, and `pass_rate` is in [0, 1], both NaN where
    unknown; `n_tokens` is 0 where unknown; `outcome` is UNJUDGED (-1) without a verdict; `replays`
    counts how often the sample was drawn into a minibatch. `student_logprob` and `student_tokens`
    are what the student said of the text when it was last asked, NaN and 0 where it never was.
    `excluded` (from the replay) and `marked` are what a user said of the text in that run.
    `task`, `source` and `outcome` are codes, indexes into `tasks`, `sources` and `outcomes`.
    """

    sample: NDArray[np.int32]
    run: NDArray[np.int16]
    iteration: NDArray[np.int32]
    program: NDArray[np.int32]
    task: NDArray[np.int32]
    rank: NDArray[np.int16]
    source: NDArray[np.int16]
    logprob: NDArray[np.float64]
    n_tokens: NDArray[np.int32]
    pass_rate: NDArray[np.float32]
    outcome: NDArray[np.int8]
    replays: NDArray[np.int32]
    student_logprob: NDArray[np.float32]
    student_tokens: NDArray[np.int32]
    excluded: NDArray[np.bool_]
    marked: NDArray[np.bool_]

    def __init__(self) -> None:
        self.tasks: list[str] = []
        self.sources: list[str] = []
        self.outcomes: list[str] = []
        self.deleted_runs: list[int] = []
        """Runs that were deleted after their rows had been read: no filter lets them through."""

    def __len__(self) -> int:
        return len(self.sample)

    def select(self, wanted: Filter) -> NDArray[np.bool_]:
        """Which rows a filter lets through."""
        keep = np.ones(len(self), bool)
        if self.deleted_runs:
            keep &= ~np.isin(self.run, self.deleted_runs)
        if wanted.run is not None:
            keep &= self.run == wanted.run
        for found in wanted.text:
            keep &= members(found.programs, self.program) | members(found.tasks - 1, self.task)
        if wanted.task is not None:
            keep &= members(_matching(self.tasks, wanted.task), self.task)
        if wanted.outcome is not None:
            keep &= self.outcome == _code(self.outcomes, wanted.outcome)
        if wanted.source is not None:
            keep &= members(_matching(self.sources, wanted.source), self.source)
        if wanted.pass_rate is not None:
            low, high = (np.float32(end) for end in wanted.pass_rate)
            keep &= _between(self.pass_rate, low, high)
        if wanted.iteration is not None:
            keep &= _between(self.iteration, *wanted.iteration)
        if wanted.replays is not None:
            keep &= _between(self.replays, *wanted.replays)
        if wanted.n_tokens is not None:
            keep &= _between(self.n_tokens, *wanted.n_tokens) & (self.n_tokens > 0)
        if wanted.logprob is not None:
            keep &= _between(self.logprob, *wanted.logprob)
        if wanted.excluded is not None:
            keep &= self.excluded == wanted.excluded
        if wanted.marked is not None:
            keep &= self.marked == wanted.marked
        return keep

    def sort(
        self,
        keep: NDArray[np.bool_],
        key: str | NDArray[Any],
        descending: bool = False,
        limit: int | None = None,
    ) -> NDArray[np.int64]:
        """Indexes of rows in the order of a column, or of an array with one entry for each row.

        Names are ordered as text, unknown values come last either way, of equal ones the oldest
        comes first. With `limit` only the first so many are returned, and much faster.
        """
        values = self._sort_values(key)
        if limit is None or limit >= np.count_nonzero(keep):
            rows = np.flatnonzero(keep)
        else:
            rows = _first(values, keep, limit, descending)
        values = values.take(rows)
        return rows[np.argsort(-values if descending else values, kind="stable")[:limit]]

    def _sort_values(self, key: str | NDArray[Any]) -> NDArray[Any]:
        """Numbers that sort as the key does, and that can be negated."""
        if not isinstance(key, str):
            return key.astype(np.float64) if key.dtype.kind in "bu" else key
        names = {"task": self.tasks, "source": self.sources, "outcome": self.outcomes}.get(key)
        if names is None:
            values: NDArray[Any] = getattr(self, key)
            return values
        codes: NDArray[np.intp] = getattr(self, key)
        places = np.empty(len(names) + 1)
        places[np.argsort(np.array([*names, ""])[:-1], kind="stable")] = np.arange(len(names))
        places[UNJUDGED] = np.nan
        return places[codes]


def _between(values: NDArray[Any], low: Any, high: Any) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (values >= low) & (values <= high)
    return found


def members(wanted: NDArray[Any], values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which of the non-negative numbers in `values` are among the wanted ones."""
    size = max(int(wanted.max(initial=0)), int(values.max(initial=0))) + 1
    table = np.zeros(size, bool)
    table[wanted] = True
    found: NDArray[np.bool_] = table.take(values)
    return found


def _first(
    values: NDArray[Any], keep: NDArray[np.bool_], count: int, descending: bool
) -> NDArray[np.int64]:
    """Places that hold the first `count` values of those kept, in no order, and not many others.

    A probe says which value has enough before it, so that all are looked at once and none copied.
    """
    step = max(1, len(values) // 16384)
    probe = values[::step][keep[::step]]
    probe = -probe if descending else probe
    # In most cases four times the share of the probe that is wanted leaves a few hundred values.
    guess = 8 + 4 * count * len(probe) // max(1, int(np.count_nonzero(keep)))
    if guess < len(probe):
        last = np.partition(probe, guess)[guess]
        near = np.flatnonzero(keep & (values >= -last if descending else values <= last))
        if len(near) >= count:
            return near
    rows = np.flatnonzero(keep)
    kept = -values.take(rows) if descending else values.take(rows)
    near = rows[kept <= np.partition(kept, count)[count]]
    return near if len(near) >= count else rows  # unknown values (NaN) are needed as well


def _matching(names: list[str], part: str) -> NDArray[np.int64]:
    pattern = part.lower() if "*" in part or "?" in part else f"*{_literally(part.lower())}*"
    found = [code for code, name in enumerate(names) if fnmatchcase(name.lower(), pattern)]
    return np.array(found, np.int64)


def _literally(text: str) -> str:
    return text.replace("[", "[[]")


def _code(names: list[str], name: str) -> int:
    if name == "":
        return UNJUDGED
    return names.index(name) if name in names else len(names)
