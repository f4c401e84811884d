"""The embedded tasks, and files in their layout: one JSON object a line with the fields of a Task.

A test is {"stdin": ..., "accepted": [...]} or {"arguments": [...], "accepted": [...]}. Fields a
Task does not have (the composition an embedded task was made from) are for other readers.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.errors import CoreError
from core.tasks.jsonl import Record, read_records
from core.tasks.task import CallTest, StdioTest, Task, Test

SPLITS = ("train", "held-out")

_FOLDER = Path(__file__).parent.parent / "nano" / "tasks"


def read_split(name: str) -> Iterator[Record]:
    """The records of "train" (also "") or "held-out", or of a file in the same layout.

    Raises CoreError for a name that is neither, and for a broken line.
    """
    embedded = (name or "train") in SPLITS
    path = _FOLDER / f"{name or 'train'}.jsonl.gz" if embedded else Path(name).expanduser()
    if not embedded and not path.exists():
        raise CoreError(f"nano:{name} is neither nano:train nor nano:held-out, nor a file's path.")
    return read_records(path)


def build(record: Record) -> Task:
    """The task of one record; raises CoreError naming the field that is wrong."""
    entry_point = record.optional_text("entry_point")
    tests = record.required("tests")
    if not isinstance(tests, list) or not tests:
        raise record.wrong("tests", "a list of at least one test")
    return Task(
        task_id=record.text("task_id"),
        dataset=record.text("dataset"),
        description=record.text("description"),
        prompt=record.text("prompt"),
        tests=tuple(_test(record, test, entry_point) for test in tests),
        entry_point=entry_point,
        completes_prompt=bool(record.required("completes_prompt")),
        reference=record.optional_text("reference"),
        difficulty=record.optional_text("difficulty"),
    )


def _test(record: Record, test: Any, entry_point: str | None) -> Test:
    match test:
        case {"arguments": [*arguments], "accepted": [_, *_] as accepted} if entry_point:
            return CallTest(tuple(arguments), tuple(accepted))
        case {"stdin": str(stdin), "accepted": [_, *_] as accepted} if not entry_point and all(
            isinstance(text, str) for text in accepted
        ):
            return StdioTest(stdin, tuple(accepted))
    form = "arguments (a list)" if entry_point else "stdin (a text)"
    raise record.wrong("tests", f"a list of objects with {form} and accepted (a list)")
