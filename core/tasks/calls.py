"""The calls that assertions make: their literal arguments, and assertions of the same kind."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from core.tasks.source import parse
from core.tasks.task import AssertTest, CallTest, Task, Test
from core.tasks.writing import literal


@dataclass(frozen=True, slots=True)
class Call:
    """A call with literal arguments, and how a test of its kind says what it must return.

    `name` is the function as the test calls it, `tolerance` the atol of EvalPlus's `assertion` as
    its source, `before` the statements that come before.
    """

    arguments: tuple[object, ...]
    name: str = ""
    tolerance: str = ""
    before: str = ""

    def test(self, arguments: tuple[object, ...], answer: object) -> Test:
        """A test of this kind on other arguments; raises ValueError for what has no literal.

        Of assertions, a float may differ by 1e-6, absolutely or relatively.
        """
        if not self.name:
            return CallTest(arguments, (answer,))
        call = f"{self.name}({', '.join(map(literal, arguments))})"
        expected = literal(answer)
        if self.tolerance:
            claim = f"assertion({call}, {expected}, {self.tolerance})"
        elif type(answer) is float and abs(answer) != float("inf"):
            claim = f"assert abs({call} - {expected}) <= {1e-6 * max(1.0, abs(answer))!r}"
        else:
            claim = f"assert {call} == {expected}"
        return AssertTest(f"{self.before}{claim}\n")


def call_of(task: Task, test: Test) -> Call | None:
    """The call that a test makes; None where it is no plain one with literal arguments."""
    if isinstance(test, CallTest):
        return Call(test.arguments)
    if not isinstance(test, AssertTest):
        return None
    *before, claim = parse(test.source)
    tolerance = ""
    match claim:
        case ast.Assert(test=ast.Compare(left=ast.Call() as call, ops=[ast.Eq()])):
            pass
        case ast.Assert(test=ast.Call() as call):
            pass
        case ast.Assert(test=ast.UnaryOp(op=ast.Not(), operand=ast.Call() as call)):
            pass
        case ast.Expr(ast.Call(func=ast.Name(id="assertion"), args=[ast.Call() as call, _, atol])):
            tolerance = ast.unparse(atol)
        case _:
            return None
    name = ast.unparse(call.func)
    if name not in ("candidate", task.entry_point) or call.keywords:
        return None
    try:
        arguments = tuple(ast.literal_eval(argument) for argument in call.args)
    except ValueError:
        return None
    return Call(arguments, name, tolerance, "".join(f"{ast.unparse(item)}\n" for item in before))
