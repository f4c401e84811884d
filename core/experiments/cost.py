"""What an experiment would take: cells, programs, and hours of a core for the embedded models."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from core.experiments.experiment import Experiment
from core.experiments.families import OWN
from core.experiments.plan import Asked, Cell, chosen_panel, plan, shared
from core.tasks.load import load_tasks

#: Seconds of one core: to start a run, for a program sampled and tested, for an update of 32, and
#: for a held-out task. Chosen so that `nano` takes a minute for 1,152 programs, 96 updates and five
#: measurements of 300 tasks: the upper end of what such runs took (35 to 60 s) on a shared machine.
START_S, PROGRAM_S, UPDATE_S, HELD_OUT_S = 6.0, 0.012, 0.12, 0.02


@dataclass(frozen=True, slots=True)
class Cost:
    """So many cells and programs; `seconds` of one core, NaN where no figure was measured."""

    cells: int = 0
    programs: int = 0
    seconds: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.cells + other.cells, self.programs + other.programs, self.seconds + other.seconds
        )

    def sentence(self) -> str:
        """In words."""
        words = f"{self.cells:,} cells, {self.programs:,} programs"
        if math.isnan(self.seconds):
            return words
        return f"{words}, about {self.seconds / 60:,.0f} minutes of one core"

    def as_json(self) -> dict[str, object]:
        """As a JSON object."""
        seconds = None if math.isnan(self.seconds) else round(self.seconds)
        return {"cells": self.cells, "programs": self.programs, "seconds": seconds}


def costs(experiments: Sequence[Experiment], asked: Asked) -> dict[str, Cost]:
    """The cost of each experiment; a run that an earlier one of them makes, too, costs nothing."""
    runs: dict[str, str] = {}
    counted: set[str] = set()
    found = {}
    for experiment in experiments:
        panels = plan(experiment, asked)
        if experiment.tuned:
            panels += [chosen_panel(panel, panel.arms[0], asked) for panel in panels]
        cells = {cell.run: cell for panel in shared(panels, runs) for cell in panel.cells}
        found[experiment.name] = sum(
            (_cost_of(cell) for run, cell in cells.items() if run not in counted), Cost()
        )
        counted |= cells.keys()
    return found


def _cost_of(cell: Cell) -> Cost:
    config = cell.config
    programs = config.max_programs
    if cell.family == OWN:
        return Cost(1, programs, math.nan)
    updates = config.max_iterations * config.trainer.updates_per_iteration
    measured = 1 + math.ceil(config.max_iterations / config.evaluation.every)
    tasks = sum(map(_size, config.tasks.held_out))
    seconds = START_S + PROGRAM_S * programs + UPDATE_S * updates + HELD_OUT_S * tasks * measured
    return Cost(1, programs, seconds)


@cache
def _size(spec: str) -> int:
    """How many tasks an embedded dataset has."""
    return len(load_tasks(spec))
