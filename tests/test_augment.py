"""More tests for tasks that have few: what is added, what it is good for, and what is dropped."""

import gzip
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.augment import Augmented, augment_tasks
from core.executor import Executor, Limits
from core.tasks import AssertTest, CallTest, StdioTest, Task, Test
from core.tasks.constants import constant_programs
from core.tasks.load import load_solved, load_tasks
from core.tasks.mutation import ArgumentMutator, StdinMutator
from core.tasks.writing import write_tasks
from tests.conftest import real_data
from tests.test_task_plus import HUMANEVAL_PLUS, MBPP_PLUS
from tests.test_tasks import APPS_STDIO

COUNT = Task(
    "mine/count",
    "mine",
    "Count the vowels.",
    "",
    (CallTest(("banana",), (3,)), CallTest(("aeiou",), (5,))),
    entry_point="count",
    reference="def count(text):\n    return sum(letter in 'aeiou' for letter in text)\n",
)
TOTAL = Task(
    "mine/total",
    "mine",
    "Add up n numbers.",
    "",
    (StdioTest("3\n1 2 3\n", ("6\n",)), StdioTest("2\n7 7\n", ("14\n",))),
    reference="input()\nprint(sum(map(int, input().split())))\n",
)


@pytest.fixture(scope="module")
def executors() -> Iterator[tuple[Executor, Executor]]:
    """One that answers and one that checks."""
    limits = Limits(time_limit_s=0.5, wall_limit_s=60)
    with Executor(1, limits) as first, Executor(1, limits) as second:
        yield first, second


Pair = tuple[Executor, Executor]


def augmented(executors: Pair, task: Task, *solutions: str, wanted: int = 8) -> Augmented:
    """The task with more tests; its reference is the solution where none is given."""
    solved = [(task, solutions or (str(task.reference),))]
    [result] = augment_tasks(solved, executors, wanted, seed=0)
    return result


def passes(executors: Pair, task: Task, program: str) -> bool:
    """Whether a program passes every test of a task."""
    [(_, verdict)] = executors[0].run([(task, program)])
    return verdict.passed


# What is added


def test_an_added_test_kills_a_constant_and_a_special_cased_program_that_passed(
    executors: Pair,
) -> None:
    few = replace(COUNT, tests=COUNT.tests[:1])
    more = augmented(executors, few).task
    [constant] = constant_programs(few).values()
    special = "def count(text):\n    return {'banana': 3}.get(text, 0)\n"
    for program in (constant, special):
        assert passes(executors, few, program)
        assert not passes(executors, more, program)
    assert passes(executors, more, str(few.reference))


def test_a_program_that_knows_the_outputs_on_stdin_is_killed_too(executors: Pair) -> None:
    special = "print({'3': 6, '2': 14}[input()])"
    assert passes(executors, TOTAL, special)
    more = augmented(executors, TOTAL).task
    assert len(more.tests) == 8
    assert not passes(executors, more, special)


@pytest.mark.parametrize("task", [COUNT, TOTAL])
def test_the_tests_that_were_there_come_first_and_no_input_comes_twice(
    task: Task, executors: Pair
) -> None:
    result = augmented(executors, task)
    assert result.task == replace(task, tests=result.task.tests)
    assert result.task.tests[: len(task.tests)] == task.tests
    inputs = [test.stdin if isinstance(test, StdioTest) else test for test in result.task.tests]
    assert len(set(map(repr, inputs))) == len(inputs) == 8
    assert (result.before, result.added) == (2, 6)


def test_the_same_seed_gives_the_same_tests(executors: Pair) -> None:
    runs = [
        [
            result.task
            for result in augment_tasks([(COUNT, (str(COUNT.reference),))], executors, 8, n)
        ]
        for n in (0, 0, 1)
    ]
    assert runs[0] == runs[1] != runs[2]


def test_a_method_of_a_class_is_asked_as_well(executors: Pair) -> None:
    method = "def count(self, text):\n        print('x')\n        return len(text)\n"
    program = f"class Solution:\n    {method}"
    task = replace(
        COUNT, entry_point="Solution.count", reference=program, tests=(CallTest(("abc",), (3,)),)
    )
    result = augmented(executors, task)
    assert result.added == 7
    for test in result.task.tests:
        assert isinstance(test, CallTest)
        assert test.accepted == (len(str(test.arguments[0])),)


@pytest.mark.parametrize(
    ("present", "answer", "added"),
    [
        ("assert candidate([2, 1]) == 3\n", "sum(x)", "assert candidate([{}]) == {}\n"),
        ("assert f([2, 1]) == 1.5\n", "sum(x) / 2", "assert abs(f([{}]) - {}) <= "),
        ("assert f([2, 2])\n", "sum(x) > 3", "assert f([{}]) == {}\n"),
        ("n = 1\nassert f([2, 1]) == (2, 1)\n", "tuple(x)", "n = 1\nassert f([{}]) == {}\n"),
        ("assertion(f([2, 1]), 3, 0.01)\n", "sum(x)", "assertion(f([{}]), {}, 0.01)\n"),
    ],
)
def test_added_assertions_are_of_the_kind_that_is_there(
    present: str, answer: str, added: str, executors: Pair
) -> None:
    helpers = "def assertion(out, exp, atol):\n    assert abs(out - exp) <= atol\n"
    reference = f"def f(x):\n    return {answer}\n"
    task = replace(COUNT, entry_point="f", tests=(AssertTest(present),), test_helpers=helpers)
    result = augmented(executors, task, reference)
    assert result.added == 7
    beginning = added.partition("{")[0]
    for test in result.task.tests[1:]:
        assert isinstance(test, AssertTest)
        assert test.source.startswith(beginning)
        assert ("<= " in added) == ("<= " in test.source)


# What is dropped


def reasons(result: Augmented) -> set[str]:
    """Why inputs were dropped."""
    return set(result.dropped)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("[3][text != 'banana']", "the reference ended with error"),
        ("3 if text == 'banana' else spin()", "the reference ended with timeout"),
        ("3 if text == 'banana' else __import__('time').time_ns()", "another answer the next time"),
        ("3 if text == 'banana' else ''.join({*'abcdefghijklm'})", "another answer the next time"),
        (
            "3 if text == 'banana' else 'x' * 600",
            "an answer too long, or of a kind, that cannot be",
        ),
        ("3 if text == 'banana' else object", "an answer too long, or of a kind, that cannot be"),
    ],
)
def test_an_input_that_the_reference_does_not_answer_well_is_dropped(
    answer: str, reason: str, executors: Pair
) -> None:
    spin = "def spin():\n    while True:\n        pass\n\n\n"
    program = f"{spin}def count(text):\n    return {answer}\n"
    few = replace(COUNT, tests=COUNT.tests[:1])
    result = augmented(executors, few, program, wanted=2)
    assert result.added == 0
    assert [found for found in reasons(result) if found.startswith(reason)], result.dropped


def test_an_input_on_which_solutions_disagree_is_dropped(executors: Pair) -> None:
    """One solution counts y as a vowel; the tests that are there do not tell."""
    few = replace(COUNT, tests=(CallTest(("bay",), (1,)), CallTest(("a",), (1,))))
    with_y = "def count(text):\n    return sum(c in 'aeiouy' for c in text) - ('bay' in text)\n"
    result = augmented(executors, few, str(few.reference), with_y, wanted=12)
    assert "solutions disagree" in reasons(result)
    assert passes(executors, result.task, with_y)
    assert passes(executors, result.task, str(few.reference))


def test_a_solution_that_fails_the_tests_that_are_there_is_not_believed(executors: Pair) -> None:
    wrong = "def count(text):\n    return 0\n"
    result = augmented(executors, COUNT, wrong, str(COUNT.reference))
    assert result.added == 6
    assert passes(executors, result.task, str(COUNT.reference))


@pytest.mark.parametrize(
    ("task", "solutions", "problem"),
    [
        (COUNT, ("def count(text):\n    return 0\n",), "no solution passes its own tests"),
        (COUNT, (), "no reference to ask"),
        (replace(COUNT, tests=COUNT.tests * 4), ("",), "as many as wanted"),
        (replace(COUNT, tests=(AssertTest("assert count('a') < 2"),)), ("",), "no test whose"),
        (replace(COUNT, tests=()), ("",), "no test whose input can be read"),
    ],
)
def test_a_task_that_cannot_get_more_stays_as_it_is_and_says_why(
    task: Task, solutions: tuple[str, ...], problem: str, executors: Pair
) -> None:
    [result] = augment_tasks([(task, solutions)], executors, 8, seed=0)
    assert result.task == task
    assert result.problem.startswith(problem)
    assert problem in result.line()


# Inputs

plain = st.recursive(
    st.one_of(st.integers(), st.floats(), st.text(max_size=6), st.booleans(), st.none()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.text(max_size=3), inner, max_size=3),
        st.sets(st.integers(), max_size=4),
    ),
    max_leaves=8,
)


@given(st.lists(st.tuples(plain, plain), min_size=1, max_size=4), st.integers(0, 1000))
@example([([], {"0": [[]], "": set()})], 1)  # a set beside a list of lists
def test_a_change_keeps_the_number_and_the_types_of_arguments(
    examples: list[tuple[Any, ...]], seed: int
) -> None:
    before = repr(examples)
    changed = ArgumentMutator(examples).mutate(random.Random(seed))
    assert repr(examples) == before
    assert [type(value) for value in changed] in [[type(v) for v in e] for e in examples]


def drawn(examples: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Many changes of the examples."""
    mutator, rng = ArgumentMutator(examples), random.Random(0)
    return [mutator.mutate(rng) for _ in range(300)]


def test_changes_stay_within_what_all_inputs_have_in_common() -> None:
    examples = [([1, 4, 9], 3, "(a)(b)", [5]), ([2, 3, 8, 9], 4, "(()) a", [6])]
    for rows, count, text, positive in drawn(examples):
        assert rows == sorted(set(rows)), "sorted, without repetition"
        assert count == len(rows), "the number is the length of the list"
        assert text.count("(") == text.count(")")
        assert set(text) <= set("() ab")
        assert "  " not in text
        assert text == text.strip()
        assert all(number > 0 for number in positive)
    assert len(set(map(repr, drawn(examples)))) > 60


def test_lists_of_equal_lengths_stay_so() -> None:
    for left, right in drawn([([1, 2, 3, 4], [4, 3, 2, 1]), ([0, 0], [0, 7])]):
        assert len(left) == len(right)


def test_stdin_keeps_its_lines_and_the_numbers_that_count_them() -> None:
    texts = ["2\n3 5\nabc x\n1 1\n", "1\n3 9\nxyz q\n"]
    mutator, rng = StdinMutator(texts), random.Random(0)
    found = {mutator.mutate(rng) for _ in range(300)}
    shapes = {tuple(len(line.split(" ")) for line in text.split("\n")) for text in texts}
    assert {tuple(len(line.split(" ")) for line in text.split("\n")) for text in found} <= shapes
    assert {text.split("\n")[1].split(" ")[0] for text in found} == {"3"}, "letters of the word"
    assert len(found) > 50


def test_a_number_on_stdin_that_counts_the_lines_after_it_is_kept() -> None:
    mutator, rng = StdinMutator(["3\nab 7\ncd 8\nef 9\n"]), random.Random(0)
    assert {mutator.mutate(rng).split("\n")[0] for _ in range(100)} == {"3"}


# The file


def round_trip(tasks: list[Task], tmp_path: Path) -> list[Task]:
    """The tasks as they come back from a file."""
    write_tasks(tasks, tmp_path / "tasks.jsonl.gz")
    return load_tasks(f"nano:{tmp_path / 'tasks.jsonl.gz'}")


@pytest.mark.parametrize("spec", ["humaneval:HumanEval", "mbpp:mbpp", "apps:apps-150"])
def test_real_tasks_come_back_from_the_file_as_they_were(spec: str, tmp_path: Path) -> None:
    name, _, file = spec.partition(":")
    tasks = load_tasks(f"{name}:{real_data(file + '.jsonl.gz')}")
    assert round_trip(tasks, tmp_path) == tasks


def test_what_json_does_not_hold_comes_back_as_it_was(tmp_path: Path) -> None:
    inf = float("inf")
    tests: tuple[Test, ...] = (
        CallTest(((1, (2,)), {3: [()]}), ({4, 5}, "ü\n", b"\0")),
        CallTest((7**6_000, [-inf, 1e300]), (None, True, 0.1)),
        CallTest(({"a": [1.5]}, inf), ([],)),
    )
    task = replace(COUNT, tests=tests, prelude="import math\n", required_names=("x", "y"))
    task = replace(task, time_limit_s=1.5, memory_limit_mb=100, completes_prompt=True)
    assert round_trip([task], tmp_path) == [task]


def test_longer_editions_come_back_too(tmp_path: Path) -> None:
    for name, record in (("humaneval+", HUMANEVAL_PLUS), ("mbpp+", MBPP_PLUS)):
        (tmp_path / "one.jsonl").write_text(json.dumps(record))
        tasks = load_tasks(f"{name}:{tmp_path / 'one.jsonl'}")
        assert round_trip(tasks, tmp_path) == tasks


def test_all_published_solutions_of_a_task_are_asked(tmp_path: Path) -> None:
    record = APPS_STDIO | {"solutions": json.dumps(["first", "second", "first", "third"])}
    (tmp_path / "one.jsonl").write_text(json.dumps(record))
    [(task, solutions)] = load_solved(f"apps:{tmp_path / 'one.jsonl'}", most=2)
    assert solutions == ("first", "second")
    assert task.reference == "first"


def test_the_command_writes_all_tasks_and_says_what_became_of_each(tmp_path: Path) -> None:
    write_tasks([COUNT, replace(TOTAL, reference=None)], tmp_path / "few.jsonl")
    out = tmp_path / "more.jsonl.gz"
    command = ["tasks", "augment", f"nano:{tmp_path / 'few.jsonl'}", "--out", str(out)]
    command += ["--tests", "5", "--seed", "3", "--set", "executor.workers=1"]
    core = [sys.executable, "-m", "core", *command]
    said = subprocess.run(core, capture_output=True, text=True, check=True).stdout.splitlines()
    assert said[0] == "mine/count: 3 added to 2 tests"
    assert said[1] == "mine/total: 2 tests as before, no reference to ask"
    assert said[2] == f"3 tests added to 1 of 2 tasks, written to {out}."
    assert [len(task.tests) for task in load_tasks(f"nano:{out}")] == [5, 2]
    with gzip.open(out, "rt") as first:
        lines = first.read()
    handed_over = [sys.executable, "-m", "btp_tui.cli", *command, "--json"]
    program = "import sys; from btp_tui.cli import main; sys.argv[0] = 'btp-tui'; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, *handed_over[3:]],
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])["tasks"]
    assert [task["added"] for task in found] == [3, 0]
    with gzip.open(out, "rt") as again:
        assert again.read() == lines


def test_a_place_where_nothing_can_be_written_is_named_before_anything_is_run(
    tmp_path: Path,
) -> None:
    write_tasks([COUNT], tmp_path / "few.jsonl")
    missing = tmp_path / "missing" / "more.jsonl"
    for dataset in (f"nano:{tmp_path / 'few.jsonl'}", "nano:no such file"):
        command = ["tasks", "augment", dataset, "--out", str(missing)]
        done = subprocess.run(
            [sys.executable, "-m", "core", *command], capture_output=True, text=True
        )
        assert done.returncode == 2
        assert done.stderr == f"btp-tui: Cannot write {missing}: No such file or directory.\n"
    assert [file.name for file in tmp_path.iterdir()] == ["few.jsonl"]
