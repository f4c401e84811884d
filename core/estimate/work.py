"""How much a run has to do: tasks, programs, updates and measurements, from its configuration."""

from __future__ import annotations

import gzip
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from core.config import Config
from core.tasks.spec import EMBEDDED, TaskSpec, parse_spec

_NANO = Path(__file__).parent.parent / "nano" / "tasks"

#: Tasks of the public editions, by split, as their authors published them.
_PUBLISHED = {
    "humaneval": {"test": 164},
    "humaneval+": {"test": 164},
    "mbpp": {"train": 374, "test": 500, "validation": 90, "prompt": 10},
    "apps": {"train": 5000, "test": 5000},
    "codecontests": {"train": 13328, "valid": 117, "test": 165},
}
#: The split that is read where none is named, if it is not all of them.
_DEFAULTS = {"apps": "test", "codecontests": "test"}

#: A file of tasks is counted up to this size.
_LARGEST_FILE = 64 << 20

#: Where nobody knows how many tasks there are, a measurement is taken to have so many.
_SOME_TASKS = 200


@dataclass(frozen=True, slots=True)
class Work:
    """What a run does until its last iteration; `endless` where no setting ends it but its time.

    `tasks` are sampled, `measured` are tasks of all measurements; both with `beams` programs each.
    `bounds` says that the number of tasks is unknown, so that it may be less.
    """

    iterations: int
    tasks: int
    programs: int
    updates: int
    measured: int
    endless: bool = False
    bounds: bool = False


def plan_work(config: Config) -> Work:
    """What a configuration asks for; raises CoreError for a dataset that there is not.

    Without an end, what one iteration takes.
    """
    known = [_count(spec, config) for spec in config.tasks.train]
    all_tasks = None if None in known else sum(count or 0 for count in known)
    limit = config.tasks.limit
    if limit:
        all_tasks = min(limit, all_tasks or limit)
    each = min(config.sampler.tasks_per_iteration, all_tasks or 10**9)
    beams = config.sampler.beams
    iterations = _iterations(config, each * beams)
    tasks = each * max(iterations, 1)
    if config.max_programs:
        tasks = min(tasks, config.max_programs // beams)
    return Work(
        iterations=iterations,
        tasks=tasks,
        programs=tasks * beams,
        updates=max(iterations, 1) * config.trainer.updates_per_iteration,
        measured=_measured(config, max(iterations, 1)),
        endless=not iterations,
        bounds=all_tasks is None,
    )


def _iterations(config: Config, programs_each: int) -> int:
    """Iterations until a budget is spent, 0 where only time ends the run."""
    limits = [config.max_iterations] if config.max_iterations else []
    if config.max_programs:
        limits.append(math.ceil(config.max_programs / programs_each))
    return min(limits, default=0)


def _measured(config: Config, iterations: int) -> int:
    """Tasks of the first and the last measurement and of those between."""
    held_out = sum(_count(spec, config) or _SOME_TASKS for spec in config.tasks.held_out)
    seen = sum(_count(spec, config) or _SOME_TASKS for spec in config.tasks.seen)
    between = (iterations - 1) // config.evaluation.every
    some = min(held_out, config.evaluation.limit or held_out)
    return 2 * (held_out + seen) + between * some


def _count(text: str, config: Config) -> int | None:
    """Tasks of a dataset, None where that is not known without reading it."""
    spec = parse_spec(text, config.tasks.custom)
    if spec.path:
        return _lines(Path(spec.path).expanduser())
    if spec.choices:
        return None
    if spec.name in EMBEDDED:
        splits = spec.splits or ("train",)
        return sum(_lines(_NANO / spec.name / f"{split}.jsonl.gz") or 0 for split in splits)
    return _published(spec)


def _published(spec: TaskSpec) -> int | None:
    splits = _PUBLISHED.get(spec.name)
    if splits is None:
        return None
    default = _DEFAULTS.get(spec.name)
    names = spec.splits or ((default,) if default else tuple(splits))
    return sum(splits[name] for name in names)


def _lines(file: Path) -> int | None:
    """Records of a JSONL file, plain or .gz; None for what is no such file."""
    try:
        state = file.stat()
        suffixes = file.suffixes[-2:]
        if ".jsonl" not in suffixes or state.st_size > _LARGEST_FILE or not file.is_file():
            return None
        return _count_lines(file, state.st_mtime_ns)
    except OSError:
        return None


@lru_cache(maxsize=32)
def _count_lines(file: Path, _version: int) -> int:
    if file.suffix == ".gz":
        with gzip.open(file) as opened:
            return sum(1 for line in opened if line.strip())
    with file.open("rb") as opened:
        return sum(1 for line in opened if line.strip())
