"""A program as a sampler hands it over: text, tokens, and how probable it was."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """One program for one task.

    `text` is the whole source that runs. `token_ids` (n_tokens,) int32 and `token_logprobs`
    (n_tokens,) float32 nats are those that were sampled, the closing end-of-sequence token
    included; both are None where the source reports none, the ids also where they are another
    model's. `reported` is log P(t) in nats and the number of tokens (None: unknown) where only the
    sum is known. `rank` is 0 for the most probable of its task's programs.
    """

    task_id: str
    rank: int
    text: str
    source: str
    token_ids: NDArray[np.int32] | None = None
    token_logprobs: NDArray[np.float32] | None = None
    reported: tuple[float, int | None] | None = None

    @property
    def n_tokens(self) -> int | None:
        """Number of sampled tokens."""
        if self.token_logprobs is not None:
            return len(self.token_logprobs)
        return self.reported and self.reported[1]

    @property
    def logprob(self) -> float | None:
        """log P(t) in nats: the sum of the tokens' log-probabilities (eq. 1-2)."""
        if self.token_logprobs is not None:
            return float(self.token_logprobs.sum(dtype=np.float64))
        return self.reported and self.reported[0]
