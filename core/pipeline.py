"""BTP on one page: sample, test, replay (arXiv 2410.12236, Algorithm 1), again and again.

    1. Sampling phase   for each task X, beam search keeps the k most probable programs t, P(t)
    2. Testing phase    every program runs against every test of its task: pass_rate (eq. 4)
    3. Replay phase     minibatches drawn by P(i) = p_i^ω / Σ p_k^ω from the replay buffer (eq. 6-8)

Testing overlaps sampling: a program goes to the executor the moment its task's beams are done.
The paper makes one pass; here it is repeated, with a held-out measurement now and then.

A run can be killed anywhere. Every random choice comes from a generator seeded by (seed, purpose,
index); what the store holds is not done again; and an update is stored before its checkpoint is
written, so after a crash at most the updates since the last checkpoint are made once more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from core.chance import DROPOUT, PASSES, REPLAY, generator
from core.checkpoints import Checkpoints, Counters
from core.config import Config
from core.control import BudgetSpent, Control
from core.exclusions import Exclusions
from core.executor import Executor
from core.measurements import Measurements
from core.metrics import Metrics
from core.mixture import Mixture
from core.models import Student
from core.objectives.examples import Examples
from core.objectives.siblings import Siblings
from core.program import Program
from core.records import sample_record
from core.recovery import Recovery
from core.replay import Draw, ReplayBuffer
from core.reporter import Reporter
from core.rescoring import Encoder, Rescoring
from core.sampler import ServedSampler, StudentSampler
from core.schedule import Schedule
from core.tasks import Task
from core.teachers import Teacher, is_due
from core.training import Trainer, Update
from core.under_test import UnderTest
from storage.columns import Columns
from storage.reader import Reader
from storage.schema import UpdateRecord
from storage.writer import Writer

_NOTHING_TO_LEARN_FROM = (
    "Nothing to learn from: no program that replay.learn_from names, excluded ones apart, has both "
    "a verdict and a possibility. (One that the student could not write within its context has "
    "none.)"
)


@dataclass
class Pipeline:
    """One run of the method; its parts are made by the engine and handed in.

    `counters` says where to begin: zeros, or what the newest checkpoint says.
    """

    run: int
    config: Config
    tasks: Sequence[Task]
    mixture: Mixture
    measurements: Measurements
    student: Student
    sampler: StudentSampler
    teacher: Teacher | None
    executor: Executor
    trainer: Trainer
    reader: Reader
    writer: Writer
    columns: Columns
    buffer: ReplayBuffer
    exclusions: Exclusions
    checkpoints: Checkpoints
    reporter: Reporter
    control: Control
    metrics: Metrics
    counters: Counters
    saved: Counters | None = None  # what the newest durable checkpoint holds
    _handed_over: int | None = None  # updates in what the server samples with
    _no_more_programs: str = ""  # which budget is used up, when there are no more to be had

    def __post_init__(self) -> None:
        self._by_id = {task.task_id: task for task in self.tasks}
        self._encoder = Encoder(
            self.student, self.sampler.prompts, self.sampler.context, self._by_id
        )
        self._rescoring = Rescoring(
            self.run,
            self._encoder,
            self.student.pad_token_id,
            self.columns,
            self.reader,
            self.writer,
        )
        self._examples = Examples(
            self.run,
            self.config.objective,
            self.columns,
            self.reader,
            self._encoder,
            Siblings(self.run, self.columns, self.reader, self._encoder),
        )
        moved = self.counters.update
        self._recovery = Recovery(
            self.student, self.trainer, self.checkpoints, self.reporter, moved
        )
        self._under_test = UnderTest(self.run, self.executor, self.writer, self.reporter)
        self._schedule = Schedule(
            self.run, self.config, self.tasks, self.mixture, self.columns, self._most_programs
        )
        for each in (self.teacher, self.sampler):
            if isinstance(each, Teacher | ServedSampler):
                each.on_event, each.on_wait = self.reporter.event, self._wait

    def run_to_end(self) -> str:
        """Runs until a budget is spent and says which; raises Interrupted when asked to stop."""
        try:
            self._hand_over()
            self._judge_leftovers()
            self.measurements.measure("initial", self.counters)
            while not (reason := self._spent()):
                if self._measurement_due():
                    self.measurements.measure("during", self.counters)
                self._sample_and_test()
                self._replay()
        except BudgetSpent as budget:
            reason = str(budget)
            # Not max_minutes: the last measurement comes after these tests in any case.
            self._under_test.finish(self.control.attend)
        self.checkpoint(durable=True)
        self._hand_over()
        try:
            self.measurements.measure("final", self.counters)
        except BudgetSpent as budget:
            self.reporter.event("warning", f"There is no last measurement: {budget}.")
        return reason

    # 1 and 2. Sampling and testing phase

    def _sample_and_test(self) -> None:
        iteration = self.counters.iteration
        tasks = self._schedule.tasks_of(iteration)
        done = self.reader.sampled_tasks(self.run, iteration)
        todo = [task for task in tasks if task.task_id not in done]
        self._show("sample", sampled=len(tasks) - len(todo), sample_total=len(tasks))
        self.reporter.set(tested=0, test_total=0, updated=0)
        for task, programs in self._written(todo, iteration):
            stored = self.writer.add_samples(
                self.run, iteration, [sample_record(program) for program in programs]
            )
            for program, where in zip(programs, stored, strict=True):
                if not where.judged:
                    self._under_test.submit(where.program, task, program.text, self._attend)
            self._under_test.collect()
            now = self.reporter.progress
            self.reporter.set(sampled=now.sampled + 1, programs=now.programs + len(programs))
            self._attend()
        self._rescore_and_finish_testing()

    def _written(
        self, tasks: Sequence[Task], iteration: int
    ) -> Iterator[tuple[Task, tuple[Program, ...]]]:
        """Programs for tasks, by the student or in its place by the teacher."""
        teacher = self._teacher_of(iteration)
        self.reporter.set(teacher=teacher.name if teacher else "")
        try:
            if teacher is None:
                yield from self.sampler.sample(tasks, iteration)
            elif tasks:
                yield from self._taught(teacher, tasks, iteration)
        except BudgetSpent as budget:
            self._attend()  # where it is the time that is spent, nothing goes on
            if not self.reader.sampled_tasks(self.run, iteration):
                raise
            self._no_more_programs = str(budget)  # what was written is learned from all the same

    def _taught(
        self, teacher: Teacher, tasks: Sequence[Task], iteration: int
    ) -> Iterator[tuple[Task, tuple[Program, ...]]]:
        try:
            for task, programs in teacher.sample(tasks, iteration):
                yield task, self._encoder.learnable(task, programs)
                self._show_spent(teacher)
        finally:
            teacher.release()

    def _teacher_of(self, iteration: int) -> Teacher | None:
        """Who writes in the student's place, if anybody does."""
        return self.teacher if is_due(self.config.teacher, iteration) else None

    def _show_spent(self, teacher: Teacher) -> None:
        spent = teacher.spent
        self.reporter.set(
            teacher_requests=spent.requests, teacher_tokens=spent.tokens, teacher_cost=spent.cost
        )

    def _most_programs(self, task: Task, iteration: int) -> int:
        return (self._teacher_of(iteration) or self.sampler).most_programs(task)

    def _rescore_and_finish_testing(self) -> None:
        """The student says what it thinks of stored programs while the newest are tested."""
        if self.counters.update_in_iteration == 0:  # else it did so before it was killed
            self._rescoring.plan(self.control.config.replay, self.counters.update)
            while self._rescoring.step():
                self._under_test.collect()
                self._attend()
        self._under_test.finish(self.control.attend)

    def _judge_leftovers(self) -> None:
        """Tests what an earlier, killed engine sampled but did not get to test."""
        for program, task_id, text in self.reader.unjudged(self.run):
            self._under_test.submit(program, self._by_id[task_id], text, self._attend)
            self._under_test.collect()
            self._attend()
        self._under_test.finish(self.control.attend)

    # 3. Replay phase

    def _replay(self) -> None:
        total = self.config.trainer.updates_per_iteration
        self.columns.refresh()
        self.buffer.extend()
        self._show("replay", updated=self.counters.update_in_iteration, update_total=total)
        for within in range(self.counters.update_in_iteration, total):
            self.exclusions.apply(self.buffer, self.counters.update + 1)
            if len(self.buffer) == 0:
                self.reporter.event("warning", _NOTHING_TO_LEARN_FROM)
                break
            update = self._update(number=self.counters.update + 1)
            self._count(self.counters.iteration, self.counters.update + 1, within + 1)
            self.reporter.set(updated=within + 1, updates=self.counters.update)
            if self._recovery.take_back(update, self.counters.update):
                self.checkpoint(durable=True)
            if within + 1 < total:
                due = self.counters.update % self.config.checkpoint.every_updates == 0
                if due and not update.skipped:
                    self.checkpoint(durable=False)
                self._attend()
        self._count(self.counters.iteration + 1, self.counters.update, 0)
        self.checkpoint(durable=True)
        self._hand_over()
        self.reporter.set(iteration=self.counters.iteration)
        self._attend()

    def _update(self, number: int) -> Update:
        """One minibatch: draw by priority, one step, store what was drawn and what it did.

        A step that is skipped leaves no record.
        """
        draw = self._draw(number)
        torch.manual_seed(int(self._generator(DROPOUT, number).integers(2**63)))
        examples = self._examples.of(draw, self.control.config.replay, self.buffer.excluded)
        update = self.trainer.update(examples, self._share_done(), made=number - 1)
        if update.skipped:
            return update
        self.writer.add_update(
            self.run,
            UpdateRecord(
                iteration=self.counters.iteration,
                number=number,
                loss=update.loss,
                grad_norm=update.grad_norm,
                n_tokens=update.n_tokens,
                seconds=update.seconds,
                draws=tuple(int(sample) for sample in draw.samples),
            ),
        )
        self.metrics.write(number, {"loss": update.loss, "grad_norm": update.grad_norm})
        return update

    def _draw(self, number: int) -> Draw:
        n, within = self.config.trainer.minibatch, self.counters.update_in_iteration
        if self.control.config.replay.draw == "prioritized":
            return self.buffer.draw(n, self._generator(REPLAY, number))
        passes = self._generator(PASSES, number - within)  # those of this iteration
        return self.buffer.draw_in_passes(n, passes, begin=within * n)

    # Keeping, and what may end it

    def checkpoint(self, durable: bool) -> None:
        """Saves what was learned; a durable checkpoint outlives a power cut, and is made once."""
        if durable:
            if self.saved == self.counters:
                return
            self.control.with_room(self._make_store_durable)
        save = self.checkpoints.save
        arguments = (self.student, self.trainer.optimizer, self.counters, durable)
        self.control.with_room(lambda: save(*arguments))
        if durable:
            self.saved = self.counters

    def _make_store_durable(self) -> None:
        """The store before the checkpoint: nothing that it rests on may be lost in a power cut."""
        with self.writer.durable():
            message = f"Checkpoint after {self.counters.update} updates."
            self.writer.add_event(self.run, "info", message)

    def _hand_over(self) -> None:
        """Gives the newest checkpoint to the server that samples for the student, if one does."""
        newest = self.checkpoints.newest()
        if (
            isinstance(self.sampler, ServedSampler)
            and self.sampler.publishes
            and newest is not None
            and self._handed_over != self.counters.update
        ):
            self.sampler.publish(newest, self.counters.update)
            self._handed_over = self.counters.update

    def _count(self, iteration: int, update: int, update_in_iteration: int) -> None:
        self.counters = Counters(iteration, update, update_in_iteration)

    def _attend(self) -> None:
        self.control.attend()
        limit = self.config.max_minutes * 60
        if limit and self.reporter.elapsed_s >= limit:
            raise BudgetSpent(f"max_minutes = {self.config.max_minutes:g} reached")

    def _wait(self) -> None:
        """While a server is waited for: the time ends the writing of programs, nothing else."""
        if self.reporter.progress.phase == "sample":
            self._attend()
        else:
            self.control.attend()

    def _measurement_due(self) -> bool:
        iteration, begun = self.counters.iteration, self.counters.update_in_iteration > 0
        return iteration > 0 and iteration % self.config.evaluation.every == 0 and not begun

    def _spent(self) -> str:
        """Which budget is used up before the next iteration, or nothing."""
        config, iteration = self.config, self.counters.iteration
        if self._no_more_programs:
            return self._no_more_programs
        if config.max_iterations and iteration >= config.max_iterations:
            return f"max_iterations = {config.max_iterations} reached"
        if config.max_programs and not self._schedule.tasks_of(iteration):
            return f"max_programs = {config.max_programs} reached"
        return ""

    def _share_done(self) -> float:
        """The share of the planned updates that is done; 0 where no number is planned."""
        planned = self.config.max_iterations * self.config.trainer.updates_per_iteration
        return self.counters.update / planned if planned else 0.0

    def _generator(self, purpose: int, index: int) -> np.random.Generator:
        return generator(self.config.seed, purpose, index)

    def _show(self, phase: str, **figures: int) -> None:
        self.reporter.set(phase=phase, **figures)
