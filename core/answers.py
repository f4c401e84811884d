"""What a reference solution answers to new inputs of a task, and the tests that become of it.

Answers come back as what a program prints, which the executor gives back where it is short. A
function is therefore asked by a program that reads the arguments as a literal from stdin, calls it,
and prints the value as a literal.
"""

from __future__ import annotations

import ast
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from core.tasks import StdioTest, Task, Test
from core.tasks.calls import Call, call_of
from core.tasks.mutation import ArgumentMutator, Arguments, StdinMutator
from core.tasks.writing import literal

#: Inputs of more characters are not changed: their tests would be as long.
LONGEST_INPUT = 4_000

UNREADABLE = "an answer too long, or of a kind, that cannot be read back"
NOTHING = "no answer"

#: Asks for one call. What the solution prints by itself must not mix with the answer, and its own
#: names must not reach ours.
_DRIVER = """

def __answer__():
    import ast, io, sys
    arguments = ast.literal_eval(sys.stdin.read())
    out, sys.stdout = sys.stdout, io.StringIO()
    value = {function}(*arguments)
    sys.stdout = out
    print(repr(value), end='')


__answer__()
"""


class Answers(ABC):
    """New inputs of one task, and how they are put to a solution."""

    def __init__(self, task: Task) -> None:
        self.task = task

    @abstractmethod
    def inputs(self, rng: random.Random, most: int) -> list[Any]:
        """Up to `most` different inputs that no test of the task has."""

    @abstractmethod
    def question(self, solution: str, inputs: Sequence[Any]) -> tuple[Task, str]:
        """A task and a program whose output on its tests are the answers to the inputs."""

    @abstractmethod
    def test(self, given: Any, answer: str) -> Test | str:
        """The test of an input and what was printed; or why there is none, in a few words."""


def answers_of(task: Task) -> Answers | None:
    """How to get more tests for a task; None where it has no test that could be changed."""
    texts = [test.stdin for test in task.tests if isinstance(test, StdioTest)]
    texts = [text for text in texts if 0 < len(text) <= LONGEST_INPUT]
    if texts:
        return _Printed(task, texts)
    calls = [call for test in task.tests if (call := call_of(task, test)) is not None]
    calls = [call for call in calls if call.arguments and _is_short(call.arguments)]
    return _Called(task, calls) if calls and task.entry_point else None


class _Printed(Answers):
    """A task whose programs read stdin."""

    def __init__(self, task: Task, texts: list[str]) -> None:
        super().__init__(task)
        self._mutator = StdinMutator(texts)

    def inputs(self, rng: random.Random, most: int) -> list[str]:
        known = {test.stdin for test in self.task.tests if isinstance(test, StdioTest)}
        return _new(lambda: self._mutator.mutate(rng), str, known, most)

    def question(self, solution: str, inputs: Sequence[str]) -> tuple[Task, str]:
        tests = tuple(StdioTest(text, ("",)) for text in inputs)
        return replace(self.task, tests=tests), solution

    def test(self, given: str, answer: str) -> Test | str:
        if not answer.strip():
            return NOTHING
        if answer.endswith("…") or "\N{REPLACEMENT CHARACTER}" in answer:
            return UNREADABLE
        return StdioTest(given, (answer,))


class _Called(Answers):
    """A task whose programs define a function."""

    def __init__(self, task: Task, calls: list[Call]) -> None:
        super().__init__(task)
        self._calls = calls
        self._mutator = ArgumentMutator([call.arguments for call in calls])

    def inputs(self, rng: random.Random, most: int) -> list[Arguments]:
        known = {_key(call.arguments) for call in self._calls}
        return _new(lambda: self._mutator.mutate(rng), _key, known, most)

    def question(self, solution: str, inputs: Sequence[Arguments]) -> tuple[Task, str]:
        class_name, dot, method = (self.task.entry_point or "").partition(".")
        function = f"{class_name}().{method}" if dot else class_name
        tests = tuple(StdioTest(literal(arguments), ("",)) for arguments in inputs)
        return replace(self.task, tests=tests), solution + _DRIVER.format(function=function)

    def test(self, given: Arguments, answer: str) -> Test | str:
        try:
            return self._calls[0].test(given, ast.literal_eval(answer))
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return UNREADABLE


def _new(
    draw: Callable[[], Any], key: Callable[[Any], str], known: set[str], most: int
) -> list[Any]:
    """Up to `most` draws whose keys are not known; gives up where new ones hardly come."""
    found: dict[str, Any] = {}
    for _ in range(10 * most):
        value = draw()
        name = key(value)
        if name and name not in known:
            found.setdefault(name, value)
        if len(found) == most:
            break
    return list(found.values())


def _key(arguments: Arguments) -> str:
    """The arguments as a literal; "" for what has none."""
    try:
        return literal(arguments)
    except ValueError:
        return ""


def _is_short(arguments: Arguments) -> bool:
    return 0 < len(_key(arguments)) <= LONGEST_INPUT
