"""Hostile programs reach their goals unprotected, and nothing at all in the executor."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.executor import Executor, Limits
from core.tasks import Outcome, StdioTest
from tests import hostile
from tests.executor_tasks import asserts, call, judge, stdio, task
from tests.forgeries import FORGERIES, SECRET, Forgery, aimed
from tests.hostile import REACHED, Attack
from tests.surroundings import Surroundings

LIMITS = Limits(time_limit_s=0.5, wall_limit_s=1.5)
#: A wrong program must fail: neither pass nor be excused.
NOT_FAILED = {Outcome.PASSED, Outcome.HARNESS_ERROR, Outcome.UNSUPPORTED}


@pytest.fixture(scope="module")
def surroundings() -> Iterator[Surroundings]:
    with Surroundings.made() as surroundings:
        yield surroundings


@pytest.fixture(scope="module")
def executor(surroundings: Surroundings) -> Iterator[Executor]:
    with surroundings.exposed(), Executor(1, LIMITS) as executor:
        yield executor


def unprotected(program: str, folder: Path, timeout: float = 20) -> str:
    """What the program prints as an ordinary child of this process."""
    secret = os.open(folder / "secret", os.O_RDONLY)
    try:
        ended = subprocess.run(
            [sys.executable, "-I", "-c", program],
            capture_output=True,
            timeout=timeout,
            env={**os.environ, "BTP_SECRET": "1"},
            pass_fds=(secret,),
            start_new_session=True,
        )
    finally:
        os.close(secret)
    return ended.stdout.decode()


def assert_still_works(executor: Executor) -> None:
    """An honest program passes after whatever came before."""
    assert judge(executor, stdio("2", "4"), "print(int(input()) * 2)").passed


@pytest.mark.parametrize("attack", hostile.REACHING, ids=str)
def test_an_attack_that_works_unprotected_reaches_nothing(
    attack: Attack, executor: Executor, surroundings: Surroundings
) -> None:
    program = surroundings.aim(attack.program)
    if not attack.power:
        assert REACHED in unprotected(program, surroundings.folder)
    surroundings.fill()
    before = surroundings.state()
    verdict = judge(executor, stdio("", REACHED), program)
    assert verdict.outcome not in (Outcome.PASSED, Outcome.HARNESS_ERROR), verdict
    assert REACHED not in verdict.tests[0].actual
    assert surroundings.state() == before
    assert_still_works(executor)


@pytest.mark.parametrize("attack", hostile.REACHING, ids=str)
def test_the_benign_twin_of_an_attack_passes(
    attack: Attack, executor: Executor, surroundings: Surroundings
) -> None:
    """A denied attempt is an error to catch, not the end of the program or a mark against it."""
    twin = surroundings.aim(hostile.benign_twin(attack))
    verdict = judge(executor, stdio("", REACHED, time_limit_s=5), twin)
    assert verdict.passed, verdict


@pytest.mark.parametrize("program", hostile.WITHIN_BOUNDS, ids=str)
def test_a_program_within_bounds_passes(program: Attack, executor: Executor) -> None:
    assert judge(executor, stdio("", REACHED, time_limit_s=5), program.program).passed


@pytest.mark.parametrize("attack", hostile.ENDLESS, ids=str)
def test_a_program_that_does_not_end_is_ended(
    attack: Attack, executor: Executor, surroundings: Surroundings
) -> None:
    program = surroundings.aim(attack.program)
    with pytest.raises(subprocess.TimeoutExpired):
        unprotected(program, surroundings.folder, timeout=0.7)
    assert judge(executor, stdio("", REACHED), program).outcome == Outcome.TIMEOUT
    assert_still_works(executor)


@pytest.mark.parametrize("attack", hostile.SELF_DESTRUCTIVE, ids=str)
def test_a_program_that_destroys_itself_takes_nothing_with_it(
    attack: Attack, executor: Executor
) -> None:
    assert not judge(executor, stdio("", REACHED), attack.program).passed
    assert not judge(executor, call(returns=1), attack.program).passed
    assert_still_works(executor)


def forged_in_one_process(forgery: Forgery) -> bool:
    """Whether the published judges' way, one process and its exit code, calls it passed."""
    together = f"{forgery.program}\n{aimed(forgery.test)}\n"
    ended = subprocess.run([sys.executable, "-I", "-c", together], capture_output=True, timeout=20)
    return ended.returncode == 0


@pytest.mark.parametrize("forgery", FORGERIES, ids=str)
def test_a_forgery_that_deceives_one_process_does_not_pass(
    forgery: Forgery, executor: Executor
) -> None:
    if not forgery.power:
        assert forged_in_one_process(forgery)
    task = asserts("assert f", aimed(forgery.test))
    verdict = judge(executor, task, forgery.program)
    assert verdict.tests[1].outcome not in NOT_FAILED, verdict
    assert_still_works(executor)


@pytest.mark.parametrize("forgery", FORGERIES, ids=str)
def test_a_forgery_does_not_pass_a_call(forgery: Forgery, executor: Executor) -> None:
    verdict = judge(executor, call(1, returns=SECRET), forgery.program)
    assert verdict.outcome not in NOT_FAILED
    assert str(SECRET) not in verdict.tests[0].actual


def test_the_honest_twin_of_every_forgery_passes(executor: Executor) -> None:
    honest = f"def f(x): return {SECRET}"
    assert judge(executor, asserts(aimed("assert f(1) == {secret}")), honest).passed
    assert judge(executor, call(1, returns=SECRET), honest).passed


def test_inputs_of_other_tests_are_out_of_reach(executor: Executor) -> None:
    """33: a program looks for another test's input in everything its interpreter holds."""
    search = (
        "import gc\nhidden = ''.join(reversed('TUPNIETAVIRP'))\n"
        "def looks(o, depth=3):\n"
        "    if isinstance(o, (str, bytes)): return o is not hidden and hidden in str(o)\n"
        "    return depth and any(looks(p, depth - 1) for p in gc.get_referents(o))\n"
        "input()\nprint(any(looks(o) for o in gc.get_objects()))"
    )
    tests = (StdioTest("PRIVATEINPUT", ("True",)), StdioTest("other", ("True",)))
    verdict = judge(executor, task(*tests, time_limit_s=5), search)
    assert verdict.tests[1].outcome == Outcome.WRONG_ANSWER
    assert verdict.tests[1].actual == "False\n"


#: Print a secret where they find one: in the frames they run in, or in the pages they can read.
_BY_FRAMES = r"""
import re, sys
frame = sys._getframe()
while frame := frame.f_back:
    print(*re.findall("SECRET=[0-9]+", repr(frame.f_locals)), end="")
"""
_BY_MEMORY = r"""
import ctypes, os, re
libc = ctypes.CDLL(None)
libc.sbrk.restype = ctypes.c_void_p
r, w = os.pipe()
heap, arenas = libc.sbrk(0), id(object()) >> 30 << 30
for page in [*range(heap - (64 << 20), heap, 4096), *range(arenas, arenas + (1 << 30), 4096)]:
    if libc.write(w, ctypes.c_void_p(page), 4096) == 4096:
        print(*re.findall(rb"SECRET=[0-9]+", os.read(r, 4096)), end="")
"""


@pytest.mark.parametrize("way", [_BY_FRAMES, _BY_MEMORY], ids=["frames", "memory"])
def test_nothing_of_earlier_programs_is_left_where_a_program_can_look(
    way: str, executor: Executor
) -> None:
    told = "SECRET=7340127 " * 300
    assert judge(executor, call(told, returns=told), f"def f(x): return x  # {told}").passed
    assert judge(executor, stdio(told, told), f"print(input())  # {told}").passed
    verdict = judge(executor, stdio("", "", time_limit_s=20), way)
    assert verdict.passed, verdict


@pytest.mark.parametrize(
    "program",
    [
        'import os\nos.write(3, b\'{"kind": "unsupported", "message": ""}\')\nos._exit(1)',
        "import sandbox.program as p\np.kind_of = lambda cls: 'unsupported'\nraise ValueError",
    ],
)
def test_a_program_cannot_excuse_itself(program: str, executor: Executor) -> None:
    assert judge(executor, stdio("", "1"), program).pass_rate == 0


SITUATIONS = {
    "user": ["--become-user"],
    "root": [],
    "root-in-a-container": ["--drop-capabilities"],
    "user-without-user-namespaces": ["--become-user", "--no-user-namespaces"],
}
_OFTEN, *_SELDOM = SITUATIONS  # the first is the one that this file's other tests do not cover


@pytest.mark.parametrize(
    "situation", [_OFTEN, *(pytest.param(name, marks=pytest.mark.soak) for name in _SELDOM)]
)
def test_everything_is_held_in_every_situation(situation: str) -> None:
    """All attacks and forgeries at once, by two workers, from a process of its own."""
    if "root" in situation and os.geteuid() != 0:
        pytest.skip("needs root")
    python = sys.executable if "root" in situation else python_for_everybody()
    command = [python, "-m", "tests.hold_hostile", *SITUATIONS[situation]]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "BTP_SECRET": "1"}
    ended = subprocess.run(
        command, cwd=Path(__file__).parents[1], env=environment, capture_output=True, timeout=200
    )
    assert ended.stdout.decode().splitlines()[-1:] == ["held"], ended.stderr.decode()


def python_for_everybody() -> str:
    """An interpreter that an ordinary user can start; skips the test without one."""
    if os.geteuid() != 0:
        return sys.executable
    for python in (getattr(sys, "_base_executable", sys.executable), "/usr/bin/python3"):
        probe = [python, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
        try:
            if subprocess.run(probe, user=65534, group=65534, extra_groups=[]).returncode == 0:
                return str(python)
        except OSError:
            continue
    pytest.skip("no Python 3.11 here that other users can start")
