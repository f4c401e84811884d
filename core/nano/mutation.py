"""Measures how many wrong programs the embedded tests let through: `python -m core.nano.mutation`.

A mutant counts where it differs from the reference on any of 1,000 random inputs that had no part
in choosing the tests; it survives where it passes all tests of the task.
"""

from __future__ import annotations

import argparse
import ast
import random
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

from core.nano.exercise import Arguments, Exercise, Form
from core.nano.families import FAMILIES
from core.nano.inputs import draw_input
from core.nano.mutants import mutants
from core.nano.running import Outcome, Runner, runner, same
from core.nano.splits import SIZES, Split, exercises_of, read_records
from core.nano.writing import right_writing, write
from core.words import percent

INPUTS = 1000


@dataclass(frozen=True, slots=True)
class Mutation:
    """Mutants that differ from the reference, and those of them that pass every test."""

    different: int
    survivors: tuple[str, ...]


def mutate(exercise: Exercise, record: dict[str, Any]) -> Mutation:
    """Runs the mutants of one task against its stored tests."""
    right = write(exercise, right_writing(exercise))
    reference = runner(exercise, right)
    tests = stored_cases(exercise, record)
    if not _passes(reference, tests):
        raise AssertionError(f"The reference of {record['task_id']} fails a test of its own.")
    rng = random.Random(f"mutation {record['task_id']}")
    inputs = [draw_input(exercise, rng) for _ in range(INPUTS)]
    expected = [(arguments, reference(arguments)) for arguments in inputs]
    different, survivors = 0, []
    for text in mutants(exercise, right):
        mutant = runner(exercise, text)
        passes = _passes(mutant, tests)
        if not passes or not _passes(mutant, expected):
            different += 1
        if passes and not _passes(mutant, expected):
            survivors.append(text)
    return Mutation(different, tuple(survivors))


def mutate_all(split: Split, count: int | None = None, processes: int = 2) -> list[Mutation]:
    """The mutation results of the first tasks of an embedded split (None: of all)."""
    records = read_records(split.file)[:count]
    exercises = exercises_of(split, [record["prompt"] for record in records])
    with ProcessPoolExecutor(processes) as pool:
        return list(pool.map(mutate, exercises, records, chunksize=16))


def stored_cases(exercise: Exercise, record: dict[str, Any]) -> list[tuple[Arguments, Outcome]]:
    """The tests of a task as inputs and outcomes of its reference."""
    return [_stored(exercise, test) for test in record["tests"]]


def _stored(exercise: Exercise, test: dict[str, Any]) -> tuple[Arguments, Outcome]:
    if exercise.form == Form.FUNCTIONS:
        return tuple(test["arguments"]), ("value", test["accepted"][0])
    if exercise.form == Form.ASSERTS:
        [statement] = ast.parse(test["assert"]).body
        call, value = statement.test.left, statement.test.comparators[0]
        return tuple(map(ast.literal_eval, call.args)), ("value", ast.literal_eval(value))
    first, *rest = test["stdin"].splitlines()
    numbers = [int(line) for line in rest]
    value = first if exercise.takes == "text" else [int(word) for word in first.split()]
    if exercise.takes == "number":
        value = int(first)
    return (value, *numbers), ("stdout", test["accepted"][0].removesuffix("\n"))


def _passes(program: Runner, cases: Sequence[tuple[Arguments, Outcome]]) -> bool:
    return all(same(program(arguments), outcome) for arguments, outcome in cases)


def main() -> None:
    """Prints the share of survivors of both splits."""
    parser = argparse.ArgumentParser(prog="python -m core.nano.mutation", description=__doc__)
    parser.add_argument("--count", type=int, help="only the first so many tasks of each split")
    count = parser.parse_args().count
    for split in (Split(family, name, 0) for family in FAMILIES.values() for name in SIZES):
        results = mutate_all(split, count)
        different = sum(result.different for result in results)
        survivors = sum(len(result.survivors) for result in results)
        share = survivors / different
        passing = f"{survivors} of {different} wrong mutants pass all tests"
        print(f"{split.family.name}:{split.name}: {passing} ({percent(share, 2)})")


if __name__ == "__main__":
    main()
