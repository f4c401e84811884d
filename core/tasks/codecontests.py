"""CodeContests (Li et al. 2022, arXiv 2203.07814) and files in its layout.

A record holds `name, description, public_tests, private_tests, generated_tests, solutions,
time_limit, memory_limit_bytes, difficulty, cf_rating, input_file, output_file`, as `datasets`
writes the public edition line by line. A program passes when it passes all three kinds of tests,
or those that are asked for ("codecontests:public,private"); an input that comes again, in whichever
kind, is left out after its first. The limits are those of the contest, meant for C++.

A problem with `input_file` or `output_file` is read and answered through files, which no program
may open here: it is refused by name, as a task without tests is, rather than left out unsaid.
Problems with several right answers are judged by the published one alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from core.errors import CoreError
from core.tasks.contest import contest_prompt
from core.tasks.jsonl import Record
from core.tasks.spec import CHOICES, TaskSpec
from core.tasks.task import StdioTest, Task

_PYTHON_3 = 3  # among the numbers of the published languages; 1 is Python 2
#: Names of the published difficulties from 0; those after them are A, B, ... of a Codeforces round.
_DIFFICULTIES = (None, "easy", "medium", "hard", "harder", "hardest", "external")


def build(record: Record, spec: TaskSpec) -> Task | None:
    """The task of one record; raises CoreError naming the field that is wrong.

    None for one that has tests, but none of the kinds asked for.
    """
    name, description = record.identifier("name"), record.text("description")
    for field in ("input_file", "output_file"):
        if file := record.optional_text(field):
            raise CoreError(
                f"{record.place}: {name} goes through the file {file!r}, not stdin and stdout, and "
                f"cannot be judged; remove the lines whose {field!r} is not empty."
            )
    tests = _tests(record, spec.choices or CHOICES["codecontests"])
    if not tests and _tests(record, CHOICES["codecontests"]):
        return None
    return Task(
        task_id=f"codecontests/{name}",
        dataset="codecontests",
        description=description,
        prompt=contest_prompt(description, "", call_based=False),
        tests=tests,
        reference=next(iter(solutions(record)), None),
        difficulty=_difficulty(record),
        time_limit_s=_time_limit_s(record),
        memory_limit_mb=math.ceil(_number(record, "memory_limit_bytes") / 2**20) or None,
    )


def _tests(record: Record, kinds: tuple[str, ...]) -> tuple[StdioTest, ...]:
    by_input: dict[str, StdioTest] = {}
    for kind in (f"{kind}_tests" for kind in kinds):
        for given, expected in _pairs(record, kind, "input", "output"):
            if not isinstance(given, str) or not isinstance(expected, str):
                raise record.wrong(kind, "an object whose input and output are lists of texts")
            by_input.setdefault(given, StdioTest(given, (expected,)))
    return tuple(by_input.values())


def solutions(record: Record) -> list[str]:
    """The published solutions in Python 3."""
    pairs = _pairs(record, "solutions", "language", "solution")
    return [str(solution) for language, solution in pairs if language == _PYTHON_3]


def _pairs(record: Record, name: str, first: str, second: str) -> Iterator[tuple[Any, Any]]:
    """What stands side by side in two lists of a field; nothing where the field is missing."""
    value = record.values.get(name)
    if value is None:
        return
    left, right = (value.get(first), value.get(second)) if isinstance(value, dict) else (None, None)
    if not isinstance(left, list) or not isinstance(right, list) or len(left) != len(right):
        raise record.wrong(name, f"an object with the lists {first} and {second} of equal length")
    yield from zip(left, right, strict=True)


def _difficulty(record: Record) -> str | None:
    """The Codeforces rating where there is one, else the published difficulty in a word."""
    rating, code = _number(record, "cf_rating"), _number(record, "difficulty")
    if rating:
        return str(rating)
    if code < len(_DIFFICULTIES):
        return _DIFFICULTIES[code]
    return chr(ord("A") + code - len(_DIFFICULTIES))


def _time_limit_s(record: Record) -> float | None:
    match record.values.get("time_limit"):
        case None:
            return None
        case {"seconds": int(seconds), "nanos": int(nanos)} if seconds >= 0 and nanos >= 0:
            return (seconds + nanos / 1e9) or None
    raise record.wrong("time_limit", "null or an object with seconds and nanos")


def _number(record: Record, name: str) -> int:
    """The whole number in a field; 0, as in the published records, where it says nothing."""
    value = record.values.get(name) or 0
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise record.wrong(name, "a whole number from 0")
    return value
