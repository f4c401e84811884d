"""An exercise: a composition with its constants, names and wording, and the prompt it gives."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from core.nano.family import Constant, Primitive, Signature, Type, signature

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


ASKED = ("Write a function that does this:", "Write a Python function for this:")


Value = int | str | list[int]
Arguments = tuple[Value, ...]


class Form(StrEnum):
    """How a task is set, each after the model of a public dataset.

    A function to complete under its docstring (HumanEval), a program from stdin to stdout (APPS),
    or a whole function asked for in words, with one assertion as the example (MBPP).
    """

    FUNCTIONS = "functions"
    STDIN = "stdin"
    ASSERTS = "asserts"


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
class Example:
    """One call and what it returns."""

    arguments: Arguments
    expected: object


@dataclass(frozen=True, slots=True)
class Exercise:
    """A composition made concrete. `parameter` names the second input, if there is one.

    `example` is there where the form shows one.
    """

    steps: tuple[Step, ...]
    form: Form
    style: Style
    function: str
    argument: str
    opening: int
    parameter: str | None = None
    example: Example | None = None

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
        words = joined([step.words for step in self.steps], self.style)
        if self.form == Form.FUNCTIONS:
            return words
        if self.form == Form.ASSERTS:
            second = f" The second argument is {self.parameter}." if self.parameter else ""
            return f"{ASKED[self.opening]} {words}{second}"
        opening = READ[self.takes][self.opening]
        if self.parameter:
            opening += f" The next line is {self.parameter}."
        return f"{opening} {words} Print the result."

    @property
    def wording(self) -> str:
        """The description with a mark in the place of every constant."""
        marked = tuple(replace(step, constant=step.constant and "#") for step in self.steps)
        return replace(self, steps=marked, parameter=self.parameter and "#").description

    @property
    def head(self) -> str:
        """The first line of the function."""
        names = self.argument + (f", {self.parameter}" if self.parameter else "")
        return f"def {self.function}({names}):\n"

    @property
    def prompt(self) -> str:
        """What the model continues: a function's head with its docstring, or a docstring alone."""
        if self.form == Form.STDIN:
            return f'"""{self.description}"""\n'
        if self.example:
            shown = self.assertion(self.example.arguments, self.example.expected)
            return f'"""\n{self.description}\n{shown}\n"""\n'
        return f'{self.head}    """{self.description}"""\n'

    def assertion(self, arguments: Arguments, expected: object) -> str:
        """The statement that a call returns what is expected."""
        return f"assert {self.function}({', '.join(map(repr, arguments))}) == {expected!r}"


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


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."
