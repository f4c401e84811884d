"""Honest programs get the verdict that a plain Python process would give them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from core.errors import CoreError
from core.executor import Executor, Limits, Rules
from core.executor.jobs import may_keep_state
from core.tasks import CallTest, Outcome, StdioTest, Task
from tests.executor_tasks import asserts, call, judge, stdio, task


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with Executor(workers=2, limits=Limits(time_limit_s=5.0, wall_limit_s=20.0)) as executor:
        yield executor


def outcome(executor: Executor, task: Task, program: str) -> Outcome:
    return judge(executor, task, program).outcome


def test_a_right_output_passes_and_says_by_which_rule(executor: Executor) -> None:
    verdict = judge(executor, stdio("1 2\n", "3"), "print(sum(map(int, input().split())))")
    assert verdict.passed
    assert verdict.path == "stdin"
    assert verdict.tests[0].rule == "exact"
    assert verdict.tests[0].actual == "3\n"


def test_a_wrong_output_is_a_wrong_answer(executor: Executor) -> None:
    verdict = judge(executor, stdio("", "3"), "print(4)")
    assert verdict.outcome == Outcome.WRONG_ANSWER
    assert verdict.pass_rate == 0.0


def test_the_pass_rate_is_the_share_of_tests_passed(executor: Executor) -> None:
    tests = [StdioTest(str(n), (str(min(n, 2)),)) for n in range(4)]
    verdict = judge(executor, task(*tests), "print(input())")
    assert verdict.pass_rate == 0.75


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("print(3)\nraise ValueError('no  more\\nlines')", "ValueError: no more lines"),
        ("print(3)\n1 / 0", "ZeroDivisionError: division by zero"),
        ("print(3)\nimport sys; sys.exit(1)", "SystemExit: 1"),
        ("print(3)\nimport sys; sys.exit('bad')", "SystemExit: bad"),
    ],
)
def test_raising_after_the_right_output_is_an_error(
    executor: Executor, program: str, message: str
) -> None:
    verdict = judge(executor, stdio("", "3"), program)
    assert verdict.outcome == Outcome.ERROR
    assert verdict.tests[0].message == message
    assert verdict.tests[0].line == 2


def test_lines_count_in_the_program_without_its_prelude(executor: Executor) -> None:
    with_prelude = stdio("", "3", prelude="import math\n\n\n")
    assert judge(executor, with_prelude, "x = math.pi\nmath.nope").tests[0].line == 2
    verdict = judge(executor, with_prelude, "x = 1\ny = (")
    assert verdict.tests[0].line == 2
    assert verdict.path == "other"


@pytest.mark.parametrize(
    "source", ["def f(:", "return 1", "x = '\0'", "  x = 1\n y = 2", "é = (\n"]
)
def test_a_syntax_error_is_one_for_every_test(executor: Executor, source: str) -> None:
    for tests in (task(StdioTest("", ("1",)), StdioTest("", ("2",))), asserts("f()", "f()")):
        verdict = judge(executor, tests, source)
        assert [test.outcome for test in verdict.tests] == [Outcome.SYNTAX_ERROR] * 2
        assert verdict.path == "other"


def test_a_syntax_error_at_run_time_is_an_ordinary_error(executor: Executor) -> None:
    assert outcome(executor, stdio("", "1"), "eval('(')") == Outcome.ERROR


@pytest.mark.parametrize(
    "program",
    [
        "if __name__ == '__main__':\n    print(input())",
        "import sys\nprint(sys.stdin.readline())",
        "import sys\nsys.stdout.write(sys.stdin.read())",
        "print(open(0).read())",
        "import sys\nsys.stdout.buffer.write(sys.stdin.buffer.read())",
        "import os\nos.write(1, os.read(0, 100))",
        "for line in open('/dev/stdin'):\n    print(line)",
        "print(input())\nexit()",
        "print(input())\nquit(0)",
        "import sys\nprint(input())\nsys.exit()",
        "import atexit\natexit.register(lambda: print(input()))",
        "import threading\nthreading.Thread(target=lambda: print(input())).start()",
        "from __future__ import annotations\nx: nothing = input()\nprint(x)",
        "import sys, io\nsys.stdin = io.StringIO(open(0).read())\nprint(input())",
        "import sys\nprint(input(), flush=True)\nprint('noise', file=sys.stderr)",
        "out = open(1, 'w')\nout.write(input())",
        "import os\nout = os.fdopen(1, 'wb', 65536)\nout.write(input().encode())",
        "import io, sys\nold, sys.stdout = sys.stdout, io.StringIO()\nold.write(input())",
        "class Late:\n    def __del__(self): print(self.text)\nlate = Late()\nlate.text = input()",
        "import sys\nprint(input())\nsys.stdout.close()",
    ],
)
def test_the_ways_to_read_and_to_print(executor: Executor, program: str) -> None:
    assert outcome(executor, stdio("naïve 3\n", "naïve 3"), program) == Outcome.PASSED


@pytest.mark.parametrize(
    "program",
    [
        "import lzma, xml.dom.minidom, csv, sqlite3",  # not loaded beforehand
        "import collections, heapq, bisect, itertools, functools, math, re, string, datetime",
        "import zoneinfo; zoneinfo.ZoneInfo('UTC')",
        "from concurrent.futures import ThreadPoolExecutor as T\nT(2).submit(len, []).result()",
        "import queue, threading, asyncio\nasyncio.new_event_loop",
        "import resource; resource.getrlimit(resource.RLIMIT_STACK)",
        "import random, time; random.seed(time.time()); time.sleep(0.001)",
        "import tempfile, shutil, glob, pathlib, platform; platform.system()",
        "import decimal; decimal.Decimal(1) / 7",
        "import warnings; warnings.warn('old')",
        "import typing, dataclasses, enum, abc, contextlib, unittest",
    ],
)
def test_the_standard_library_works(executor: Executor, program: str) -> None:
    assert outcome(executor, stdio("", "done"), program + "\nprint('done')").value == "passed"


DEEP = """
import sys, threading
sys.setrecursionlimit(10**6)
threading.stack_size(512 * 1024 * 1024)
def depth(n):
    return 0 if n == 0 else 1 + depth(n - 1)
def walk(n):  # recursion through C: every level takes machine stack
    return 0 if n == 0 else 1 + max(map(walk, [n - 1]))
def main():
    print(depth(100_000), walk(20_000))
thread = threading.Thread(target=main)
thread.start()
thread.join()
"""


def test_deep_recursion_in_a_thread_with_a_big_stack_works(executor: Executor) -> None:
    assert outcome(executor, stdio("", "100000 20000"), DEEP) == Outcome.PASSED


def test_raising_the_own_stack_limit_works(executor: Executor) -> None:
    program = "import resource as r\nr.setrlimit(r.RLIMIT_STACK, (1 << 26, -1))\nprint(1)"
    assert outcome(executor, stdio("", "1"), program) == Outcome.PASSED


def test_of_the_packages_beside_numpy_a_program_sees_nothing(executor: Executor) -> None:
    program = "import numpy, os\nprint(os.listdir(numpy.__path__[0] + '/..'))"
    assert outcome(executor, stdio("", ""), program) == Outcome.DENIED
    lazy = "import numpy.testing, numpy.polynomial.hermite\nprint(numpy.fft.fft([1]).size)"
    assert outcome(executor, stdio("", "1"), lazy) == Outcome.PASSED


@pytest.mark.parametrize(
    "program",
    ["import sys, numpy as np", "import sys; import numpy as np", "if 1:\n    import numpy as np"],
)
def test_numpy_is_there_however_it_is_imported(executor: Executor, program: str) -> None:
    assert judge(executor, stdio("", "3"), f"{program}\nprint(np.arange(3).sum())").passed


def test_numpy_is_there_where_the_task_imports_it_for_the_program(executor: Executor) -> None:
    task = call([1, 2], returns=3, prelude="import numpy as np\n")
    assert judge(executor, task, "def f(x): return int(np.sum(x))").passed


def test_what_stands_beneath_the_main_guard_is_no_part_of_a_called_program(
    executor: Executor,
) -> None:
    guarded = "def f(x): return x + 1\nif __name__ == '__main__':\n    print(f(int(input())))"
    assert judge(executor, call(1, returns=2), guarded).passed
    assert judge(executor, stdio("1", "2"), guarded).passed


def test_numpy_works_for_programs_that_import_it(executor: Executor) -> None:
    pytest.importorskip("numpy")
    program = "import numpy as np\nprint(np.linalg.det(np.eye(3) * 2))"
    assert outcome(executor, stdio("", "8.0"), program) == Outcome.PASSED
    returns = "import numpy as np\ndef f(n): return np.arange(n).sum()"
    assert outcome(executor, call(5, returns=10), returns) == Outcome.PASSED
    assert outcome(executor, stdio("", "1"), "import torch") == Outcome.ERROR


def test_programs_run_as_main_without_this_packages_names(executor: Executor) -> None:
    program = "print(__name__, sorted(k for k in globals() if not k.startswith('__')))"
    assert outcome(executor, stdio("", "__main__ []"), program) == Outcome.PASSED


def test_a_function_is_called_and_its_result_compared(executor: Executor) -> None:
    assert judge(executor, call(2, 3, returns=5), "def f(a, b): return a + b").path == "split"
    assert outcome(executor, call(2, 3, returns=5), "def f(a, b): return a - b").value == (
        "wrong answer"
    )


def test_a_returned_tuple_counts_as_the_list_of_the_data_set(executor: Executor) -> None:
    verdict = judge(executor, call(returns=[[1, 2], [3]]), "def f(): return ((1, 2), (3,))")
    assert verdict.tests[0].rule == "tuples as lists"
    assert outcome(executor, call(returns=[1]), "def f(): return {1}") == Outcome.WRONG_ANSWER


def test_any_accepted_value_passes(executor: Executor) -> None:
    either = task(CallTest((), (1, 2)), entry_point="f")
    assert outcome(executor, either, "def f(): return 2") == Outcome.PASSED
    assert outcome(executor, either, "def f(): return 3") == Outcome.WRONG_ANSWER


def test_a_method_of_a_class_is_an_entry_point(executor: Executor) -> None:
    program = "class Solution:\n    def twice(self, x): return 2 * x"
    assert outcome(executor, call(4, returns=8, entry_point="Solution.twice"), program) == "passed"


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("def g(): return 1", "NameError: name 'f' is not defined"),
        ("f = 3", "TypeError: 'int' object is not callable"),
        ("n = input()\ndef f(): return 1", "EOFError: EOF when reading a line"),
        ("raise KeyError('x')", "KeyError: 'x'"),
        ("def f(): return int('x')", "ValueError: invalid literal for int() with base 10: 'x'"),
        ("def f(a): return 1", "TypeError: f() missing 1 required positional argument: 'a'"),
        ("import sys\nsys.exit(0)", "SystemExit: 0"),
        ("def f(): raise SystemExit", "SystemExit"),
        ("def f(): assert False, 'mine'", "AssertionError: mine"),
        ("class E(Exception): pass\ndef f(): raise E('own')", "E: own"),
        ("def f(): return f()", "RecursionError: maximum recursion depth exceeded"),
    ],
)
def test_what_goes_wrong_in_a_call_is_told(executor: Executor, program: str, message: str) -> None:
    verdict = judge(executor, call(returns=1), program)
    assert verdict.outcome == Outcome.ERROR
    assert verdict.tests[0].message == message


def test_printing_while_importing_and_calling_disturbs_nothing(executor: Executor) -> None:
    program = "print('hello')\ndef f():\n    print('{\"id\": 1}')\n    return 1"
    assert outcome(executor, call(returns=1), program) == Outcome.PASSED


def test_a_test_that_fails_only_after_another_is_run_again_alone(executor: Executor) -> None:
    program = "seen = []\ndef f(x):\n    seen.append(x)\n    return len(seen)"
    verdict = judge(executor, asserts("assert f(0) == 1", "assert f(0) == 1"), program)
    assert verdict.passed


@pytest.mark.parametrize(
    "program",
    [
        "def f(a):\n    return a[1:]\n",
        "import re\ndef f(a, b):\n    a = a == b\n    return a\n",
        'def f(a):\n    """Doc."""\n\n    for x in a:\n        t = x\n    return t >= 1\n',
    ],
)
def test_a_program_of_plain_functions_keeps_no_state(program: str) -> None:
    assert not may_keep_state(program)


@pytest.mark.parametrize(
    "program",
    [
        "seen = []\ndef f(a):\n    seen.append(a)\n",
        "def f(a, seen=[]):\n    return seen",
        "def f(a,\n      seen={}):\n    return seen",
        "def f(a):\n    f.calls = 1\n",
        "def f(a):\n    f.calls += 1\n",
        "def f(a):\n    global g\n    g = a\n",
        "@cache\ndef f(a):\n    return a\n",
        "class A:\n    pass\n",
        "if True:\n    seen = []\ndef f(a):\n    return seen\n",
    ],
)
def test_a_program_that_could_remember_a_call_is_taken_to_do_so(program: str) -> None:
    assert may_keep_state(program)


def test_a_slow_test_does_not_cost_the_others_their_verdict(executor: Executor) -> None:
    program = "def f(x):\n    while x: pass\n    return 0"
    tests = [CallTest((x,), (0,)) for x in (0, 1, 0)]
    verdict = judge(executor, task(*tests, entry_point="f", time_limit_s=0.3), program)
    assert [test.outcome.value for test in verdict.tests] == ["passed", "timeout", "passed"]


def test_the_time_that_counts_is_what_a_program_used_and_not_the_ticks_it_worked_at() -> None:
    """A tenth of the time, but always at the beat of the kernel: it would count all of it."""
    program = """
import time
tick = 4_000_000
end = time.monotonic() + 2.5
while time.monotonic() < end:
    beat = (time.monotonic_ns() // tick + 1) * tick
    time.sleep(max(0, beat - 300_000 - time.monotonic_ns()) / 1e9)
    while time.monotonic_ns() < beat + 100_000:
        pass
print(1)
"""
    with Executor(1, Limits(time_limit_s=0.9, wall_limit_s=20.0)) as patient:
        verdict = judge(patient, stdio("", "1"), program)
    assert [(test.outcome.value, test.message) for test in verdict.tests] == [("passed", "")]


@pytest.mark.parametrize(
    "program", ["while True: pass", "x = (10**9)**(10**8)", "import time\ntime.sleep(60)"]
)
def test_a_program_that_does_not_end_is_a_timeout(program: str) -> None:
    with Executor(workers=1, limits=Limits(time_limit_s=0.3, wall_limit_s=0.8)) as executor:
        started = time.monotonic()
        assert outcome(executor, stdio("", "1"), program) == Outcome.TIMEOUT
        assert outcome(executor, call(returns=1), program) == Outcome.TIMEOUT
        assert time.monotonic() - started < 4


def test_a_tasks_own_limits_count(executor: Executor) -> None:
    short = stdio("", "1", time_limit_s=0.2)
    assert outcome(executor, short, "while True: pass") == Outcome.TIMEOUT
    program = "x = bytearray(300 << 20)\nprint(1)"
    assert outcome(executor, stdio("", "1", memory_limit_mb=600), program) == Outcome.PASSED
    assert outcome(executor, stdio("", "1", memory_limit_mb=100), program) == Outcome.MEMORY


def test_a_tasks_long_accepted_output_makes_room_for_itself(executor: Executor) -> None:
    line = "€" * 1023 + "\n"
    task = stdio("", line * 2048)
    assert judge(executor, task, f"print({line!r} * 2048)").passed
    flood = judge(executor, task, f"print({line!r} * 3000)")
    assert flood.outcome == Outcome.OUTPUT_LIMIT


def test_token_by_token_comparison_is_the_executors_option(executor: Executor) -> None:
    spread = stdio("", "1 2"), "print(1)\nprint(2)"
    assert judge(executor, *spread).outcome == Outcome.WRONG_ANSWER
    with Executor(workers=1, rules=Rules(tokenwise=True)) as lenient:
        (test,) = judge(lenient, *spread).tests
    assert (test.outcome, test.rule) == (Outcome.PASSED, "tokens")


@pytest.mark.parametrize("entry_point", [None, "f"])
def test_tests_after_the_first_timeout_can_be_skipped_and_count_as_not_passed(
    entry_point: str | None,
) -> None:
    numbers = range(6)
    if entry_point is None:
        program = "n = int(input())\nwhile n in (2, 4): pass\nprint(n)"
        tests = task(*(StdioTest(str(n), (str(n),)) for n in numbers))
    else:
        program = "def f(n):\n    while n in (2, 4): pass\n    return n"
        tests = task(*(CallTest((n,), (n,)) for n in numbers), entry_point=entry_point)
    limits, rules = Limits(time_limit_s=0.2, wall_limit_s=1.0), Rules(skip_after_timeout=True)
    with Executor(workers=2, limits=limits, rules=rules) as executor:
        verdict = judge(executor, tests, program)
    outcomes = [str(test.outcome) for test in verdict.tests]
    assert outcomes == ["passed", "passed", "timeout", "skipped", "skipped", "skipped"]
    assert (verdict.outcome, verdict.pass_rate) == (Outcome.TIMEOUT, 2 / 6)
    assert verdict.partial


def test_without_that_option_every_test_is_run(executor: Executor) -> None:
    program = "n = int(input())\nwhile n == 0: pass\nprint(n)"
    tests = task(*(StdioTest(str(n), (str(n),)) for n in range(3)), time_limit_s=0.2)
    verdict = judge(executor, tests, program)
    assert [str(test.outcome) for test in verdict.tests] == ["timeout", "passed", "passed"]
    assert not verdict.partial


def test_memory_counts_where_a_program_asks_for_a_big_stack(executor: Executor) -> None:
    program = "import threading\nthreading.stack_size(1 << 29)\nx = b'x' * (150 << 20)\nprint(1)"
    assert outcome(executor, stdio("", "1", memory_limit_mb=64), program) == Outcome.MEMORY


def test_the_callers_own_size_hides_no_programs_memory() -> None:
    size = b"x" * (400 << 20)
    with Executor(workers=1) as executor:
        del size
        program = "import threading\nthreading.stack_size(1 << 29)\nx = b'x' * (300 << 20)"
        assert outcome(executor, stdio("", "", memory_limit_mb=64), program) == Outcome.MEMORY


def test_too_much_output_is_an_outcome_of_its_own(executor: Executor) -> None:
    verdict = judge(executor, stdio("", "1"), "while True: print('x' * 10000)")
    assert verdict.outcome == Outcome.OUTPUT_LIMIT
    assert len(verdict.tests[0].actual) < 1000
    assert outcome(executor, call(returns=1), "def f(): return 'x' * 2 * 10**7") == "output limit"


def test_a_task_without_tests_has_no_pass_rate(executor: Executor) -> None:
    assert judge(executor, task(), "print(1)").pass_rate is None


def test_results_stream_back_while_programs_are_still_pulled(executor: Executor) -> None:
    pulled = 0

    def programs() -> Iterator[tuple[Task, str]]:
        nonlocal pulled
        for _ in range(200):
            pulled += 1
            yield stdio("", "1"), "print(1)"

    results = executor.run(programs())
    next(results)
    assert pulled < 100
    assert sorted(index for index, _ in results)[-1] == 199


def test_a_slow_program_takes_no_time_from_its_neighbours() -> None:
    """Sleeping, waiting and numpy programs among honest ones that are called."""
    sleeping = stdio("", "1"), "import time; time.sleep(100)"
    slow_call = call(1, returns=2), "import numpy, time\ndef f(x): time.sleep(100)"
    patient = stdio("", "1", time_limit_s=3), "import time; time.sleep(1.5); print(1)"
    honest = call(1, returns=2), "def f(x): return x + 1"
    programs = [sleeping, honest, slow_call, honest, patient, honest, honest]
    with Executor(workers=1, limits=Limits(0.5, 1.0)) as executor:
        verdicts = dict(executor.run(programs))
    passed = [verdicts[number].passed for number in range(len(programs))]
    assert passed == [False, True, False, True, True, True, True]


def test_a_run_that_is_not_read_to_its_end_leaves_nothing_to_the_next(executor: Executor) -> None:
    abandoned = executor.run([(stdio("", "1"), "print(1)")] * 6)
    next(abandoned)
    abandoned.close()
    verdicts = list(executor.run([(stdio("", "2"), "print(1)")] * 2))
    assert sorted(index for index, _ in verdicts) == [0, 1]
    assert not any(verdict.passed for _, verdict in verdicts)


def test_a_value_nested_too_deeply_to_cross_is_unsupported(executor: Executor) -> None:
    nested: object = ()
    for _ in range(900):
        nested = (nested,)
    assert outcome(executor, call(nested, returns=1), "def f(x): return 1") == "unsupported"
    assert judge(executor, call(1, returns=1), "def f(x): return 1").passed


def test_submitted_programs_are_handed_out_once_under_their_keys(executor: Executor) -> None:
    for key in ("a", "b", "c"):
        executor.submit(key, stdio("", key), f"print({key!r})")
    found: dict[Any, bool] = {}
    while executor.in_flight:
        for key, verdict in executor.completed(wait_s=5):
            assert key not in found
            found[key] = verdict.passed
    assert found == {"a": True, "b": True, "c": True}
    assert executor.completed() == []


def test_it_has_room_for_a_bounded_number_of_programs() -> None:
    with Executor(workers=1, limits=Limits(2, 4)) as executor:
        assert executor.has_room
        number = 0
        while executor.has_room:
            executor.submit(number, stdio("", "1"), "import time; time.sleep(0.02); print(1)")
            number += 1
        assert number == 16
        while executor.in_flight:
            executor.completed(wait_s=5)
        assert executor.has_room


def test_the_executor_needs_no_help_of_the_callers_thread(executor: Executor) -> None:
    before = executor.tests_run
    for key in range(5):
        executor.submit(key, stdio("", "1"), "print(1)")
    deadline = time.monotonic() + 10
    while executor.tests_run < before + 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert executor.tests_run == before + 5
    assert len(executor.completed()) == 5


def test_isolation_is_stated_in_words(executor: Executor) -> None:
    assert "seccomp" in str(executor.isolation)
    assert executor.isolation.proofs["seccomp"] == "socket() failed with EPERM"


def test_a_closed_executor_says_so() -> None:
    threads = threading.active_count()
    executor = Executor(workers=1)
    executor.close()
    executor.close()
    with pytest.raises(CoreError, match="closed"):
        executor.submit(1, stdio("", "1"), "print(1)")
    assert threading.active_count() == threads
