"""What an exercise of the embedded families is made of: primitives, joined into compositions.

A primitive is one step that can be said in several ways and written in one right and several wrong
ones. A composition is a sequence of primitives whose types fit. A family is a set of primitives
with the lengths its compositions may have; another family is another such record.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum

Constant = int | str
Signature = tuple[str, ...]


class Type(StrEnum):
    """The type of a value that passes from one step to the next."""

    LIST = "list"  # of int
    NUMBER = "number"
    TEXT = "text"
    WORDS = "words"  # list of str


class Kind(StrEnum):
    """How a program can be systematically wrong."""

    OFF_BY_ONE = "off by one"
    OPERATOR = "wrong operator"
    COMPARISON = "wrong comparison"
    OPERANDS = "operands swapped"
    INITIAL_VALUE = "wrong initial value"
    CONSTANT = "misread constant"
    DIRECTION = "wrong direction"
    FUNCTION = "wrong function"
    VARIABLE = "wrong variable"
    OMISSION = "part left out"
    WRONG_END = "wrong end"
    MISSING_STEP = "missing step"
    STEP_ORDER = "wrong order of steps"
    RETURNED = "wrong variable returned"


@dataclass(frozen=True, slots=True)
class Slip:
    """One wrong way to write a primitive."""

    kind: Kind
    code: str


@dataclass(frozen=True, slots=True)
class Primitive:
    """One step: what it takes and gives, its wordings, its code and the slips that happen in it.

    Code is an expression over `{v}` (the value so far), or statements that set `{o}`. `{c}` stands
    for the constant in wordings and code, `{d}` for the constant misread. A step that counts up to
    its value comes `first` only, where the input bounds it. `weight` says how often it is drawn.
    """

    name: str
    takes: Type
    gives: Type
    phrases: tuple[str, ...]
    code: str
    slips: tuple[Slip, ...]
    constants: tuple[Constant, ...] = ()
    first: bool = False
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Family:
    """Primitives, and how often a composition has so many steps.

    Where `graded` holds, tests are chosen that give a program with one slip a part of the passes.
    """

    name: str
    primitives: tuple[Primitive, ...]
    lengths: tuple[tuple[int, float], ...]
    graded: bool = False

    def draw(self, rng: random.Random) -> tuple[Primitive, ...]:
        """A random composition: types fit, no step is repeated, at most one has a constant."""
        lengths, weights = zip(*self.lengths, strict=True)
        length = rng.choices(lengths, weights)[0]
        while True:
            steps: list[Primitive] = []
            takes = rng.choices((Type.LIST, Type.TEXT, Type.NUMBER), (5, 4, 3))[0]
            while len(steps) < length:
                fitting = [
                    step
                    for step in self.primitives
                    if step.takes == takes and _may_follow(step, steps)
                ]
                if not fitting:
                    break
                steps.append(rng.choices(fitting, [step.weight for step in fitting])[0])
                takes = steps[-1].gives
            else:
                return tuple(steps)


def _may_follow(step: Primitive, steps: list[Primitive]) -> bool:
    """Whether a step of the fitting type may come next."""
    if step in steps or (step.first and steps):
        return False
    return not (step.constants and any(earlier.constants for earlier in steps))


def primitive(
    name: str,
    types: tuple[Type, Type],
    phrases: tuple[str, ...],
    code: str,
    slips: dict[Kind, str],
    constants: tuple[Constant, ...] = (),
    first: bool = False,
    weight: float = 1.0,
) -> Primitive:
    """A primitive; one with a constant can always be written with the constant misread."""
    written = [Slip(kind, wrong) for kind, wrong in slips.items()]
    if constants:
        written.append(Slip(Kind.CONSTANT, code.replace("{c}", "{d}")))
    return Primitive(
        name, types[0], types[1], phrases, code, tuple(written), constants, first, weight
    )


def signature(steps: tuple[Primitive, ...]) -> Signature:
    """The composition without its constants and wording: what is held out."""
    return tuple(step.name for step in steps)
