"""One watched run: what was read of it so far, kept so that each poll reads only what is new."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from btp_tui.reading.history import History
from btp_tui.reading.intervals import SLOW_S
from btp_tui.reading.pace import Pace
from btp_tui.reading.seeds import Seeds
from btp_tui.snapshot import (
    Disk,
    IterationOutcomes,
    Knobs,
    ProgramLine,
    RunLine,
    SeedBand,
    Watched,
)
from storage.reader import Reader
from storage.schema import DeviceReading, EvaluationRecord, Run, Telemetry, UpdateFigures
from storage.timeline import last_refusal, readings_after, updates_from, waiting_commands

if TYPE_CHECKING:  # it brings numpy, which the first frame does without
    from btp_tui.reading.mirror import Mirror

#: Programs on the dashboard; more than the tallest window shows.
LATEST = 60


class RunWatch:
    """Reads one run; plots and tables change at most once a second."""

    def __init__(self, reader: Reader, seeds: Seeds, run: int) -> None:
        self.run = run
        self._seeds = seeds
        self._reader = reader
        self._looked = -SLOW_S
        self._pace = Pace()
        self._evaluations: tuple[EvaluationRecord, ...] = ()
        self._band: SeedBand | None = None
        self._readings: History[Telemetry] = History(_mean_reading)
        self._last_reading = 0
        self._steps: History[UpdateFigures] = History(_mean_step)
        self._last_step: UpdateFigures | None = None
        self._changes = -1
        self._latest: tuple[ProgramLine, ...] = ()
        self._iterations: tuple[IterationOutcomes, ...] = ()

    def first_look(self, run: Run, line: RunLine, runs: Sequence[Run]) -> Watched:
        """What needs no mirror; `runs` are all of the workspace."""
        self._remember(run, runs)
        knobs = knobs_in_force(run)
        return Watched(
            line=line,
            knobs=knobs,
            in_force=knobs,
            asked=waiting_commands(self._reader, run.id),
            refusal=last_refusal(self._reader, run.id),
            isolation=run.isolation,
            evaluations=self._evaluations,
            band=self._band,
            steps=self._steps.moments,
            telemetry=self._readings.moments,
            log=tuple(self._reader.events(run.id, last=100)),
            phase_left_s=self._pace.left(run.progress) if run.progress else None,
            inputs=() if line.trains else _inputs(run),
            whole=False,
        )

    def look(
        self,
        run: Run,
        line: RunLine,
        runs: Sequence[Run],
        mirror: Mirror,
        turned: Mapping[str, Any],
        disk: Disk | None,
    ) -> Watched:
        """Everything, under the knobs in force but for those turned."""
        watched = self.first_look(run, line, runs)
        knobs = replace(watched.in_force, **turned)
        mirror.look()
        if self._changes != mirror.changes:
            self._changes = mirror.changes
            self._latest = mirror.newest(run.id, LATEST, knobs)
            self._iterations = mirror.iterations(run.id)
        return replace(
            watched,
            knobs=knobs,
            histogram=mirror.candidates(run.id, knobs).histogram(),
            latest=self._latest,
            iterations=self._iterations,
            disk=disk,
            whole=True,
        )

    def _remember(self, run: Run, runs: Sequence[Run]) -> None:
        updates = run.progress.updates if run.progress else 0
        if self._last_step and self._last_step.number > updates:  # taken back on resuming
            self._forget_steps()
        if time.monotonic() - self._looked < SLOW_S:
            return
        self._looked = time.monotonic()
        evaluations = self._reader.evaluations(run.id)
        if tuple(evaluations) != self._evaluations:
            self._evaluations = tuple(evaluations)
        self._band = self._seeds.band(run, runs, self._evaluations)
        readings, self._last_reading = readings_after(self._reader, run.id, self._last_reading)
        self._readings.add(readings)
        self._read_steps(run)

    def _read_steps(self, run: Run) -> None:
        last = self._last_step
        new = updates_from(self._reader, run.id, last.number if last else 1)
        if last is not None and new[:1] != [last]:  # taken back, and made again since
            self._forget_steps()
            new = updates_from(self._reader, run.id, 1)
        elif last is not None:
            new = new[1:]
        if new:
            self._steps.add(new)
            self._last_step = new[-1]

    def _forget_steps(self) -> None:
        self._steps.clear()
        self._last_step = None


def knobs_in_force(run: Run) -> Knobs:
    """The knobs as the engine last reported them; before that, as configured."""
    replay = tomllib.loads(run.config).get("replay", {})
    reported = (run.progress and run.progress.knobs) or {}
    replay.update({key.removeprefix("replay."): value for key, value in reported.items()})
    names = {field.name for field in fields(Knobs)}
    return Knobs(**{name: value for name, value in replay.items() if name in names})


def _inputs(run: Run) -> tuple[tuple[str, str], ...]:
    """What a run was given that only tests a file."""
    return tuple((key, str(value)) for key, value in tomllib.loads(run.config).items() if value)


def _mean_step(steps: Sequence[UpdateFigures]) -> UpdateFigures:
    """Several updates as the last of them, with the means of their figures."""
    loss = sum(step.loss for step in steps) / len(steps)
    norm = sum(step.grad_norm for step in steps) / len(steps)
    return steps[-1]._replace(loss=loss, grad_norm=norm)


def _mean_reading(readings: Sequence[Telemetry]) -> Telemetry:
    """Several readings as the last of them, with the mean use of its processors and devices."""
    last = readings[-1]
    alike = [one for one in readings if len(one.devices) == len(last.devices)]
    return replace(
        last,
        cpu=sum(one.cpu for one in readings) / len(readings),
        devices=tuple(
            _mean_device([one.devices[place] for one in alike])
            for place in range(len(last.devices))
        ),
    )


def _mean_device(readings: Sequence[DeviceReading]) -> DeviceReading:
    known = [one.utilization for one in readings if one.utilization is not None]
    return replace(readings[-1], utilization=sum(known) / len(known) if known else None)
