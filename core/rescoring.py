"""The possibility of stored programs under the student of the moment.

Asked while tests are waited for: what has no possibility yet (an imported program, say), and as
many of the others as `replay.refresh` says, in turn. What the student says is appended; the newest
counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from core.candidates import STUDENT, possibilities
from core.config import ReplayConfig
from core.errors import CoreError
from core.models import Student
from core.priority import newest_of_each
from core.program import Program
from core.prompts import PromptFormat
from core.sampler.score import score_tokens
from core.tasks import Task
from storage.columns import Columns
from storage.programs import SampledText
from storage.reader import Reader
from storage.schema import PossibilityRecord
from storage.writer import Writer

#: Programs scored between two looks at what else there is to do.
_BATCH = 32


@dataclass(frozen=True, slots=True)
class Encoder:
    """Stored programs as tokens of the student: their prompt, and what it would have to write.

    `context` is the model's, in tokens (None: unlimited), for a prompt and its program.
    """

    student: Student
    prompts: PromptFormat
    context: int | None
    tasks: Mapping[str, Task]

    def encode(self, sampled: SampledText) -> tuple[list[int], list[int]]:
        """Prompt and program as the student saw and wrote them; raises CoreError: PromptFormat.

        Its own tokens are not encoded again: the text can give others than were sampled.
        """
        return self.prompts.prompt(self.tasks[sampled.task_id]), self.program(sampled)

    def program(self, sampled: SampledText) -> list[int]:
        """The program alone."""
        own = sampled.token_ids
        if own is None or sampled.source != STUDENT:
            return self.prompts.completion_ids(self.tasks[sampled.task_id], sampled.text)
        ids: list[int] = own.tolist()
        return ids

    def learnable(self, task: Task, programs: Sequence[Program]) -> tuple[Program, ...]:
        """A teacher's programs, without a possibility where the student could not write them.

        So they are stored and tested, but never drawn.
        """
        return tuple(
            program
            if self._can_write(task, program.text)
            else replace(program, token_ids=None, token_logprobs=None, reported=None)
            for program in programs
        )

    def _can_write(self, task: Task, text: str) -> bool:
        try:
            tokens = [*self.prompts.prompt(task), *self.prompts.completion_ids(task, text)]
        except CoreError:
            return False
        return self.context is None or len(tokens) <= self.context


@dataclass(slots=True)
class Rescoring:
    """Scores the programs of one run, a few at a time; `plan` says which, `step` goes on."""

    run: int
    encoder: Encoder
    pad_token_id: int
    columns: Columns
    reader: Reader
    writer: Writer
    _waiting: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    _update: int = 0

    def plan(self, knobs: ReplayConfig, update: int) -> None:
        """Chooses what to score under the student as it is after so many updates.

        What an earlier engine has scored under it counts, so that a killed one goes on.
        """
        self.columns.refresh()
        missing, known = self._texts(knobs)
        done, last = self.reader.rescored(self.run, update)
        begin = int(np.searchsorted(known, last, "right"))
        turn = np.roll(known, -begin)[: max(0, min(knobs.refresh, len(known)) - done)]
        self._waiting, self._update = np.concatenate((missing, turn)), update

    def step(self) -> bool:
        """Scores and stores the next few; returns whether there were any."""
        batch, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
        if not len(batch):
            return False
        samples: list[int] = []
        pairs: list[tuple[list[int], list[int]]] = []
        for sampled in self.reader.tokens(batch):
            pair = self._pair(sampled)
            if pair is not None:
                samples.append(sampled.sample)
                pairs.append(pair)
        self.encoder.student.model.eval()
        scores = score_tokens(self.encoder.student.model, pairs, self.pad_token_id)
        records = [
            PossibilityRecord(sample, float(score.sum(dtype=np.float64)), len(score))
            for sample, score in zip(samples, scores, strict=True)
        ]
        self.writer.add_possibilities(self.run, self._update, records)
        return True

    def _texts(self, knobs: ReplayConfig) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Newest samples of the run's texts, without and with a possibility, by age."""
        columns = self.columns
        rows = np.flatnonzero(columns.run == self.run)
        rows = rows[newest_of_each(columns.program[rows])]
        unknown = np.isnan(possibilities(columns, rows, knobs))
        samples = columns.sample[rows].astype(np.int64)
        return samples[unknown], samples[~unknown]

    def _pair(self, sampled: SampledText) -> tuple[list[int], list[int]] | None:
        """None where the student could not have written it: it is not replayed."""
        encoder = self.encoder
        if sampled.task_id not in encoder.tasks:
            return None
        try:
            prompt, program = encoder.encode(sampled)
        except CoreError:
            return None
        longest = encoder.context or len(prompt) + len(program)
        return (prompt, program) if len(prompt) + len(program) <= longest else None
