"""The checker names the tasks that mislead, and only those."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.executor import Executor, Limits
from core.task_check import SHOWN, Findings, Kind, check_tasks
from core.tasks import AssertTest, CallTest, StdioTest, Task
from core.tasks.constants import constant_programs
from core.tasks.load import load_tasks

BTP_TUI = Path(sys.executable).parent / "btp-tui"

SOUND: dict[str, Any] = {
    "task_id": 1,
    "text": "Write a function to double.",
    "code": "def double(x):\n    return 2 * x\n",
    "test_list": ["assert double(1) == 2", "assert double(5) == 10"],
}
STDIO: dict[str, Any] = {
    "problem_id": 1,
    "question": "Double the number.",
    "input_output": json.dumps({"inputs": ["1\n", "5\n"], "outputs": ["2\n", "10\n"]}),
    "solutions": json.dumps(["print(2 * int(input()))"]),
}
COMPLETED: dict[str, Any] = {
    "task_id": "T/1",
    "prompt": "def helped(x):\n    return x\n\n\ndef always(x):\n    ",
    "entry_point": "always",
    "canonical_solution": "return 0 * x == 0\n",
    "test": "def check(candidate):\n    assert candidate(helped(1))\n    assert candidate(2)\n",
}
RANDOM = "import random\n\ndef double(x):\n    return 2 * x if x < 5 else random.random()\n"


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    """Allows plenty of wall-clock time: the machine may be busy with other tests."""
    with Executor(workers=2, limits=Limits(wall_limit_s=60)) as running:
        yield running


@pytest.fixture
def check(tmp_path: Path, executor: Executor) -> Callable[..., Findings]:
    """Writes records into a file and checks it as a dataset."""

    def check_records(dataset: str, *records: dict[str, Any], repeat: int = 2) -> Findings:
        file = tmp_path / "tasks.jsonl"
        file.write_text("".join(json.dumps(record) + "\n" for record in records))
        tasks = load_tasks(f"{dataset}:{file}", allow_untested=True)
        return check_tasks(tasks, executor, repeat)

    return check_records


def said(findings: Findings) -> list[str]:
    return [str(problem) for problem in findings.problems]


def calls(*inputs_and_outputs: tuple[object, object]) -> str:
    """Call-based tests of a function `f`, as APPS writes them."""
    inputs, outputs = zip(*(([i], [o]) for i, o in inputs_and_outputs), strict=True)
    return json.dumps({"fn_name": "f", "inputs": inputs, "outputs": outputs})


def test_sound_tasks_have_no_problems(check: Callable[..., Findings]) -> None:
    findings = check("mbpp", SOUND, SOUND | {"task_id": 2}, repeat=3)
    assert said(findings) == []
    assert findings.sentence() == "2 tasks, 2 of 2 references pass 3 times of 3."


def test_a_reference_that_fails_is_named_with_its_first_failing_test(
    check: Callable[..., Findings],
) -> None:
    wrong = SOUND | {"code": "def double(x):\n    return 2\n"}
    raising = SOUND | {"task_id": 2, "code": "def double(x):\n    raise OSError('no\\n\x1b[2J')\n"}
    findings = check("mbpp", wrong, raising)
    assert said(findings) == [
        "mbpp/1 has a reference that fails: test 2, wrong answer: AssertionError",
        "mbpp/2 has a reference that fails: test 1, error: OSError: no  [2J",
    ]
    assert findings.sound == 0
    assert said(check("apps", STDIO | {"solutions": json.dumps(["print(2)\nprint(3)"])})) == [
        "apps/1 has a reference that fails: test 1, wrong answer: got 2 3"
    ]


def test_tests_whose_verdict_changes_from_time_to_time_are_flaky(
    check: Callable[..., Findings],
) -> None:
    flaky = RANDOM.replace("random.random()", "2 * x + (random.random() < 0.5)")
    findings = check("mbpp", SOUND | {"code": flaky}, repeat=30)
    [problem] = findings.problems
    assert problem.kind == Kind.FLAKY
    assert problem.detail.startswith("test 2 ended with ")
    assert problem.detail.endswith(" of 30 times")
    assert "passed" in problem.detail
    assert "wrong answer" in problem.detail


def test_a_reference_that_fails_in_different_words_each_time_is_not_flaky(
    check: Callable[..., Findings],
) -> None:
    [problem] = check("mbpp", SOUND | {"code": RANDOM}).problems
    assert problem.kind == Kind.FAILING


def test_a_missing_reference_is_named(check: Callable[..., Findings]) -> None:
    findings = check("apps", STDIO | {"solutions": ""})
    assert said(findings) == ["apps/1 has no reference"]
    assert findings.sentence() == "1 task; 1 task has no reference."


def test_missing_tests_are_named_and_the_other_tasks_checked(
    check: Callable[..., Findings],
) -> None:
    findings = check("mbpp", SOUND | {"task_id": 2, "test_list": []}, SOUND)
    assert said(findings) == ["mbpp/2 has no tests"]
    assert (findings.tasks, findings.sound) == (2, 1)


def test_a_test_that_is_there_twice_is_named_with_the_one_it_repeats(
    check: Callable[..., Findings],
) -> None:
    twice = SOUND | {"test_list": [*SOUND["test_list"], SOUND["test_list"][0]]}
    inputs = {"inputs": ["1\n", "5\n", "5\n"], "outputs": ["2\n", "10\n", "10\n"]}
    assert said(check("mbpp", twice)) == ["mbpp/1 has duplicated tests: test 3 repeats test 1"]
    assert said(check("apps", STDIO | {"input_output": json.dumps(inputs)})) == [
        "apps/1 has duplicated tests: test 3 repeats test 2"
    ]


def test_arguments_of_another_type_make_another_test(check: Callable[..., Findings]) -> None:
    solution = {"solutions": json.dumps(["def f(x):\n    return x == 1\n"])}
    record = STDIO | solution | {"input_output": calls((1, True), (1.0, True), (2, False))}
    assert said(check("apps", record)) == []


def test_stdin_tests_that_one_output_passes_are_named(check: Callable[..., Findings]) -> None:
    parity = {
        "input_output": json.dumps({"inputs": ["1", "3", "5"], "outputs": ["odd\n", "odd", "odd"]}),
        "solutions": json.dumps(["print('odd' if int(input()) % 2 else 'even')"]),
    }
    assert said(check("apps", STDIO | parity)) == [
        "apps/1 has tests that a constant answer passes: always 'odd\\n'"
    ]


@pytest.mark.parametrize("starter", ["", "class Solution:\n    def f(self, x): "])
def test_call_tests_that_one_value_passes_are_named(
    starter: str, check: Callable[..., Findings]
) -> None:
    solution = "def f(x):\n    return 7\n"
    if starter:
        solution = "class Solution:\n    def f(self, x):\n        return 7\n"
    record = STDIO | {"starter_code": starter, "solutions": json.dumps([solution])}
    same, different = calls((1, 7), (2, 7)), calls((1, 7), (2, 8))
    always = "apps/1 has tests that a constant answer passes: always 7"
    assert said(check("apps", record | {"input_output": same})) == [always]
    assert always not in said(check("apps", record | {"input_output": different}))


def test_assertions_that_one_literal_passes_are_named(check: Callable[..., Findings]) -> None:
    tests = ["assert f(1) == [-1]", "assert f(2) == [-1], 'message'"]
    same = {"code": "def f(x):\n    return [-1]\n", "test_list": tests}
    assert said(check("mbpp", SOUND | same)) == [
        "mbpp/1 has tests that a constant answer passes: always [-1]"
    ]


def test_assertions_without_a_literal_are_tried_with_plain_values(
    check: Callable[..., Findings],
) -> None:
    """The tests also want a helper of the prompt to be in the program."""
    assert said(check("humaneval", COMPLETED)) == [
        "humaneval/T/1 has tests that a constant answer passes: always True"
    ]


def test_assertions_of_different_literals_are_not_run_against_constants() -> None:
    tests = tuple(AssertTest(f"assert f({value}) == {value}\n") for value in (1, 2))
    task = Task("a/1", "a", "", "", tests, entry_point="f")
    assert constant_programs(task) == {}


def test_one_test_that_a_constant_passes_is_called_one_test(
    check: Callable[..., Findings],
) -> None:
    findings = check("mbpp", SOUND | {"test_list": ["assert double(1) == 2"]})
    assert said(findings) == ["mbpp/1 has one test only, which a constant answer passes: always 2"]
    looping = ["for x in range(9):\n    assert double(x) == 2 * x"]
    assert said(check("mbpp", SOUND | {"test_list": looping})) == []


@pytest.mark.parametrize(
    ("test", "passes"),
    [
        (CallTest((1,), (10**5_000,)), False),  # Python writes no longer numbers
        (StdioTest("", ("\ud800",)), False),  # no program can print it
        (StdioTest("", ("'\"\\\n\r\0é",)), True),
    ],
)
def test_answers_that_are_hard_to_write_stop_nothing(
    test: CallTest | StdioTest, passes: bool, executor: Executor
) -> None:
    entry_point = "f" if isinstance(test, CallTest) else None
    task = Task("a/1", "a", "", "", (test,), entry_point=entry_point, reference="")
    problems = check_tasks([task], executor, repeat=1).problems
    assert (Kind.ONE_TEST in {problem.kind for problem in problems}) == passes


def test_problems_come_in_the_order_of_the_tasks_and_progress_task_by_task(
    executor: Executor,
) -> None:
    tests = (StdioTest("1", ("1",)), StdioTest("2", ("2",)))
    slow = "import time\ntime.sleep(0.5)\n"
    tasks = [Task(f"a/{number}", "a", "", "", tests, reference=slow) for number in range(2)]
    tasks += [Task(f"a/{number}", "a", "", "", ()) for number in range(2, 5)]
    told: list[int] = []
    problems = check_tasks(tasks, executor, 1, told.append).problems
    assert list(dict.fromkeys(each.task_id for each in problems)) == [f"a/{n}" for n in range(5)]
    assert told == [1, 2, 3, 4, 5]


def test_many_problems_of_a_kind_are_cut_short_but_counted(executor: Executor) -> None:
    tasks = [Task(f"a/{number}", "a", "", "", (), reference="") for number in range(SHOWN + 5)]
    findings = check_tasks(tasks, executor, repeat=1)
    lines = list(findings.lines())
    assert len(lines) == SHOWN + 1
    assert lines[-1] == "... and 5 more with no tests; --json names them all"
    assert findings.sentence().endswith(f"{SHOWN + 5} tasks have no tests.")


# The command


def tasks_check(tmp_path: Path, record: dict[str, Any], *options: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `btp-tui tasks check` on one record."""
    (tmp_path / "tasks.jsonl").write_text(json.dumps(record))
    settings = ["--set", "executor.workers=1", "--set", "executor.wall_limit_s=60"]
    done = subprocess.run(
        [BTP_TUI, "tasks", "check", "mbpp:tasks.jsonl", *settings, *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_the_command_ends_with_0_when_nothing_was_found_and_leaves_nothing_behind(
    tmp_path: Path,
) -> None:
    code, out, _ = tasks_check(tmp_path, SOUND, "--repeat", "2")
    assert (code, out) == (0, "1 task, 1 of 1 reference passes 2 times of 2.\n")
    assert [path.name for path in tmp_path.iterdir()] == ["tasks.jsonl"]


def test_the_command_ends_with_1_when_something_was_found_and_names_it_in_json(
    tmp_path: Path,
) -> None:
    code, out, _ = tasks_check(tmp_path, SOUND | {"test_list": []}, "--json")
    assert code == 1
    assert json.loads(out.splitlines()[-1]) == {
        "tasks": 1,
        "references": 1,
        "sound": 0,
        "repeat": 3,
        "problems": [{"task_id": "mbpp/1", "kind": "no tests", "detail": ""}],
    }


def test_the_command_ends_with_2_for_what_it_cannot_read(tmp_path: Path) -> None:
    code, out, err = tasks_check(tmp_path, {"task_id": 1})
    assert (code, out) == (2, "")
    assert "tasks.jsonl, line 1: the field" in err
    assert tasks_check(tmp_path, SOUND, "--repeat", "0")[0] == 2
