"""Draws exercises: compositions with constants, names, wording and, if it has one, an example."""

from __future__ import annotations

import random
from dataclasses import replace

from core.nano.exercise import (
    ARGUMENT_NAMES,
    FUNCTION_NAMES,
    PARAMETER_NAMES,
    Example,
    Exercise,
    Form,
    Step,
    Style,
)
from core.nano.family import Family, Primitive
from core.nano.inputs import draw_input
from core.nano.running import runner
from core.nano.writing import right_writing, write

#: Of so many inputs the example is the one whose assertion is nearest to that many characters.
EXAMPLES, TYPICAL = 8, 36
#: A longer assertion is not shown.
LONGEST = 56


def draw_exercise(family: Family, rng: random.Random) -> Exercise:
    """A random exercise of a family."""
    return clothe(family.draw(rng), rng)


def clothe(steps: tuple[Primitive, ...], rng: random.Random) -> Exercise:
    """A composition with random constants, names and wording."""
    form = rng.choice(tuple(Form))
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
        argument=rng.choice(argument) if form == Form.FUNCTIONS else argument[0],
        opening=rng.randrange(2),
    )
    numeric = [i for i, step in enumerate(worded) if isinstance(step.constant, int)]
    if numeric and rng.random() < 0.25:
        exercise = _with_parameter(exercise, rng.choice(numeric), rng.choice(PARAMETER_NAMES))
    return _with_example(exercise, rng) if form == Form.ASSERTS else exercise


def _with_parameter(exercise: Exercise, at: int, name: str) -> Exercise:
    """The exercise with the constant of one step taken from a second input."""
    steps = list(exercise.steps)
    steps[at] = replace(steps[at], constant=name)
    return replace(exercise, steps=tuple(steps), parameter=name)


def _with_example(exercise: Exercise, rng: random.Random) -> Exercise:
    """The exercise with its example; as one to complete where all that were drawn are too long."""
    reference = runner(exercise, write(exercise, right_writing(exercise)))
    shown = []
    for _ in range(EXAMPLES):
        arguments = draw_input(exercise, rng)
        kind, value = reference(arguments)
        if kind == "value":
            shown.append(Example(arguments, value))

    def length(example: Example) -> int:
        return len(exercise.assertion(example.arguments, example.expected))

    shown = [example for example in shown if length(example) <= LONGEST]
    if not shown:
        return replace(exercise, form=Form.FUNCTIONS)
    return replace(exercise, example=min(shown, key=lambda one: abs(length(one) - TYPICAL)))
