"""A second opinion on APPS programs: a plain `python` process a test, nothing shared with core.

    python tests/benchmarks/judge_apps.py TASKS PROGRAMS [VERDICTS]

prints how many programs pass every test. With VERDICTS, the `--out` file of `btp-tui score` for the
same PROGRAMS, it names each program on which the two disagree and exits 1 if there is one. The
programs run without a sandbox: use it on programs you would run yourself.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

WALL_LIMIT_S = 10.0

#: Imports the program as a module, calls it, and leaves the answer in a file, not on stdout.
CALLER = """
import json, sys
source, call, answer = sys.argv[1:]
name, arguments = json.load(open(call))
space = {"__name__": "solution"}
exec(compile(open(source).read(), source, "exec"), space)
function = getattr(space["Solution"](), name) if "Solution" in space else space[name]
json.dump(function(*arguments), open(answer, "w"))
"""


def read(path: str) -> list[dict]:
    opened = gzip.open if path.endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def judge(task: dict, program: str) -> tuple[int, int]:
    """How many of the task's tests the program passes, and of how many."""
    cases = json.loads(task["input_output"])
    function = cases.get("fn_name")
    pairs = list(zip(cases["inputs"], cases["outputs"], strict=True))
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "program.py")
        source.write_text(program, encoding="utf-8")
        if function:
            passed = sum(passes_call(source, function, *pair) for pair in pairs)
        else:
            passed = sum(passes_stdio(source, *pair) for pair in pairs)
    return passed, len(pairs)


def passes_call(source: Path, function: str, arguments: list, expected: object) -> bool:
    call, answer = source.with_name("call.json"), source.with_name("answer.json")
    call.write_text(json.dumps([function, arguments]))
    answer.unlink(missing_ok=True)
    run(["-c", CALLER, str(source), str(call), str(answer)], source.parent, "")
    try:
        returned = json.loads(answer.read_text())
    except (OSError, ValueError):
        return False
    return returned == expected or (isinstance(expected, list) and [returned] == expected)


def passes_stdio(source: Path, given: str | list, expected: str | list) -> bool:
    given, expected = ("\n".join(x) if isinstance(x, list) else x for x in (given, expected))
    printed = run([str(source)], source.parent, given)
    if printed is None:
        return False
    ours, theirs = printed.split(), expected.split()
    return len(ours) == len(theirs) and all(map(same_token, ours, theirs))


def same_token(ours: str, theirs: str) -> bool:
    if ours == theirs:
        return True
    try:
        left, right = float(ours), float(theirs)
    except ValueError:
        return False
    return "." in theirs and abs(left - right) <= 1e-6 * max(1.0, abs(right))


def run(command: list[str], folder: Path, given: str) -> str | None:
    """What the process prints, or None where it fails or takes too long."""
    try:
        done = subprocess.run(
            [sys.executable, "-I", *command],
            input=given.encode(),
            capture_output=True,
            cwd=folder,
            timeout=WALL_LIMIT_S,
        )
    except subprocess.TimeoutExpired:
        return None
    return done.stdout.decode(errors="replace") if done.returncode == 0 else None


def judge_all(tasks_file: str, programs_file: str) -> list[tuple[str, int, int]]:
    """(task id, tests passed, tests) of each program, in the order of the file."""
    tasks = {str(task["problem_id"]): task for task in read(tasks_file)}
    programs = read(programs_file)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = pool.map(
            lambda each: judge(tasks[str(each["problem_id"])], each["program"]), programs
        )
        return [
            (str(each["problem_id"]), *count) for each, count in zip(programs, counts, strict=True)
        ]


def main() -> None:
    tasks_file, programs_file, *verdicts_file = sys.argv[1:]
    judged = judge_all(tasks_file, programs_file)
    whole = sum(passed == tests for _, passed, tests in judged)
    print(f"{whole} of {len(judged)} programs pass every test.")
    if not verdicts_file:
        return
    different = 0
    for line, (judgement, verdict) in enumerate(
        zip(judged, read(verdicts_file[0]), strict=True), start=1
    ):
        task, passed, tests = judgement
        if abs((verdict["pass_rate"] or 0.0) - passed / tests) > 1e-9:
            different += 1
            print(
                f"line {line}, task {task}: {passed}/{tests} here, "
                f"{verdict['pass_rate']} ({verdict['outcome']}) there"
            )
    print(f"{different} programs are judged differently.")
    sys.exit(different > 0)


if __name__ == "__main__":
    main()
