"""An exercise: a composition with its constants, names and wording, and the prompt it gives."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from enum import StrEnum

from core.nano.family import Constant, Family, Primitive, Signature, Type, signature

FUNCTION_NAMES = (
    "solve", "compute", "transform", "process", "convert", "apply", "build", "change", "derive",
    "evaluate", "handle", "make", "prepare", "produce", "run", "shape", "task", "work",
)  # fmt: skip
ARGUMENT_NAMES = {
    Type.LIST: ("nums", "values", "numbers", "items"),
    Type.TEXT: ("text", "s", "line", "phrase"),
    Type.NUMBER: ("n", "number", "value"),
}
PARAMETER_NAMES = ("k", "m", "limit")
READ = {
    Type.LIST: ("Read a line of integers.", "The input is one line of integers."),
    Type.TEXT: ("Read a line of text.", "The input is one line of text."),
    Type.NUMBER: ("Read an integer.", "The input is one integer."),
}


class Form(StrEnum):
    """How the program takes its input: as a function's arguments, or from stdin."""

    CALL = "call"
    STDIO = "stdio"


class Style(StrEnum):
    """How the steps are joined into a description."""

    THEN = "then"
    SENTENCES = "sentences"
    FIRST = "first"
    COUNTED = "counted"


@dataclass(frozen=True, slots=True)
class Step:
    """A primitive as one exercise words it; `constant` is a name where the input brings it."""

    primitive: Primitive
    phrase: int
    constant: Constant | None

    @property
    def words(self) -> str:
        """The instruction, without capital and full stop."""
        return self.primitive.phrases[self.phrase].replace("{c}", str(self.constant))


@dataclass(frozen=True, slots=True)
class Exercise:
    """A composition made concrete. `parameter` names the second input, if there is one."""

    steps: tuple[Step, ...]
    form: Form
    style: Style
    function: str
    argument: str
    opening: int
    parameter: str | None = None

    @property
    def takes(self) -> Type:
        """The type of the first input."""
        return self.steps[0].primitive.takes

    @property
    def signature(self) -> Signature:
        """The composition alone: what is held out."""
        return signature(tuple(step.primitive for step in self.steps))

    @property
    def description(self) -> str:
        """What the program shall do, in words."""
        words = [step.words for step in self.steps]
        if self.form == Form.CALL:
            return joined(words, self.style)
        opening = READ[self.takes][self.opening]
        if self.parameter:
            opening += f" The next line is {self.parameter}."
        return f"{opening} {joined(words, self.style)} Print the result."

    @property
    def wording(self) -> str:
        """The description with a mark in the place of every constant."""
        marked = tuple(replace(step, constant=step.constant and "#") for step in self.steps)
        return replace(self, steps=marked, parameter=self.parameter and "#").description

    @property
    def prompt(self) -> str:
        """What the model continues: a function's head with its docstring, or a docstring alone."""
        if self.form == Form.STDIO:
            return f'"""{self.description}"""\n'
        names = self.argument + (f", {self.parameter}" if self.parameter else "")
        return f'def {self.function}({names}):\n    """{self.description}"""\n'


def joined(words: list[str], style: Style) -> str:
    """The instructions as sentences in one of the styles."""
    if len(words) == 1:
        return _sentence(words[0])
    if style == Style.THEN:
        return _sentence(", then ".join(words))
    if style == Style.FIRST:
        return _sentence("first " + "; next ".join(words))
    if style == Style.COUNTED:
        return " ".join(f"{number}) {word}" for number, word in enumerate(words, 1)) + "."
    return " ".join(_sentence(word) for word in words)


def draw_exercise(family: Family, rng: random.Random) -> Exercise:
    """A random exercise of a family."""
    return clothe(family.draw(rng), rng)


def clothe(steps: tuple[Primitive, ...], rng: random.Random) -> Exercise:
    """A composition with random constants, names and wording."""
    form = rng.choices((Form.CALL, Form.STDIO), (2, 1))[0]
    worded = tuple(
        Step(p, rng.randrange(len(p.phrases)), rng.choice(p.constants) if p.constants else None)
        for p in steps
    )
    argument = ARGUMENT_NAMES[steps[0].takes]
    exercise = Exercise(
        steps=worded,
        form=form,
        style=rng.choice(tuple(Style)),
        function=rng.choice(FUNCTION_NAMES),
        argument=rng.choice(argument) if form == Form.CALL else argument[0],
        opening=rng.randrange(2),
    )
    numeric = [i for i, step in enumerate(worded) if isinstance(step.constant, int)]
    if numeric and rng.random() < 0.25:
        return _with_parameter(exercise, rng.choice(numeric), rng.choice(PARAMETER_NAMES))
    return exercise


def _with_parameter(exercise: Exercise, at: int, name: str) -> Exercise:
    """The exercise with the constant of one step taken from a second input."""
    steps = list(exercise.steps)
    steps[at] = replace(steps[at], constant=name)
    return replace(exercise, steps=tuple(steps), parameter=name)


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."
