"""Mutants of a program: every small change a careless author might have made.

Those of the syntax tree (operators, comparisons, constants, borders, functions, names, statements
left out or exchanged), and those the exercise's own slips give.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator

from core.nano.exercise import Exercise, Form
from core.nano.family import Kind
from core.nano.writing import Writing, right_writing, write

OPERATORS: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub, ast.Mult),
    ast.Sub: (ast.Add, ast.Mult),
    ast.Mult: (ast.Add, ast.Sub, ast.FloorDiv),
    ast.FloorDiv: (ast.Mod, ast.Mult, ast.Sub),
    ast.Mod: (ast.FloorDiv, ast.Mult, ast.Sub),
}
COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt, ast.GtE, ast.NotEq),
    ast.LtE: (ast.Lt, ast.Gt, ast.GtE, ast.NotEq),
    ast.Gt: (ast.GtE, ast.Lt, ast.LtE, ast.NotEq),
    ast.GtE: (ast.Gt, ast.Lt, ast.LtE, ast.NotEq),
    ast.Eq: (ast.NotEq, ast.LtE, ast.GtE),
    ast.NotEq: (ast.Eq, ast.Lt, ast.Gt),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
FUNCTIONS = {
    "max": ("min",),
    "min": ("max",),
    "sum": ("len", "max"),
    "len": ("sum", "max"),
    "sorted": ("list",),
    "abs": ("int",),
    "set": ("list",),
    "upper": ("lower", "title", "swapcase", "capitalize"),
    "lower": ("upper", "swapcase", "capitalize"),
    "swapcase": ("upper", "lower"),
    "capitalize": ("upper", "lower", "title"),
    "isalpha": ("isalnum", "isdigit"),
    "isdigit": ("isalpha", "isalnum"),
    "isupper": ("islower", "isalpha"),
    "find": ("rfind", "count"),
    "count": ("find",),
    "zfill": ("rjust", "ljust"),
}
STATEMENTS = (ast.Assign, ast.AugAssign, ast.For, ast.If)


def mutants(exercise: Exercise, completion: str) -> list[str]:
    """Distinct completions that differ from the right one in one place."""
    stdin = exercise.form == Form.STDIN
    lines = completion.removeprefix(exercise.head)
    head = completion.removesuffix(lines)
    tree = ast.parse(lines if stdin else exercise.head + lines)
    body = tree.body if stdin else tree.body[0].body  # type: ignore[attr-defined]
    texts = dict.fromkeys(slipped(exercise))
    for statements in _changed_bodies(body):
        text = "\n".join(ast.unparse(ast.fix_missing_locations(s)) for s in statements) + "\n"
        texts[text if stdin else head + _indented(text)] = None
    texts.pop(completion, None)
    return list(texts)


def slipped(exercise: Exercise) -> Iterator[str]:
    """The program with each of its slips, one at a time."""
    right = right_writing(exercise)
    for at, step in enumerate(exercise.steps):
        for slip in range(len(step.primitive.slips)):
            yield write(exercise, Writing((*right.slips[:at], slip, *right.slips[at + 1 :])))
    yield write(exercise, Writing(right.slips, Kind.RETURNED))
    for at, step in enumerate(exercise.steps):
        if step.primitive.takes == step.primitive.gives:
            yield write(exercise, Writing(right.slips, Kind.MISSING_STEP, at))
    for at in range(len(exercise.steps) - 1):
        if not exercise.steps[at + 1].primitive.first:
            yield write(exercise, Writing(right.slips, Kind.STEP_ORDER, at))


def _changed_bodies(body: list[ast.stmt]) -> Iterator[list[ast.stmt]]:
    for at, statement in enumerate(body):
        if isinstance(statement, STATEMENTS) and at:
            yield body[:at] + body[at + 1 :]
        if isinstance(statement, STATEMENTS) and isinstance(body[at + 1], STATEMENTS) and at:
            yield [*body[:at], body[at + 1], statement, *body[at + 2 :]]
        count = sum(1 for _ in ast.walk(statement))
        for node in range(count):
            original = _node(statement, node)
            for change in _changes(original):
                changed = copy.deepcopy(statement)
                replacement = change(_node(changed, node))
                yield [*body[:at], _replaced(changed, node, replacement), *body[at + 1 :]]


def _node(tree: ast.AST, number: int) -> ast.AST:
    for at, node in enumerate(ast.walk(tree)):
        if at == number:
            return node
    raise IndexError(number)


def _replaced(statement: ast.stmt, number: int, replacement: ast.AST) -> ast.stmt:
    """The statement with its node of that number (in the order of ast.walk) replaced."""
    target = _node(statement, number)
    if target is statement:
        assert isinstance(replacement, ast.stmt)
        return replacement
    for parent in ast.walk(statement):
        for name, field in ast.iter_fields(parent):
            if field is target:
                setattr(parent, name, replacement)
            elif isinstance(field, list):
                field[:] = [replacement if item is target else item for item in field]
    return statement


Change = Callable[[ast.AST], ast.AST]


def _changes(node: ast.AST) -> Iterator[Change]:
    """Functions that turn (a copy of) the node into a wrong one."""
    if isinstance(node, ast.BinOp | ast.AugAssign):
        for operator in OPERATORS.get(type(node.op), ()):
            yield _setter("op", operator())
        if isinstance(node, ast.BinOp):
            yield lambda n: ast.BinOp(n.right, n.op, n.left)  # type: ignore[attr-defined]
            yield lambda n: n.left  # type: ignore[attr-defined]
            yield lambda n: n.right  # type: ignore[attr-defined]
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        for comparison in COMPARISONS[type(node.ops[0])]:
            yield _setter("ops", [comparison()])
    elif isinstance(node, ast.Compare):
        yield _setter("ops", [ast.Lt(), *node.ops[1:]])
        yield _setter("ops", [*node.ops[:-1], ast.Lt()])
    elif isinstance(node, ast.UnaryOp):
        yield lambda n: n.operand  # type: ignore[attr-defined]
    elif isinstance(node, ast.IfExp):
        yield lambda n: ast.IfExp(n.test, n.orelse, n.body)  # type: ignore[attr-defined]
        yield lambda n: n.body  # type: ignore[attr-defined]
        yield lambda n: n.orelse  # type: ignore[attr-defined]
    elif isinstance(node, ast.Constant):
        yield from _constant_changes(node.value)
    elif isinstance(node, ast.Call):
        yield from _call_changes(node)
    elif isinstance(node, ast.Slice):
        yield from _slice_changes(node)
    elif isinstance(node, ast.Subscript):
        yield lambda n: n.value  # type: ignore[attr-defined]
    elif isinstance(node, ast.comprehension) and node.ifs:
        yield _setter("ifs", [])
    elif isinstance(node, ast.If):
        yield _setter("test", ast.UnaryOp(ast.Not(), node.test))


def _constant_changes(value: object) -> Iterator[Change]:
    if isinstance(value, bool):
        yield lambda _: ast.Constant(not value)
    elif isinstance(value, int):
        yield lambda _: ast.Constant(value + 1)
        yield lambda _: ast.Constant(value - 1)
    elif isinstance(value, str):
        yield lambda _: ast.Constant(value[1:])
        yield lambda _: ast.Constant(value + "x")


def _call_changes(node: ast.Call) -> Iterator[Change]:
    function = node.func
    if isinstance(function, ast.Name):
        for name in FUNCTIONS.get(function.id, ()):
            yield _setter("func", ast.Name(name))
    elif isinstance(function, ast.Attribute):
        for name in FUNCTIONS.get(function.attr, ()):
            yield _setter("func", ast.Attribute(function.value, name))
        yield lambda n: n.func.value  # type: ignore[attr-defined]
    if node.keywords and ast.unparse(node.keywords[0]) != "default=0":
        yield _setter("keywords", node.keywords[1:])
    if len(node.args) == 1 and not isinstance(node.args[0], ast.GeneratorExp | ast.Starred):
        yield lambda n: n.args[0]  # type: ignore[attr-defined]


def _slice_changes(node: ast.Slice) -> Iterator[Change]:
    one = ast.Constant(1)
    lower, upper = node.lower, node.upper
    yield _setter("lower", ast.BinOp(lower, ast.Add(), one) if lower else one)
    yield _setter("upper", ast.BinOp(upper, ast.Sub(), one) if upper else ast.Constant(-1))
    if node.step:
        yield _setter("step", None)
    if lower and upper is None:
        yield lambda _: ast.Slice(None, lower, node.step)
    if upper and lower is None:
        yield lambda _: ast.Slice(upper, None, node.step)


def _setter(name: str, value: object) -> Change:
    def change(node: ast.AST) -> ast.AST:
        setattr(node, name, copy.deepcopy(value))
        return node

    return change


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())
