"""Which programs a report shows, by rules that it states: the best, and the most instructive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from storage.columns import Columns
from storage.programs import ProgramDetail
from storage.reader import Reader

#: How many of each kind are shown.
LEARNED, MISLED, REPLAYED, BEST, UNSOLVED = 6, 3, 5, 4, 4


@dataclass(frozen=True, slots=True)
class Pair:
    """A failed program of a task and one that solved it; `failures` counts those before it."""

    failures: int
    failed: ProgramDetail
    solved: ProgramDetail


@dataclass(frozen=True, slots=True)
class Shown:
    """A program and how often it was drawn into a minibatch."""

    program: ProgramDetail
    replays: int


@dataclass(frozen=True, slots=True)
class Lessons:
    """The programs that are shown, and how many there are of which these are the first."""

    learned: tuple[Pair, ...] = ()
    learned_of: int = 0
    misled: tuple[Pair, ...] = ()
    misled_of: int = 0
    best: tuple[Shown, ...] = ()
    replayed: tuple[Shown, ...] = ()
    unsolved: tuple[Shown, ...] = ()
    unsolved_of: int = 0


def find_lessons(columns: Columns, reader: Reader, rows: NDArray[np.int64]) -> Lessons:
    """Picks from the rows of a run.

    Learned: tasks whose programs of the first iteration all failed, and of which a later one passed
    every test; those with the most failures before it come first; shown are the failed program that
    came nearest before, and the first that passed. Misled: tasks of which the program that the
    model held most likely, by token, failed, and a less likely one passed; the widest gap first.
    Best: programs that pass every test, drawn most often, one a task. Replayed: failed programs
    drawn most often, one a task. Unsolved: tasks that no program solved, the most tried first, by
    the program that came nearest.
    """
    rates = columns.pass_rate[rows]
    judged = rows[~np.isnan(rates)]
    if not len(judged):
        return Lessons()
    order = np.lexsort((columns.sample[judged], columns.iteration[judged], columns.task[judged]))
    judged = judged[order]
    task = columns.task[judged]
    groups = np.split(judged, np.flatnonzero(np.diff(task)) + 1)
    learned, misled, unsolved = [], [], []
    for group in groups:
        passed = columns.pass_rate[group] >= 1
        if not passed.any():
            unsolved.append((len(group), _nearest(columns, group)))
            continue
        first = int(np.argmax(passed))
        begun = columns.iteration[group[0]]
        if columns.iteration[group[first]] > begun:
            learned.append((first, _nearest(columns, group[:first]), int(group[first])))
        gap, likely, solved = _misled(columns, group)
        if gap > 0:
            misled.append((gap, likely, solved))
    learned.sort(key=lambda one: -one[0])
    misled.sort(key=lambda one: -one[0])
    unsolved.sort(key=lambda one: -one[0])
    full = columns.pass_rate[judged] >= 1

    def detail(row: int) -> ProgramDetail | None:
        return reader.program(int(columns.sample[row]))

    def shown(chosen: list[int]) -> tuple[Shown, ...]:
        found = ((detail(row), int(columns.replays[row])) for row in chosen)
        return tuple(Shown(program, replays) for program, replays in found if program)

    def pairs(chosen: list[tuple[int, int, int]]) -> tuple[Pair, ...]:
        found = ((count, detail(failed), detail(solved)) for count, failed, solved in chosen)
        return tuple(Pair(count, a, b) for count, a, b in found if a and b)

    return Lessons(
        learned=pairs(learned[:LEARNED]),
        learned_of=len(learned),
        misled=pairs([(0, failed, solved) for _, failed, solved in misled[:MISLED]]),
        misled_of=len(misled),
        best=shown(_most_replayed(columns, judged[full], BEST)),
        replayed=shown(_most_replayed(columns, judged[~full], REPLAYED)),
        unsolved=shown([row for _, row in unsolved[:UNSOLVED]]),
        unsolved_of=len(unsolved),
    )


def _nearest(columns: Columns, rows: NDArray[np.int64]) -> int:
    """The last of those with the highest pass rate."""
    rates = columns.pass_rate[rows]
    return int(rows[len(rows) - 1 - int(np.argmax(rates[::-1]))])


def _misled(columns: Columns, rows: NDArray[np.int64]) -> tuple[float, int, int]:
    """How many nats a token the likeliest program, which failed, is ahead of one that passed.

    And the rows of both; 0 where the likeliest passed, or possibilities are unknown.
    """
    chance = columns.logprob[rows] / np.maximum(columns.n_tokens[rows], 1)
    chance = np.where(np.isnan(chance) | (columns.n_tokens[rows] == 0), -np.inf, chance)
    passed = columns.pass_rate[rows] >= 1
    first = int(np.argmax(chance))
    second = int(np.argmax(np.where(passed, chance, -np.inf)))
    if passed[first] or not passed[second] or not np.isfinite(chance[second]):
        return 0.0, 0, 0
    return float(chance[first] - chance[second]), int(rows[first]), int(rows[second])


def _most_replayed(columns: Columns, rows: NDArray[np.int64], count: int) -> list[int]:
    """The rows drawn most often, one a task; the oldest of equal ones."""
    drawn = rows[columns.replays[rows] > 0]
    drawn = drawn[np.argsort(-columns.replays[drawn], kind="stable")]
    _, first = np.unique(columns.task[drawn], return_index=True)
    return [int(row) for row in drawn[np.sort(first)][:count]]
