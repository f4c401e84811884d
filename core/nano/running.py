"""Runs programs this package wrote itself, in this process and without a guard.

Only for references and their mutants, which hold no loop without an end; what a model writes goes
to the executor.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType

from core.nano.exercise import Arguments, Exercise, Form
from core.nano.inputs import stdin_of

Outcome = tuple[str, object]  # ("value", returned), ("stdout", text) or ("raised", type's name)
Runner = Callable[[Arguments], Outcome]

#: A mutant may ask for a text or list this package would never ask for.
SIZE_LIMIT = 100_000


def runner(exercise: Exercise, completion: str) -> Runner:
    """A callable that runs the completed program on one input."""
    if exercise.form == Form.STDIN:
        return _stdio_runner(exercise, compile(completion, "<program>", "exec"))
    scope: dict[str, object] = {}
    head = exercise.prompt if exercise.form == Form.FUNCTIONS else ""
    exec(compile(head + completion, "<program>", "exec"), scope)
    function = scope[exercise.function]
    assert callable(function)

    def call(arguments: Arguments) -> Outcome:
        fresh = [list(value) if isinstance(value, list) else value for value in arguments]
        return _guarded(lambda: ("value", function(*fresh)))

    return call


def _stdio_runner(exercise: Exercise, code: CodeType) -> Runner:
    def run(arguments: Arguments) -> Outcome:
        lines = iter(stdin_of(exercise, arguments).splitlines())
        printed: list[str] = []

        def show(*values: object) -> None:
            printed.append(" ".join(map(str, values)))

        scope = {"input": lambda: next(lines), "print": show}

        def whole() -> Outcome:
            exec(code, scope)
            return "stdout", "\n".join(line.rstrip() for line in "\n".join(printed).split("\n"))

        return _guarded(whole)

    return run


def _guarded(action: Callable[[], Outcome]) -> Outcome:
    """The outcome, or the exception's name: whatever a mutant raises is its result."""
    try:
        return action()
    except (ArithmeticError, AttributeError, LookupError, NameError, StopIteration) as error:
        return "raised", type(error).__name__
    except (TypeError, ValueError) as error:
        return "raised", type(error).__name__


def same(one: Outcome, other: Outcome) -> bool:
    """Whether two outcomes are equal, True and 1 counted as different."""
    return one == other and type(one[1]) is type(other[1])
