"""Any JSONL, parquet or hub dataset, by the fields that the configuration names for it.

A section [tasks.custom.NAME] says where the records lie and which of their fields hold what (see
`CustomTasksConfig`); NAME then stands where a dataset's name stands, and NAME:PATH takes another
file in the same layout. Tests are in one of three forms:

- "asserts": a list of assertions, or Python source of which each top-level statement is a test;
- "stdio": inputs and outputs as texts;
- "calls": arguments, a list for each call, and results; where both are texts, as JSON.

Of "stdio" and "calls", `tests` names a list of objects, or an object of two lists, in which
`inputs` and `outputs` are the names within; with no `tests` these are two fields of the record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from core.config import CustomTasksConfig
from core.errors import CoreError
from core.exchange.reading import read_rows
from core.tasks import hub
from core.tasks.contest import PRELUDE_OF_CLASSES, read_json
from core.tasks.jsonl import Record
from core.tasks.source import assert_test, parse_field, unparse
from core.tasks.spec import TaskSpec
from core.tasks.task import AssertTest, CallTest, StdioTest, Task, Test


def records(spec: TaskSpec, mapping: CustomTasksConfig) -> Iterator[Record]:
    """The records of the file that the notation or else the configuration names, or of the hub."""
    path = spec.path or mapping.path
    if mapping.split and not spec.path:
        configuration = mapping.configuration or None
        edition = hub.Edition(path, mapping.split, configuration, large=True)
        return hub.fetch(spec.name, edition)
    file = Path(path).expanduser()
    if not file.exists():
        raise CoreError(
            f"tasks.custom.{spec.name}: there is no file {path}; for a dataset on the hub, "
            "give its split as well."
        )
    return read_rows(file)


def builder(mapping: CustomTasksConfig) -> Callable[[Record, TaskSpec], Task]:
    """What makes a task of a record by the fields of `mapping`.

    It raises CoreError naming the file, the row and the field that is wrong.
    """
    return lambda record, spec: _build(record, spec.name, mapping)


def _build(record: Record, name: str, mapping: CustomTasksConfig) -> Task:
    starter = _text(record, mapping.starter)
    entry_point = _text(record, mapping.entry_point) or None
    description = _text(record, mapping.description or mapping.prompt)
    prompt = (
        record.text(mapping.prompt) if mapping.prompt else f'"""\n{description}\n"""\n{starter}'
    )
    in_class = "class Solution" in starter and entry_point is not None
    if mapping.form == "calls" and entry_point is None:
        raise CoreError(f"{record.place}: tests that are calls need an entry point to call.")
    reference = _text(record, mapping.reference)
    completes = mapping.completes_prompt
    return Task(
        task_id=f"{name}/{record.identifier(mapping.id)}",
        dataset=name,
        description=description,
        prompt=prompt,
        tests=tuple(_FORMS[mapping.form](record, mapping)),
        entry_point=f"Solution.{entry_point}" if in_class else entry_point,
        completes_prompt=completes,
        prelude=PRELUDE_OF_CLASSES if in_class else "",
        test_helpers=_helpers(record, mapping.setup),
        reference=(prompt + reference if completes else reference) if reference else None,
        difficulty=_text(record, mapping.difficulty) or None,
        time_limit_s=mapping.time_limit_s or None,
    )


def _text(record: Record, field: str) -> str:
    """The text in a field, "" where none is named or it is null; numbers are written out."""
    value = record.required(field) if field else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return (record.optional_text(field) or "") if field else ""


def _helpers(record: Record, field: str) -> str:
    value = record.required(field) if field else ""
    source = "\n".join(record.texts(field)) if isinstance(value, list) else _text(record, field)
    parse_field(record, field, source)
    return f"{source}\n" if source else ""


def _asserts(record: Record, mapping: CustomTasksConfig) -> Iterable[Test]:
    field = mapping.tests
    if isinstance(record.required(field), str):
        statements = parse_field(record, field, record.text(field))
        return [AssertTest(unparse([statement])) for statement in statements]
    return [assert_test(record, field, f"{text.strip()}\n") for text in record.texts(field)]


def _stdio(record: Record, mapping: CustomTasksConfig) -> Iterator[Test]:
    for given, expected in _pairs(record, mapping):
        if not isinstance(given, str) or not isinstance(expected, str):
            raise _wrong(record, mapping, "texts that go in and come out")
        yield StdioTest(given, (expected,))


def _calls(record: Record, mapping: CustomTasksConfig) -> Iterator[Test]:
    for given, expected in _pairs(record, mapping):
        if isinstance(given, str) and isinstance(expected, str):
            field = mapping.tests or mapping.inputs
            given, expected = read_json(record, field, given), read_json(record, field, expected)
        if not isinstance(given, list):
            raise _wrong(record, mapping, "a list of arguments for each call")
        yield CallTest(tuple(given), (expected,))


_FORMS: dict[str, Callable[[Record, CustomTasksConfig], Iterable[Test]]] = {
    "asserts": _asserts,
    "stdio": _stdio,
    "calls": _calls,
}


def _pairs(record: Record, mapping: CustomTasksConfig) -> Iterator[tuple[Any, Any]]:
    """What goes in and what comes out, test by test."""
    first, second = mapping.inputs, mapping.outputs
    holder: Any = record.values
    if mapping.tests:
        holder = _value(record, mapping.tests, record.required(mapping.tests))
    else:
        record.required(first)
        record.required(second)
    if isinstance(holder, list) and all(isinstance(case, dict) for case in holder):
        holder = {name: [case.get(name) for case in holder] for name in (first, second)}
    if isinstance(holder, dict):
        left, right = (_value(record, name, holder.get(name)) for name in (first, second))
        if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
            yield from zip(left, right, strict=True)
            return
    raise _wrong(record, mapping, f"{first} and {second}, as many of one as of the other")


def _value(record: Record, field: str, value: Any) -> Any:
    """The value of a field, which some records hold as a JSON text."""
    return read_json(record, field, value) if isinstance(value, str) else value


def _wrong(record: Record, mapping: CustomTasksConfig, expected: str) -> CoreError:
    return record.wrong(mapping.tests or mapping.inputs, expected)
