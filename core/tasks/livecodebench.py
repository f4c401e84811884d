"""LiveCodeBench (Jain et al. 2024, arXiv 2403.07974) and files in its layout.

A record of code_generation_lite holds `question_id, question_content, starter_code, difficulty,
public_test_cases, private_test_cases, metadata`. Tests are JSON, a list of objects with `input`,
`output` and `testtype`; the private ones mostly packed (see `pickled`), which nothing here takes
for more than a text. A "functional" test holds an argument a line and the returned value, each as
JSON, for the method `func_name` of the starter code's class. No solutions are published. The
prompt is that of APPS: the paper's own ones are written for chat models.
"""

from __future__ import annotations

from typing import Any

from core.errors import CoreError
from core.tasks.contest import PRELUDE_OF_CLASSES, contest_prompt, read_json
from core.tasks.jsonl import Record
from core.tasks.pickled import unpack_text
from core.tasks.spec import TaskSpec
from core.tasks.task import CallTest, StdioTest, Task, Test


def build(record: Record, spec: TaskSpec) -> Task | None:
    """The task of one record; raises CoreError naming the field that is wrong.

    None for one of another difficulty than asked for.
    """
    difficulty = record.optional_text("difficulty")
    if spec.choices and difficulty not in spec.choices:
        return None
    identifier, question = record.identifier("question_id"), record.text("question_content")
    starter = record.optional_text("starter_code") or ""
    function = _function(record)
    in_class = "class Solution" in starter
    fields = ("public_test_cases", "private_test_cases")
    return Task(
        task_id=f"livecodebench/{identifier}",
        dataset="livecodebench",
        description=question,
        prompt=contest_prompt(question, starter, call_based=function is not None),
        tests=tuple(test for field in fields for test in _tests(record, field, function)),
        entry_point=f"Solution.{function}" if function and in_class else function,
        prelude=PRELUDE_OF_CLASSES if in_class else "",
        difficulty=difficulty,
    )


def _function(record: Record) -> str | None:
    """The function that functional tests call; None where tests go through stdin and stdout."""
    text = record.optional_text("metadata")
    match read_json(record, "metadata", text) if text else {}:
        case {"func_name": str(name)} if name:
            return name
        case {"func_name": _}:
            raise record.wrong("metadata", "JSON whose func_name is a name")
        case {}:
            return None
    raise record.wrong("metadata", "a JSON object")


def _tests(record: Record, field: str, function: str | None) -> list[Test]:
    text = record.optional_text(field) or "[]"
    if not text.lstrip().startswith("["):  # base64 has no brackets
        try:
            text = unpack_text(text)
        except ValueError as error:
            raise CoreError(f"{record.place}: {field!r} cannot be unpacked: {error}.") from error
    cases = read_json(record, field, text)
    if not isinstance(cases, list):
        raise record.wrong(field, "a JSON list of tests")
    return [_test(record, field, case, function) for case in cases]


def _test(record: Record, field: str, case: Any, function: str | None) -> Test:
    match case:
        case {"input": str(given), "output": str(expected), "testtype": "functional"} if function:
            arguments = [read_json(record, field, line) for line in given.split("\n") if line]
            return CallTest(tuple(arguments), (read_json(record, field, expected),))
        case {"input": str(given), "output": str(expected), "testtype": "stdin"} if not function:
            return StdioTest(given, (expected,))
    form = "functional, as its metadata names a function" if function else "stdin"
    raise record.wrong(field, f"a list of tests with input, output and the testtype {form}")
