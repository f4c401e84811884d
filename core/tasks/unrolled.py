"""Test code that asserts in a loop over lists, written out: the loop's body for each round.

`for i, (inp, exp) in enumerate(zip(inputs, results))`, with or without `enumerate` and `zip`, over
lists that stand in the source. Their items are cut out of the source, not written anew: some are
megabytes long.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from core.tasks.source import unparse, used_names


def unroll(body: Sequence[ast.stmt], source: str) -> list[str] | None:
    """The loop's body for each round, after the statements before it that are no such lists.

    `body` was parsed from `source`. None where it does not end with its one loop, of this form.
    """
    loop = body[-1] if body else None
    if not isinstance(loop, ast.For) or not all(isinstance(item, ast.Assign) for item in body[:-1]):
        return None
    run_over = {node.id for node in ast.walk(loop.iter) if isinstance(node, ast.Name)}
    lists: dict[str, ast.List] = {}
    before: list[ast.stmt] = []
    for statement in body[:-1]:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.List() as value) if (
                name in run_over
            ):
                lists[name] = value
            case _:
                before.append(statement)
    rounds = _rounds(loop, lists)
    if rounds is None or not used_names([*before, *loop.body]).isdisjoint(lists):
        return None
    template = _Template(before, loop, source)
    return [template.fill(values) for values in rounds]


def _rounds(loop: ast.For, lists: dict[str, ast.List]) -> list[dict[str, ast.expr]] | None:
    """What each of the loop's names stands for, a round each; None where that cannot be told."""
    match loop.target, loop.iter:
        case (
            ast.Tuple(elts=[ast.Name(id=index), target]),
            ast.Call(func=ast.Name(id="enumerate"), args=[over], keywords=[]),
        ):
            pass
        case target, over:
            index = ""
    match target, over:
        case ast.Tuple(elts=targets), ast.Call(func=ast.Name(id="zip"), args=overs, keywords=[]):
            pass
        case _:
            targets, overs = [target], [over]
    names = [item.id for item in targets if isinstance(item, ast.Name)]
    columns = [
        lists[item.id].elts for item in overs if isinstance(item, ast.Name) and item.id in lists
    ]
    if not len(names) == len(targets) == len(columns) == len(overs):
        return None
    rounds = [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=False)]
    if index:
        rounds = [{**values, index: ast.Constant(i)} for i, values in enumerate(rounds)]
    return rounds


class _Template:
    """A loop's body in which the values of a round, cut out of the source, are put."""

    def __init__(self, before: Sequence[ast.stmt], loop: ast.For, source: str) -> None:
        self._lines = [line.encode() for line in source.split("\n")]
        names = [node.id for node in ast.walk(loop.target) if isinstance(node, ast.Name)]
        marked = _Marked(names)
        body = [marked.visit(statement) for statement in loop.body]
        self._pieces = re.split(r"(\*?)__round_(\w+?)__", unparse(before) + unparse(body))

    def fill(self, values: dict[str, ast.expr]) -> str:
        """The body with the values in place of the names; `f(*[a, b])` is written `f(a, b)`."""
        return "".join(self._filled(values))

    def _filled(self, values: dict[str, ast.expr]) -> Iterator[str]:
        for place, piece in enumerate(self._pieces):
            if place % 3 == 0:
                yield piece
            elif place % 3 == 2:
                star, value = self._pieces[place - 1], values[piece]
                text = self._cut(value)
                bare = star and isinstance(value, ast.List) and value.elts
                yield text[1:-1].strip(" ,\n") if bare else f"{star}{text}"

    def _cut(self, node: ast.expr) -> str:
        if not hasattr(node, "lineno"):
            return ast.unparse(node)
        assert node.end_lineno is not None and node.end_col_offset is not None
        first, last = node.lineno - 1, node.end_lineno - 1
        if first == last:
            return self._lines[first][node.col_offset : node.end_col_offset].decode()
        middle = self._lines[first + 1 : last]
        lines = [self._lines[first][node.col_offset :], *middle]
        return b"\n".join([*lines, self._lines[last][: node.end_col_offset]]).decode()


class _Marked(ast.NodeTransformer):
    """Marks where the loop's names are read."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(f"__round_{node.id}__", node.ctx) if node.id in self._names else node
