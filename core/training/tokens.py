"""The program tokens of a microbatch, one after the other, and what objectives ask of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

from core.training.example import Example


@dataclass(frozen=True, slots=True)
class Tokens:
    """All N program tokens of a microbatch, example after example, and M contrasts to them.

    `ids` (N,) int64; `weights` (N,) float32, the example's weight times the token's; `advantages`
    (N,) float32; `behaviour` (N,) float32 in nats, NaN where unknown; `example` (N,) int64, which
    example of the microbatch. `contrast_rows` (M,) int64 says which of the N tokens stood where
    `contrast_ids` (M,) int64 was the worse choice, by `contrast_weights` (M,) float32.
    """

    ids: Tensor
    weights: Tensor
    advantages: Tensor
    behaviour: Tensor
    example: Tensor
    contrast_rows: Tensor
    contrast_ids: Tensor
    contrast_weights: Tensor


def tokens_of(examples: Sequence[Example], device: torch.device | str = "cpu") -> Tokens:
    """The program tokens of examples, in their order."""
    lengths = [len(example.program) for example in examples]
    begins = [0, *accumulate(lengths)]
    owner = torch.tensor([which for which, length in enumerate(lengths) for _ in range(length)])
    contrasts = [
        (begin + contrast.position, contrast.token, contrast.weight)
        for begin, example in zip(begins, examples, strict=False)
        for contrast in example.contrasts
    ]
    return Tokens(
        ids=_integers([token for example in examples for token in example.program], device),
        weights=_floats([weight for each in examples for weight in _weights(each)], device),
        advantages=_floats([example.advantage for example in examples], device)[owner.to(device)],
        behaviour=_floats([value for each in examples for value in _behaviour(each)], device),
        example=owner.to(device),
        contrast_rows=_integers([row for row, _, _ in contrasts], device),
        contrast_ids=_integers([token for _, token, _ in contrasts], device),
        contrast_weights=_floats([weight for _, _, weight in contrasts], device),
    )


def _weights(example: Example) -> list[float]:
    if not example.token_weights:
        return [example.weight] * len(example.program)
    return [example.weight * weight for weight in example.token_weights]


def _behaviour(example: Example) -> Sequence[float]:
    return example.behaviour or [math.nan] * len(example.program)


def _integers(values: list[int], device: torch.device | str) -> Tensor:
    return torch.tensor(values, dtype=torch.int64, device=device)


def _floats(values: list[float], device: torch.device | str) -> Tensor:
    return torch.tensor(values, dtype=torch.float32, device=device)
