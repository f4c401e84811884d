"""Which tasks an iteration takes: by the mixture, and as many as max_programs leaves room for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.config import Config
from core.mixture import Mixture, recent_pass_rates
from core.tasks import Task
from storage.columns import Columns


@dataclass(frozen=True, slots=True)
class Schedule:
    """A function of the seed and of what the store holds of earlier iterations: it repeats itself.

    `most_programs(task, iteration)` says how many programs a task can bring at most.
    """

    run: int
    config: Config
    tasks: Sequence[Task]
    mixture: Mixture
    columns: Columns
    most_programs: Callable[[Task, int], int]

    def tasks_of(self, iteration: int) -> list[Task]:
        """The iteration's tasks; none where max_programs leaves no room for any."""
        size = min(self.config.sampler.tasks_per_iteration, len(self.tasks))
        order = self.mixture.choose(self.config.seed, size, iteration, self._recent(iteration))
        chosen = [self.tasks[index] for index in order]
        return self._with_room(chosen, iteration) if self.config.max_programs else chosen

    def _with_room(self, chosen: list[Task], iteration: int) -> list[Task]:
        """The first of them, as many as there is room for; none where it brings no program."""
        left = self.config.max_programs - self._programs_before(iteration)
        programs = np.cumsum([self.most_programs(task, iteration) for task in chosen])
        fitting = int(np.searchsorted(programs, left, "right"))
        cut = fitting < len(chosen) and not programs[:fitting].any()
        return [] if cut or left <= 0 else chosen[:fitting]

    def _programs_before(self, iteration: int) -> int:
        self.columns.refresh()
        return int(((self.columns.run == self.run) & (self.columns.iteration < iteration)).sum())

    def _recent(self, iteration: int) -> NDArray[np.float64] | None:
        """How often each task was solved of late, where the mixture asks for it."""
        if not self.mixture.banded:
            return None
        self.columns.refresh()
        task_ids = [task.task_id for task in self.tasks]
        return recent_pass_rates(self.columns, self.run, iteration, task_ids)
