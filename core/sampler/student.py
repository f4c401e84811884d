"""The student's own programs: tasks in, programs with their possibility out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from core.config import SamplerConfig
from core.models import Student
from core.program import Program
from core.prompts import encode_prompt, fit_prompt, program_text
from core.sampler.check import check_tree_decoding
from core.sampler.hypothesis import Hypothesis
from core.sampler.search import BeamSearch, context_tokens
from core.sampler.settings import SearchSettings
from core.tasks import Task


class Sampler:
    """Beam search with a student, for any number of beams; the decoder is checked once.

    `counts` and `new_tokens` add up over all searches; `on_event` hears (level, message) when one
    had to be made smaller.
    """

    def __init__(self, student: Student, config: SamplerConfig) -> None:
        self.student = student
        self.config = config
        ends = eos_token_ids(student)
        self.settings = SearchSettings(
            beams=config.beams,
            max_new_tokens=config.max_new_tokens,
            batch_tasks=config.batch_tasks,
            eos_token_ids=ends,
            pad_token_id=_pad_token_id(student, ends),
        )
        self.context = context_tokens(student.model)
        student.model.eval()
        self.check = check_tree_decoding(student.model, self.settings)
        self.on_event: Callable[[str, str], None] = lambda level, message: None
        self._searches: dict[int, BeamSearch] = {}

    @property
    def decoder(self) -> str:
        """Which decoder fits the model: "tree" or "generate"."""
        return self.check.decoder

    @property
    def counts(self) -> Counter[str]:
        """Tasks by the decoder that ran."""
        return sum((search.counts for search in self._searches.values()), Counter())

    @property
    def new_tokens(self) -> int:
        """Tokens of all hypotheses so far."""
        return sum(search.new_tokens for search in self._searches.values())

    def sample(
        self, tasks: Sequence[Task], beams: int | None = None, source: str = "self"
    ) -> Iterator[tuple[Task, tuple[Program, ...]]]:
        """Yields each task with its k most probable programs, best first, as they finish.

        Between two of them the caller may do other work, but not change the model.
        """
        search = self._search(beams or self.config.beams)
        limit = self.config.max_new_tokens
        tokenizer = self.student.tokenizer
        prompts = [
            fit_prompt(encode_prompt(tokenizer, task), self.context, limit) for task in tasks
        ]
        for index, hypotheses in search.search(prompts):
            yield tasks[index], self._programs(tasks[index], hypotheses, source)

    def _search(self, beams: int) -> BeamSearch:
        if beams not in self._searches:
            settings = replace(self.settings, beams=beams)
            self._searches[beams] = BeamSearch(
                self.student.model,
                settings,
                self.check,
                lambda level, message: self.on_event(level, message),
            )
        return self._searches[beams]

    def _programs(
        self, task: Task, hypotheses: Sequence[Hypothesis], source: str
    ) -> tuple[Program, ...]:
        texts = self.student.tokenizer.batch_decode(
            [hypothesis.token_ids.astype(np.int64) for hypothesis in hypotheses],
            skip_special_tokens=True,
            clean_up_tokenization_spaces=False,
        )
        return tuple(
            Program(
                task_id=task.task_id,
                rank=rank,
                text=program_text(task, text),
                source=source,
                token_ids=hypothesis.token_ids,
                token_logprobs=hypothesis.logprobs,
            )
            for rank, (hypothesis, text) in enumerate(zip(hypotheses, texts, strict=True))
        )


def eos_token_ids(student: Student) -> tuple[int, ...]:
    """Every token that ends a program, by the tokenizer and the model's generation settings."""
    settings = student.model.generation_config
    found: set[int] = set()
    for value in (student.tokenizer.eos_token_id, settings and settings.eos_token_id):
        if isinstance(value, int):
            found.add(value)
        elif value:
            found.update(value)
    return tuple(sorted(found))


def _pad_token_id(student: Student, ends: Sequence[int]) -> int:
    """Fills what is masked; any valid id does."""
    pad: int | None = student.tokenizer.pad_token_id
    return pad if pad is not None else next(iter(ends), 0)
