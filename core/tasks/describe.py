"""Tests as a reader sees them: what goes in, what must come out."""

from __future__ import annotations

import ast

from core.tasks.source import parse
from core.tasks.task import AssertTest, CallTest, StdioTest, Task, Test


def describe_tests(task: Task) -> tuple[tuple[str, str], ...]:
    """The (input, expected) texts of each test of the task, in the order of its tests.

    Of several accepted outputs the first is shown. An assertion that is no plain comparison, or is
    nested too deeply to be taken apart, is shown whole, with nothing beside it.
    """
    return tuple(_describe(test, task.entry_point or "") for test in task.tests)


def _describe(test: Test, entry_point: str) -> tuple[str, str]:
    match test:
        case StdioTest():
            return test.stdin, test.accepted[0]
        case CallTest():
            arguments = ", ".join(_literal(argument) for argument in test.arguments)
            return f"{entry_point}({arguments})", _literal(test.accepted[0])
        case AssertTest():
            try:
                return _describe_assert(test.source, entry_point)
            except RecursionError:  # a sum of a thousand terms
                return test.source.strip(), ""


def _literal(value: object) -> str:
    try:
        return repr(value)
    except ValueError:  # Python writes no longer ones: their time grows with the square
        return "(a number of over 4,300 digits)"


def _describe_assert(source: str, entry_point: str) -> tuple[str, str]:
    statement = _Renamed(entry_point).visit(parse(source)[-1])
    match statement:
        case ast.Expr(ast.Call(func=ast.Name(id="assertion"), args=[actual, expected, *_])):
            return ast.unparse(actual), ast.unparse(expected)  # EvalPlus's way to say ==
    if not isinstance(statement, ast.Assert):
        return ast.unparse(statement), ""
    claim = statement.test
    if isinstance(claim, ast.Compare) and len(claim.ops) == 1 and isinstance(claim.ops[0], ast.Eq):
        return ast.unparse(claim.left), ast.unparse(claim.comparators[0])
    if isinstance(claim, ast.Call):
        return ast.unparse(claim), "True"
    return ast.unparse(claim), ""


class _Renamed(ast.NodeTransformer):
    """Shows `candidate`, as published tests call the function, under its own name."""

    def __init__(self, entry_point: str) -> None:
        self.entry_point = entry_point

    def visit_Name(self, node: ast.Name) -> ast.Name:
        if node.id == "candidate" and self.entry_point:
            return ast.copy_location(ast.Name(self.entry_point, node.ctx), node)
        return node
