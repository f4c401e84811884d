"""Measures a model on tasks: writes programs, tests them, and keeps what the tests said."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.config import Config
from core.errors import CoreError
from core.evaluation.decoding import Decoder, Decoding
from core.evaluation.judging import judged
from core.executor.configured import open_executor
from core.models import choose_device, load_student
from core.program import Program
from core.prompts.fitting import Fit, check_any, fitting_tasks
from core.tasks import Task, Verdict
from core.tasks.load import load_tasks

#: Hears of a program: its task, its number among those of the task, and what its tests said.
OnProgram = Callable[[Task, int, Program, Verdict], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """A task, and the dataset that it was asked for by."""

    task: Task
    dataset: str


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What a model's programs came to on tasks, in their order.

    `pass_rates` (tasks, judged) are those of each task's programs, the most probable first of beams
    and in no order of draws; 0 for what was not written, because the prompt does not fit into the
    model's context, and for a verdict that stayed unknown (`inconclusive` of them). `scores` are
    their log P(t) in nats, -inf for a text that the task has already. `decoder` counts the tasks
    (in each round of draws) by the way they were decoded.
    """

    asked: Sequence[Asked]
    pass_rates: NDArray[np.float64]
    scores: NDArray[np.float64]
    programs: int
    inconclusive: int
    outcomes: Counter[str]
    fit: Fit
    room: int | None
    decoder: dict[str, int]
    tokens: int
    seconds: float


def ask(config: Config, specs: Sequence[str], limit: int) -> list[Asked]:
    """The tasks of several datasets, of each the first `limit`, where that is not 0.

    A task that several hold is the first's. Raises CoreError for a dataset that adds none.
    """
    found: dict[str, Asked] = {}
    for spec in specs:
        before = len(found)
        for task in load_tasks(spec, limit=limit, customs=config.tasks.custom):
            found.setdefault(task.task_id, Asked(task, spec))
        if len(found) == before:
            raise CoreError(f"{spec} has no task that the datasets before it have not: drop it.")
    return list(found.values())


def measure(
    config: Config,
    asked: Sequence[Asked],
    decoding: Decoding,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    on_program: OnProgram | None = None,
) -> Measured:
    """Loads the model, has it write, and tests what it wrote; each text of a task once.

    `on_progress` hears (done, total) programs; `on_program` hears of each program, once all are
    tested. Raises CoreError where the settings ask a server, or none of the tasks fits into the
    model's context.
    """
    if config.sampler.where == "endpoint":
        raise CoreError('This command samples here: set sampler.where = "here".')
    student = load_student(config.model, choose_device(config.device))
    started = time.perf_counter()
    decoder = Decoder(student, config.sampler, decoding, config.seed)
    fitting, fit = fitting_tasks(decoder.prompts, [each.task for each in asked])
    check_any(fitting, fit, decoder.prompts.room)
    book = _Book(fitting, decoding.judged)
    with open_executor(config.executor) as executor:

        def tell() -> None:
            on_progress(book.taken - executor.in_flight, len(fitting) * decoding.judged)

        for key, verdict in judged(book.take(decoder.write(fitting)), executor, tell):
            book.verdicts[key] = verdict
        tell()
    if on_program:
        for task, number, program, verdict in book.rows():
            on_program(task, number, program, verdict)
    pass_rates, scores = book.tables([each.task for each in asked])
    return Measured(
        asked=asked,
        pass_rates=pass_rates,
        scores=scores,
        programs=book.taken,
        inconclusive=sum(verdict.pass_rate is None for *_, verdict in book.rows()),
        outcomes=Counter(str(verdict.outcome) for *_, verdict in book.rows()),
        fit=fit,
        room=decoder.prompts.room,
        decoder=dict(decoder.counts),
        tokens=decoder.new_tokens,
        seconds=time.perf_counter() - started,
    )


class _Book:
    """Who wrote what, and what its tests said, by task and text."""

    def __init__(self, tasks: Sequence[Task], most: int) -> None:
        self._tasks = tasks
        self._most = most
        self._programs: dict[str, list[Program]] = {task.task_id: [] for task in tasks}
        self.verdicts: dict[Any, Verdict] = {}
        self.taken = 0

    def take(
        self, written: Iterator[tuple[Task, tuple[Program, ...]]]
    ) -> Iterator[tuple[tuple[str, str], Task, str]]:
        """Takes all programs, and yields (key, task, text) of those to be tested."""
        known: set[tuple[str, str]] = set()
        for task, programs in written:
            own = self._programs[task.task_id]
            for program in programs[: self._most - len(own)]:
                own.append(program)
                self.taken += 1
                key = (task.task_id, program.text)
                if key not in known:
                    known.add(key)
                    yield key, task, program.text

    def rows(self) -> Iterator[tuple[Task, int, Program, Verdict]]:
        """Every program with its number and verdict, in the order of the tasks."""
        for task in self._tasks:
            for number, program in enumerate(self._programs[task.task_id]):
                yield task, number, program, self.verdicts[task.task_id, program.text]

    def tables(self, tasks: Sequence[Task]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Pass rates and scores, (tasks, most)."""
        line = {task.task_id: place for place, task in enumerate(tasks)}
        pass_rates = np.zeros((len(tasks), self._most))
        scores = np.full_like(pass_rates, -np.inf)
        seen: set[tuple[str, str]] = set()
        for task, number, program, verdict in self.rows():
            place = line[task.task_id], number
            pass_rates[place] = verdict.pass_rate or 0.0
            if (key := (task.task_id, program.text)) not in seen and program.logprob is not None:
                seen.add(key)
                scores[place] = program.logprob
        return pass_rates, scores
