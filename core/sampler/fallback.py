"""Beam search by `generate`: slower, and right for every model that transformers can decode."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from transformers import GenerationConfig

from core.sampler.hypothesis import Hypothesis
from core.sampler.score import score_tokens
from core.sampler.settings import SearchSettings


class GenerateDecoder:
    """The same search as `TreeDecoder`, by transformers' own `generate`."""

    def __init__(self, model: Any, settings: SearchSettings) -> None:
        self.model = model
        self.settings = settings
        beam_search: dict[str, Any] = {"length_penalty": 0.0, "early_stopping": "never"}
        self._generation = GenerationConfig(
            num_beams=settings.beams,
            num_return_sequences=settings.beams,
            do_sample=False,
            max_new_tokens=settings.max_new_tokens,
            eos_token_id=list(settings.eos_token_ids) or None,
            pad_token_id=settings.pad_token_id,
            **(beam_search if settings.beams > 1 else {}),
        )

    def search(self, prompts: Sequence[Sequence[int]]) -> Iterator[tuple[int, list[Hypothesis]]]:
        """Yields (index of the prompt, its k hypotheses), a batch of similar lengths at a time."""
        order = sorted(range(len(prompts)), key=lambda index: -len(prompts[index]))
        for start in range(0, len(order), self.settings.batch_tasks):
            batch = order[start : start + self.settings.batch_tasks]
            found = self._decode([prompts[index] for index in batch])
            yield from zip(batch, found, strict=True)

    def _decode(self, prompts: Sequence[Sequence[int]]) -> list[list[Hypothesis]]:
        k, ends = self.settings.beams, self.settings.eos_token_ids
        sequences = self._generate(prompts)
        owners = [prompt for prompt in prompts for _ in range(k)]
        new = [self._until_end(sequence) for sequence in sequences]
        pairs = list(zip(owners, new, strict=True))
        logprobs = score_tokens(self.model, pairs, self.settings.pad_token_id)
        hypotheses = [
            Hypothesis(np.array(ids, dtype=np.int32), scores, ids[-1] in ends)
            for ids, scores in zip(new, logprobs, strict=True)
        ]
        return [hypotheses[i : i + k] for i in range(0, len(hypotheses), k)]

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
            )
        finally:
            self.model.generation_config = own
        sequences: list[list[int]] = output[:, longest:].tolist()
        return sequences

    def _until_end(self, sequence: Sequence[int]) -> list[int]:
        for position, token in enumerate(sequence):
            if token in self.settings.eos_token_ids:
                return list(sequence[: position + 1])
        return list(sequence)
