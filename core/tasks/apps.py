"""APPS (Hendrycks et al. 2021, arXiv 2105.09938) and files in its layout.

A record holds `problem_id, question, input_output, difficulty, starter_code, solutions`;
`input_output` is JSON: `inputs` and `outputs` of equal length, and for call-based tasks `fn_name`.
Outputs of call-based tasks come wrapped in a one-element list. As in the published judge, a
returned value counts as right when it equals the wrapped value or the list itself, and dictionary
keys that are whole numbers, which JSON turns into texts, become numbers again.

Both published splits count their problems from 0. The ids of the training split, where it is asked
for by name ("apps:train", "apps:train:PATH"), are therefore "apps/train/0", "apps/train/1", ...
"""

from __future__ import annotations

import json
from typing import Any

from core.tasks.contest import PRELUDE_OF_CLASSES, contest_prompt, read_json
from core.tasks.jsonl import Record
from core.tasks.spec import TaskSpec
from core.tasks.task import CallTest, StdioTest, Task, Test


def build(record: Record, spec: TaskSpec) -> Task | None:
    """The task of one record; raises CoreError naming the field that is wrong.

    None for one of another difficulty than asked for.
    """
    difficulty = record.optional_text("difficulty")
    if spec.choices and difficulty not in spec.choices:
        return None
    identifier = record.identifier("problem_id", "task_id", "id")
    if spec.splits == ("train",):
        identifier = f"train/{identifier}"
    question = record.text("question")
    starter = record.optional_text("starter_code") or ""
    cases = _cases(record)
    function = cases.get("fn_name")
    in_class = "class Solution" in starter
    return Task(
        task_id=f"apps/{identifier}",
        dataset="apps",
        description=question,
        prompt=contest_prompt(question, starter, call_based=function is not None),
        tests=_tests(record, cases),
        entry_point=f"Solution.{function}" if function and in_class else function,
        prelude=PRELUDE_OF_CLASSES if in_class else "",
        reference=next(iter(solutions(record)), None),
        difficulty=difficulty,
    )


def _cases(record: Record) -> dict[str, Any]:
    value = record.required("input_output")
    if isinstance(value, str):
        value = read_json(record, "input_output", value) if value else {}
    if not isinstance(value, dict):
        raise record.wrong("input_output", "a JSON object with inputs and outputs")
    return value


def _tests(record: Record, cases: dict[str, Any]) -> tuple[Test, ...]:
    inputs, outputs = cases.get("inputs", []), cases.get("outputs", [])
    if not isinstance(inputs, list) or not isinstance(outputs, list) or len(inputs) != len(outputs):
        raise record.wrong("input_output", "JSON with as many inputs as outputs")
    if cases.get("fn_name") is None:
        return tuple(
            StdioTest(_joined(given), (_joined(expected),))
            for given, expected in zip(inputs, outputs, strict=True)
        )
    if not all(isinstance(given, list) for given in inputs):
        raise record.wrong("input_output", "JSON with a list of arguments for each call")
    return tuple(
        CallTest(tuple(_revived(argument) for argument in given), _accepted(expected))
        for given, expected in zip(inputs, outputs, strict=True)
    )


def _accepted(expected: object) -> tuple[object, ...]:
    if isinstance(expected, list) and len(expected) == 1:
        return (_revived(expected[0]), [_revived(expected[0])])
    return (_revived(expected),)


def _revived(value: object) -> object:
    """A dictionary with the whole-number keys it had before JSON; anything else as it is."""
    if not isinstance(value, dict):
        return value
    try:
        return {int(key): item for key, item in value.items()}
    except ValueError:
        return value


def _joined(text: object) -> str:
    """Standard input or output, which some records hold as a list of lines."""
    return "\n".join(str(line) for line in text) if isinstance(text, list) else str(text)


def solutions(record: Record) -> list[str]:
    """The published solutions, a JSON list or empty."""
    value = record.values.get("solutions")
    try:
        found = json.loads(value) if isinstance(value, str) and value else value
    except ValueError as error:
        raise record.wrong("solutions", "a JSON list of programs") from error
    return [str(solution) for solution in found] if isinstance(found, list) else []
