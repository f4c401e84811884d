"""Chooses the tests of an exercise so that its reference passes them and its mutants do not.

Every mutant that differs from the reference on one of 1,000 random inputs is sought out, and
inputs are added until each such mutant fails, twice where that is possible. A graded suite has them
fail once, and beside those tests some that a program with a slip passes: it gets a part of them.
No answer is that of all tests, else a program that looks at no input would pass.
"""

from __future__ import annotations

import functools
import operator
import random
from collections import Counter
from dataclasses import dataclass

from core.nano.exercise import Arguments, Exercise
from core.nano.family import Kind
from core.nano.inputs import draw_input
from core.nano.mutants import mutants
from core.nano.running import Outcome, Runner, runner, same
from core.nano.writing import Writing, right_writing, write

TESTS = 8
MOST_TESTS = 12
#: Tests with one answer, where others would do as well.
MOST_ALIKE = 4
FIRST_INPUTS = 120
ALL_INPUTS = 1000


@dataclass(frozen=True, slots=True)
class Case:
    """One input with the outcome of the reference."""

    arguments: Arguments
    expected: Outcome


def choose_cases(
    exercise: Exercise, rng: random.Random, graded: bool = False
) -> tuple[Case, ...] | None:
    """The test cases of an exercise, its example the first; None where it is a poor one.

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
    choice = _Choice(cases, killed, exercise.example is not None)
    if graded:
        choice.cover(MOST_TESTS, times=1)
        choice.reward(sum(len(step.primitive.slips) for step in exercise.steps))
    else:
        choice.cover(MOST_TESTS, times=2)
    return choice.result()


def _distinct_cases(
    exercise: Exercise, reference: Runner, rng: random.Random, count: int
) -> list[Case]:
    inputs: dict[str, Arguments] = {}
    if exercise.example:
        arguments = exercise.example.arguments
        inputs[repr(arguments)] = arguments
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


class _Choice:
    """The cases chosen so far, of those there are; `killed` are the mutants that each kills."""

    def __init__(self, cases: list[Case], killed: list[int], shown: bool) -> None:
        self._cases, self._killed = cases, killed
        self._every = functools.reduce(operator.or_, killed)
        self._once = self._twice = 0  # mutants killed so often
        self._chosen: list[int] = []
        self._answers: Counter[str] = Counter()
        if shown:
            self._take(0)

    def cover(self, most: int, times: int) -> None:
        """Greedily the cases that kill most mutants not yet killed so many times (once or twice).

        For twice at least TESTS of them.
        """
        while len(self._chosen) < min(most, len(self._cases)):
            best = max(self._rest(), key=self._gain)
            gain = self._gain(best)[0]
            enough = len(self._chosen) >= TESTS or times == 1
            if enough and (not gain or (self._once == self._every and (gain < 2 or times == 1))):
                break
            self._take(best)

    def reward(self, slips: int) -> None:
        """Up to TESTS, by turns a case on which few of the first mutants fail, and any."""
        mask = (1 << slips) - 1
        while len(self._chosen) < min(TESTS, len(self._cases)):
            rest = self._rest()
            easiest = min(rest, key=lambda n: ((self._killed[n] & mask).bit_count(), n))
            self._take(easiest if len(self._chosen) % 2 else rest[0])

    def result(self) -> tuple[Case, ...]:
        """What was chosen, in the order of the cases."""
        return tuple(self._cases[number] for number in sorted(self._chosen))

    def _take(self, number: int) -> None:
        self._chosen.append(number)
        self._answers[self._answer(number)] += 1
        self._twice |= self._killed[number] & self._once
        self._once |= self._killed[number]

    def _rest(self) -> list[int]:
        """The cases to choose from: without a too common answer, where nothing is lost by it."""
        rest = [number for number in range(len(self._cases)) if number not in self._chosen]
        rare = [number for number in rest if self._answers[self._answer(number)] < MOST_ALIKE]
        lost = self._new(rest) & ~self._new(rare)
        return rest if lost or not rare else rare

    def _new(self, numbers: list[int]) -> int:
        """The mutants that these cases are the first to kill."""
        return functools.reduce(operator.or_, (self._killed[n] for n in numbers), 0) & ~self._once

    def _gain(self, number: int) -> tuple[int, int, int]:
        kills = self._killed[number]
        new = 4 * (kills & ~self._once).bit_count() + (kills & ~self._twice).bit_count()
        return new, kills.bit_count(), -len(repr(self._cases[number]))

    def _answer(self, number: int) -> str:
        return repr(self._cases[number].expected)
