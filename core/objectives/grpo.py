"""GRPO: group-relative policy optimisation (DeepSeekMath, arXiv 2402.03300, eq. 3).

    J = 1/G Σ_i 1/|o_i| Σ_t min(ρ_t·A_i, clip(ρ_t, 1-ε, 1+ε)·A_i),  ρ_t = π(o_t) / π_old(o_t)

π_old is the model that sampled the program, by its stored log-probabilities. A program is drawn as
one of its group: A_i = (r_i - mean) / std, over the programs of its task sampled in its iteration,
of their pass rates. Not covered: the penalty for leaving the reference model (β = 0).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from core.priority import Floats
from storage.rows import Rows, members

if TYPE_CHECKING:
    from core.training.tokens import Tokens

#: Added to the std, so that rounding makes no advantages where all pass rates are equal.
_LEAST_STD = 1e-6

#: Nats: beyond e^20 a ratio says no more, and would overflow.
_LARGEST = 20.0


class ClippedRatio:
    """-Σ w_i · min(ρ·A, clip(ρ, 1-ε, 1+ε)·A); with ρ = 1 where nobody noted π_old."""

    def __init__(self, clip: float) -> None:
        self.clip = clip

    def loss(self, logits: Tensor, tokens: Tokens) -> Tensor:
        """The weighted sum over the microbatch's program tokens, as a scalar."""
        logprob = -functional.cross_entropy(logits, tokens.ids, reduction="none")
        before = torch.where(tokens.behaviour.isnan(), logprob.detach(), tokens.behaviour)
        ratio = (logprob - before).clamp(max=_LARGEST).exp()
        near = ratio.clamp(1 - self.clip, 1 + self.clip)
        gained = torch.minimum(ratio * tokens.advantages, near * tokens.advantages)
        return -(gained * tokens.weights).sum()


def group_advantages(
    samples: Rows, run: int, rows: NDArray[np.int64]
) -> tuple[Floats, NDArray[np.int64]]:
    """A_i of some rows (n,) of a run, and how often each one's text stands in its group (n,).

    A group are the samples of a task in an iteration that have a pass rate, repeated texts too.
    """
    near = np.flatnonzero((samples.run == run) & members(samples.task[rows], samples.task))
    near = near[~np.isnan(samples.pass_rate[near])]
    names, group = np.unique(_group(samples, near), return_inverse=True)
    rate = samples.pass_rate[near].astype(np.float64)
    size = np.bincount(group)
    mean = np.bincount(group, rate) / size
    std = np.sqrt(np.bincount(group, (rate - mean[group]) ** 2) / size)
    mine = np.searchsorted(names, _group(samples, rows))
    advantage: Floats = (samples.pass_rate[rows] - mean[mine]) / (std[mine] + _LEAST_STD)
    same = (group == mine[:, None]) & (samples.program[near] == samples.program[rows][:, None])
    return advantage, same.sum(1)


def shares_of_tokens(lengths: NDArray[np.int64], copies: NDArray[np.int64]) -> Floats:
    """Weights (n,) that make the trainer's mean over all tokens the 1/G Σ 1/|o_i| of eq. 3.

    A program that stands for several equal ones counts as often.
    """
    weights: Floats = copies / lengths * (lengths.sum() / copies.sum())
    return weights


def _group(samples: Rows, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    tasks = len(samples.tasks) + 1
    return samples.iteration[rows].astype(np.int64) * tasks + samples.task[rows]
