"""HumanEval (Chen et al. 2021, arXiv 2107.03374) and files in its layout.

A record holds `task_id, prompt, entry_point, canonical_solution, test`; `test` is a module whose
`check(candidate)` asserts one thing after the other. Each top-level assertion of `check` becomes
a test of its own, run after the statements before it; a loop (or with, or if) around assertions
counts as one. The published judge runs all of `check` in one process, so a program that carries
state from one assertion to the next may be judged differently here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from core.errors import CoreError
from core.tasks.jsonl import Record
from core.tasks.source import (
    called_names,
    defined_names,
    needed,
    parse,
    parse_field,
    unparse,
    used_names,
)
from core.tasks.spec import TaskSpec
from core.tasks.task import AssertTest, Task

#: Put before every program by the published judges.
PRELUDE = "from typing import *\n"


def build(record: Record, spec: TaskSpec) -> Task:
    """The task of one record; raises CoreError naming the field that is wrong."""
    check, around = _check(record)
    return assemble(record, spec, around, [*around, check], _tests(check, around))


def assemble(
    record: Record,
    spec: TaskSpec,
    around: list[ast.stmt],
    testing: list[ast.stmt],
    tests: tuple[AssertTest, ...],
) -> Task:
    """The task of a record whose tests were read.

    `around` is what stands beside `check` in the test code, `testing` all of it that may call
    functions of the prompt.
    """
    identifier = record.identifier("task_id")
    prompt, entry_point = record.text("prompt"), record.text("entry_point")
    solution = record.optional_text("canonical_solution")
    prompt_body = _prompt_statements(prompt, solution or "    pass\n")
    others = [item for item in prompt_body if entry_point not in defined_names(item)]
    imports = [item for item in others if isinstance(item, ast.Import | ast.ImportFrom)]
    helpers = [item for item in others if item not in imports]
    called = needed(helpers, used_names(testing))
    return Task(
        task_id=f"{spec.name}/{identifier}",
        dataset=spec.name,
        description=_docstring(prompt_body, entry_point) or prompt,
        prompt=prompt,
        tests=tests,
        entry_point=entry_point,
        completes_prompt=True,
        prelude=PRELUDE,
        test_helpers=unparse([*imports, *called, *around]),
        required_names=tuple(sorted(name for item in called for name in defined_names(item))),
        reference=None if solution is None else prompt + solution,
    )


def _prompt_statements(prompt: str, solution: str) -> list[ast.stmt]:
    for ending in (solution, "    pass\n", "\n    pass\n"):
        try:
            return parse(prompt + ending)
        except SyntaxError:
            continue
    return []


def _check(record: Record) -> tuple[ast.FunctionDef, list[ast.stmt]]:
    """The function `check` of the test module, and what else stands in it."""
    module = parse_field(record, "test", record.text("test"))
    around = [statement for statement in module if "METADATA" not in defined_names(statement)]
    for statement in around:
        if isinstance(statement, ast.FunctionDef) and statement.name == "check":
            return statement, [other for other in around if other is not statement]
    raise CoreError(f"{record.place}: 'test' must define check(candidate).")


def _tests(check: ast.FunctionDef, around: list[ast.stmt]) -> tuple[AssertTest, ...]:
    asserting = _asserting_functions([*around, *check.body])
    before: list[ast.stmt] = []
    tests: list[AssertTest] = []
    name = check.args.args[0].arg if check.args.args else "candidate"
    alias = "" if name == "candidate" else f"{name} = candidate\n"
    for statement in check.body:
        if _asserts(statement, asserting):
            tests.append(AssertTest(alias + unparse([*before, statement])))
        elif not isinstance(statement, ast.Pass):
            before.append(statement)
    return tuple(tests)


def _asserting_functions(statements: Iterable[ast.stmt]) -> set[str]:
    """Functions of the test code that assert something when they are called."""
    functions = [item for item in statements if isinstance(item, ast.FunctionDef)]
    return {function.name for function in functions if _holds_assert(function)}


def _asserts(statement: ast.stmt, asserting: set[str]) -> bool:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return False
    return _holds_assert(statement) or not asserting.isdisjoint(called_names([statement]))


def _holds_assert(statement: ast.stmt) -> bool:
    return any(isinstance(node, ast.Assert) for node in ast.walk(statement))


def _docstring(statements: list[ast.stmt], entry_point: str) -> str | None:
    for statement in statements:
        if isinstance(statement, ast.FunctionDef) and statement.name == entry_point:
            return ast.get_docstring(statement)
    return None
