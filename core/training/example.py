"""What the trainer learns from: a program in its prompt's context, and what is to be made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Contrast:
    """At program position `position` the token `token` was a worse choice; `weight` > 0."""

    position: int
    token: int
    weight: float


@dataclass(frozen=True, slots=True)
class Example:
    """One program to learn from: token ids of its prompt and of the program, and its figures.

    `weight` is of the program as a whole and multiplies `token_weights` (one a program token; 1
    where there are none). `behaviour` holds the log-probability of each program token when it was
    sampled, in nats, and is empty where nobody noted it. An objective takes what it needs.
    """

    prompt: Sequence[int]
    program: Sequence[int]
    weight: float = 1.0
    advantage: float = 0.0
    behaviour: Sequence[float] = ()
    token_weights: Sequence[float] = ()
    contrasts: Sequence[Contrast] = ()
