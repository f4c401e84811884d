"""Tasks as the lines of a file that `nano:PATH` reads back: whatever dataset they came from."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from core.files import writing, written_beside
from core.tasks.task import AssertTest, CallTest, StdioTest, Task, Test

#: Python writes no longer whole numbers in decimal digits.
_LONGEST_DECIMAL = 10**4_300


def task_line(task: Task) -> str:
    """The task as one line of JSON; fields that hold their default are left out."""
    record: dict[str, Any] = {
        field.name: value
        for field in fields(Task)
        if field.name != "tests" and (value := getattr(task, field.name)) != field.default
    }
    record["completes_prompt"] = task.completes_prompt
    record["tests"] = [_test(test) for test in task.tests]
    return json.dumps(record, ensure_ascii=False) + "\n"


def write_tasks(tasks: Iterable[Task], path: Path) -> None:
    """Writes a line a task, compressed where the name ends in ".gz"; all of them or none.

    Raises CoreError where the file cannot be written.
    """
    with written_beside(path) as beside, writing(path):
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(beside, "wt", encoding="utf-8") as file:
            for task in tasks:
                file.write(task_line(task))


def _test(test: Test) -> Mapping[str, Any]:
    match test:
        case StdioTest():
            return {"stdin": test.stdin, "accepted": test.accepted}
        case AssertTest():
            return {"assert": test.source}
        case CallTest():
            plain = {"arguments": list(test.arguments), "accepted": list(test.accepted)}
            if _survives_json(plain):
                return plain
            return {"call": literal(test.arguments), "accepted": literal(test.accepted)}


def _survives_json(value: object) -> bool:
    """Whether JSON gives it back as it is: not so tuples, sets, and keys that are no texts."""
    match value:
        case dict():
            return all(isinstance(key, str) for key in value) and all(
                map(_survives_json, value.values())
            )
        case list():
            return all(map(_survives_json, value))
        case int():
            return abs(value) < _LONGEST_DECIMAL
    return value is None or isinstance(value, str | float)


def literal(value: object) -> str:
    """A value as a Python literal that `ast.literal_eval` reads; infinities as 1e999.

    Raises ValueError for what has no literal: a NaN, an empty frozenset, an object.
    """
    match value:
        case bool() | None | str() | bytes():
            return repr(value)
        case int():
            return repr(value) if abs(value) < _LONGEST_DECIMAL else hex(value)
        case float():
            if value != value:
                raise ValueError("a NaN has no literal")
            return repr(value).replace("inf", "1e999")
        case list():
            return f"[{', '.join(map(literal, value))}]"
        case tuple():
            return f"({', '.join(map(literal, value))}{',' if len(value) == 1 else ''})"
        case dict():
            pairs = (f"{literal(key)}: {literal(item)}" for key, item in value.items())
            return f"{{{', '.join(pairs)}}}"
        case set():
            items = sorted(map(literal, value))
            return f"{{{', '.join(items)}}}" if items else "set()"
    raise ValueError(f"{type(value).__name__} has no literal")
