"""Where the programs of a task part, and what that says of each: the contrast's credit.

The token ids of a task's programs form a trie. A node is worth the mean pass rate of the programs
beneath it. Where another program branches off the one to learn from, its token is a worse choice by
as much as its node is worth less.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import compress, count
from operator import ne

from core.training.example import Contrast

#: Token ids of a program.
Ids = tuple[int, ...]

#: Smaller differences between two nodes say too little.
LEAST_DIFFERENCE = 0.05


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a program teaches: the weight of its own likelihood, and worse tokens on its way."""

    weight: float
    contrasts: tuple[Contrast, ...]


def lesson(program: Ids, programs: Mapping[Ids, float]) -> Lesson:
    """What one of a task's programs teaches, given the pass rates of all of them.

    Only a program that passes everything is to become more probable as a whole. A contrast stands
    where others branch off, within both programs, by a node that is worth less than the program's
    own; its weight, in (0, 1], is the difference.
    """
    weight = float(programs[program] == 1.0)
    if len(set(programs.values())) == 1:
        return Lesson(weight, ())
    parted: dict[int, list[tuple[Ids, float]]] = {}
    for other, rate in programs.items():
        parted.setdefault(_common(program, other), []).append((other, rate))
    contrasts = []
    beneath: list[float] = []  # pass rates of those that go on with the program, place by place
    for place in sorted(parted, reverse=True):
        branches: dict[int, list[float]] = {}
        for other, rate in parted[place] if place < len(program) else ():
            if place < len(other):
                branches.setdefault(other[place], []).append(rate)
        for token, worse in sorted(branches.items()):
            difference = sum(beneath) / len(beneath) - sum(worse) / len(worse)
            if difference > LEAST_DIFFERENCE:
                contrasts.append(Contrast(place, token, difference))
        beneath += [rate for _, rate in parted[place]]
    return Lesson(weight, tuple(contrasts[::-1]))


def _common(program: Ids, other: Ids) -> int:
    """Tokens that two programs have in common from their beginning."""
    shorter = min(len(program), len(other))
    return next(compress(count(), map(ne, program, other)), shorter)
