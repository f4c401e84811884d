"""What the store holds of the runs of a panel: held-out results by programs and by updates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.experiments.experiment import Arm
from core.experiments.plan import Cell, Panel
from storage.columns import Columns
from storage.reader import Reader

Floats = NDArray[np.float64]
Axis = Literal["programs", "updates"]


@dataclass(frozen=True, slots=True)
class Point:
    """One held-out measurement: after so many programs and updates, the pass rate of each task."""

    label: str
    iteration: int
    updates: int
    programs: int
    pass_rates: Mapping[str, float]

    def spent(self, axis: Axis) -> int:
        """What had been used by then."""
        return self.programs if axis == "programs" else self.updates


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished cell: its measurements, oldest first, and its sampled programs.

    `sampled` counts those with a verdict, `passed` those of them that pass every test; `seconds`
    is the time it took, measurements included.
    """

    cell: Cell
    points: tuple[Point, ...]
    sampled: int
    passed: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ArmResults:
    """The outcomes of an arm, one a seed, in the order of the seeds."""

    arm: Arm
    outcomes: tuple[Outcome, ...]

    @property
    def seeds(self) -> tuple[int, ...]:
        """Those that are finished."""
        return tuple(outcome.cell.seed for outcome in self.outcomes)

    def of_seeds(self, seeds: Iterable[int]) -> ArmResults:
        """The same of these seeds alone."""
        wanted = set(seeds)
        kept = (outcome for outcome in self.outcomes if outcome.cell.seed in wanted)
        return replace(self, outcomes=tuple(kept))

    def spent(self, axis: Axis) -> int:
        """Programs or updates of a whole run, the least of its seeds."""
        return min(outcome.points[-1].spent(axis) for outcome in self.outcomes)

    def solved(self, tasks: Sequence[str], budget: float, axis: Axis) -> Floats:
        """1 where the top program passed every test, within a budget: (seeds, tasks).

        Of each run that is the newest measurement that had used no more than the budget.
        """
        solved: Floats = (self.rates(tasks, budget, axis) == 1.0).astype(np.float64)
        return solved

    def rates(self, tasks: Sequence[str], budget: float, axis: Axis = "programs") -> Floats:
        """The pass rates of the tasks at the same measurements: (seeds, tasks)."""
        rows = []
        for outcome in self.outcomes:
            within = [point for point in outcome.points if point.spent(axis) <= budget]
            rates = (within or outcome.points)[-1 if within else 0].pass_rates
            rows.append([rates[task] for task in tasks])
        return np.array(rows, np.float64)

    def curve(self, tasks: Sequence[str], axis: Axis) -> tuple[Floats, Floats]:
        """Every measurement: what was used (points,), mean over seeds, and (points, seeds, tasks).

        Points are those that all seeds have, in order.
        """
        count = min(len(outcome.points) for outcome in self.outcomes)
        spent = np.array(
            [[point.spent(axis) for point in outcome.points[:count]] for outcome in self.outcomes]
        ).mean(0)
        points = [[outcome.points[at] for outcome in self.outcomes] for at in range(count)]
        rates = np.array(
            [[[point.pass_rates[task] for task in tasks] for point in at] for at in points]
        )
        ascending = np.concatenate(([True], np.diff(spent) > 0))
        return spent[ascending], (rates == 1.0).astype(np.float64)[ascending]

    @property
    def share_passed(self) -> float:
        """The share of all sampled programs that pass every test."""
        sampled = sum(outcome.sampled for outcome in self.outcomes)
        return sum(outcome.passed for outcome in self.outcomes) / max(1, sampled)


@dataclass(frozen=True, slots=True)
class Results:
    """What came of a panel: the arms of which a seed is finished, and the tasks all measured."""

    panel: Panel
    arms: tuple[ArmResults, ...]
    tasks: tuple[str, ...]

    @property
    def missing(self) -> int:
        """Cells that are not finished."""
        return len(self.panel.cells) - sum(len(arm.outcomes) for arm in self.arms)

    def outcomes(self) -> list[Outcome]:
        """Those of all arms."""
        return [outcome for arm in self.arms for outcome in arm.outcomes]


def read_results(reader: Reader, columns: Columns, panel: Panel) -> Results:
    """The results of a panel's cells, those of unfinished ones left out."""
    arms = []
    for arm in panel.arms:
        cells = (cell for cell in panel.cells if cell.arm == arm)
        outcomes = [read_outcome(reader, columns, cell) for cell in cells]
        finished = tuple(outcome for outcome in outcomes if outcome is not None)
        if finished:
            arms.append(ArmResults(arm, finished))
    points = [point for arm in arms for outcome in arm.outcomes for point in outcome.points]
    measured = [set(point.pass_rates) for point in points]
    tasks = sorted(set.intersection(*measured)) if measured else []
    return Results(panel, tuple(arms), tuple(tasks))


def read_outcome(reader: Reader, columns: Columns, cell: Cell) -> Outcome | None:
    """What came of a cell, None where its run has not finished. `columns` must be up to date."""
    run = reader.run(cell.run)
    if run is None or run.progress is None or run.progress.state != "finished":
        return None
    mine = columns.run == run.id
    iterations = np.bincount(columns.iteration[mine], minlength=1)
    before = np.concatenate(([0], np.cumsum(iterations)))
    points = [
        Point(
            label=measured.label,
            iteration=measured.iteration,
            updates=measured.update_number,
            programs=int(before[min(measured.iteration, len(before) - 1)]),
            pass_rates=measured.tasks,
        )
        for measured in reader.evaluations(run.id)
    ]
    rates = columns.pass_rate[mine]
    if not points:
        return None
    return Outcome(
        cell=cell,
        points=tuple(points),
        sampled=int(np.isfinite(rates).sum()),
        passed=int((rates == 1.0).sum()),
        seconds=run.progress.elapsed_s,
    )
