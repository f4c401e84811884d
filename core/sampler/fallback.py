"""The same searches by `generate`: slower, and right for whatever transformers can decode."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import GenerationConfig, StoppingCriteria, StoppingCriteriaList

from core.sampler.draws import Seed
from core.sampler.ends import Ends
from core.sampler.hypothesis import Hypothesis
from core.sampler.score import score_tokens
from core.sampler.settings import SearchSettings


class GenerateDecoder:
    """The same search as `TreeDecoder`, by transformers' own `generate`."""

    def __init__(self, model: Any, settings: SearchSettings) -> None:
        self.model = model
        self.settings = settings
        self._ends = settings.ends(torch.device("cpu"))
        self._generation = GenerationConfig(
            max_new_tokens=settings.max_new_tokens,
            eos_token_id=list(settings.eos_token_ids) or None,
            pad_token_id=settings.pad_token_id,
            **settings.strategy.generate_settings(settings.beams),
        )

    def search(
        self, prompts: Sequence[Sequence[int]], seeds: Sequence[Seed] = ()
    ) -> Iterator[tuple[int, list[Hypothesis]]]:
        """Yields (index of the prompt, its k hypotheses), a batch of similar lengths at a time.

        What is drawn follows from the seed of a batch's first prompt and from those beside it.
        """
        order = sorted(range(len(prompts)), key=lambda index: -len(prompts[index]))
        for start in range(0, len(order), self.settings.batch_tasks):
            batch = order[start : start + self.settings.batch_tasks]
            seed = seeds[batch[0]] if seeds else (batch[0],)
            found = self._decode([prompts[index] for index in batch], seed)
            yield from zip(batch, found, strict=True)

    def _decode(self, prompts: Sequence[Sequence[int]], seed: Seed) -> list[list[Hypothesis]]:
        k = self.settings.beams
        with torch.random.fork_rng():
            torch.manual_seed(int(np.random.default_rng(seed).integers(2**63)))
            sequences = self._generate(prompts)
        owners = [prompt for prompt in prompts for _ in range(k)]
        new = [self._until_end(sequence) for sequence in sequences]
        pairs = [(owner, ids) for owner, (ids, _) in zip(owners, new, strict=True)]
        logprobs = score_tokens(self.model, pairs, self.settings.pad_token_id)
        hypotheses = [
            Hypothesis(np.array(ids, dtype=np.int32), scores, ended)
            for (ids, ended), scores in zip(new, logprobs, strict=True)
        ]
        return [_best_first(hypotheses[i : i + k]) for i in range(0, len(hypotheses), k)]

    @torch.inference_mode()
    def _generate(self, prompts: Sequence[Sequence[int]]) -> list[list[int]]:
        """New tokens of every hypothesis, padded at the end."""
        longest = max(map(len, prompts))
        padding = [[self.settings.pad_token_id] * (longest - len(prompt)) for prompt in prompts]
        ids = [[*pads, *prompt] for pads, prompt in zip(padding, prompts, strict=True)]
        real = [[0] * len(pads) + [1] * (longest - len(pads)) for pads in padding]
        # The model's own settings (temperature, penalties) would fill what ours leave open.
        own, self.model.generation_config = self.model.generation_config, self._generation
        try:
            output = self.model.generate(
                torch.tensor(ids, device=self.model.device),
                attention_mask=torch.tensor(real, device=self.model.device),
                generation_config=self._generation,
                stopping_criteria=StoppingCriteriaList(self._stopping(longest)),
            )
        finally:
            self.model.generation_config = own
        sequences: list[list[int]] = output[:, longest:].tolist()
        return sequences

    def _stopping(self, prompt: int) -> list[StoppingCriteria]:
        if self.settings.stops is None:
            return []
        return [_StopStrings(self.settings.ends(self.model.device), prompt)]

    def _until_end(self, sequence: Sequence[int]) -> tuple[list[int], bool]:
        """The tokens up to what ends them, and whether anything does."""
        state = torch.tensor(0)
        for position, token in enumerate(sequence):
            ended, state = self._ends.after(state, torch.tensor(token))
            if ended:
                return list(sequence[: position + 1]), True
        return list(sequence), False


def _best_first(hypotheses: list[Hypothesis]) -> list[Hypothesis]:
    return sorted(hypotheses, key=lambda one: -one.logprob)


class _StopStrings(StoppingCriteria):  # type: ignore[misc]
    """Tells `generate` which sequences hold a stop string after their prompt."""

    def __init__(self, ends: Ends, prompt: int) -> None:
        self._ends = ends
        self._prompt = prompt

    def __call__(self, input_ids: Tensor, *_: Any, **__: Any) -> Tensor:
        states = torch.zeros(len(input_ids), dtype=torch.long, device=input_ids.device)
        stopped = torch.zeros_like(states, dtype=torch.bool)
        for tokens in input_ids[:, self._prompt :].T:
            ended, states = self._ends.after(states, tokens)
            stopped |= ended
        return stopped
