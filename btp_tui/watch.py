"""One watched run: what was read of it so far, kept so that each poll reads only what is new."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np

from btp_tui.mirror import SLOW_S, Mirror
from btp_tui.snapshot import IterationOutcomes, Knobs, ProgramLine, RunLine, Watched
from storage.schema import EvaluationRecord, Run, Telemetry

#: Programs on the dashboard; more than the tallest window shows.
LATEST = 60

_LOSS_POINTS = 600


class RunWatch:
    """Reads one run; plots and tables change at most once a second."""

    def __init__(self, mirror: Mirror, run: int) -> None:
        self.run = run
        self._mirror = mirror
        self._reader = mirror.reader
        self._looked = -SLOW_S
        self._evaluations: tuple[EvaluationRecord, ...] = ()
        self._telemetry: tuple[Telemetry, ...] = ()
        self._losses: list[tuple[int, float]] = []
        self._changes = -1
        self._latest: tuple[ProgramLine, ...] = ()
        self._iterations: tuple[IterationOutcomes, ...] = ()

    def first_look(self, run: Run, line: RunLine) -> Watched:
        """What needs no mirror."""
        self._remember(run)
        knobs = knobs_in_force(run)
        return Watched(
            line=line,
            knobs=knobs,
            in_force=knobs,
            asked=self._reader.unanswered(run.id),
            isolation=run.isolation,
            evaluations=self._evaluations,
            losses=tuple(_thinned(self._losses)),
            telemetry=self._telemetry,
            log=tuple(self._reader.events(run.id, last=100)),
        )

    def look(self, run: Run, line: RunLine, turned: Mapping[str, Any]) -> Watched:
        """Everything, under the knobs in force but for those turned."""
        watched = self.first_look(run, line)
        knobs = replace(watched.in_force, **turned)
        self._mirror.look()
        if self._changes != self._mirror.changes:
            self._changes = self._mirror.changes
            rows = np.flatnonzero(self._mirror.columns.run == run.id)[-LATEST:][::-1]
            self._latest = self._mirror.lines(rows, knobs)
            self._iterations = self._mirror.iterations(run.id)
        return replace(
            watched,
            knobs=knobs,
            histogram=self._mirror.candidates(run.id, knobs).histogram(),
            latest=self._latest,
            iterations=self._iterations,
        )

    def _remember(self, run: Run) -> None:
        updates = run.progress.updates if run.progress else 0
        if self._losses and self._losses[-1][0] > updates:  # taken back when it was resumed
            self._losses.clear()
        if time.monotonic() - self._looked < SLOW_S:
            return
        self._looked = time.monotonic()
        evaluations = self._reader.evaluations(run.id)
        if tuple(evaluations) != self._evaluations:
            self._evaluations = tuple(evaluations)
        self._telemetry = tuple(self._reader.telemetry(run.id))
        last = self._losses.pop() if self._losses else (1, 0.0)
        new = [
            (update.number, update.loss)
            for update in self._reader.updates(run.id, after=last[0] - 1)
        ]
        if self._losses and new[:1] != [last]:  # taken back, and made again since
            self._losses = []
            new = [(update.number, update.loss) for update in self._reader.updates(run.id)]
        self._losses += new


def knobs_in_force(run: Run) -> Knobs:
    """The knobs as the engine last reported them; before that, as configured."""
    replay = tomllib.loads(run.config).get("replay", {})
    reported = (run.progress and run.progress.knobs) or {}
    replay.update({key.removeprefix("replay."): value for key, value in reported.items()})
    names = {field.name for field in fields(Knobs)}
    return Knobs(**{name: value for name, value in replay.items() if name in names})


def _thinned(losses: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """At most so many points as a plot can show, the newest one among them."""
    step = max(1, len(losses) // _LOSS_POINTS)
    return losses[::-step][::-1]
