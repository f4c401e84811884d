"""The measurements of a run: held-out tasks now and then, and which checkpoint was the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from core.chance import HELD_OUT, generator
from core.checkpoints import Checkpoints, Counters
from core.config import Config
from core.control import Control
from core.evaluation.held_out import Evaluation, evaluate, last_is_best
from core.executor import Executor
from core.metrics import Metrics
from core.reporter import Reporter
from core.sampler import StudentSampler
from core.tasks import Task
from core.words import percent
from storage.reader import Reader
from storage.schema import EvaluationRecord
from storage.writer import Writer

Label = Literal["initial", "during", "final"]


@dataclass(slots=True)
class Measurements:
    """Measures one run.

    `seen_result` is the newest measurement of `seen`, tasks that may be trained on.
    """

    run: int
    config: Config
    held_out: Sequence[Task]
    seen: Sequence[Task]
    sampler: StudentSampler
    executor: Executor
    reader: Reader
    writer: Writer
    checkpoints: Checkpoints
    reporter: Reporter
    control: Control
    metrics: Metrics
    seen_result: Evaluation | None = None

    def measure(self, label: Label, at: Counters) -> None:
        """Measures the student as it is now, unless an earlier engine did; "during" on a few tasks.

        Raises Interrupted when asked to stop, and BudgetSpent where a server would write.
        """
        past = [record for record in self.reader.evaluations(self.run) if record.label == label]
        if any(label == "initial" or record.update_number == at.update for record in past):
            self._mark_if_best(at)  # measured before the engine was restarted
            return
        tasks = self._subset() if label == "during" else self.held_out
        if label != "during":
            self._measure_seen(label, at)
        result = self._evaluate(tasks)
        self.writer.add_evaluation(
            self.run,
            EvaluationRecord(
                iteration=at.iteration,
                update_number=at.update,
                label=label,
                accuracy=result.accuracy,
                pass_rate=result.pass_rate,
                tasks=result.pass_rates,
                seconds=result.seconds,
            ),
        )
        self.metrics.write(at.update, {"accuracy": result.accuracy, "pass_rate": result.pass_rate})
        self.reporter.event(
            "info",
            f"Held-out accuracy {percent(result.accuracy)} on {len(tasks)} tasks ({label}, after "
            f"{at.update} updates), mean pass rate {percent(result.pass_rate)}.",
        )
        self._mark_if_best(at)

    def _measure_seen(self, label: Label, at: Counters) -> None:
        """Says how well tasks are solved that may be trained on; stored with no held-out result."""
        if not self.seen:
            return
        self.seen_result = result = self._evaluate(self.seen)
        figures = {"seen_accuracy": result.accuracy, "seen_pass_rate": result.pass_rate}
        self.metrics.write(at.update, figures)
        self.reporter.event(
            "info",
            f"Seen, not held out: accuracy {percent(result.accuracy)} on {len(self.seen)} tasks "
            f"({label}, after {at.update} updates), mean pass rate {percent(result.pass_rate)}.",
        )

    def _evaluate(self, tasks: Sequence[Task]) -> Evaluation:
        self.reporter.set(phase="evaluate", evaluated=0, evaluate_total=len(tasks))

        def on_progress(done: int) -> None:
            self.reporter.set(evaluated=done)
            self.control.attend()

        return evaluate(self.sampler, self.executor, tasks, on_progress)

    def _mark_if_best(self, at: Counters) -> None:
        """Marks the newest checkpoint where the last measurement is of it and none beats it."""
        newest, past = self.checkpoints.newest(), self.reader.evaluations(self.run)
        measured = past and past[-1].update_number == at.update
        if newest is not None and measured and last_is_best([record.tasks for record in past]):
            self.control.with_room(partial(self.checkpoints.mark_best, newest))

    def _subset(self) -> list[Task]:
        """The same few held-out tasks every time."""
        limit = self.config.evaluation.limit or len(self.held_out)
        order = generator(self.config.seed, HELD_OUT, 0).permutation(len(self.held_out))
        return [self.held_out[index] for index in sorted(order[:limit])]
