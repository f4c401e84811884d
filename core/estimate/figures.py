"""The estimate of one configuration on this machine, in figures and in words."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from core.config import Config
from core.errors import CoreError
from core.estimate.advice import advice
from core.estimate.machine import Machine, look
from core.estimate.memory import Memory, adapter_parameters, disk_bytes, plan_memory
from core.estimate.pace import Pace, pace_of
from core.estimate.shape import Shape, find_shape
from core.estimate.words import amount, between, count, size
from core.estimate.work import Work, plan_work


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run takes; None where it cannot be known, `problems` and `notes` say why.

    `seconds` is the likely least and most. `memory` is of the machine's device in bytes, at the
    fullest moment. `problems` keep it from running; each says what to change.
    """

    machine: Machine
    work: Work | None = None
    parameters: int | None = None
    trained: int | None = None
    memory: Memory | None = None
    disk: int | None = None
    seconds: tuple[float, float] | None = None
    measured_on: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def fits(self) -> bool:
        """Whether nothing is known that keeps it from running."""
        return not self.problems

    def lines(self) -> list[tuple[str, str, str]]:
        """(what, how much, and what there is to say on it) in words: time, memory, disk, work."""
        return [
            ("time", *self._time()),
            ("memory", *self._memory()),
            ("disk", *self._disk()),
            ("work", *self._work()),
        ]

    def as_json(self) -> dict[str, Any]:
        """Every figure, bytes and seconds."""
        figures = asdict(self)
        if self.memory is not None:
            figures["memory"]["peak"] = self.memory.peak
        return {"fits": self.fits, **figures}

    def _time(self) -> tuple[str, str]:
        if self.seconds is None:
            return "unknown", ""
        basis = f"as {self.measured_on[0]} went" if self.measured_on else "by rule of thumb"
        if self.work and self.work.endless:
            basis = f"an iteration, {basis}; no setting ends the run"
        return f"about {between(*self.seconds)}", basis

    def _memory(self) -> tuple[str, str]:
        if self.memory is None:
            return "unknown", ""
        where = "" if self.machine.kind == "cpu" else f"on {self.machine.name}"
        return f"about {size(self.memory.peak)} of {size(self.machine.memory)} free", where

    def _disk(self) -> tuple[str, str]:
        if self.disk is None:
            return "unknown", ""
        return f"up to {size(self.disk)} of {size(self.machine.disk)} free", ""

    def _work(self) -> tuple[str, str]:
        if self.work is None:
            return "unknown", ""
        at_most = "up to " if self.work.bounds else ""
        programs, updates = self.work.programs, self.work.updates
        done = f"{at_most}{amount(programs, 'program')}, {amount(updates, 'update')}"
        if self.parameters is None or self.trained is None:
            return done, ""
        of = "" if self.trained == self.parameters else f" of {count(self.parameters)}"
        return done, f"{count(self.trained)}{of} parameters learn"


def estimate(config: Config, workspace: Path, machine: Machine | None = None) -> Estimate:
    """What a run takes, here or on another machine; never raises for what cannot be known."""
    machine = machine or look(config.device, workspace)
    problems: list[str] = []
    notes: list[str] = []
    work: Work | None = None
    try:
        work = plan_work(config)
    except CoreError as error:
        problems.append(str(error))
    shape = _shape(config.model.path, "", problems, notes)
    teacher = None
    if config.teacher.kind == "model":
        teacher = _shape(config.teacher.model.path, "teacher.model: ", problems, notes)
    memory = None
    if shape is not None:
        memory = plan_memory(config, shape, teacher, machine.kind, machine.memory)
        problems += _too_full(config, shape, teacher, memory, machine)
    disk = None if work is None else disk_bytes(config, shape, work)
    if disk is not None and disk > machine.disk:
        problems.append(
            f"The disk has {size(machine.disk)} free and up to {size(disk)} are needed: lower "
            "checkpoint.keep, or choose another --workspace."
        )
    seconds, pace = None, None
    if work is not None:
        pace = pace_of(workspace, config, shape, memory, machine)
        seconds = _seconds(config, work, pace)
    notes += _remarks(config, machine, shape, pace)
    adapter = adapter_parameters(config.model, shape) if shape else 0
    return Estimate(
        machine=machine,
        work=work,
        parameters=shape.parameters if shape else None,
        trained=(adapter or shape.parameters) if shape else None,
        memory=memory,
        disk=disk,
        seconds=seconds,
        measured_on=pace.runs if pace else (),
        problems=tuple(problems),
        notes=tuple(notes),
    )


def _shape(path: str, prefix: str, problems: list[str], notes: list[str]) -> Shape | None:
    """A model's shape; what is not on this machine yet is no problem, what is no model is one."""
    try:
        return find_shape(path)
    except CoreError as error:
        (notes if "yet" in str(error) else problems).append(f"{prefix}{error}")
        return None


def _seconds(config: Config, work: Work, pace: Pace | None) -> tuple[float, float] | None:
    limit = config.max_minutes * 60
    if pace is None:
        return (0.0, limit) if limit else None
    least, most = pace.seconds(work)
    if not limit:
        return least, most
    return (limit, limit) if work.endless else (min(least, limit), min(most, limit))


def _too_full(
    config: Config, shape: Shape, teacher: Shape | None, memory: Memory, machine: Machine
) -> list[str]:
    def fits(changed: Config) -> bool:
        planned = plan_memory(changed, shape, teacher, machine.kind, machine.memory)
        return planned.peak <= machine.memory

    if fits(config):
        return []
    return [
        f"It does not fit: about {size(memory.peak)} are needed and {size(machine.memory)} are "
        f"free; {advice(config, fits)}."
    ]


def _remarks(config: Config, machine: Machine, shape: Shape | None, pace: Pace | None) -> list[str]:
    notes = []
    if shape and machine.kind == "cpu" and shape.parameters > 2e8 and pace and not pace.runs:
        notes.append("There is no NVIDIA GPU here; a model of this size learns slowly on a CPU.")
    if config.sampler.where == "endpoint" or config.teacher.kind == "endpoint":
        notes.append("How long the server takes is not known; the time is without it.")
    return notes
