"""A coding task and its tests, whichever dataset they come from.

Tests are plain values: no test holds a callable, so that a task can cross a process border and
be stored. What a test means is decided by the executor, never by the program under test.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StdioTest:
    """Feeds `stdin` to the program and compares its stdout with any of the `accepted` outputs."""

    stdin: str
    accepted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CallTest:
    """Calls the task's entry point with literal arguments and compares the returned value.

    `accepted` holds every value that counts as right, as Python literals (int, str, list, ...).
    """

    arguments: tuple[object, ...]
    accepted: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class AssertTest:
    """Python source of one top-level assertion, with the statements that must run before it.

    The source runs in the tester's process, after the task's `test_helpers`; the entry point (and
    the name `candidate`) stand for the function that lives in the candidate's process.
    """

    source: str


Test = StdioTest | CallTest | AssertTest


@dataclass(frozen=True, slots=True)
class Task:
    """What to write a program for, and how to judge it.

    `task_id` is unique across datasets ("humaneval/HumanEval/0"). `prompt` is what a base model
    continues; where `completes_prompt` holds, the program is the prompt plus the completion, else
    the completion alone. `prelude` is source put before every program when it runs, stated per
    dataset. `entry_point` is the called function, or "Class.method", or None for stdin/stdout.
    `test_helpers` is source of the task (never of the candidate) that tests may call;
    `required_names` are those of its names that the program, too, must define to pass (the
    published judges look them up there).
    Limits are None where the dataset states none.
    """

    task_id: str
    dataset: str
    description: str
    prompt: str
    tests: tuple[Test, ...]
    entry_point: str | None = None
    completes_prompt: bool = False
    prelude: str = ""
    test_helpers: str = ""
    required_names: tuple[str, ...] = ()
    reference: str | None = None
    difficulty: str | None = None
    time_limit_s: float | None = None
    memory_limit_mb: int | None = None
