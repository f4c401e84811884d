"""Questions about the names in published test code, answered from its syntax tree."""

from __future__ import annotations

import ast
import builtins
import warnings
from collections.abc import Iterable, Sequence

from core.errors import CoreError
from core.tasks.jsonl import Record
from core.tasks.task import AssertTest


def parse(source: str) -> list[ast.stmt]:
    """The top-level statements of a source; SyntaxError is left to the caller.

    What Python cannot parse for another reason (its depth, half a Unicode character) is one, too.
    Published code is full of escapes such as "\\d" in plain strings: Python's warnings about them
    are of no use to who runs it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source).body
    except (RecursionError, MemoryError) as error:
        raise SyntaxError("it is nested too deeply") from error
    except ValueError as error:
        raise SyntaxError(str(error)) from error


def parse_field(record: Record, name: str, source: str) -> list[ast.stmt]:
    """The statements of what the field `name` holds; raises CoreError where it is no Python."""
    try:
        return parse(source)
    except SyntaxError as error:
        raise CoreError(f"{record.place}: {name!r} is not valid Python: {error.msg}.") from error


def assert_test(record: Record, name: str, source: str) -> AssertTest:
    """A test of the field `name`; raises CoreError where it is no Python, or no statement."""
    if not parse_field(record, name, source):
        raise record.wrong(name, "a list of tests none of which is empty")
    return AssertTest(source)


def unparse(statements: Iterable[ast.AST]) -> str:
    """The statements as dedented source, each ended by a newline."""
    return "".join(f"{ast.unparse(statement)}\n" for statement in statements)


def defined_names(statement: ast.stmt) -> set[str]:
    """The names that a top-level statement binds; "*" for a star import."""
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return {statement.name}
        case ast.Import() | ast.ImportFrom():
            return {(alias.asname or alias.name).split(".")[0] for alias in statement.names}
        case _:
            nodes = ast.walk(statement)
            names = (node for node in nodes if isinstance(node, ast.Name))
            return {name.id for name in names if isinstance(name.ctx, ast.Store)}


def used_names(statements: Iterable[ast.stmt]) -> set[str]:
    """The names that statements read."""
    nodes = (node for statement in statements for node in ast.walk(statement))
    names = (node for node in nodes if isinstance(node, ast.Name))
    return {name.id for name in names if isinstance(name.ctx, ast.Load)}


def called_names(statements: Iterable[ast.stmt]) -> list[str]:
    """The names of plainly called functions, in the order of the source."""
    nodes = (node for statement in statements for node in ast.walk(statement))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    functions = [call.func for call in calls if isinstance(call.func, ast.Name)]
    return [function.id for function in functions if isinstance(function, ast.Name)]


def is_builtin(name: str) -> bool:
    """Whether Python itself defines the name."""
    return hasattr(builtins, name)


def needed(definitions: Sequence[ast.stmt], names: set[str]) -> list[ast.stmt]:
    """Those of the definitions that `names` need, directly or through one another, in order."""
    wanted = {"*", *names}
    chosen: set[int] = set()
    while True:
        found = {
            index
            for index, statement in enumerate(definitions)
            if index not in chosen and defined_names(statement) & wanted
        }
        if not found:
            return [definitions[index] for index in sorted(chosen)]
        chosen |= found
        wanted |= used_names(definitions[index] for index in found)
