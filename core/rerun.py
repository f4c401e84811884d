"""One stored program once more against the tests of its task, with a longer time limit.

For whoever wants to know whether a program that timed out is wrong or only slow. Nothing is stored:
the verdict that counts stays that of the run, under the run's limits.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from core.config import Config, ExecutorConfig
from core.config_reading import build_config
from core.errors import CoreError
from core.records import task_record, verdict_record
from core.tasks import Task
from core.tasks.load import load_tasks
from core.tasks.spec import TaskSpec, parse_spec
from storage.programs import ProgramDetail
from storage.reader import Reader
from storage.schema import Run, VerdictRecord
from storage.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Rerun:
    """What the tests said of a stored program, then and now; `then` is None where none were run.

    `limit_s` are CPU seconds a test, `isolation` says in words what held the program.
    """

    sample: int
    task_id: str
    limit_s: float
    then: VerdictRecord | None
    now: VerdictRecord
    isolation: str


def rerun(workspace: Workspace, sample: int, limit_s: float | None) -> Rerun:
    """Runs a stored program with so many CPU seconds a test; ten times the run's without a limit.

    Raises CoreError where there is no such program, or its tests are not known any more.
    """
    with Reader(workspace.open()) as reader:
        stored = reader.program(sample)
        runs = {run.id: run for run in reader.runs()}
    if stored is None or stored.run not in runs:
        raise CoreError(f"There is no program {sample} in {workspace.path}; nothing was run.")
    config = _config(runs[stored.run])
    # What would have to be fetched first is not known any more.
    os.environ["HF_HUB_OFFLINE"] = "1"
    task = _find_task(stored, runs[stored.run], config)
    limit_s = limit_s or 10 * (task.time_limit_s or config.executor.time_limit_s)

    from core.executor.configured import open_executor

    settings = config.executor.model_copy(update={"workers": 1, "skip_after_timeout": False})
    with open_executor(_patient(settings, limit_s)) as executor:
        # A limit that the task states would go before ours.
        ((_, verdict),) = executor.run([(replace(task, time_limit_s=limit_s), stored.text)])
        isolation = str(executor.isolation)
    now = verdict_record(stored.program, verdict)
    return Rerun(sample, task.task_id, limit_s, stored.verdict, now, isolation)


def _patient(executor: ExecutorConfig, limit_s: float) -> ExecutorConfig:
    """The limits, with wall-clock time in the same proportion: the machine may be busy."""
    wall_limit_s = executor.wall_limit_s * max(1.0, limit_s / executor.time_limit_s)
    return executor.model_copy(update={"time_limit_s": limit_s, "wall_limit_s": wall_limit_s})


def _config(run: Run) -> Config:
    """The configuration of a training run; for others, whose limits nobody kept, the defaults."""
    if run.kind != "train":
        return Config()
    return build_config(tomllib.loads(run.config), origin=f"the configuration of {run.name}")


def _find_task(stored: ProgramDetail, run: Run, config: Config) -> Task:
    """The task with its tests, out of the datasets that the run was given."""
    wanted = stored.task
    reasons: list[str] = []
    for spec in _specs(stored, run, config, reasons):
        try:
            loaded = load_tasks(spec, allow_untested=True, customs=config.tasks.custom)
        except CoreError as error:
            reasons.append(str(error).rstrip("."))
            continue
        task = next((task for task in loaded if task.task_id == wanted.task_id), None)
        if task is None:
            continue
        now = task_record(task)
        if (now.prompt, now.tests) != (wanted.prompt, wanted.tests):
            raise CoreError(
                f"{spec} holds other tests of {wanted.task_id} now than {run.name} was given; "
                "nothing was run."
            )
        return task
    why = f" ({reasons[0]})" if reasons else ""
    raise CoreError(
        f"The tests of {wanted.task_id} cannot be had any more: no dataset of {run.name} that is "
        f"on this machine holds it{why}; nothing was run."
    )


def _specs(
    stored: ProgramDetail, run: Run, config: Config, reasons: list[str]
) -> Iterator[TaskSpec]:
    """The run's datasets, those of the task's own name first."""
    tasks = config.tasks
    texts = [*tasks.train, *tasks.held_out, *tasks.seen]
    if run.kind != "train":
        try:
            given = tomllib.loads(run.config).get("tasks")
        except tomllib.TOMLDecodeError:
            given = None
        texts = [given] if isinstance(given, str) else []
    specs = []
    for text in texts:
        try:
            specs.append(parse_spec(text, tasks.custom))
        except CoreError as error:  # a dataset of a configuration that nobody kept
            reasons.append(str(error).rstrip("."))
    yield from sorted(specs, key=lambda spec: spec.name != stored.task.dataset)
