"""The search for programs by any strategy, with the fastest decoder that is right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal

import torch

from core.errors import CoreError
from core.memory import is_out_of_memory, release_memory
from core.sampler.check import Check, check_tree_decoding
from core.sampler.draws import Seed
from core.sampler.fallback import GenerateDecoder
from core.sampler.hypothesis import Hypothesis
from core.sampler.plan import row_bytes, rows_that_fit
from core.sampler.settings import SearchSettings
from core.sampler.tree import TreeDecoder

Prompt = Sequence[int]


class Search:
    """Finds k = `settings.beams` continuations of prompts, as the strategy says.

    Those of a beam search equal those of `generate(num_beams=k, length_penalty=0,
    early_stopping="never")`; fewer than k come where the model can write no more. Which decoder
    runs is found out at the start, unless a `check` of the same model is given.

    As many tasks are decoded side by side as `settings.batch_tasks` says, or as fit the device.
    When memory runs out, it is half as many from then on (`most_tasks`), `on_event` is told, and
    what was not done yet is decoded anew. `counts` tells how many tasks went through each decoder,
    `new_tokens` how many tokens the hypotheses had that were handed out.
    """

    def __init__(
        self,
        model: Any,
        settings: SearchSettings,
        check: Check | None = None,
        on_event: Callable[[str, str], None] = lambda level, message: None,
    ) -> None:
        self.model = model
        self.settings = settings
        self.context = context_tokens(model)
        self.counts: Counter[str] = Counter()
        self.new_tokens = 0
        model.eval()
        self.check = check or check_tree_decoding(model, settings)
        self.most_tasks: int | None = None
        self._on_event = on_event

    @property
    def decoder(self) -> Literal["tree", "generate"]:
        """Which decoder fits the model; a prompt past the check's reach takes "generate"."""
        return self.check.decoder

    def search(
        self, prompts: Sequence[Prompt], seeds: Sequence[Seed] = ()
    ) -> Iterator[tuple[int, list[Hypothesis]]]:
        """Yields (index of the prompt, its k hypotheses) as they finish, most probable first.

        `seeds`, one a prompt, are for strategies that draw; their indexes, where none are given.
        Between two of them the caller may do other work, but not change the model. Raises CoreError
        for an empty prompt, and for one that leaves no room in the model's context.
        """
        for index, prompt in enumerate(prompts):
            self._refuse(index, prompt)
        self.model.eval()
        seeds = seeds or [(index,) for index in range(len(prompts))]
        short = [index for index, prompt in enumerate(prompts) if self._fits_tree(prompt)]
        others = sorted(set(range(len(prompts))) - set(short))
        for name, indexes in (("tree", short), ("generate", others)):
            for index, hypotheses in self._decode(name, prompts, seeds, indexes):
                self.counts[name] += 1
                self.new_tokens += sum(len(found.token_ids) for found in hypotheses)
                yield index, hypotheses

    def _decode(
        self, name: str, prompts: Sequence[Prompt], seeds: Sequence[Seed], indexes: Sequence[int]
    ) -> Iterator[tuple[int, list[Hypothesis]]]:
        """Decodes the prompts at some indexes, in smaller batches whenever memory runs out."""
        waiting = list(indexes)
        while waiting:
            done: set[int] = set()
            some = [prompts[i] for i in waiting]
            batch = self._batch(max(map(len, some)))
            try:
                decoder = self._decoder(name, batch)
                for place, hypotheses in decoder.search(some, [seeds[i] for i in waiting]):
                    done.add(waiting[place])
                    yield waiting[place], hypotheses
                return
            except (torch.OutOfMemoryError, RuntimeError) as error:
                if not is_out_of_memory(error) or batch == 1:
                    raise
            # Outside the handler, so that the traceback no longer holds the failed decoder.
            waiting = [index for index in waiting if index not in done]
            self._halve(min(batch, len(some)))

    def _decoder(self, name: str, batch_tasks: int) -> TreeDecoder | GenerateDecoder:
        settings = replace(self.settings, batch_tasks=batch_tasks)
        kind = TreeDecoder if name == "tree" else GenerateDecoder
        return kind(self.model, settings)

    def _batch(self, longest: int) -> int:
        """Tasks side by side, for prompts of so many tokens at most."""
        settings = self.settings
        wanted = settings.batch_tasks
        if not wanted:
            vocabulary = self.model.config.get_text_config().vocab_size
            columns = longest + settings.beams * settings.max_new_tokens
            size = row_bytes(columns, self.check.column_bytes, settings.beams, vocabulary)
            wanted = rows_that_fit(self.model.device, size)
        return min(wanted, self.most_tasks or wanted)

    def _halve(self, batch: int) -> None:
        release_memory(self.model.device)
        self.most_tasks = batch // 2
        message = f"Out of memory: sampling {self.most_tasks} tasks side by side from now on."
        self._on_event("warning", message)

    def _fits_tree(self, prompt: Prompt) -> bool:
        if self.check.decoder != "tree":
            return False
        reach = self.check.reach
        return reach is None or len(prompt) + self.settings.max_new_tokens <= reach

    def _refuse(self, index: int, prompt: Prompt) -> None:
        if not prompt:
            raise CoreError(f"Prompt {index} has no tokens: a model needs something to continue.")
        if self.context is not None and len(prompt) + self.settings.max_new_tokens > self.context:
            raise CoreError(
                f"Prompt {index} has {len(prompt)} tokens, which with max_new_tokens = "
                f"{self.settings.max_new_tokens} exceeds the model's context of {self.context}: "
                "shorten it or lower sampler.max_new_tokens."
            )


def context_tokens(model: Any) -> int | None:
    """How many tokens the model can see, prompt and program together; None if it does not say."""
    limit = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return int(limit) if limit else None
