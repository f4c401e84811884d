"""New inputs for a task, each one of the existing ones with a few places changed.

Changes go by type and stay within what the existing inputs show (see `observed`). Arguments of
equal lengths keep them equal, and a number that is another argument's length stays that; what is
read from stdin keeps its lines, its words, and the numbers that may count them. An input that is
outside of the task all the same may be answered by the reference without complaint: then its test
asks for more than the task does.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Sequence

from core.tasks.observed import Observed

_INTEGER = re.compile(r"[+-]?\d{1,18}")
_FLOAT = re.compile(r"[+-]?\d{1,15}\.\d{1,15}")

Arguments = tuple[object, ...]


class ArgumentMutator:
    """Changes lists of arguments."""

    def __init__(self, examples: Sequence[Arguments]) -> None:
        self._examples = examples
        self._observed = {
            count: [Observed(column) for column in zip(*alike, strict=True)]
            for count in {len(example) for example in examples}
            if (alike := [example for example in examples if len(example) == count])
        }
        self._equal, self._lengths = _lengths_that_agree(examples)

    def mutate(self, rng: random.Random) -> Arguments:
        """One of the examples with one or two of its arguments changed; sometimes as it is."""
        example = rng.choice(self._examples)
        arguments = list(example)
        for _ in range(rng.choice((1, 1, 2))):
            if arguments:
                place = rng.randrange(len(arguments))
                observed = self._observed[len(arguments)][place]
                arguments[place] = observed.mutate(arguments[place], rng)
        for place, other in self._lengths:
            arguments[place] = _length(arguments[other])
        equal = all(_length(arguments[i]) == _length(arguments[j]) for i, j in self._equal)
        return tuple(arguments) if equal else example


def _lengths_that_agree(
    examples: Sequence[Arguments],
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Places of equal lengths, and places with the length of another, in all of the examples."""
    places = list(itertools.permutations(range(min(map(len, examples))), 2))
    if len(examples) < 2:  # one may be so by chance
        places = []
    equal = [
        (i, j)
        for i, j in places
        if all(_length(e[i]) == _length(e[j]) is not None for e in examples) and i < j
    ]
    lengths = [
        (i, j)
        for i, j in places
        if all(type(e[i]) is int and e[i] == _length(e[j]) for e in examples)
    ]
    return equal, lengths


def _length(value: object) -> int | None:
    return len(value) if isinstance(value, str | list | tuple | set | dict) else None


class StdinMutator:
    """Changes texts that programs read from stdin."""

    def __init__(self, examples: Sequence[str]) -> None:
        self._examples = [[line.split(" ") for line in text.split("\n")] for text in examples]
        self._observed: dict[tuple[bool, type], Observed] = {}
        places: dict[tuple[bool, type], list[int | float | str]] = {}
        for lines in self._examples:
            for row, column in _changeable(lines):
                value = _value(lines[row][column])
                places.setdefault((row == 0, type(value)), []).append(value)
        self._observed = {place: Observed(values) for place, values in places.items()}

    def mutate(self, rng: random.Random) -> str:
        """One of the examples with one to three of its numbers and words changed."""
        lines = [list(line) for line in rng.choice(self._examples)]
        places = _changeable(lines)
        for row, column in rng.sample(places, min(len(places), rng.randint(1, 3))):
            value = _value(lines[row][column])
            changed = str(self._observed[row == 0, type(value)].mutate(value, rng))
            if changed.split() == [changed]:
                lines[row][column] = changed
        return "\n".join(" ".join(line) for line in lines)


def _changeable(lines: Sequence[Sequence[str]]) -> list[tuple[int, int]]:
    """Line and place of every word but those that may count what comes after them."""
    return [
        (row, column)
        for row, line in enumerate(lines)
        for column, token in enumerate(line)
        if token and not _may_count(token, lines[row + 1 :])
    ]


def _may_count(token: str, after: Sequence[Sequence[str]]) -> bool:
    """Whether a number says how many lines, words on a line or letters of a word come later."""
    if not _INTEGER.fullmatch(token):
        return False
    filled = [line for line in after if any(line)]
    number = int(token)
    if number in (len(filled), len(filled) / 2):
        return True
    return any(
        number == len(line) or any(number == len(word) for word in line if not _is_number(word))
        for line in filled
    )


def _is_number(token: str) -> bool:
    return bool(_INTEGER.fullmatch(token) or _FLOAT.fullmatch(token))


def _value(token: str) -> int | float | str:
    if _INTEGER.fullmatch(token) and str(int(token)) == token:
        return int(token)
    return float(token) if _FLOAT.fullmatch(token) else token
