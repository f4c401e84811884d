"""Puts a run together: lock, tasks, model, executor and pipeline, and takes it down again.

The engine is a process of its own. It holds the lock on its run's folder as long as it lives, so
that a screen can tell paused from dead, and it alone writes results.
"""

from __future__ import annotations

import signal
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from core.chance import ADAPTER, generator
from core.checkpoints import (
    Checkpoints,
    Counters,
    is_durable,
    load_optimizer,
    read_counters,
)
from core.config import Config, to_toml
from core.config_file import commented_toml
from core.config_reading import build_config, with_setting
from core.control import Control, Interrupted, live_knobs
from core.coverage import Coverage
from core.errors import CoreError
from core.evaluation.held_out import Evaluation
from core.exclusions import Exclusions
from core.executor import Executor
from core.executor.configured import open_executor
from core.flags import carry_out
from core.measurements import Measurements
from core.metrics import Metrics, check_installed, open_sinks
from core.mixture import Mixture
from core.models import Student, check_trainable, choose_device, load_student
from core.objectives import choose_objective
from core.optimizers import check_optimizer
from core.pipeline import Pipeline
from core.prompts.fitting import Fit, check_any, fitting_tasks
from core.records import task_record
from core.replay import ReplayBuffer
from core.reporter import Reporter, Totals
from core.room import RESULTS, Room
from core.run_tasks import load_run_tasks
from core.sampler import Sampler, ServedSampler, StudentSampler
from core.tasks import Task
from core.teachers import Teacher, choose_teacher, is_due
from core.training import REMEMBERED, Trainer
from storage.columns import Columns
from storage.errors import StorageError
from storage.reader import Reader
from storage.schema import Command, EvaluationRecord, Progress, Run
from storage.search import Indexer
from storage.timeline import updates_from
from storage.workspace import Workspace
from storage.writer import Writer

_LONGEST_REASON = 400  # characters
_NOT_HANDED_OVER = (
    "The server goes on with the weights it has, as endpoint.publish is none: its programs and the "
    "measurements are not of what is learned here."
)
_NOTHING_DONE = Counters(iteration=0, update=0, update_in_iteration=0)


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who else hears of a run: every progress written, and every line of the log."""

    progress: Callable[[Progress], None] = lambda progress: None
    event: Callable[[str, str], None] = lambda level, message: None


@dataclass(frozen=True, slots=True)
class Result:
    """What a run came to; `state` is "finished" or "stopped", `reason` says why in words.

    `seen` is the last measurement of tasks.seen, which says nothing of tasks that are new to the
    model. `decoder` counts the tasks sampled by each way of decoding ("tree", "generate").
    """

    run: str
    state: str
    reason: str
    programs: int
    updates: int
    seconds: float
    initial: EvaluationRecord | None
    final: EvaluationRecord | None
    seen: Evaluation | None
    decoder: dict[str, int]


@dataclass(frozen=True, slots=True)
class Materials:
    """What a run needs and what can be wrong with it; loaded before anything is written."""

    train: Sequence[Task]
    mixture: Mixture
    held_out: Sequence[Task]
    seen: Sequence[Task]
    student: Student
    sampler: StudentSampler
    teacher: Teacher | None
    executor: Executor
    fit: Fit


def start(workspace: Workspace, config: Config, name: str | None, listeners: Listeners) -> Result:
    """Starts a new run and stays until it ends; raises CoreError before anything is written."""
    with ExitStack() as stack:
        materials = _load(config, None, _NOTHING_DONE, stack)
        writer = stack.enter_context(Writer(workspace))
        name = name or writer.next_run_name(Path(config.model.path).name)
        stack.enter_context(workspace.engine_lock(name))
        writer.check_free(name)
        writer.add_tasks([task_record(task) for task in materials.train])
        toml, isolation = to_toml(config), str(materials.executor.isolation)
        writer.create_run(name, "train", toml, materials.student.name, isolation)
        config_file = workspace.run_folder(name) / "config.toml"
        config_file.write_text(commented_toml(config), encoding="utf-8")
        run = Reader(workspace).run(name)
        assert run is not None  # created just now
        fresh = Progress(state="running", phase="starting")
        return _drive(workspace, run, config, materials, writer, _NOTHING_DONE, fresh, listeners)


def resume(workspace: Workspace, name: str, listeners: Listeners) -> Result:
    """Goes on with a run from its newest checkpoint; raises CoreError where that is impossible."""
    with Reader(workspace) as reader:
        run = reader.run(name)
        settings = reader.settings(run.id) if run else []
    if run is None:
        raise CoreError(f"There is no run {name} in {workspace.path}; `btp-tui runs` lists them.")
    if run.kind != "train":
        raise CoreError(f"{name} is no training run but one of kind {run.kind}: no resuming it.")
    before = run.progress or Progress(state="running", phase="starting")
    config = build_config(tomllib.loads(run.config), origin=f"the configuration of {name}")
    for key, value in settings:
        config = with_setting(config, key, value)
    with ExitStack() as stack:
        stack.enter_context(workspace.engine_lock(name))
        writer = stack.enter_context(Writer(workspace))
        writer.lapse_commands(run.id)  # before the long part: what is asked from now on counts
        checkpoints = _checkpoints(workspace, name, config)
        torn = checkpoints.discard_torn()
        newest = checkpoints.newest()
        if torn:
            again = newest.name if newest else "the beginning"
            message = f"Not on the disk when the machine went down: {', '.join(torn)}. "
            writer.add_event(run.id, "warning", f"{message}Going on from {again}.")
        counters = read_counters(newest) if newest else _NOTHING_DONE
        materials = _load(config, newest, counters, stack)
        writer.add_tasks([task_record(task) for task in materials.train])
        writer.rewind_updates(run.id, counters.update)
        return _drive(workspace, run, config, materials, writer, counters, before, listeners)


def _load(
    config: Config, checkpoint: Path | None, counters: Counters, stack: ExitStack
) -> Materials:
    check_installed(config.logging)
    tasks = load_run_tasks(config)
    device = choose_device(config.device)
    check_optimizer(config.trainer, device)
    model = config.model
    if checkpoint is not None:
        model = model.model_copy(update={"path": str(checkpoint)})
    torch.manual_seed(int(generator(config.seed, ADAPTER, 0).integers(2**63)))
    student = load_student(model, device)
    check_trainable(student)
    if checkpoint is not None:
        student = replace(student, name=config.model.path)
    sampler = _sampler(student, config)
    train, fit = fitting_tasks(sampler.prompts, tasks.train)
    check_any(train, fit, sampler.prompts.room)
    fit += fitting_tasks(sampler.prompts, [*tasks.held_out, *tasks.seen])[1]
    mixture = _mixture(config, train, tasks.weights)
    due = is_due(config.teacher, counters.iteration)  # one that is done need not be there
    teacher = choose_teacher(config, train, device) if due else None
    executor = stack.enter_context(open_executor(config.executor))
    held_out, seen = tasks.held_out, tasks.seen
    return Materials(train, mixture, held_out, seen, student, sampler, teacher, executor, fit)


def _mixture(config: Config, train: Sequence[Task], weights: Mapping[str, float]) -> Mixture:
    covers = config.tasks.order == "coverage"
    coverage = Coverage([task.description for task in train], config.seed) if covers else None
    return Mixture([weights[task.task_id] for task in train], config.tasks.band, coverage)


def _sampler(student: Student, config: Config) -> StudentSampler:
    if config.sampler.where == "endpoint":
        return ServedSampler(student, config.sampler, config.endpoint, config.seed)
    return Sampler(student, config.sampler, config.seed)


def _checkpoints(workspace: Workspace, name: str, config: Config) -> Checkpoints:
    return Checkpoints(workspace.run_folder(name) / "checkpoints", config.checkpoint.keep)


def _drive(
    workspace: Workspace,
    run: Run,
    config: Config,
    materials: Materials,
    writer: Writer,
    counters: Counters,
    before: Progress,
    listeners: Listeners,
) -> Result:
    """Builds the pipeline, runs it, and leaves the run finished, stopped or failed."""
    sampler = materials.sampler
    progress = Progress(
        state="running",
        phase="starting",
        iteration=counters.iteration,
        iterations=config.max_iterations,
        updates=counters.update,
        elapsed_s=before.elapsed_s,
        device=_device_name(materials.student.model.device),
        decoder=sampler.decoder,
        cut_tasks=materials.fit.cut,
        skipped_tasks=materials.fit.skipped,
        skipped_updates=before.skipped_updates,
        knobs=live_knobs(config),
    )

    def totals() -> Totals:
        tests = materials.executor.tests_run
        return Totals(sampler.new_tokens, tests, reporter.progress.updates)

    reporter = Reporter(workspace, run.id, progress, totals, (listeners.progress,), listeners.event)
    with Indexer(workspace), reporter:
        try:
            if said := materials.fit.sentence(sampler.prompts.room, config.sampler):
                reporter.event("warning", said)
            if isinstance(sampler, ServedSampler) and not sampler.publishes:
                reporter.event("warning", _NOT_HANDED_OVER)
            with _opened(materials, workspace.run_folder(run.name)):
                pipeline = _assemble(workspace, run, config, materials, writer, reporter, counters)
                state, reason = _run(pipeline)
        except KeyboardInterrupt:  # before the pipeline takes signals for a wish to stop
            reporter.event("info", f"Run stopped. Go on with: btp-tui resume {run.name}")
            reporter.set(state="stopped", phase="done", message="stopped before it began")
            raise
        except BaseException as error:
            reason = _one_line(error)
            reporter.event("error", f"Run failed: {reason}")
            reporter.set(state="failed", phase="done", message=reason)
            raise
        reporter.event("info", f"Run {state}: {reason}.")
        reporter.set(state=state, phase="done", message=reason)
    evaluations = {record.label: record for record in pipeline.reader.evaluations(run.id)}
    pipeline.reader.close()  # before the writer, which moves the log when it is the last
    return Result(
        run=run.name,
        state=state,
        reason=reason,
        programs=reporter.progress.programs,
        updates=reporter.progress.updates,
        seconds=reporter.elapsed_s,
        initial=evaluations.get("initial"),
        final=evaluations.get("final"),
        seen=pipeline.measurements.seen_result,
        decoder=dict(sampler.counts),
    )


@contextmanager
def _opened(materials: Materials, folder: Path) -> Iterator[None]:
    """Opens whatever asks servers, whose answers are kept in the run's folder."""
    with ExitStack() as stack:
        for each in (materials.teacher, materials.sampler):
            if isinstance(each, Teacher | ServedSampler):
                each.open(folder)
                stack.callback(each.close)
        yield


def _run(pipeline: Pipeline) -> tuple[str, str]:
    """Runs until the end or until asked to stop; returns the run's state and why it ended."""
    try:
        with _signals_interrupt(pipeline):
            return "finished", pipeline.run_to_end()
    except Interrupted as interruption:
        pipeline.reporter.set(phase="stopping")
        return "stopped", f"{interruption}{_last_checkpoint(pipeline)}"
    finally:
        pipeline.metrics.close()


def _last_checkpoint(pipeline: Pipeline) -> str:
    """Saves what was learned since the last one; says so where the disk has no room for it."""
    try:
        pipeline.checkpoint(durable=True)
    except Interrupted:  # again, as it waited for room
        return ", without room on the disk for a last checkpoint"
    return ""


def _one_line(error: BaseException) -> str:
    """What a failure says of itself; the traceback is in the engine's log."""
    words = " ".join(str(error).split())[:_LONGEST_REASON]
    if isinstance(error, (CoreError, StorageError)):
        return words
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _assemble(
    workspace: Workspace,
    run: Run,
    config: Config,
    materials: Materials,
    writer: Writer,
    reporter: Reporter,
    counters: Counters,
) -> Pipeline:
    reader = Reader(workspace)
    columns = Columns(reader)
    columns.refresh()
    reporter.set(programs=int((columns.run == run.id).sum()))
    buffer = ReplayBuffer(columns, run.id, config.replay)
    exclusions = Exclusions(run.id, reader)
    exclusions.read()
    student, sampler = materials.student, materials.sampler
    sampler.on_event = reporter.event
    trainer = Trainer(
        student.model,
        config.trainer,
        choose_objective(config.objective),
        student.pad_token_id,
        reporter.event,
    )
    checkpoints = _checkpoints(workspace, run.name, config)
    newest = checkpoints.newest()
    if newest is not None:
        load_optimizer(newest, trainer.optimizer, student.model.device)
        steps = updates_from(reader, run.id, counters.update - REMEMBERED)
        trainer.stability.remember(step.grad_norm for step in steps)

    def on_config(changed: Config) -> None:
        buffer.configure(changed.replay)

    def on_flag(command: Command) -> str:
        answer = carry_out(writer, run.id, command, reporter.progress.updates)
        exclusions.read()
        return answer

    room = Room(workspace.path, RESULTS + _checkpoint_bytes(student.model))
    control = Control(run.id, config, writer, reporter, on_config, on_flag, room)
    writer.on_full = control.wait_for_room
    sinks = open_sinks(config.logging, run.name, workspace.run_folder(run.name))
    metrics = Metrics(sinks, control.with_room)
    measurements = Measurements(
        run=run.id,
        config=config,
        held_out=materials.held_out,
        seen=materials.seen,
        sampler=sampler,
        executor=materials.executor,
        reader=reader,
        writer=writer,
        checkpoints=checkpoints,
        reporter=reporter,
        control=control,
        metrics=metrics,
    )
    return Pipeline(
        run=run.id,
        config=config,
        tasks=materials.train,
        mixture=materials.mixture,
        measurements=measurements,
        student=student,
        sampler=sampler,
        teacher=materials.teacher,
        executor=materials.executor,
        trainer=trainer,
        reader=reader,
        writer=writer,
        columns=columns,
        buffer=buffer,
        exclusions=exclusions,
        checkpoints=checkpoints,
        reporter=reporter,
        control=control,
        metrics=metrics,
        counters=counters,
        saved=counters if newest is not None and is_durable(newest) else None,
    )


def _checkpoint_bytes(model: Any) -> int:
    """Trained weights, and the optimizer's two moments of each."""
    trained = (weight for weight in model.parameters() if weight.requires_grad)
    sizes = (weight.numel() * weight.element_size() for weight in trained)
    return 3 * int(sum(sizes))


@contextmanager
def _signals_interrupt(pipeline: Pipeline) -> Iterator[None]:
    """SIGTERM (preemption) and SIGINT make the run checkpoint and stop at its next step."""

    def handle(number: int, frame: FrameType | None) -> None:
        del frame
        name = signal.Signals(number).name
        pipeline.control.interrupt(f"received {name}")
        pipeline.reporter.event("info", f"{name}: stopping after this step, with a checkpoint.")

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return (
        f"{device.type} ({torch.get_num_threads()} threads)"
        if device.type == "cpu"
        else str(device)
    )
