"""Programs that answer without a look at their input: tests that one of them passes say little."""

from __future__ import annotations

import ast
from textwrap import indent

from core.tasks.source import parse
from core.tasks.task import AssertTest, CallTest, StdioTest, Task

#: Tried where assertions compare with no literal.
_PLAIN: tuple[object, ...] = (None, True, False, 0, 1, "", [])


def constant_programs(task: Task) -> dict[str, str]:
    """The programs of one constant answer each that might pass, by the answer as Python writes it.

    The answer is the accepted one of the first test. Of assertions it is the literal that the entry
    point is compared with: where there are several literals no constant can pass, where there is
    none a few plain values are tried. A program that has to define more than the entry point and
    the task's `required_names` is not written.
    """
    match task.tests:
        case (StdioTest(accepted=(output, *_)), *_):
            return {repr(output): f"print({output!r}, end='')\n"}
        case (CallTest(accepted=(value, *_)), *_) if task.entry_point:
            answers: list[object] = [value]
        case (AssertTest(), *_) if task.entry_point:
            answers = _asserted(task)
        case _:
            return {}
    return {answer: _returning(task, answer) for answer in map(_source, answers) if answer}


def _asserted(task: Task) -> list[object]:
    """The literal that every assertion on it agrees with, or plain values where there is none."""
    found = [
        literal
        for test in task.tests
        if isinstance(test, AssertTest)
        for literal in _compared(test, task.entry_point)
    ]
    if not found:
        return list(_PLAIN)
    return found[:1] if all(literal == found[0] for literal in found) else []


def _compared(test: AssertTest, entry_point: str | None) -> list[object]:
    """The literal of an assertion `entry_point(...) == literal`, if it is one.

    EvalPlus says the same by `assertion(entry_point(...), literal, atol)`.
    """
    match parse(test.source)[-1]:
        case ast.Assert(
            test=ast.Compare(
                left=ast.Call(func=ast.Name(id=name)), ops=[ast.Eq()], comparators=[right]
            )
        ):
            pass
        case ast.Expr(
            ast.Call(
                func=ast.Name(id="assertion"), args=[ast.Call(func=ast.Name(id=name)), right, *_]
            )
        ):
            pass
        case _:
            return []
    try:
        return [ast.literal_eval(right)] if name in ("candidate", entry_point) else []
    except ValueError:
        return []


def _source(answer: object) -> str | None:
    try:
        return repr(answer)
    except ValueError:  # a number of over 4,300 digits
        return None


def _returning(task: Task, answer: str) -> str:
    class_name, _, function = (task.entry_point or "").rpartition(".")
    source = f"def {function}(*_, **__):\n    return {answer}\n"
    if class_name:
        source = f"class {class_name}:\n{indent(source, '    ')}"
    return task.test_helpers + source if task.required_names else source
