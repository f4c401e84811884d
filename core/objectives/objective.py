"""What every objective is to the trainer: a loss of the program tokens' logits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from torch import Tensor

if TYPE_CHECKING:
    from core.training.tokens import Tokens


class Objective(Protocol):
    """A loss whose sum over microbatches is that of the minibatch."""

    def loss(self, logits: Tensor, tokens: Tokens) -> Tensor:
        """The sum over a microbatch as a scalar, in nats.

        Row i of `logits` (N, V) float32 is what the model expected in place of `tokens.ids[i]`.
        The trainer divides by the minibatch's number of program tokens.
        """
        ...
