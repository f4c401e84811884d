"""Random inputs of an exercise, rich in the borders where wrong programs show."""

from __future__ import annotations

import random

from core.nano.exercise import Arguments, Exercise, Form, Value
from core.nano.family import Type

WORDS = (
    "tea",
    "Sun",
    "noon",
    "a",
    "on",
    "Onset",
    "seat",
    "east",
    "oat",
    "NET",
    "test",
    "To",
    "sea",
)
EXTRAS = ("7", "42", "a1", "x-y", "o_o", "*", "b2b", "90", "eels", "!")
ALPHABET = "aeosntbxAETZ  019-_*"


def draw_input(exercise: Exercise, rng: random.Random) -> Arguments:
    """The arguments of one call: the first input, and the parameter where there is one."""
    numbers = [step.constant for step in exercise.steps if isinstance(step.constant, int)]
    first: Value
    if exercise.takes == Type.LIST:
        first = _draw_list(numbers, rng)
    elif exercise.takes == Type.TEXT:
        first = _draw_text(rng)
    else:
        first = _draw_number(numbers, rng)
    if exercise.parameter is None:
        return (first,)
    return first, rng.choice((1, 2, 2, 3, 3, 4, 5, 6))


def stdin_of(exercise: Exercise, arguments: Arguments) -> str:
    """The arguments as a program of the stdin form reads them, one a line."""
    assert exercise.form == Form.STDIN
    return "".join(f"{_line(value)}\n" for value in arguments)


def _line(value: Value) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _draw_list(constants: list[int], rng: random.Random) -> Value:
    length = rng.choices(range(11), (2, 3, 3, 4, 6, 8, 9, 9, 8, 6, 4))[0]
    reach = rng.choice((3, 6, 10, 10, 20, 40))
    lowest = rng.choice((0, -reach, -reach, 1))
    near = [c + shift for c in constants for shift in (-1, 0, 1)]
    near += [-number for number in near] or [0]
    return [
        rng.choice(near) if rng.random() < 0.25 else rng.randint(lowest, reach)
        for _ in range(length)
    ]


def _draw_text(rng: random.Random) -> Value:
    if rng.random() < 0.5:
        count = rng.choices(range(7), (1, 4, 5, 6, 5, 3, 2))[0]
        return " ".join(rng.choice(WORDS if rng.random() < 0.7 else EXTRAS) for _ in range(count))
    letters = "".join(rng.choice(ALPHABET) for _ in range(rng.randrange(16)))
    return letters.strip()


def _draw_number(constants: list[int], rng: random.Random) -> Value:
    near = [c * times + shift for c in constants for times in (1, 2) for shift in (-1, 0, 1)]
    if near and rng.random() < 0.25:
        return rng.choice(near)
    return rng.choice((rng.randint(-12, 12), rng.randint(0, 30), rng.randint(10, 130)))
