"""The test code of EvalPlus (Liu et al. 2023, arXiv 2305.01210), each input as a test of its own.

Its `test` fields hold lists `inputs` and `results`, helpers (`assertion(out, exp, atol)`, which
allows 1e-6 where a float is expected and `atol` is 0), and a loop that asserts one input after the
other; for HumanEval+ within `check(candidate)`, for MBPP+ at the top level. The loop is unrolled:
its body is written out for each input. A loop of another form stays whole, as the one test. A
program that never ends takes its time limit once for each of hundreds of tests, unless
executor.skip_after_timeout is set.

Three things are mended, each as EvalPlus's own judge has them: the exported `assertion` of some
tasks compares and then asserts nothing; the one of HumanEval/32 unpacks the number that the program
returns, so that nothing could pass; and numpy, which testers run without, is stood in for by the
few names that these tests use of it, with the difference that shapes must be equal.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass

from core.tasks.jsonl import Record
from core.tasks.source import parse, parse_field, unparse
from core.tasks.task import AssertTest
from core.tasks.unrolled import unroll

#: Python reads no longer decimal numbers.
_LONG_NUMBER = re.compile(r"\d{4301,}")

_NUMPY = """class {name}:
    inf, nan = float('inf'), float('nan')
    float32 = float64 = float

    class ndarray:
        pass

    class testing:
        @staticmethod
        def assert_allclose(actual, desired, rtol=1e-07, atol=0):
            assert {name}.allclose(actual, desired, rtol, atol)

    @staticmethod
    def allclose(actual, desired, rtol=1e-05, atol=1e-08):
        def flat(value):
            if isinstance(value, (list, tuple)):
                shapes, parts = [], []
                for item in value:
                    shape, numbers = flat(item)
                    shapes.append(shape)
                    parts += numbers
                if any(shape != shapes[0] for shape in shapes):
                    raise ValueError('lists of unequal length')
                return (len(value), *(shapes[0] if shapes else ())), parts
            if isinstance(value, (int, float, complex)):
                return (), [value]
            raise TypeError('not a number: ' + type(value).__name__)

        (shape, left), (wanted, right) = flat(actual), flat(desired)
        return shape == wanted and all(
            a == b or (abs(b) != float('inf') and abs(a - b) <= atol + rtol * abs(b))
            for a, b in zip(left, right)
        )
"""
_STOOD_IN = frozenset({"inf", "nan", "float32", "float64", "ndarray", "testing", "allclose"})


@dataclass(frozen=True, slots=True)
class TestCode:
    """What `test` comes to: helpers as statements, and the tests that may call them."""

    helpers: list[ast.stmt]
    tests: tuple[AssertTest, ...]

    __test__ = False  # not a pytest class


def read_tests(record: Record) -> TestCode:
    """The test code of one record; raises CoreError where it is no Python, or tests nothing."""
    source = _with_short_numbers(record.text("test"))
    module = parse_field(record, "test", source)
    check = next((item for item in module if _is_check(item)), None)
    kinds = (*_DEFINITIONS, ast.Assign) if check else _DEFINITIONS
    helpers = [item for item in module if isinstance(item, kinds) and item is not check]
    if isinstance(check, ast.FunctionDef):
        body = check.body
    else:
        body = [item for item in module if item not in helpers]
    return TestCode(_mended(helpers), _tests(body, source))


_DEFINITIONS = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


def _is_check(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.FunctionDef) and statement.name == "check"


def _with_short_numbers(source: str) -> str:
    """The source with its longest numbers written so that Python reads them."""
    if not _LONG_NUMBER.search(source):
        return source
    lines = source.split("\n")
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    for token in reversed(tokens):
        if token.type == tokenize.NUMBER and _LONG_NUMBER.fullmatch(token.string):
            row, begin, end = token.start[0] - 1, token.start[1], token.end[1]
            number = f"int('{_hexadecimal(token.string)}', 16)"
            lines[row] = lines[row][:begin] + number + lines[row][end:]
    return "\n".join(lines)


def _hexadecimal(digits: str) -> str:
    number = 0
    for begin in range(0, len(digits), 4_000):
        piece = digits[begin : begin + 4_000]
        number = number * 10 ** len(piece) + int(piece)
    return hex(number)


def _mended(helpers: Sequence[ast.stmt]) -> list[ast.stmt]:
    mended: list[ast.stmt] = []
    for helper in helpers:
        match helper:
            case ast.Import(names=[ast.alias(name="numpy") as alias]) if _stands_in(alias, helpers):
                mended += parse(_NUMPY.format(name=alias.asname or "numpy"))
            case ast.FunctionDef(name="assertion") if _asserts_nothing(helper):
                mended += parse(f"{ast.unparse(helper)}\n    assert exact_match")
            case _:
                mended.append(helper)
    return mended


def _stands_in(alias: ast.alias, helpers: Sequence[ast.stmt]) -> bool:
    """Whether all that is used of numpy is there to stand in for it."""
    name = alias.asname or alias.name
    return all(
        node.attr in _STOOD_IN
        for helper in helpers
        for node in ast.walk(helper)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == name
    )


def _asserts_nothing(function: ast.FunctionDef) -> bool:
    nodes = list(ast.walk(function))
    asserts = any(isinstance(node, ast.Assert) for node in nodes)
    return not asserts and "assert_allclose(" not in ast.unparse(function)


def _tests(body: Sequence[ast.stmt], source: str) -> tuple[AssertTest, ...]:
    mend = _FindZero()
    body = [mend.visit(item) if isinstance(item, ast.For) else item for item in body]
    rounds = unroll(body, source)
    if rounds is not None:
        return tuple(map(AssertTest, rounds))
    tests_something = any(isinstance(item, ast.For | ast.Assert | ast.Expr) for item in body)
    return (AssertTest(unparse(body)),) if tests_something else ()


class _FindZero(ast.NodeTransformer):
    """`_poly(*candidate(*inp), inp)` of HumanEval/32 as `abs(_poly(*inp, candidate(*inp)))`."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        match node:
            case ast.Call(
                func=ast.Name(id="_poly"),
                args=[ast.Starred(value=ast.Call() as called), ast.Name(id=name)],
            ):
                mended = ast.parse(f"abs(_poly(*{name}, {ast.unparse(called)}))", mode="eval")
                return mended.body
        return self.generic_visit(node)
