"""What a search hands over: a sequence of tokens and how probable each was."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Hypothesis:
    """One continuation of a prompt.

    `token_ids` (n,) int32 and `logprobs` (n,) float32 nats hold the new tokens only, the closing
    end-of-sequence token included. `finished` is False where the length limit cut it off rather
    than an end token or a stop string.
    """

    token_ids: NDArray[np.int32]
    logprobs: NDArray[np.float32]
    finished: bool

    @property
    def logprob(self) -> float:
        """log P(t) in nats, the sum over the tokens (eq. 1-2)."""
        return float(self.logprobs.sum(dtype=np.float64))
