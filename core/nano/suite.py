"""Chooses the tests of an exercise so that its reference passes them and its mutants do not.

Every mutant that differs from the reference on one of 1,000 random inputs is sought out, and
inputs are added until each such mutant fails, twice where that is possible.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

from core.nano.exercise import Exercise
from core.nano.family import Kind
from core.nano.inputs import Value, draw_input
from core.nano.mutants import mutants
from core.nano.running import Outcome, Runner, runner, same
from core.nano.writing import Writing, right_writing, write

Arguments = tuple[Value, ...]

TESTS = 8
MOST_TESTS = 12
FIRST_INPUTS = 120
ALL_INPUTS = 1000


@dataclass(frozen=True, slots=True)
class Case:
    """One input with the outcome of the reference."""

    arguments: Arguments
    expected: Outcome


def choose_cases(exercise: Exercise, rng: random.Random) -> tuple[Case, ...] | None:
    """The test cases of an exercise; None where it is a poor one.

    Poor means that most inputs give one answer, that the reference raises or grows out of bounds,
    or that a step could be left out unnoticed.
    """
    completion = write(exercise, right_writing(exercise))
    reference = runner(exercise, completion)
    cases = _distinct_cases(exercise, reference, rng, FIRST_INPUTS)
    if not _worthwhile(cases) or not _every_step_counts(exercise, cases):
        return None
    wrong = [runner(exercise, text) for text in mutants(exercise, completion)]
    killed = [_killed_by(case, wrong) for case in cases]
    cases, killed = _hunt(exercise, reference, wrong, cases, killed, rng)
    return _cover(cases, killed)


def _distinct_cases(
    exercise: Exercise, reference: Runner, rng: random.Random, count: int
) -> list[Case]:
    inputs: dict[str, Arguments] = {}
    for _ in range(count):
        arguments = draw_input(exercise, rng)
        inputs.setdefault(repr(arguments), arguments)
    return [Case(arguments, reference(arguments)) for arguments in inputs.values()]


def _worthwhile(cases: list[Case]) -> bool:
    if any(case.expected[0] == "raised" or len(repr(case.expected)) > 400 for case in cases):
        return False
    answers = Counter(repr(case.expected) for case in cases)
    return answers.most_common(1)[0][1] <= 0.4 * len(cases)


def _every_step_counts(exercise: Exercise, cases: list[Case]) -> bool:
    """Whether one input in ten notices any step that is left out (where its types allow that)."""
    for at, step in enumerate(exercise.steps):
        if step.primitive.takes == step.primitive.gives:
            slips = right_writing(exercise).slips
            shorter = runner(exercise, write(exercise, Writing(slips, Kind.MISSING_STEP, at)))
            noticed = sum(not same(shorter(case.arguments), case.expected) for case in cases)
            if 10 * noticed < len(cases):
                return False
    return True


def _killed_by(case: Case, wrong: list[Runner]) -> int:
    """The mutants that fail on the case, as the bits of an integer."""
    return sum(
        1 << number
        for number, mutant in enumerate(wrong)
        if not same(mutant(case.arguments), case.expected)
    )


def _hunt(
    exercise: Exercise,
    reference: Runner,
    wrong: list[Runner],
    cases: list[Case],
    killed: list[int],
    rng: random.Random,
) -> tuple[list[Case], list[int]]:
    """Adds cases for mutants that only a rare input tells from the reference."""
    alive = {number for number in range(len(wrong)) if not any(k >> number & 1 for k in killed)}
    for case in _distinct_cases(exercise, reference, rng, ALL_INPUTS if alive else 0):
        found = {n for n in alive if not same(wrong[n](case.arguments), case.expected)}
        if found and case.expected[0] != "raised":
            alive -= found
            cases = [*cases, case]
            killed = [*killed, _killed_by(case, wrong)]
    return cases, killed


def _cover(cases: list[Case], killed: list[int]) -> tuple[Case, ...]:
    """Greedily the cases that kill most mutants not yet killed twice, at least TESTS of them."""
    once, twice = 0, 0
    chosen: list[int] = []
    every = 0
    for bits in killed:
        every |= bits
    while len(chosen) < min(MOST_TESTS, len(cases)):
        rest = [number for number in range(len(cases)) if number not in chosen]
        gain = {
            number: (
                4 * (killed[number] & ~once).bit_count() + (killed[number] & ~twice).bit_count(),
                killed[number].bit_count(),
                -len(repr(cases[number])),
            )
            for number in rest
        }
        best = max(rest, key=gain.__getitem__)
        if len(chosen) >= TESTS and not gain[best][0]:
            break
        if len(chosen) >= TESTS and once == every and gain[best][0] < 2:
            break
        chosen.append(best)
        twice |= killed[best] & once
        once |= killed[best]
    return tuple(cases[number] for number in sorted(chosen))
