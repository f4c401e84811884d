"""What every strategy tells the decoder: which sequences of each task go on, and what came out.

A selection holds k live sequences for each of n tasks on the device of the model. The decoder feeds
`tokens` and hands the logits to `extend`, which says whose continuation each new sequence is.
Nothing in it waits for the device: `done` is a tensor that the decoder reads when it likes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Self

import torch
from torch import Tensor

from core.sampler.hypothesis import Hypothesis

#: Score of a sequence that does not exist; finite, so that adding log-probabilities gives no NaN.
NEVER = -1.0e9

#: Scores below are of sequences that do not exist: more than any that does could lose.
_EXISTS_ABOVE = NEVER / 2


class Selection(ABC):
    """The live and finished sequences of n tasks under one strategy.

    `tokens` (n, k) int64 are the newest ones, `lengths` (n,) int64 counts new tokens so far.
    """

    #: Names of the tensors whose first dimension is the task.
    state: ClassVar[tuple[str, ...]]

    tokens: Tensor
    lengths: Tensor

    @property
    @abstractmethod
    def done(self) -> Tensor:
        """(n,) bool: no continuation can change the result any more."""

    @abstractmethod
    def extend(self, logits: Tensor) -> Tensor:
        """Takes the next token of every task, from logits (n, k, V); returns parents (n, k) int64.

        Tasks that are done stay as they are, whatever the logits say.
        """

    @abstractmethod
    def hypotheses(self, rows: Sequence[int]) -> list[list[Hypothesis]]:
        """What was found for the tasks at `rows`, most probable first; at most k each."""

    def put(self, rows: Tensor, other: Self) -> None:
        """Overwrites the tasks at `rows` (m,) with the m tasks of another selection."""
        for name in self.state:
            getattr(self, name)[rows] = getattr(other, name)

    def keep(self, rows: Tensor) -> None:
        """Drops every task but those at `rows`."""
        for name in self.state:
            setattr(self, name, getattr(self, name)[rows])


def exists(scores: Tensor) -> Tensor:
    """Which scores are of sequences that exist."""
    return scores > _EXISTS_ABOVE


def new_record(n: int, sequences: int, length: int, device: torch.device) -> Tensor:
    """Room for sequences, (n, sequences, 2, length) int32: ids, and float32 bits of log P."""
    return torch.zeros((n, sequences, 2, length), dtype=torch.int32, device=device)


def write(record: Tensor, step: Tensor, tokens: Tensor, logprobs: Tensor) -> None:
    """Writes the tokens (n, c) of step (n,) and their float32 log-probabilities into a record."""
    last = step.clamp(max=record.shape[-1] - 1)
    entry = torch.stack((tokens.int(), logprobs.view(torch.int32)), dim=-1)  # (n, c, 2)
    record.scatter_(3, last.view(-1, 1, 1, 1).expand(*entry.shape, 1), entry.unsqueeze(-1))


def pick(record: Tensor, index: Tensor) -> Tensor:
    """Rows of sequences: record (n, k, 2, T) by index (n, m) -> (n, m, 2, T)."""
    shape = (*index.shape, *record.shape[2:])
    return record.gather(1, index.view(*index.shape, 1, 1).expand(shape))


def read(
    record: Tensor, lengths: Tensor, scores: Tensor, ended: Tensor, rows: Sequence[int]
) -> list[list[Hypothesis]]:
    """The existing sequences at some rows: of record (n, k, 2, T), the others (n, k)."""
    index = torch.tensor(rows, device=record.device)
    tables = [table[index].cpu().numpy() for table in (record, lengths, exists(scores), ended)]
    return [
        [
            Hypothesis(ids, logprobs.view("float32"), bool(is_over))
            for (ids, logprobs), is_there, is_over in zip(
                (line[:, :size].copy() for line, size in zip(lines, sizes, strict=True)),
                there,
                over,
                strict=True,
            )
            if is_there
        ]
        for lines, sizes, there, over in zip(*tables, strict=True)
    ]
