"""The sandbox: what each layer was seen to deny, and programs judged in it from end to end."""

from __future__ import annotations

import time
from collections.abc import Iterator

from core.config import ExecutorConfig
from core.doctor.check import Check, State
from core.errors import CoreError
from core.executor import Executor
from core.executor.configured import open_executor
from core.executor.zygote_process import numpy_folder
from core.tasks import CallTest, StdioTest, Task, Test

_STDIN = StdioTest("21\n", ("42",))
_CALL = CallTest((2, 3), (5,))
_LANDLOCK = (
    "Linux 5.13 or newer with Landlock enabled; in a container, a runtime that lets its calls by."
)


def check_isolation(config: ExecutorConfig) -> Iterator[Check]:
    """Starts an executor, as configured but with one worker, and has it judge programs."""
    step, before = "start", time.perf_counter()
    try:
        with open_executor(config.model_copy(update={"workers": 1})) as executor:
            seconds = time.perf_counter() - before
            yield _check("start", "ok", f"a sandbox was ready after {seconds:.2f} s")
            yield from _layers(executor.isolation.proofs)
            step = "programs"
            yield from _programs(executor)
    except CoreError as error:
        yield _check(step, "fails", str(error), _advice(step, error))


def _layers(proofs: dict[str, str]) -> Iterator[Check]:
    for layer, attempt in proofs.items():
        yield _check(layer, "ok", attempt)
    if "uid" not in proofs:
        advice = "The other layers hold without; only root can give each sandbox a user of its own."
        yield _check("uid", "note", "programs run as the user of this process", advice)
    if "seccomp" not in proofs:
        advice = "Use Linux on x86-64 or aarch64; in a container, a runtime that lets seccomp() by."
        yield _check("seccomp", "note", "missing, and allowed to be: programs can do much", advice)
    if "landlock" not in proofs:
        advice = f"Use {_LANDLOCK}"
        yield _check("landlock", "note", "missing, and allowed to be: files are readable", advice)


def _programs(executor: Executor) -> Iterator[Check]:
    """The three ways through the executor: plain, with numpy, and split from its tests."""
    yield _judge(executor, "stdin test", _STDIN, "print(2 * int(input()))")
    if numpy_folder() is None:
        advice = "Programs that import numpy will fail until it is installed: pip install numpy"
        yield _check("with numpy", "note", "numpy is not installed", advice)
    else:
        program = "import numpy\nprint(numpy.array([int(input()), 21]).sum())"
        yield _judge(executor, "with numpy", _STDIN, program, "note")
    yield _judge(executor, "call test", _CALL, "def add(a, b):\n    return a + b")


def _judge(
    executor: Executor, name: str, test: Test, program: str, state: State = "fails"
) -> Check:
    """What became of a right program; `state` stands for any outcome but a pass."""
    entry_point = "add" if isinstance(test, CallTest) else None
    task = Task(f"doctor/{name}", "doctor", "", "", (test,), entry_point)
    ((_, verdict),) = executor.run([(task, program)])
    (result,) = verdict.tests
    if verdict.passed:
        return _check(name, "ok", f"a right program passed, in {verdict.seconds:.2f} s")
    said = f" ({result.message})" if result.message else ""
    found = f"a right program was judged: {verdict.outcome}{said}"
    advice = (
        "Raise executor.time_limit_s or executor.memory_mb; a machine under load can be the reason."
    )
    return _check(name, state, found, advice)


def _advice(step: str, error: CoreError) -> str:
    if "Landlock" in str(error):
        return f"Better: use {_LANDLOCK}"
    if step == "programs":
        return "Try again; if it stays so, report it with the output of btp-tui doctor --json."
    return "Use Linux on x86-64 or aarch64; in a container, a runtime that lets seccomp() by."


def _check(name: str, state: State, found: str, advice: str = "") -> Check:
    return Check("isolation", name, state, found, advice)
