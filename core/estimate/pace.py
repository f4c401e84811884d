"""How fast a run goes: as earlier runs of this workspace went here, else by rule of thumb.

Measured paces are those of runs that trained the same model on this machine; the range is what they
differ by, at least a third to either side. The rule of thumb counts floating-point operations and
steps and is right to a factor of 2.5: demos that took 207 and 247 s on two busy cores are told
1.1-7 minutes by it, and after the second of them 3.1-5.7. On GPUs no run was compared with it.
"""

from __future__ import annotations

import math
import platform
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.config import Config
from core.config_reading import build_config
from core.errors import CoreError
from core.estimate.machine import Machine
from core.estimate.memory import Memory, checkpoint_bytes, prompt_tokens
from core.estimate.shape import Shape
from core.estimate.work import Work
from storage.reader import Reader
from storage.schema import Run
from storage.workspace import Workspace

#: Seconds until a run is under way: importing torch, loading, checking the decoder.
_START = 6.0

#: Earlier runs that are looked at, the newest.
_MOST_RUNS = 5

#: How far off a measured pace can be at least, and the rule of thumb, as factors.
_MEASURED, _OTHER_SETTINGS, _RULE = 1.35, 1.7, 2.5

#: Operations a second of a core and of a GPU, and seconds a layer takes at least in a step.
_CORE_FLOPS, _GPU_FLOPS = 60e9, 60e12
_LAYER_S = {"cpu": 0.6e-3, "cuda": 0.15e-3}
#: Bytes a second that weights are read with, and checkpoints written.
_BANDWIDTH = {"cpu": 8e9, "cuda": 1.5e12}
_DISK = 5e8
#: Seconds of a core that testing a program takes.
_TEST_S = 0.02


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds a sampled and tested task, an update, and a measured task; of which runs."""

    task_s: float
    update_s: float
    measured_s: float
    spread: float
    runs: tuple[str, ...] = ()

    def seconds(self, work: Work) -> tuple[float, float]:
        """The least and the most that so much work is likely to take."""
        middle = _START + work.tasks * self.task_s + work.updates * self.update_s
        middle += work.measured * self.measured_s
        return middle / self.spread, middle * self.spread


def measured_pace(workspace: Workspace, config: Config) -> Pace | None:
    """The pace of earlier runs of the same model on this machine; None where there are none."""
    with Reader(workspace) as reader:
        found: list[Pace] = []
        for run in reader.runs():
            if run.kind == "train" and run.host == platform.node():
                pace = _pace_of(reader, run, config)
                found += [pace] if pace else []
            if len(found) == _MOST_RUNS:
                break
    return _together(found) if found else None


def rule_of_thumb(config: Config, shape: Shape, memory: Memory, machine: Machine) -> Pace:
    """The pace by operations, bytes and steps, where nothing was measured."""
    flops = _GPU_FLOPS if machine.kind == "cuda" else _CORE_FLOPS * machine.cores
    sampler, trainer = config.sampler, config.trainer
    written = sampler.max_new_tokens * 0.6  # programs end before the longest may
    prompt = prompt_tokens(config, shape)
    latency = shape.layers * _LAYER_S[machine.kind]
    weights = memory.weights / _BANDWIDTH[machine.kind]
    step = latency + max(weights, 2 * shape.parameters * memory.batch * sampler.beams / flops)
    search = written * step / memory.batch + 2 * shape.parameters * prompt / flops
    microbatches = math.ceil(trainer.minibatch / trainer.microbatch)
    tokens = trainer.minibatch * (prompt + written)
    again = 4 / 3 if trainer.gradient_checkpointing else 1.0
    update = 6 * again * shape.parameters * tokens / flops + 6 * microbatches * latency
    update += (memory.weights + memory.learning) / _BANDWIDTH[machine.kind]
    update += checkpoint_bytes(config, shape) / _DISK / config.checkpoint.every_updates
    testing = sampler.beams * _TEST_S / (config.executor.workers or machine.cores)
    return Pace(search + testing, update, search + testing / sampler.beams, _RULE)


def _pace_of(reader: Reader, run: Run, config: Config) -> Pace | None:
    """The pace of one run, brought to the beams and the minibatch that are asked for now."""
    try:
        then = build_config(tomllib.loads(run.config), origin=run.name)
    except (CoreError, tomllib.TOMLDecodeError):
        return None
    same = (then.model, then.teacher.kind, then.sampler.where, then.device) == (
        *(config.model, config.teacher.kind, config.sampler.where),
        config.device,
    )
    progress = run.progress
    updates, seconds = _updates(reader, run.id)
    if not same or progress is None or not progress.programs or not updates:
        return None
    evaluations = reader.evaluations(run.id)
    measuring = sum(one.seconds for one in evaluations)
    measured = sum(len(one.tasks) for one in evaluations)
    rest = max(progress.elapsed_s - measuring - seconds, 0.0)
    longer = config.sampler.beams / then.sampler.beams
    more = config.trainer.minibatch / then.trainer.minibatch
    alike = longer == more == 1 and then.sampler == config.sampler
    task = rest / (progress.programs / then.sampler.beams)
    return Pace(
        task_s=task * longer,
        update_s=seconds / updates * more,
        measured_s=measuring / measured * longer if measured else task,
        spread=_MEASURED if alike else _OTHER_SETTINGS,
        runs=(run.name,),
    )


def _updates(reader: Reader, run: int) -> tuple[int, float]:
    rows = reader.query("SELECT count(*), sum(seconds) FROM updates WHERE run = ?", (run,))
    count, seconds = rows[0] if rows else (0, 0.0)
    return int(count), float(seconds or 0.0)


def _together(paces: Sequence[Pace]) -> Pace:
    """The middle of several paces; they differ by `spread` or more."""

    def middle(values: Iterable[float]) -> float:
        ordered = sorted(values)
        return ordered[len(ordered) // 2]

    whole = [pace.task_s + pace.update_s for pace in paces]
    differ = max(whole) / max(min(whole), 1e-9)
    return Pace(
        task_s=middle(pace.task_s for pace in paces),
        update_s=middle(pace.update_s for pace in paces),
        measured_s=middle(pace.measured_s for pace in paces),
        spread=max(min(pace.spread for pace in paces), math.sqrt(differ)),
        runs=tuple(name for pace in paces for name in pace.runs),
    )


def pace_of(
    workspace: Path,
    config: Config,
    shape: Shape | None,
    memory: Memory | None,
    machine: Machine,
) -> Pace | None:
    """The measured pace, else the rule of thumb, else None: the model is not known."""
    measured = measured_pace(Workspace(workspace), config)
    if measured is not None or shape is None or memory is None:
        return measured
    return rule_of_thumb(config, shape, memory, machine)
