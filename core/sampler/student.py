"""The student's own programs: tasks in, programs with their possibility out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from zlib import crc32

import numpy as np

from core.candidates import STUDENT
from core.chance import SAMPLING
from core.config import SamplerConfig
from core.models import Student
from core.program import Program
from core.prompts import prompt_format
from core.sampler.check import Check, check_tree_decoding
from core.sampler.draws import Seed
from core.sampler.ends import cut_at_stop, stop_table, token_texts
from core.sampler.hypothesis import Hypothesis
from core.sampler.search import Search, context_tokens
from core.sampler.settings import SearchSettings
from core.sampler.strategy import BeamSearch, DiverseBeamSearch, Sampling, Strategy
from core.tasks import Task


class Sampler:
    """A student that writes programs by the strategy of its configuration; checked once.

    `counts` and `new_tokens` add up over all searches; `on_event` hears (level, message) when one
    had to be made smaller. `check` may be given where the same model was checked before. Raises
    CoreError for settings that the model cannot follow.
    """

    def __init__(
        self,
        student: Student,
        config: SamplerConfig,
        seed: int = 0,
        source: str = STUDENT,
        check: Check | None = None,
    ) -> None:
        self.student = student
        self.config = config
        self.seed = seed
        self.source = source
        self.settings = SearchSettings(
            beams=config.beams,
            max_new_tokens=config.max_new_tokens,
            batch_tasks=config.batch_tasks,
            eos_token_ids=student.end_token_ids,
            pad_token_id=student.pad_token_id,
        )
        if config.stop:
            vocabulary = student.model.config.get_text_config().vocab_size
            table = stop_table(config.stop, token_texts(student.tokenizer, vocabulary))
            self.settings = replace(self.settings, stops=table)
        self.context = context_tokens(student.model)
        self.prompts = prompt_format(student, self.context, config)
        student.model.eval()
        self.check = check or check_tree_decoding(student.model, self.settings)
        self.on_event: Callable[[str, str], None] = lambda level, message: None
        self._best = self._search(BeamSearch())
        chosen = strategy_of(config)
        self._chosen = self._best if chosen == BeamSearch() else self._search(chosen)

    @property
    def decoder(self) -> str:
        """Which decoder fits the model: "tree" or "generate"."""
        return self.check.decoder

    @property
    def counts(self) -> Counter[str]:
        """Tasks by the decoder that ran."""
        return sum((search.counts for search in {self._best, self._chosen}), Counter())

    @property
    def new_tokens(self) -> int:
        """Tokens of all hypotheses so far."""
        return sum(search.new_tokens for search in {self._best, self._chosen})

    def sample(
        self, tasks: Sequence[Task], iteration: int = 0
    ) -> Iterator[tuple[Task, tuple[Program, ...]]]:
        """Yields each task with its programs, the most probable first, as they finish.

        What a strategy draws follows from the seed, the iteration and the task. Between two tasks
        the caller may do other work, but not change the model.
        """
        words = (self.seed, SAMPLING, iteration)
        seeds = [(*words, crc32(task.task_id.encode())) for task in tasks]
        return self._programs_of(self._chosen, tasks, seeds)

    def most_programs(self, task: Task) -> int:
        """How many programs a task can get."""
        del task
        return self.config.beams

    def most_probable(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, tuple[Program, ...]]]:
        """The same by beam search, whatever the strategy: what measurements go by."""
        return self._programs_of(self._best, tasks, ())

    def _search(self, strategy: Strategy) -> Search:
        settings = replace(self.settings, strategy=strategy)
        if self.check.decoder == "generate":
            strategy.generate_settings(settings.beams)  # says so now where it cannot
        return Search(
            self.student.model,
            settings,
            self.check,
            lambda level, message: self.on_event(level, message),
        )

    def _programs_of(
        self, search: Search, tasks: Sequence[Task], seeds: Sequence[Seed]
    ) -> Iterator[tuple[Task, tuple[Program, ...]]]:
        prompts = [self.prompts.prompt(task) for task in tasks]
        for index, hypotheses in search.search(prompts, seeds):
            yield tasks[index], self._programs(tasks[index], hypotheses)

    def _programs(self, task: Task, hypotheses: Sequence[Hypothesis]) -> tuple[Program, ...]:
        texts = self.student.tokenizer.batch_decode(
            [hypothesis.token_ids.astype(np.int64) for hypothesis in hypotheses],
            skip_special_tokens=True,
            clean_up_tokenization_spaces=False,
        )
        return tuple(
            Program(
                task_id=task.task_id,
                rank=rank,
                text=self.prompts.program(task, cut_at_stop(text, self.config.stop)),
                source=self.source,
                token_ids=hypothesis.token_ids,
                token_logprobs=hypothesis.logprobs,
            )
            for rank, (hypothesis, text) in enumerate(zip(hypotheses, texts, strict=True))
        )


def strategy_of(config: SamplerConfig) -> Strategy:
    """The strategy that the settings name."""
    if config.strategy == "sample":
        return Sampling(config.temperature, config.top_p)
    if config.strategy == "diverse":
        return DiverseBeamSearch(config.groups, config.diversity)
    return BeamSearch()
