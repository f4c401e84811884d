"""The executor beside the usual ways to run model-written programs, interleaved on one machine.

    python -m tests.benchmarks.bench_executor [--quick] [--json]

Peers: a fresh `python -c` a test; the same with `-I -S`; and the way of openai/human-eval, a
`multiprocessing.Process` a program with a Manager's list for its result and a guard that disables
what is dangerous. Every round runs all of them one after the other, so that a busy machine is busy
for all; rates are sums over the rounds. The bare zygote is this executor with its isolation off.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from core.executor import Executor, zygote_process
from core.tasks import StdioTest, Task
from tests.benchmarks.human_eval_way import check_program
from tests.conftest import REAL_DATA

WORKERS = 2
PROGRAM = "import sys\nn = int(input())\nprint(sum(i * i for i in range(n)))\n"
_BARE = (
    "import sys; sys.path.insert(0, {folder!r}); from sandbox import zygote, child; "
    "zygote.confine = lambda uid, packages: ({{}}, 0); "
    "zygote._end_what_it_started = lambda session: None; "
    "del sys.path[0]; zygote.main()"
)


def expected(n: int) -> str:
    return str(sum(i * i for i in range(n)))


def by_subprocess(*options: str) -> Callable[[int], None]:
    """A fresh interpreter a test."""

    def one(n: int) -> None:
        command = [sys.executable, *options, "-c", PROGRAM]
        ended = subprocess.run(command, input=f"{n}\n", capture_output=True, text=True)
        assert ended.stdout.strip() == expected(n)

    def run(tests: int) -> None:
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(one, range(tests)))

    return run


def by_human_eval(tests: int) -> None:
    """A guarded Process a program, its result in a Manager's list."""
    sources = [
        f"import io, sys\nsys.stdin = io.StringIO('{n}\\n')\nsys.stdout = out = io.StringIO()\n"
        f"{PROGRAM}\nassert out.getvalue().strip() == '{expected(n)}'"
        for n in range(tests)
    ]
    with ThreadPoolExecutor(WORKERS) as pool:
        assert all(pool.map(check_program, sources))


def by_executor(executor: Executor) -> Callable[[int], None]:
    """This project's."""

    def run(tests: int) -> None:
        programs = (
            (Task(str(n), "bench", "", "", (StdioTest(f"{n}\n", (expected(n),)),)), PROGRAM)
            for n in range(tests)
        )
        assert all(verdict.passed for _, verdict in executor.run(programs))

    return run


def bare_executor() -> Executor:
    """The executor without its layers, for measuring what they cost."""
    isolated = zygote_process._BOOT
    zygote_process._BOOT = _BARE
    try:
        return Executor(WORKERS, allow_without_landlock=True, allow_without_seccomp=True)
    finally:
        zygote_process._BOOT = isolated


def rates(rounds: int) -> dict[str, float]:
    """Tests a second of every way."""
    with Executor(WORKERS) as executor, bare_executor() as bare:
        ways: dict[str, tuple[Callable[[int], None], int]] = {
            "executor": (by_executor(executor), 300),
            "bare zygote": (by_executor(bare), 300),
            "python -c": (by_subprocess(), 30),
            "python -I -S -c": (by_subprocess("-I", "-S"), 30),
            "human-eval way": (by_human_eval, 16),
        }
        seconds = dict.fromkeys(ways, 0.0)
        for number in range(rounds + 1):
            for name, (way, tests) in ways.items():
                started = time.perf_counter()
                way(tests)
                if number:  # the first round warms up
                    seconds[name] += time.perf_counter() - started
    return {name: rounds * tests / seconds[name] for name, (_, tests) in ways.items()}


def whole_process(way: str) -> tuple[float, float]:
    """Wall and CPU seconds of a process that judges the canonical HumanEval solutions."""
    command = [sys.executable, "-m", "tests.benchmarks.judge_humaneval", way]
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=Path(__file__).parents[2])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{way} did not pass all of HumanEval"
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime


def humaneval(rounds: int) -> dict[str, tuple[float, float]]:
    """Best wall and CPU seconds of both ways, interleaved."""
    ways = ("executor", "human-eval")
    runs = [{way: whole_process(way) for way in ways} for _ in range(rounds)]
    best = {way: tuple(map(min, zip(*(run[way] for run in runs), strict=True))) for way in ways}
    return {way: (wall, cpu) for way, (wall, cpu) in best.items()}


def ratios(per_second: dict[str, float], whole: dict[str, tuple[float, float]]) -> dict[str, float]:
    """What the issue of speed comes down to."""
    ours = per_second["executor"]
    found = {
        "stdio_vs_python": ours / per_second["python -c"],
        "stdio_vs_human_eval": ours / per_second["human-eval way"],
        "isolation_overhead": per_second["bare zygote"] / ours - 1,
    }
    if whole:
        (wall, cpu), (peer_wall, peer_cpu) = whole["executor"], whole["human-eval"]
        found["humaneval_wall_vs_human_eval"] = peer_wall / wall
        found["humaneval_cpu_vs_human_eval"] = peer_cpu / cpu
    return {name: round(value, 3) for name, value in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="within 50 s")
    parser.add_argument("--json", action="store_true", help="one JSON object of ratios")
    options = parser.parse_args()
    per_second = rates(3 if options.quick else 12)
    has_tasks = (REAL_DATA / "HumanEval.jsonl.gz").exists()
    whole = humaneval(2 if options.quick else 5) if has_tasks else {}
    if not options.json:
        for name, rate in per_second.items():
            print(f"{name:16} {rate:8.0f} tests/s")
        for name, (wall, cpu) in whole.items():
            print(f"HumanEval, {name:10} {wall:6.2f} s wall {cpu:6.2f} s CPU")
    found = ratios(per_second, whole)
    print(json.dumps(found) if options.json else "\n".join(f"{k} {v}" for k, v in found.items()))


if __name__ == "__main__":
    main()
