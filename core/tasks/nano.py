"""The embedded families of tasks, and files in their layout: a JSON object a line, a Task's fields.

A test is {"stdin": ..., "accepted": [...]}, {"arguments": [...], "accepted": [...]}, {"call": ...,
"accepted": ...} with both as the texts of Python literals (for what JSON does not hold: tuples,
keys that are numbers), or {"assert": source}. Fields a Task does not have (the composition an
embedded task was made from) are for other readers.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.tasks.jsonl import Record, read_records
from core.tasks.source import assert_test
from core.tasks.spec import FORMS, TaskSpec
from core.tasks.task import CallTest, StdioTest, Task, Test

_FOLDER = Path(__file__).parent.parent / "nano" / "tasks"


def read_splits(spec: TaskSpec) -> Iterator[Record]:
    """The records of an embedded family's splits; of "train" where none is named."""
    for split in spec.splits or ("train",):
        yield from read_records(_FOLDER / spec.name / f"{split}.jsonl.gz")


def build(record: Record, spec: TaskSpec) -> Task | None:
    """The task of one record; raises CoreError naming the field that is wrong.

    None for one of another form or difficulty than asked for.
    """
    entry_point = record.optional_text("entry_point")
    tests = record.required("tests")
    if not isinstance(tests, list) or not tests:
        raise record.wrong("tests", "a list of at least one test")
    task = Task(
        task_id=record.text("task_id"),
        dataset=record.text("dataset"),
        description=record.text("description"),
        prompt=record.text("prompt"),
        tests=tuple(_test(record, test, entry_point) for test in tests),
        entry_point=entry_point,
        completes_prompt=bool(record.required("completes_prompt")),
        prelude=record.optional_text("prelude") or "",
        test_helpers=record.optional_text("test_helpers") or "",
        required_names=record.texts("required_names") if "required_names" in record.values else (),
        reference=record.optional_text("reference"),
        difficulty=record.optional_text("difficulty"),
        time_limit_s=record.optional_number("time_limit_s"),
        memory_limit_mb=_whole(record.optional_number("memory_limit_mb")),
    )
    forms = tuple(choice for choice in spec.choices if choice in FORMS)
    levels = tuple(choice for choice in spec.choices if choice not in FORMS)
    asked = (not forms or _form(task) in forms) and (not levels or task.difficulty in levels)
    return task if asked else None


def _form(task: Task) -> str:
    """How the task is set: one of FORMS."""
    if task.entry_point is None:
        return "stdin"
    return "functions" if task.completes_prompt else "asserts"


def _whole(number: float | None) -> int | None:
    return None if number is None else math.ceil(number)


def _test(record: Record, test: Any, entry_point: str | None) -> Test:
    match test:
        case {"arguments": [*arguments], "accepted": [_, *_] as accepted} if entry_point:
            return CallTest(tuple(arguments), tuple(accepted))
        case {"stdin": str(stdin), "accepted": [_, *_] as accepted} if not entry_point and all(
            isinstance(text, str) for text in accepted
        ):
            return StdioTest(stdin, tuple(accepted))
        case {"assert": str(source)}:
            return assert_test(record, "tests", source)
        case {"call": str(arguments), "accepted": str(accepted)} if entry_point:
            return CallTest(_literal(record, arguments), _literal(record, accepted))
    form = "arguments (a list)" if entry_point else "stdin (a text)"
    raise record.wrong("tests", f"a list of objects with {form} and accepted (a list)")


def _literal(record: Record, text: str) -> tuple[object, ...]:
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        value = None
    if not isinstance(value, tuple):
        raise record.wrong("tests", "a list of tests whose calls are tuples of Python literals")
    return value
