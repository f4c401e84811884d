"""Small tasks for tests of the executor."""

from __future__ import annotations

from typing import Any

from core.executor import Executor
from core.tasks import AssertTest, CallTest, StdioTest, Task, Test, Verdict


def task(*tests: Test, **settings: Any) -> Task:
    """A task made of these tests."""
    return Task("test/task", "test", "", "", tests, **settings)


def stdio(stdin: str, *accepted: str, **settings: Any) -> Task:
    """A task with one stdin/stdout test."""
    return task(StdioTest(stdin, accepted), **settings)


def call(*arguments: object, returns: object, entry_point: str = "f", **settings: Any) -> Task:
    """A task with one call and one accepted value."""
    return task(CallTest(arguments, (returns,)), entry_point=entry_point, **settings)


def asserts(*sources: str, entry_point: str | None = "f", **settings: Any) -> Task:
    """A task with one test for each source."""
    tests = tuple(AssertTest(source) for source in sources)
    return task(*tests, entry_point=entry_point, **settings)


def judge(executor: Executor, task: Task, program: str) -> Verdict:
    """The verdict on one program."""
    ((_, verdict),) = executor.run([(task, program)])
    return verdict
