"""Zygotes that die, supervisors that die, and what must be left of them: nothing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from core.errors import CoreError
from core.executor import Executor, Limits, Rules, zygote_process
from core.executor.judge import judge_output, judge_split
from core.executor.zygote_process import Report
from core.tasks import Outcome, StdioTest, Task
from tests.benchmarks.bench_executor import bare_executor
from tests.executor_tasks import asserts, call, judge, stdio


def zygotes(of: int | None = None) -> list[psutil.Process]:
    """The zygotes of a process (this one), without their children.

    Other tests in this process may have left it a child of another kind, as a server for all.
    """
    return [child for child in psutil.Process(of).children() if is_zygote(child)]


def is_zygote(process: psutil.Process) -> bool:
    """Whether it is one; so is what has ended unnoticed, or what may not be looked at."""
    try:
        return "sandbox.zygote" in " ".join(process.cmdline())
    except psutil.Error:
        return True


def grandchildren() -> list[psutil.Process]:
    """The programs that run."""
    with suppress(psutil.NoSuchProcess):
        return [child for zygote in zygotes() for child in zygote.children()]
    return []


def age(process: psutil.Process) -> float:
    """Seconds since it started."""
    return time.time() - process.create_time()


def eventually(holds: object, seconds: float = 10.0) -> bool:
    """Whether a condition comes to hold."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():  # type: ignore[operator]
            return True
        time.sleep(0.02)
    return False


def test_a_dead_zygote_is_replaced_and_its_program_tried_again() -> None:
    with Executor(workers=1) as executor:
        executor.submit(0, stdio("", "1"), "import time; time.sleep(0.5); print(1)")
        assert eventually(grandchildren)
        zygotes()[0].kill()
        ((_, verdict),) = executor.completed(wait_s=20)
        assert verdict.passed


def test_a_program_whose_zygote_dies_twice_is_a_harness_error() -> None:
    with Executor(workers=1, limits=Limits(30, 30)) as executor:
        executor.submit(0, stdio("", "1"), "import time; time.sleep(20); print(1)")
        for _ in range(2):
            assert eventually(lambda: any(age(child) > 1 for child in grandchildren()))
            zygotes()[0].kill()
            assert eventually(lambda: not grandchildren())
        executor.submit(1, stdio("", "2"), "print(2)")
        found = dict(executor.completed(wait_s=20))
        while len(found) < 2:
            found.update(executor.completed(wait_s=20))
        assert found[0].outcome == Outcome.HARNESS_ERROR
        assert found[0].pass_rate is None
        assert found[1].passed


def test_a_program_or_tester_killed_from_outside_is_tried_again() -> None:
    with Executor(workers=1, limits=Limits(30, 30)) as executor:
        waiting = "import time\ndef f():\n    time.sleep(0.5)\n    return 1"
        assert judge(executor, call(returns=1), waiting).passed  # both zygotes are warm
        for role in range(2):
            executor.submit(role, call(returns=1), waiting)
            assert eventually(lambda: len(grandchildren()) == 2)
            grandchildren()[role].kill()
            ((_, verdict),) = executor.completed(wait_s=20)
            assert verdict.passed


def fleet() -> Iterator[tuple[Task, str]]:
    """Programs of both paths, each with a verdict that only it has."""
    for number in range(60):
        if number % 3 == 0:
            yield stdio("", str(number)), f"print({number})"
        elif number % 3 == 1:
            yield call(number, returns=number), "def f(x): return x"
        else:
            yield asserts("assert f(1) == 1", "assert f(2) == 1"), "def f(x): return x"


def test_zygotes_killed_at_random_cost_no_verdict_and_double_none() -> None:
    chance = random.Random(0)
    done = threading.Event()

    def kill_now_and_then() -> None:
        for _ in range(6):
            time.sleep(chance.uniform(0.05, 0.3))
            running = zygotes()
            if done.is_set() or not running:
                return
            with suppress(psutil.NoSuchProcess):  # ended by itself since it was listed
                chance.choice(running).kill()

    with Executor(workers=2) as executor:
        killer = threading.Thread(target=kill_now_and_then)
        killer.start()
        results = list(executor.run(fleet()))
        done.set()
        killer.join()
    assert sorted(index for index, _ in results) == list(range(60))
    for index, verdict in results:
        if verdict.outcome != Outcome.HARNESS_ERROR:
            assert verdict.pass_rate == (0.5 if index % 3 == 2 else 1.0)
    assert sum(v.outcome == Outcome.HARNESS_ERROR for _, v in results) <= 3


def test_a_worker_that_dies_late_takes_no_verdict_back() -> None:
    """With a program's tests skipped after a timeout, others of its tests are still running."""
    program = "import time\nn = int(input())\nwhile n == 0: pass\ntime.sleep(2)"
    tests = (StdioTest(str(n), ("x",)) for n in range(3))
    task = Task("t", "t", "", "", tuple(tests))
    limits, rules = Limits(0.3, 4.0), Rules(skip_after_timeout=True)
    with Executor(workers=2, limits=limits, rules=rules) as executor:
        executor.submit(0, task, program)
        assert eventually(lambda: executor._supervisor.finished)
        for zygote in zygotes():
            with suppress(psutil.NoSuchProcess):  # ended by itself since it was listed
                zygote.kill()
        time.sleep(0.5)
        ((_, verdict),) = executor.completed(wait_s=5)
    assert verdict.outcome == Outcome.TIMEOUT
    assert not verdict.passed and verdict.pass_rate == 0


def test_closing_leaves_no_process_descriptor_or_thread() -> None:
    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    Executor(workers=1).close()
    files, threads, children = open_files(), threading.active_count(), zygotes()
    for _ in range(3):
        executor = Executor(workers=2)
        executor.submit(0, call(1, returns=1), "def f(x): return x")
        executor.submit(1, stdio("", "1"), "while True: pass")
        executor.completed(wait_s=5)
        processes = [p for z in zygotes() for p in (z, *z.children())]
        executor.close()
        assert eventually(lambda found=processes: not any(alive(p) for p in found))
    assert (open_files(), threading.active_count(), zygotes()) == (files, threads, children)


def alive(process: psutil.Process) -> bool:
    """Whether it runs; one that only waits to be collected does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


SUPERVISOR = """
import sys, time
from core.executor import Executor, Limits
from tests.executor_tasks import call, stdio
executor = Executor(workers=2, limits=Limits(60, 60))
executor.submit(0, stdio("", "1"), "while True: pass")
executor.submit(1, call(returns=1), "import time\\ndef f(): time.sleep(60)")
print("running", flush=True)
time.sleep(60)
"""


def test_everything_dies_with_a_killed_supervisor() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR], stdout=subprocess.PIPE, cwd=Path(__file__).parents[1]
    ) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == b"running\n"
        family = psutil.Process(supervisor.pid)
        try:  # three zygotes, two candidates, a tester
            assert eventually(lambda: len(family.children(recursive=True)) >= 6)
            processes = family.children(recursive=True)
        finally:
            os.kill(supervisor.pid, signal.SIGKILL)
        assert eventually(lambda: not any(alive(process) for process in processes))


def test_memory_pressure_takes_programs_first() -> None:
    def is_first(zygote: psutil.Process) -> bool:
        return Path(f"/proc/{zygote.pid}/oom_score_adj").read_text() == "1000\n"

    with Executor(workers=1):
        assert is_first(zygotes()[0])
        assert eventually(lambda: all(map(is_first, zygotes())))


def test_every_process_has_a_user_of_its_own_where_root_starts_it() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can change users")
    with Executor(workers=2) as executor:
        judge(executor, call(1, returns=1), "def f(x): return x")

        def users() -> list[int]:
            return [zygote.uids().real for zygote in zygotes()]

        assert eventually(lambda: 0 not in users())  # which it is while it starts
        assert len(set(users())) == len(users()) >= 3


def test_no_two_living_zygotes_share_a_user_however_many_there_are() -> None:

    numbers = [zygote_process._take_number() for _ in range(200)]
    try:
        assert len(set(numbers)) == 200
        users = {zygote_process._own_user(number) for number in numbers}
        assert users == {None} or len(users) == 200
    finally:
        for number in numbers:
            zygote_process._give_back(number)
    with Executor(workers=1):
        assert zygote_process._numbers == {0, 1}  # as many as live
    assert not zygote_process._numbers


def test_without_landlock_it_refuses_until_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    from core.executor import executor as module

    class Blind(module.Isolation):
        landlock = False

    monkeypatch.setattr(module, "Isolation", Blind)
    with pytest.raises(CoreError, match="allow_without_landlock"):
        Executor(workers=1)
    with Executor(workers=1, allow_without_landlock=True) as executor:
        assert "WITHOUT landlock" in str(executor.isolation)


def on_a_processor_unknown_here(monkeypatch: pytest.MonkeyPatch) -> None:
    boot = "import platform; platform.machine = lambda: 'riscv64'; " + zygote_process._BOOT
    monkeypatch.setattr(zygote_process, "_BOOT", boot)


def test_without_seccomp_it_refuses_until_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    on_a_processor_unknown_here(monkeypatch)
    with pytest.raises(CoreError, match=r"no seccomp .*allow_without_seccomp = true"):
        Executor(workers=1)
    with Executor(workers=1, allow_without_seccomp=True) as executor:
        assert "WITHOUT seccomp" in str(executor.isolation)
        assert judge(executor, stdio("2", "4"), "print(int(input()) * 2)").passed
        assert judge(executor, call(2, returns=4), "def f(x): return 2 * x").passed


def test_without_seccomp_what_a_program_started_still_ends_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    on_a_processor_unknown_here(monkeypatch)
    program = "import os, time\npid = os.fork()\nif pid == 0: time.sleep(60)\nprint(pid)"
    with Executor(workers=1, allow_without_seccomp=True) as executor:
        started = int(judge(executor, stdio("", "its number"), program).tests[0].actual)
        assert eventually(lambda: not psutil.pid_exists(started))


def test_another_system_than_linux_is_told_so_before_anything_is_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.delattr(os, "eventfd")
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(CoreError, match=r"can only be run on Linux: .* this is darwin"):
        Executor()


def test_an_interpreter_that_does_not_start_is_told_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:

    monkeypatch.setattr(zygote_process, "_python", lambda: "/bin/true")
    with pytest.raises(CoreError, match="does not start"):
        Executor(workers=1)


@pytest.mark.parametrize(
    "wrong", ["[]", "{}", "null", "true", "1e999", "-1", "1" * 30, '"\\ud800"']
)
@pytest.mark.parametrize("field", ["kind", "message", "line", "unloaded", "actual", "seconds"])
def test_a_report_is_believed_only_where_it_is_of_the_right_types(field: str, wrong: str) -> None:
    fields = {"kind": '"error"', "message": '"m"', "line": "1", "seconds": "0.5", field: wrong}
    text = "{" + ", ".join(f'"{key}": {value}' for key, value in fields.items()) + "}"
    child = Report("exit", 1, 0.0, 0.25, 0, text, b"")
    verdicts = [judge_output(StdioTest("", ("1",)), child, Limits())]
    tester = Report("exit", 0, 0.0, 0.25, 0, f"{text}\n{text}\n{{}}\n[]\n7", b"")
    verdicts += judge_split(child, tester, Limits(), tests=5, keeps_state=False)
    for verdict in verdicts:
        if verdict is None:
            continue
        assert verdict.outcome == Outcome.ERROR
        assert len(verdict.message.encode()) <= 500
        assert verdict.line in (None, 1)
        assert type(verdict.line) is not bool
        assert 0 <= verdict.seconds < 10
        assert isinstance(verdict.actual, str)


@pytest.mark.parametrize(
    "program",
    [
        *(
            f"import json, os\nfor fd in range(3, 10):\n"
            f"    try: os.write(fd, json.dumps({{'kind': 'error', {field!r}: {wrong}}}).encode())\n"
            "    except OSError: pass\nos._exit(1)"
            for field in ("kind", "message", "line")
            for wrong in ("[]", "{}", "None")
        ),
        "raise ValueError('\\ud800')",
        "import os\nos.kill(os.getpid(), 40)",
    ],
)
def test_no_report_of_a_program_ends_the_executor(program: str) -> None:
    with Executor(workers=1) as executor:
        executor.submit(0, stdio("", "1"), program)
        ((_, verdict),) = executor.completed(wait_s=20)
        assert verdict.outcome in (Outcome.ERROR, Outcome.DENIED)
        verdict.tests[0].message.encode()
        assert judge(executor, stdio("", "1"), "print(1)").passed


@pytest.mark.filterwarnings("error")  # an exception that leaves the thread is a warning of pytest's
def test_a_fault_of_the_executors_own_ends_its_callers_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a fault")

    with Executor(workers=1) as executor:
        monkeypatch.setattr("core.executor.jobs.judge_output", fail)
        executor.submit(0, stdio("", "1"), "print(1)")
        with pytest.raises(CoreError, match="ZeroDivisionError: a fault") as caught:
            executor.completed(wait_s=20)
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
        with pytest.raises(CoreError, match="a fault"):
            executor.submit(1, stdio("", "1"), "print(1)")
    assert not zygotes()


def test_processes_that_cannot_be_started_are_told_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    executor = Executor(workers=1)
    try:
        monkeypatch.setattr(subprocess, "Popen", fail)
        files = len(list(Path("/proc/self/fd").iterdir()))
        with pytest.raises(CoreError, match="Resource temporarily unavailable"):
            Executor(workers=2)
        assert len(list(Path("/proc/self/fd").iterdir())) == files
        executor.submit(0, stdio("", "1"), "import numpy\nprint(1)")  # needs another zygote
        with pytest.raises(CoreError, match="cannot start"):
            executor.completed(wait_s=20)
    finally:
        executor.close()


def test_limits_of_the_executor_and_of_the_task_are_joined() -> None:
    limits = Limits(2.0, 5.0, 256, 1024).of(stdio("", "", time_limit_s=10.0, memory_limit_mb=64))
    assert limits == Limits(10.0, 13.0, 64, 1024)


def test_the_executor_that_isolation_is_compared_with_has_none_and_works() -> None:
    with bare_executor() as executor:
        assert str(executor.isolation).endswith("WITHOUT landlock; WITHOUT seccomp")
        assert judge(executor, stdio("2", "4"), "print(int(input()) * 2)").passed
