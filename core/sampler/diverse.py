"""Diverse beam search (Vijayakumar et al. 2018, arXiv 1610.02424): groups that avoid each other.

The k beams of a task are split into groups, searched one after the other at every step. Group g
takes the continuations that maximise the sum of log P(y) - strength · N(y), where N(y) counts how
many beams of the groups before it went on with the same token at this step (their Hamming
diversity, equation 3 with the term of section 3.1). Scores stay log-probabilities: the
penalty of a step is not carried on.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from core.sampler.beams import Beams
from core.sampler.ends import Ends
from core.sampler.hypothesis import Hypothesis
from core.sampler.selection import Selection, exists


class DiverseBeams(Selection):
    """`groups` searches of k / groups beams each, for n tasks."""

    state = ()

    def __init__(
        self,
        n: int,
        beams: int,
        max_new_tokens: int,
        ends: Ends,
        groups: int,
        strength: float,
    ) -> None:
        self.strength = strength
        self._size = beams // groups
        self._groups = [Beams(n, self._size, max_new_tokens, ends) for _ in range(groups)]
        self._collect()

    @property
    def done(self) -> Tensor:
        return torch.stack([group.done for group in self._groups]).all(0)

    def extend(self, logits: Tensor) -> Tensor:
        parents = []
        taken = torch.zeros((len(logits), logits.shape[-1]), device=logits.device)
        for number, group in enumerate(self._groups):
            first = number * self._size
            searching = ~group.done.unsqueeze(-1)
            part = logits[:, first : first + self._size]
            parents.append(group.extend(part, self.strength * taken) + first)
            goes_on = searching & exists(group.scores)
            taken.scatter_add_(1, group.tokens, goes_on.float())
        self._collect()
        return torch.cat(parents, 1)

    def put(self, rows: Tensor, other: DiverseBeams) -> None:
        for group, newer in zip(self._groups, other._groups, strict=True):
            group.put(rows, newer)
        self._collect()

    def keep(self, rows: Tensor) -> None:
        for group in self._groups:
            group.keep(rows)
        self._collect()

    def hypotheses(self, rows: Sequence[int]) -> list[list[Hypothesis]]:
        found = [group.hypotheses(rows) for group in self._groups]
        return [
            sorted((one for group in of_a_task for one in group), key=lambda one: -one.logprob)
            for of_a_task in zip(*found, strict=True)
        ]

    def _collect(self) -> None:
        self.tokens = torch.cat([group.tokens for group in self._groups], 1)
        self.lengths = torch.stack([group.lengths for group in self._groups]).amax(0)
