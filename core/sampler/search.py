"""Beam search for the k most probable programs, by the fastest decoder that is right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal

import torch

from core.errors import CoreError
from core.memory import is_out_of_memory, release_memory
from core.sampler.check import Check, check_tree_decoding
from core.sampler.fallback import GenerateDecoder
from core.sampler.hypothesis import Hypothesis
from core.sampler.settings import SearchSettings
from core.sampler.tree import TreeDecoder


class BeamSearch:
    """Finds the k = `settings.beams` most probable continuations of prompts.

    The results equal those of `generate(num_beams=k, length_penalty=0, early_stopping="never")`;
    k = 1 is greedy decoding. Which decoder runs is found out at the start, unless a `check` of the
    same model is given. When memory runs out, half as many tasks are decoded side by side from then
    on (`batch_tasks`), `on_event` is told, and what was not done yet is decoded anew. `counts`
    tells how many tasks went through each decoder, `new_tokens` how many tokens the hypotheses had
    that were handed out.
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
        self.batch_tasks = settings.batch_tasks
        self._on_event = on_event

    @property
    def decoder(self) -> Literal["tree", "generate"]:
        """Which decoder fits the model; a prompt past the check's reach takes "generate"."""
        return self.check.decoder

    def search(self, prompts: Sequence[Sequence[int]]) -> Iterator[tuple[int, list[Hypothesis]]]:
        """Yields (index of the prompt, its k hypotheses) as they finish, most probable first.

        Between two of them the caller may do other work, but not change the model. Raises CoreError
        for an empty prompt, and for one that leaves no room in the model's context.
        """
        for index, prompt in enumerate(prompts):
            self._refuse(index, prompt)
        self.model.eval()
        short = [index for index, prompt in enumerate(prompts) if self._fits_tree(prompt)]
        others = sorted(set(range(len(prompts))) - set(short))
        for name, indexes in (("tree", short), ("generate", others)):
            for index, hypotheses in self._decode(name, prompts, indexes):
                self.counts[name] += 1
                self.new_tokens += sum(len(found.token_ids) for found in hypotheses)
                yield index, hypotheses

    def _decode(
        self, name: str, prompts: Sequence[Sequence[int]], indexes: Sequence[int]
    ) -> Iterator[tuple[int, list[Hypothesis]]]:
        """Decodes the prompts at some indexes, in smaller batches whenever memory runs out."""
        waiting = list(indexes)
        while waiting:
            done: set[int] = set()
            try:
                for place, hypotheses in self._decoder(name).search([prompts[i] for i in waiting]):
                    done.add(waiting[place])
                    yield waiting[place], hypotheses
                return
            except (torch.OutOfMemoryError, RuntimeError) as error:
                if not is_out_of_memory(error) or self.batch_tasks == 1:
                    raise
            # Outside the handler, so that the traceback no longer holds the failed decoder.
            waiting = [index for index in waiting if index not in done]
            self._halve_batch()

    def _decoder(self, name: str) -> TreeDecoder | GenerateDecoder:
        settings = replace(self.settings, batch_tasks=self.batch_tasks)
        kind = TreeDecoder if name == "tree" else GenerateDecoder
        return kind(self.model, settings)

    def _halve_batch(self) -> None:
        release_memory(self.model.device)
        self.batch_tasks //= 2
        message = f"Out of memory: sampling {self.batch_tasks} tasks side by side from now on."
        self._on_event("warning", message)

    def _fits_tree(self, prompt: Sequence[int]) -> bool:
        if self.check.decoder != "tree":
            return False
        reach = self.check.reach
        return reach is None or len(prompt) + self.settings.max_new_tokens <= reach

    def _refuse(self, index: int, prompt: Sequence[int]) -> None:
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
