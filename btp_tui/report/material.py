"""Everything a report says of a run, read from the store in one go; nothing is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from btp_tui.reading.mirror import Mirror
from btp_tui.reading.run_list import run_state
from btp_tui.report.lessons import Lessons, find_lessons
from btp_tui.snapshot import IterationOutcomes
from storage.errors import StorageError
from storage.reader import Reader
from storage.schema import EvaluationRecord, Event, Run, Telemetry, UpdateRecord
from storage.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Step:
    """One update of the trainer, as far as a plot shows it; loss in nats a token."""

    iteration: int
    number: int
    loss: float


@dataclass(frozen=True, slots=True)
class Material:
    """A run and what it came to at one moment; `state` as in RunLine.

    `tasks` and `samples` count what was sampled, `texts` the different programs among it.
    `settings` are the live settings changed while it ran, oldest first.
    """

    run: Run
    state: str
    evaluations: tuple[EvaluationRecord, ...]
    steps: tuple[Step, ...]
    iterations: tuple[IterationOutcomes, ...]
    settings: tuple[tuple[str, Any], ...]
    telemetry: tuple[Telemetry, ...]
    troubles: tuple[Event, ...]
    tasks: int
    samples: int
    texts: int
    lessons: Lessons

    @property
    def held_out(self) -> tuple[EvaluationRecord, ...]:
        """The measurements in the order of the updates before them."""
        return tuple(sorted(self.evaluations, key=lambda one: (one.update_number, one.at)))

    def programs_before(self, iteration: int) -> int:
        """How many programs were sampled in the iterations before this one, counted from 0."""
        return sum(one.programs for one in self.iterations if one.iteration <= iteration)


def read_material(workspace: Workspace, name: str, curves_only: bool = False) -> Material:
    """Reads a run; without its programs where only curves are wanted. Raises StorageError."""
    if not workspace.exists:
        raise StorageError(
            f"There is no workspace in {workspace.path}; name another one with --workspace."
        )
    with Reader(workspace) as reader:
        run = reader.run(name)
        if run is None:
            names = ", ".join(one.name for one in reader.runs()[:10]) or "none yet"
            raise StorageError(f"There is no run {name} in {workspace.path}. There are: {names}.")
        mirror = Mirror(reader)
        mirror.look()
        rows = np.flatnonzero(mirror.columns.run == run.id)
        return Material(
            run=run,
            state=run_state(run.progress, workspace.engine_alive(name), None),
            evaluations=tuple(reader.evaluations(run.id)),
            steps=tuple(_step(update) for update in reader.updates(run.id)),
            iterations=mirror.iterations(run.id),
            settings=tuple(reader.settings(run.id)),
            telemetry=tuple(reader.telemetry(run.id, last=1_000_000)),
            troubles=tuple(one for one in reader.events(run.id) if one.level != "info"),
            tasks=_different(mirror.columns.task[rows]),
            samples=len(rows),
            texts=_different(mirror.columns.program[rows]),
            lessons=Lessons() if curves_only else find_lessons(mirror.columns, reader, rows),
        )


def _step(update: UpdateRecord) -> Step:
    return Step(update.iteration, update.number, update.loss)


def _different(values: NDArray[Any]) -> int:
    return len(np.unique(values))
