"""Writes the program of an exercise: right, or with slips at chosen places."""

from __future__ import annotations

from dataclasses import dataclass

from core.nano.exercise import Exercise, Form, Step
from core.nano.family import Constant, Kind, Type

READ_LINE = {
    Type.LIST: "[int(x) for x in input().split()]",
    Type.TEXT: "input()",
    Type.NUMBER: "int(input())",
}
NEW_NAME = {Type.LIST: "nums", Type.TEXT: "text", Type.NUMBER: "total", Type.WORDS: "words"}


@dataclass(frozen=True, slots=True)
class Writing:
    """How a program is written: per step the slip (None: right), and what is wrong as a whole.

    `structure` is None, Kind.MISSING_STEP, Kind.STEP_ORDER (this step and the next exchanged; both
    at `place`) or Kind.RETURNED.
    """

    slips: tuple[int | None, ...]
    structure: Kind | None = None
    place: int = 0

    @property
    def right(self) -> bool:
        """Whether nothing is wrong."""
        return self.structure is None and all(slip is None for slip in self.slips)


def right_writing(exercise: Exercise) -> Writing:
    """The writing without a slip."""
    return Writing((None,) * len(exercise.steps))


def write(exercise: Exercise, writing: Writing) -> str:
    """The completion of the exercise's prompt: a function's body or a whole function or program."""
    steps = list(zip(exercise.steps, writing.slips, strict=True))
    if writing.structure == Kind.MISSING_STEP:
        del steps[writing.place]
    elif writing.structure == Kind.STEP_ORDER:
        at = writing.place
        steps[at], steps[at + 1] = steps[at + 1], steps[at]
    names = {exercise.takes: exercise.argument}
    lines: list[str] = []
    value = exercise.argument
    for step, slip in steps:
        gives = step.primitive.gives
        source = names.get(step.primitive.takes, value)
        target = names.setdefault(gives, NEW_NAME[gives])
        lines += statement(step, slip, source, target).split("\n")
        value = target
    if writing.structure == Kind.RETURNED:
        value = exercise.argument
    return _around(exercise, lines, value)


def statement(step: Step, slip: int | None, source: str, target: str) -> str:
    """The line or lines of one step, from the variable `source` to the variable `target`."""
    code = step.primitive.code if slip is None else step.primitive.slips[slip].code
    if "{o}" not in code:
        code = "{o} = " + code
    constant = "" if step.constant is None else step.constant
    for place, text in (("{v}", source), ("{o}", target), ("{c}", constant)):
        code = code.replace(place, str(text))
    return code.replace("{d}", str(misread(constant)))


def misread(constant: Constant) -> Constant:
    """The constant as a careless reader takes it."""
    if isinstance(constant, int):
        return constant + 1
    return (
        chr(ord(constant) + 1) if len(constant) == 1 and constant not in "km" else f"{constant} + 1"
    )


def _around(exercise: Exercise, lines: list[str], value: str) -> str:
    """The statements with what reads the input and gives the result."""
    if exercise.form != Form.STDIN:
        head = exercise.head if exercise.form == Form.ASSERTS else ""
        return head + "".join(f"    {line}\n" for line in [*lines, f"return {value}"])
    read = [f"{exercise.argument} = {READ_LINE[exercise.takes]}"]
    if exercise.parameter:
        read.append(f"{exercise.parameter} = int(input())")
    many = value in (NEW_NAME[Type.LIST], NEW_NAME[Type.WORDS])
    return "\n".join([*read, *lines, f"print({'*' if many else ''}{value})"]) + "\n"
