"""Programs drawn at random: temperature, and nucleus sampling (Holtzman et al. 2020).

Each token comes from one number that was drawn before the search began, by inverting the
distribution function. So what a task gets depends on its seed, not on the tasks decoded beside it.
The log-probabilities kept are the model's own, at temperature 1 and over the whole vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from core.sampler.ends import Ends
from core.sampler.hypothesis import Hypothesis
from core.sampler.selection import NEVER, Selection, new_record, read, write

#: The words that seed a generator of numpy.
Seed = Sequence[int]


class Draws(Selection):
    """k independent draws for each of the tasks, of which each has a seed."""

    state = (
        "scores",
        "tokens",
        "lengths",
        "sizes",
        "ended",
        "stops",
        "record",
        "uniforms",
    )

    def __init__(
        self,
        seeds: Sequence[Seed],
        k: int,
        max_new_tokens: int,
        ends: Ends,
        temperature: float,
        top_p: float,
    ) -> None:
        device, n = ends.device, len(seeds)
        self.max_new_tokens = max_new_tokens
        self.ends = ends
        self.temperature = temperature
        self.top_p = top_p
        self.scores = torch.zeros((n, k), device=device)
        self.tokens = torch.zeros((n, k), dtype=torch.long, device=device)
        self.lengths = torch.zeros((n,), dtype=torch.long, device=device)
        self.sizes = torch.zeros_like(self.tokens)
        self.ended = torch.zeros((n, k), dtype=torch.bool, device=device)
        self.stops = torch.zeros_like(self.tokens)
        self.record = new_record(n, k, max_new_tokens, device)
        numbers = [np.random.default_rng(seed).random((k, max_new_tokens)) for seed in seeds]
        self.uniforms = torch.from_numpy(np.stack(numbers)).float().to(device)

    @property
    def done(self) -> Tensor:
        return self.ended.all(1) | (self.lengths >= self.max_new_tokens)

    def extend(self, logits: Tensor) -> Tensor:
        n, k = self.tokens.shape
        goes_on = ~self.ended & ~self.done.unsqueeze(-1)
        last = self.lengths.clamp(max=self.max_new_tokens - 1).view(-1, 1, 1).expand(n, k, 1)
        drawn = self._draw(logits, self.uniforms.gather(2, last))
        logprobs = torch.log_softmax(logits, dim=-1, dtype=torch.float32).gather(2, drawn)
        drawn, logprobs = drawn.squeeze(-1), logprobs.squeeze(-1)
        # What lies behind a draw's own end is never read.
        write(self.record, self.lengths, drawn, logprobs)
        self.tokens = torch.where(goes_on, drawn, self.tokens)
        self.scores = self.scores + torch.where(goes_on, logprobs, 0.0)
        self.sizes = self.sizes + goes_on
        ended, self.stops = self.ends.after(self.stops, self.tokens)
        self.ended = self.ended | (goes_on & ended)
        self.lengths = self.lengths + goes_on.any(1)
        return torch.arange(k, device=logits.device).expand(n, k)

    def _draw(self, logits: Tensor, uniforms: Tensor) -> Tensor:
        """Tokens (n, k, 1): the first whose cumulative probability exceeds the number."""
        scaled = logits.float() / self.temperature
        if self.top_p == 1.0:
            cumulative = scaled.softmax(-1).cumsum(-1)
            return _invert(cumulative, uniforms)
        scaled, order = scaled.sort(dim=-1, descending=True)
        probabilities = scaled.softmax(-1)
        before = probabilities.cumsum(-1) - probabilities
        # The smallest set of the most probable tokens that together reach top_p.
        cumulative = probabilities.masked_fill(before >= self.top_p, 0.0).cumsum(-1)
        return order.gather(2, _invert(cumulative, uniforms))

    def hypotheses(self, rows: Sequence[int]) -> list[list[Hypothesis]]:
        # A draw that has not begun does not exist; there is none where a task is done.
        scores = self.scores.masked_fill(self.sizes == 0, NEVER)
        found = read(self.record, self.sizes, scores, self.ended, rows)
        return [sorted(drawn, key=lambda one: -one.logprob) for drawn in found]


def _invert(cumulative: Tensor, uniforms: Tensor) -> Tensor:
    """The first index (n, k, 1) at which cumulative (n, k, V) exceeds uniforms · its last."""
    last = cumulative[..., -1:]
    found = torch.searchsorted(cumulative, uniforms * last, right=True)
    # Rounding can put the number at the end; the last index with any probability is meant then.
    return torch.minimum(found, torch.searchsorted(cumulative, last.contiguous()))
