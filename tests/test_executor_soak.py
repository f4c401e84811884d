"""Long runs: memory stays flat, nothing leaks, and no kill costs a verdict."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from core.executor import Executor, Limits
from core.tasks import Outcome, Task
from tests import hostile
from tests.executor_tasks import call, stdio
from tests.forgeries import FORGERIES, SECRET
from tests.surroundings import Surroundings
from tests.test_executor_faults import eventually

TESTS = 200_000
WARM_UP = 20_000
KILLS = 200


def honest(number: int) -> tuple[Task, str]:
    """A program that passes, with time enough on a busy machine."""
    if number % 10 == 1:
        return call(number, returns=number, time_limit_s=5), "def f(x): return x"
    return stdio(f"{number}\n", str(number), time_limit_s=5), "print(input())"


def mixture(surroundings: Surroundings) -> Iterator[tuple[Task, str]]:
    """Nine honest programs for every hostile one."""
    attacks = (*hostile.REACHING, *hostile.ENDLESS, *hostile.SELF_DESTRUCTIVE)
    reaching = stdio("", hostile.REACHED)
    bad = [(reaching, surroundings.aim(attack.program)) for attack in attacks]
    bad += [(call(1, returns=SECRET), forgery.program) for forgery in FORGERIES]
    for number in range(TESTS):
        yield honest(number) if number % 10 else bad[number // 10 % len(bad)]


def belongings(process: psutil.Process) -> tuple[int, int, int, int]:
    """Descriptors, threads, children and files in shared memory."""
    shared = len(list(Path("/dev/shm").iterdir()))
    return process.num_fds(), process.num_threads(), len(process.children(recursive=True)), shared


@pytest.mark.soak
def test_200_000_tests_leave_memory_flat_and_nothing_behind() -> None:
    process = psutil.Process()
    before = belongings(process)
    sizes: list[int] = []
    with Surroundings.made() as surroundings:
        inside = belongings(process)
        with Executor(workers=2, limits=Limits(0.5, 1.0)) as executor:
            for count, (index, verdict) in enumerate(executor.run(mixture(surroundings))):
                assert verdict.outcome != Outcome.HARNESS_ERROR
                assert verdict.passed == (index % 10 != 0)
                if count > WARM_UP and count % 1000 == 0:
                    sizes.append(process.memory_info().rss)
        assert eventually(lambda: belongings(process) == inside)
    assert eventually(lambda: belongings(process) == before)
    print(f"memory {min(sizes) >> 20}-{max(sizes) >> 20} MB in {len(sizes)} looks")
    assert max(sizes) - min(sizes) < 10 << 20


@pytest.mark.soak
def test_200_kills_cost_no_verdict_and_double_none() -> None:
    chance = random.Random(1)
    kills = 0
    done = threading.Event()

    def kill_at_random() -> None:
        nonlocal kills
        while kills < KILLS:
            time.sleep(chance.uniform(0.02, 0.2))
            victims = psutil.Process().children(recursive=True)
            with suppress(IndexError, psutil.NoSuchProcess):  # none there, or just ended
                chance.choice(victims).kill()
                kills += 1
        done.set()

    def programs() -> Iterator[tuple[Task, str]]:
        number = 0
        while not done.is_set() or number < 1000:
            yield honest(number)
            number += 1

    judged: list[int] = []
    killer = threading.Thread(target=kill_at_random, daemon=True)  # should the executor fail
    with Executor(workers=2, limits=Limits(5, 20)) as executor:
        killer.start()
        judged = [index for index, _ in executor.run(programs())]
        killer.join()
    assert kills == KILLS
    assert sorted(judged) == list(range(len(judged)))
