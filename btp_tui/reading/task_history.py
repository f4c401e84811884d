"""How each task of a run went, iteration by iteration, out of the mirror; on the feed's thread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from btp_tui.snapshot import PAGE
from btp_tui.tasks import TaskLine, TaskPage, TaskWish
from core.priority import Floats
from storage.columns import Columns
from storage.reader import Reader
from storage.rows import Filter

#: Most stretches of iterations in a history: as many as the widest column has characters.
STRETCHES = 48


@dataclass(frozen=True, slots=True, eq=False)
class TaskHistories:
    """The tasks of a run that match; every array but `rows` has one entry a task.

    `tasks` are codes of the mirror; `rates` (n, stretches) are mean pass rates, NaN where nothing
    was tested; `solved` is the first iteration, counted from 0, with a passing program, else -1.
    `rows` (m,) are the tasks' rows of the mirror, `place` (m,) the task that each belongs to.
    """

    tasks: NDArray[np.int64]
    rates: Floats
    programs: NDArray[np.int64]
    best: NDArray[np.float32]
    solved: NDArray[np.int64]
    rows: NDArray[np.int64]
    place: NDArray[np.int64]
    iterations: int
    stretch: int

    @property
    def again(self) -> NDArray[np.bool_]:
        """Which have tested programs in more than one stretch (n,)."""
        more: NDArray[np.bool_] = np.count_nonzero(~np.isnan(self.rates), axis=1) > 1
        return more

    @property
    def newest(self) -> Floats:
        """Of the last stretch with tested programs (n,)."""
        return _first_known(self.rates[:, ::-1])

    @property
    def first(self) -> Floats:
        """Of the first stretch with tested programs (n,)."""
        return _first_known(self.rates)

    @property
    def peak(self) -> Floats:
        """Of the best stretch (n,)."""
        best: Floats = np.fmax.reduce(self.rates, axis=1, initial=np.nan)
        return best


def find_tasks(columns: Columns, reader: Reader, run: int, name: str, wish: TaskWish) -> TaskPage:
    """One page of the run's tasks, in the order that is wished for."""
    found = find_histories(columns, run, wish.text)
    ordered = _in_order(found, columns.tasks, wish)
    shown = ordered[wish.offset : wish.offset + PAGE]
    of = len(found.tasks)
    if wish.text:
        of = int(np.count_nonzero(np.bincount(columns.task[columns.run == run])))
    return TaskPage(
        wish=wish,
        run=name,
        rows=_lines(columns, reader, found, shown),
        total=len(found.tasks),
        of=of,
        solved=int(np.count_nonzero(found.solved >= 0)),
        again=int(np.count_nonzero(found.again)),
        stretch=found.stretch,
        iterations=found.iterations,
    )


def find_histories(columns: Columns, run: int, text: str) -> TaskHistories:
    """Every task of a run whose name matches: a few passes over the run's rows."""
    rows = np.flatnonzero(columns.select(Filter(run=run, task=text or None)))
    task = columns.task.take(rows)
    programs = np.bincount(task, minlength=len(columns.tasks))
    tasks = np.flatnonzero(programs)
    places = np.zeros(len(programs), np.int64)
    places[tasks] = np.arange(len(tasks))
    place = places.take(task)
    iteration, rate = columns.iteration.take(rows), columns.pass_rate.take(rows)
    turn, turns = _turns(iteration)
    stretch = -(-turns // STRETCHES) if turns else 1
    known = np.flatnonzero(~np.isnan(rate))
    rated, rates = place.take(known), rate.take(known)
    best = np.full(len(tasks), np.nan, np.float32)
    np.fmax.at(best, rated, rates)
    passed = known.take(np.flatnonzero(rates >= 1.0))
    solved = np.full(len(tasks), np.iinfo(np.int64).max)
    np.minimum.at(solved, place.take(passed), iteration.take(passed).astype(np.int64))
    solved[solved == np.iinfo(np.int64).max] = -1
    return TaskHistories(
        tasks=tasks,
        rates=_means(rated, turn.take(known) // stretch, rates, len(tasks), -(-turns // stretch)),
        programs=programs[tasks],
        best=best,
        solved=solved,
        rows=rows,
        place=place,
        iterations=turns,
        stretch=stretch,
    )


def _turns(iteration: NDArray[np.int32]) -> tuple[NDArray[np.int64], int]:
    """Which of the run's iterations each row belongs to, counted without gaps, and how many.

    Rows of one iteration lie together: only where it changes is there something to look up.
    """
    if not len(iteration):
        return np.empty(0, np.int64), 0
    begins = np.concatenate(([0], np.flatnonzero(np.diff(iteration)) + 1))
    held = np.unique(iteration[begins])
    lengths = np.diff(np.append(begins, len(iteration)))
    return np.repeat(np.searchsorted(held, iteration[begins]), lengths), len(held)


def _means(
    place: NDArray[np.int64],
    stretch: NDArray[np.int64],
    rate: NDArray[np.float32],
    tasks: int,
    stretches: int,
) -> Floats:
    """Mean rates (tasks, stretches), NaN where there is none."""
    cell, cells = place * stretches + stretch, tasks * stretches
    count = np.bincount(cell, minlength=cells)
    total = np.bincount(cell, weights=rate, minlength=cells)
    mean: Floats = np.divide(total, count, out=np.full(cells, np.nan), where=count > 0)
    return mean.reshape(tasks, stretches)


def _first_known(rates: Floats) -> Floats:
    if not rates.size:
        return np.full(len(rates), np.nan)
    at = np.argmax(~np.isnan(rates), axis=1)
    first: Floats = rates[np.arange(len(rates)), at]
    return first


def _in_order(found: TaskHistories, names: list[str], wish: TaskWish) -> NDArray[np.int64]:
    """Places of the tasks in the order wished for; those it says nothing of come last."""
    shown = np.array([names[code] for code in found.tasks.tolist()], dtype=np.str_)
    by_name = np.argsort(shown, kind="stable")
    if wish.sort == "name":
        return by_name[::-1] if wish.turned_round else by_name
    newest = found.newest
    compared = np.where(found.again, newest, np.nan)
    keys = {
        "hardest": newest,
        "improved": found.first - compared,
        "regressed": compared - found.peak,
    }
    key = -keys[wish.sort] if wish.turned_round else keys[wish.sort]
    key = np.round(key, 6)  # means of equal rates differ in their last bits
    # Of equal ones those come first that more programs were spent on; NaN sorts last.
    order = np.lexsort((-found.programs[by_name], key[by_name]))
    return by_name[order]


def _lines(
    columns: Columns, reader: Reader, found: TaskHistories, places: NDArray[np.int64]
) -> tuple[TaskLine, ...]:
    best = _best_rows(columns, found, places)
    samples = columns.sample[best]
    texts = {row.sample: row.preview for row in reader.rows(samples)}
    figures = (found.first, found.newest, found.peak, found.best)
    first, newest, peak, top = ([_known(v) for v in figure[places].tolist()] for figure in figures)
    return tuple(
        TaskLine(
            task=columns.tasks[found.tasks[place]],
            history=tuple(_known(rate) for rate in found.rates[place].tolist()),
            first=first[at],
            newest=newest[at],
            peak=peak[at],
            programs=int(found.programs[place]),
            best=top[at],
            solved=int(found.solved[place]) + 1 or None,
            text=texts.get(int(samples[at]), ""),
        )
        for at, place in enumerate(places.tolist())
    )


def _best_rows(
    columns: Columns, found: TaskHistories, places: NDArray[np.int64]
) -> NDArray[np.int64]:
    """For each of some tasks the first row with its best pass rate; without any, its first row."""
    wanted = np.zeros(len(found.tasks), bool)
    wanted[places] = True
    mine = np.flatnonzero(wanted.take(found.place))
    place, row = found.place.take(mine), found.rows.take(mine)
    top, rate = found.best.take(place), columns.pass_rate.take(row)
    best = (rate == top) | np.isnan(top)
    chosen = np.zeros(len(found.tasks), np.int64)
    # Of several on one task numpy keeps the last one: of those turned round, the oldest.
    chosen[place[best][::-1]] = row[best][::-1]
    return chosen[places]


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value
