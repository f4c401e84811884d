"""Negative log-likelihood of the programs, by their weights: the paper's objective (eq. 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from core.training.tokens import Tokens


class NegativeLogLikelihood:
    """-Σ w_i · log p(token i)."""

    def loss(self, logits: Tensor, tokens: Tokens) -> Tensor:
        """The weighted sum over the microbatch's program tokens, in nats, as a scalar."""
        losses = functional.cross_entropy(logits, tokens.ids, reduction="none")
        return (losses * tokens.weights).sum()
