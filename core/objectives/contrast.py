"""Likelihood of what passed, unlikelihood of the tokens at which other programs went wrong.

    -Σ w·log p(token)  +  c·Σ d·(-log(1 - p(u)))

The second sum goes over the tokens u by which worse programs of the same task branched off (see
`core.objectives.branches`), d > 0 being how much worse they are, and is the unlikelihood of
Welleck et al. 2020 (arXiv 1908.04319, eq. 2), there for repetitions. So a failed program teaches at
the one token where it parted from a better one, and nothing else of it is unlearned.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from torch import Tensor

from core.objectives.nll import NegativeLogLikelihood

if TYPE_CHECKING:
    from core.training.tokens import Tokens


class Contrastive:
    """Negative log-likelihood, and `strength` times the unlikelihood of worse tokens."""

    def __init__(self, strength: float) -> None:
        self.strength = strength
        self._likelihood = NegativeLogLikelihood()

    def loss(self, logits: Tensor, tokens: Tokens) -> Tensor:
        """The weighted sums over the microbatch, in nats, as a scalar."""
        loss = self._likelihood.loss(logits, tokens)
        if not len(tokens.contrast_rows):
            return loss
        against = _unlikelihood(logits[tokens.contrast_rows], tokens.contrast_ids)
        return loss + self.strength * (against * tokens.contrast_weights).sum()


def _unlikelihood(logits: Tensor, ids: Tensor) -> Tensor:
    """-log(1 - p(id)) of each row (M,), from logits (M, V).

    The others' probability is summed up rather than p taken from 1: it stays exact as p nears 1,
    and its gradient, the row's softmax less that of the others alone, is never above 1.
    """
    others = logits.scatter(1, ids[:, None], -math.inf)
    return logits.logsumexp(-1) - others.logsumexp(-1)
