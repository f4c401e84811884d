"""What the loaders make of records in the layouts in which the datasets are published."""

from __future__ import annotations

import ast
import base64
import gzip
import io
import json
import os
import pickle
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.errors import CoreError
from core.executor import Executor, Limits
from core.tasks import AssertTest, CallTest, StdioTest, Task, pickled
from core.tasks.describe import describe_tests
from core.tasks.load import load_tasks
from tests.conftest import real_data

HUMANEVAL: dict[str, Any] = {
    "task_id": "HumanEval/900",
    "prompt": "import math\n\n\ndef double(x: int) -> int:\n    return x + x\n\n\n"
    'def half(x: int) -> int:\n    """Half of x.\n    >>> half(4)\n    2\n    """\n',
    "entry_point": "half",
    "canonical_solution": "    return x // 2\n",
    "test": "METADATA = {'author': 'me'}\n\n\ndef check(candidate):\n    assert candidate(4) == 2\n"
    "    values = [1, 2]\n    for x in values:\n        assert candidate(double(x)) == x\n"
    "    assert candidate(0) == 0, 'zero'\n    assert True\n",
}
MBPP: dict[str, Any] = {
    "text": "Write a function to add a point's coordinates.",
    "code": "import sys\r\nimport math\r\nclass Point:\r\n"
    "\tdef __init__(self, x):\r\n\t\tself.x = x\r\n"
    "def unused():\r\n\tpass\r\ndef total(p):\r\n\treturn p.x\r\n",
    "task_id": 12,
    "test_setup_code": "origin = Point(0)\r\n",
    "test_list": ["assert total(origin) == 0", "assert set([total(Point(3))]) == {math.sqrt(9)}"],
    "challenge_test_list": [],
}
APPS_CALL: dict[str, Any] = {
    "problem_id": 7,
    "question": "Add one.",
    "solutions": json.dumps(["def add(x):\n    return x + 1\n"]),
    "input_output": json.dumps(
        {"fn_name": "add", "inputs": [[1], [{"2": 3}]], "outputs": [[2], [{"4": 5}]]}
    ),
    "difficulty": "interview",
    "url": "",
    "starter_code": "\ndef add(x):\n\t",
}
APPS_STDIO = APPS_CALL | {
    "problem_id": 8,
    "solutions": "",
    "input_output": json.dumps({"inputs": ["1\n2\n", ["3", "4"]], "outputs": ["3\n", ["7"]]}),
    "starter_code": "",
}
CODECONTESTS: dict[str, Any] = {
    "name": "900_A. Doubling",
    "description": "Print twice the number.",
    "public_tests": {"input": ["1\n"], "output": ["2\n"]},
    "private_tests": {"input": ["1\n", "5\n"], "output": ["2\n", "10\n"]},
    "generated_tests": {"input": ["5\n", "-3\n"], "output": ["10\n", "-6\n"]},
    "source": 2,
    "difficulty": 7,
    "solutions": {
        "language": [2, 1, 3, 3],
        "solution": ["int main() {}", "print 2 * input()", "print(2 * int(input()))\n", "pass"],
    },
    "incorrect_solutions": {"language": [3], "solution": ["print(2)"]},
    "cf_rating": 0,
    "input_file": "",
    "output_file": "",
    "time_limit": {"seconds": 1, "nanos": 500_000_000},
    "memory_limit_bytes": 256_000_000,
}


def packed(value: object) -> str:
    """As LiveCodeBench packs its private tests."""
    return base64.b64encode(zlib.compress(pickle.dumps(value))).decode()


def cases(kind: str, *pairs: tuple[str, str]) -> str:
    """Tests as LiveCodeBench writes them."""
    return json.dumps([{"input": i, "output": o, "testtype": kind} for i, o in pairs])


LIVECODEBENCH_CALL: dict[str, Any] = {
    "question_title": "repeat",
    "question_content": "Repeat the text so many times.",
    "platform": "leetcode",
    "question_id": "3000",
    "contest_id": "weekly-contest-1",
    "starter_code": "class Solution:\n    def repeat(self, text: str, times: int) -> str:\n"
    "        ",
    "difficulty": "easy",
    "public_test_cases": cases("functional", ('"ab"\n2', '"abab"')),
    "private_test_cases": packed(cases("functional", ('"x"\n3\n', '"xxx"'))),
    "metadata": json.dumps({"func_name": "repeat"}),
}
LIVECODEBENCH_STDIN = LIVECODEBENCH_CALL | {
    "question_id": "abc301_a",
    "starter_code": "",
    "public_test_cases": cases("stdin", ("ab 2\n", "abab\n")),
    "private_test_cases": cases("stdin", ("x 3\n", "xxx\n")),
    "metadata": "{}",
}
EXAMPLES = {
    "humaneval": HUMANEVAL,
    "mbpp": MBPP,
    "apps": APPS_CALL,
    "codecontests": CODECONTESTS,
    "livecodebench": LIVECODEBENCH_CALL,
}


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., list[Task]]:
    """Writes records into a file and loads it as a dataset."""

    def load_records(dataset: str, *records: dict[str, Any]) -> list[Task]:
        file = tmp_path / "records.jsonl"
        file.write_text("".join(json.dumps(record) + "\n" for record in records))
        return load_tasks(f"{dataset}:{file}")

    return load_records


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    """Allows plenty of wall-clock time: the machine may be busy with other tests."""
    with Executor(workers=1, limits=Limits(wall_limit_s=60)) as running:
        yield running


def pass_rates(executor: Executor, task: Task, *programs: str) -> list[float | None]:
    """The pass rate of each program."""
    verdicts = dict(executor.run((task, program) for program in programs))
    return [verdicts[index].pass_rate for index in range(len(programs))]


def refusal(spec: str) -> str:
    """The sentence with which a dataset is refused."""
    with pytest.raises(CoreError) as caught:
        load_tasks(spec)
    sentence = str(caught.value)
    assert sentence.endswith((".", "?"))
    assert "\n" not in sentence
    return sentence


# HumanEval


def test_each_top_level_assertion_becomes_a_test_and_a_loop_of_them_one(
    load: Callable[..., list[Task]],
) -> None:
    [task] = load("humaneval", HUMANEVAL)
    assert [test.source for test in task.tests if isinstance(test, AssertTest)] == [
        "assert candidate(4) == 2\n",
        "values = [1, 2]\nfor x in values:\n    assert candidate(double(x)) == x\n",
        "values = [1, 2]\nassert candidate(0) == 0, 'zero'\n",
        "values = [1, 2]\nassert True\n",
    ]


def test_a_humaneval_program_is_the_prompt_and_the_completion_after_the_published_prelude(
    load: Callable[..., list[Task]],
) -> None:
    [task] = load("humaneval", HUMANEVAL)
    assert (task.completes_prompt, task.prelude) == (True, "from typing import *\n")
    assert task.reference == HUMANEVAL["prompt"] + HUMANEVAL["canonical_solution"]
    assert (task.task_id, task.entry_point) == ("humaneval/HumanEval/900", "half")
    assert task.description.startswith("Half of x.")


def test_helpers_that_tests_call_come_from_the_prompt_and_must_be_in_the_program_too(
    load: Callable[..., list[Task]],
) -> None:
    [task] = load("humaneval", HUMANEVAL)
    assert task.test_helpers == "import math\ndef double(x: int) -> int:\n    return x + x\n"
    assert task.required_names == ("double",)


def test_checks_that_assert_through_a_function_of_their_own_are_tests_too(
    load: Callable[..., list[Task]],
) -> None:
    test = (
        "def same(a, b):\n    assert a == b\n\n\ndef check(solution):\n"
        "    for x in [2, 4]:\n        same(solution(x), x // 2)\n"
    )
    [task] = load("humaneval", HUMANEVAL | {"test": test})
    assert task.tests == (
        AssertTest("solution = candidate\nfor x in [2, 4]:\n    same(solution(x), x // 2)\n"),
    )
    assert "def same(a, b):" in task.test_helpers


def test_all_real_humaneval_tasks_have_tests_and_every_assertion_is_in_one() -> None:
    tasks = load_tasks(f"humaneval:{real_data('HumanEval.jsonl.gz')}")
    assert len(tasks) == 164
    with gzip.open(real_data("HumanEval.jsonl.gz"), "rt") as records:
        published = [json.loads(record)["test"] for record in records]
    for task, test in zip(tasks, published, strict=True):
        sources = [item.source for item in task.tests if isinstance(item, AssertTest)]
        assert sources
        assert sum(map(asserts, sources)) == asserts(test), task.task_id


def asserts(source: str) -> int:
    """The number of assertions in a source."""
    return sum(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(source)))


# MBPP


def test_an_mbpp_prompt_is_a_docstring_of_the_text_and_the_tests(
    load: Callable[..., list[Task]],
) -> None:
    [task] = load("mbpp", MBPP)
    assert ast.get_docstring(ast.parse(task.prompt)) == "\n".join(
        [MBPP["text"], *MBPP["test_list"]]
    )
    assert not task.completes_prompt


def test_mbpp_tests_get_the_imports_they_use_and_leave_classes_to_the_program(
    load: Callable[..., list[Task]],
) -> None:
    [task] = load("mbpp", MBPP)
    assert task.test_helpers == "import math\norigin = Point(0)\n"
    assert task.entry_point == "total"


def test_an_mbpp_entry_point_may_have_the_name_of_a_builtin(
    load: Callable[..., list[Task]],
) -> None:
    record = MBPP | {"code": "def sum(a, b):\n    return a + b", "test_setup_code": ""}
    [task] = load("mbpp", record | {"test_list": ["assert sum(1, 2) == 3"]})
    assert task.entry_point == "sum"


def test_the_sanitized_edition_of_mbpp_loads_too(load: Callable[..., list[Task]]) -> None:
    record = {
        "task_id": 3,
        "prompt": "Write a function to double.",
        "code": "def twice(x):\n    return 2 * x",
        "test_imports": ["import math"],
        "test_list": ["assert math.isclose(twice(1.5), 3.0)"],
    }
    [task] = load("mbpp", record)
    assert (task.entry_point, task.test_helpers) == ("twice", "import math\n")


# APPS


def test_a_call_based_apps_task_calls_its_function(load: Callable[..., list[Task]]) -> None:
    [task] = load("apps", APPS_CALL)
    assert task.entry_point == "add"
    assert task.tests[0] == CallTest((1,), (2, [2]))
    assert "Use Call-Based format" in task.prompt
    assert task.reference == "def add(x):\n    return x + 1\n"


def test_whole_number_keys_that_json_turned_into_texts_are_numbers_again(
    load: Callable[..., list[Task]],
) -> None:
    [task] = load("apps", APPS_CALL)
    assert task.tests[1] == CallTest(({2: 3},), ({4: 5}, [{4: 5}]))


def test_a_task_that_fills_in_a_class_calls_its_method(load: Callable[..., list[Task]]) -> None:
    starter = "class Solution:\n    def add(self, x: List[int]) -> int:\n        "
    [task] = load("apps", APPS_CALL | {"starter_code": starter})
    assert (task.entry_point, task.prelude) == ("Solution.add", "from typing import *\n")


def test_apps_input_and_output_may_be_lists_of_lines(load: Callable[..., list[Task]]) -> None:
    [task] = load("apps", APPS_STDIO)
    assert task.tests == (StdioTest("1\n2\n", ("3\n",)), StdioTest("3\n4", ("7",)))
    assert (task.entry_point, task.reference) == (None, None)
    assert "Use Standard Input format" in task.prompt


def test_a_record_that_is_there_twice_word_for_word_counts_once() -> None:
    """apps-150 holds 150 records of 128 different tasks."""
    assert len(load_tasks(f"apps:{real_data('apps-150.jsonl.gz')}")) == 128


def test_numbers_longer_than_python_reads_by_itself_are_read_and_shown(
    load: Callable[..., list[Task]],
) -> None:
    digits = "7" * 8_001
    cases = f'{{"fn_name": "add", "inputs": [[1], [-{digits}]], "outputs": [[2], [{digits}]]}}'
    [task] = load("apps", APPS_CALL | {"input_output": cases})
    number = 7 * (10**8_001 - 1) // 9
    assert task.tests[1] == CallTest((-number,), (number, [number]))
    shown = "(a number of over 4,300 digits)"
    assert describe_tests(task)[1] == (f"add({shown})", shown)


# CodeContests


def test_codecontests_tests_of_all_kinds_count_and_an_input_only_once(
    load: Callable[..., list[Task]],
) -> None:
    [task] = load("codecontests", CODECONTESTS)
    assert task.tests == tuple(
        StdioTest(f"{number}\n", (f"{2 * number}\n",)) for number in (1, 5, -3)
    )
    assert task.task_id == "codecontests/900_A. Doubling"


def test_codecontests_limits_are_those_of_the_record(load: Callable[..., list[Task]]) -> None:
    silent = {"time_limit": None, "memory_limit_bytes": 0, "name": "silent"}
    stated, unstated = load("codecontests", CODECONTESTS, CODECONTESTS | silent)
    assert (stated.time_limit_s, stated.memory_limit_mb) == (1.5, 245)  # no less than in bytes
    assert (unstated.time_limit_s, unstated.memory_limit_mb) == (None, None)
    assert Limits().of(stated).time_limit_s == 1.5


def test_the_first_python_3_solution_is_the_reference(load: Callable[..., list[Task]]) -> None:
    others = {"name": "other", "solutions": {"language": [2, 1], "solution": ["", ""]}}
    with_python, without = load("codecontests", CODECONTESTS, CODECONTESTS | others)
    assert with_python.reference == "print(2 * int(input()))\n"
    assert without.reference is None


@pytest.mark.parametrize(
    ("rating", "code", "difficulty"),
    [(1500, 7, "1500"), (0, 0, None), (0, 2, "medium"), (0, 7, "A"), (0, 28, "V")],
)
def test_codecontests_difficulty_is_the_rating_or_else_the_published_class(
    rating: int, code: int, difficulty: str | None, load: Callable[..., list[Task]]
) -> None:
    [task] = load("codecontests", CODECONTESTS | {"cf_rating": rating, "difficulty": code})
    assert task.difficulty == difficulty


def test_codecontests_is_asked_for_as_apps_is(load: Callable[..., list[Task]]) -> None:
    [ours] = load("codecontests", CODECONTESTS)
    [apps] = load("apps", APPS_STDIO | {"question": CODECONTESTS["description"]})
    assert ours.prompt == apps.prompt


def test_a_codecontests_program_is_judged_by_its_output(
    load: Callable[..., list[Task]], executor: Executor
) -> None:
    [task] = load("codecontests", CODECONTESTS)
    assert pass_rates(executor, task, str(task.reference), "print(2)") == [1.0, 1 / 3]


# LiveCodeBench


def test_a_functional_livecodebench_task_calls_the_method_of_its_class(
    load: Callable[..., list[Task]],
) -> None:
    [task] = load("livecodebench", LIVECODEBENCH_CALL)
    assert task.tests == (CallTest(("ab", 2), ("abab",)), CallTest(("x", 3), ("xxx",)))
    assert (task.entry_point, task.prelude) == ("Solution.repeat", "from typing import *\n")
    assert LIVECODEBENCH_CALL["starter_code"] in task.prompt
    assert "Use Call-Based format" in task.prompt


def test_a_functional_livecodebench_program_is_judged_by_what_its_method_returns(
    load: Callable[..., list[Task]], executor: Executor
) -> None:
    [task] = load("livecodebench", LIVECODEBENCH_CALL)
    start = LIVECODEBENCH_CALL["starter_code"]
    right, wrong = f"{start}return text * times\n", f"{start}return text + text\n"
    assert pass_rates(executor, task, right, wrong) == [1.0, 0.5]


def test_a_livecodebench_program_on_stdin_is_judged_by_its_output(
    load: Callable[..., list[Task]], executor: Executor
) -> None:
    [task] = load("livecodebench", LIVECODEBENCH_STDIN)
    assert (task.task_id, task.entry_point) == ("livecodebench/abc301_a", None)
    right = "text, times = input().split()\nprint(text * int(times))\n"
    assert pass_rates(executor, task, right, "print(input()[0] * 3)") == [1.0, 0.5]


@pytest.mark.parametrize("protocol", range(1, pickle.HIGHEST_PROTOCOL + 1))
def test_a_packed_text_is_read_whatever_protocol_wrote_it(protocol: int) -> None:
    for text in ("", "[]", "ü\n" * 100_000):
        compressed = zlib.compress(pickle.dumps(text, protocol))
        assert pickled.unpack_text(base64.b64encode(compressed).decode()) == text


class Command:
    """Pickled, it has the reader run a command that leaves a file."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self.trace}",)


def test_a_pickle_that_runs_a_command_runs_nothing_here(tmp_path: Path) -> None:
    plain = pickle.dumps(Command(tmp_path / "ran"))
    file = tmp_path / "tasks.jsonl"
    private = base64.b64encode(zlib.compress(plain)).decode()
    file.write_text(json.dumps(LIVECODEBENCH_CALL | {"private_test_cases": private}))
    sentence = refusal(f"livecodebench:{file}")
    assert f"{file}, line 1: 'private_test_cases' cannot be unpacked" in sentence
    with pytest.raises(pickle.UnpicklingError, match=r"asks for posix\.system"):
        pickled.TextUnpickler(io.BytesIO(plain)).load()
    assert not (tmp_path / "ran").exists()
    loading = "import pickle, sys; pickle.loads(sys.stdin.buffer.read())"
    subprocess.run([sys.executable, "-c", loading], input=plain, check=True)
    assert (tmp_path / "ran").exists()  # so that the bytes do what they must not do above


def test_a_pickle_of_a_persistent_object_loads_nothing() -> None:
    with pytest.raises(pickle.UnpicklingError, match="asks for a persistent object"):
        pickled.TextUnpickler(io.BytesIO(b"Pname\n.")).load()


@pytest.mark.parametrize(
    ("pickled_bytes", "complaint"),
    [
        (b"\x80\x04X\x01\x00\x00\x00ar\xff\xff\xff\x7f.", "more than a text: LONG_BINPUT"),
        (pickle.dumps([]), "more than a text: EMPTY_LIST"),
        (pickle.dumps(("a",)), "more than a text: TUPLE1"),
        (pickle.dumps("a")[:-1], "exhausted before seeing STOP"),
        (b".", "stack underflow"),
    ],
)
def test_a_pickle_of_more_or_less_than_a_text_is_refused(
    pickled_bytes: bytes, complaint: str
) -> None:
    """The first would have the unpickler lay out a memo of tens of gigabytes."""
    with pytest.raises(ValueError, match=complaint):
        pickled.unpack_text(base64.b64encode(zlib.compress(pickled_bytes)).decode())


def test_what_decompresses_to_more_than_the_cap_is_refused_before_it_is_all_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bomb = packed("0" * 10_000_000)
    assert len(bomb) < 20_000
    assert len(pickled.unpack_text(bomb)) == 10_000_000
    monkeypatch.setattr(pickled, "LARGEST_BYTES", 1_000_000)
    with pytest.raises(ValueError, match="decompresses to more than 1,000,000 bytes"):
        pickled.unpack_text(bomb)


# Descriptions


def test_tests_are_shown_as_what_goes_in_and_what_must_come_out(
    load: Callable[..., list[Task]],
) -> None:
    humaneval, apps = load("humaneval", HUMANEVAL)[0], load("apps", APPS_CALL, APPS_STDIO)
    assert describe_tests(humaneval)[0] == ("half(4)", "2")
    assert describe_tests(humaneval)[1][1] == ""
    assert describe_tests(apps[0])[0] == ("add(1)", "2")
    assert describe_tests(apps[1])[0] == ("1\n2\n", "3\n")


def test_every_real_test_can_be_shown() -> None:
    for spec in ("humaneval:HumanEval", "mbpp:mbpp", "apps:apps-150"):
        name, _, file = spec.partition(":")
        for task in load_tasks(f"{name}:{real_data(file + '.jsonl.gz')}"):
            shown = describe_tests(task)
            assert len(shown) == len(task.tests)
            assert all(given or isinstance(task.tests[0], StdioTest) for given, _ in shown)


def test_a_test_too_deep_to_be_taken_apart_is_shown_whole(
    load: Callable[..., list[Task]],
) -> None:
    source = f"assert total({'1+' * 900}1) == 901"
    (task,) = load("mbpp", MBPP | {"test_list": [source]})
    assert describe_tests(task) == ((source, ""),)


# Bad input


@pytest.mark.parametrize("dataset", EXAMPLES)
def test_plain_and_gzip_files_load_alike(dataset: str, tmp_path: Path) -> None:
    line = json.dumps(EXAMPLES[dataset]).encode() + b"\n\n"
    (tmp_path / "plain.jsonl").write_bytes(line)
    (tmp_path / "packed.jsonl.gz").write_bytes(gzip.compress(line))
    plain = load_tasks(f"{dataset}:{tmp_path / 'plain.jsonl'}")
    assert plain == load_tasks(f"{dataset}:{tmp_path / 'packed.jsonl.gz'}")
    assert len(plain) == 1


def test_an_unknown_dataset_is_refused_with_the_nearest_right_name() -> None:
    assert "did you mean 'humaneval'?" in refusal("humanevel:x.jsonl")


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    missing = refusal(f"mbpp:{tmp_path / 'absent.jsonl'}")
    assert str(tmp_path / "absent.jsonl") in missing
    assert "No such file" in missing
    assert "directory" in refusal(f"mbpp:{tmp_path}")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b'{"task_id": 1', "not valid JSON"),
        (b"\xff\xfe{}", "not valid"),
        (b"[1, 2]", "one JSON object a line"),
        (b"[" * 100_000, "cannot be read"),
        (b'{"task_id": ' + b"1" * 5000 + b"}", "cannot be read"),
    ],
)
def test_a_broken_line_is_named_by_file_and_number(
    line: bytes, complaint: str, tmp_path: Path
) -> None:
    file = tmp_path / "tasks.jsonl"
    file.write_bytes(json.dumps(MBPP).encode() + b"\n" + line + b"\n")
    sentence = refusal(f"mbpp:{file}")
    assert f"{file}, line 2" in sentence
    assert complaint in sentence


def test_a_damaged_gzip_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "tasks.jsonl.gz"
    file.write_bytes(gzip.compress(json.dumps(MBPP).encode() * 100)[:-20])
    assert "damaged gzip" in refusal(f"mbpp:{file}")


@pytest.mark.parametrize(
    ("dataset", "change", "complaint"),
    [
        ("humaneval", {"prompt": None}, "'prompt' must be a text"),
        ("humaneval", {"test": "def check(candidate)"}, "'test' is not valid Python"),
        ("humaneval", {"test": "x = 1"}, "must define check(candidate)"),
        ("humaneval", {"test": "def check(candidate):\n    pass"}, "HumanEval/900 has no tests"),
        ("mbpp", {"test_list": []}, "mbpp/12 has no tests"),
        ("mbpp", {"test_list": ["assert ("]}, "'test_list' is not valid Python"),
        ("mbpp", {"test_list": "assert x"}, "'test_list' must be a list of texts"),
        ("mbpp", {"test_list": ["assert x", ""]}, "none of which is empty"),
        ("mbpp", {"test_list": ["assert x == " + "-" * 20_000 + "1"]}, "it is nested too deeply"),
        ("mbpp", {"test_list": ["assert x == " + "1+" * 9_000 + "1"]}, "it is nested too deeply"),
        ("mbpp", {"test_list": ["assert x == '\ud800'"]}, "'test_list' is not valid Unicode"),
        ("mbpp", {"text": "\ud800"}, "'text' is not valid Unicode"),
        ("humaneval", {"task_id": "\ud800"}, "'task_id' is not valid Unicode"),
        ("mbpp", {"task_id": True}, "'task_id' must be a text or a whole number"),
        ("apps", {"input_output": ""}, "apps/7 has no tests"),
        ("apps", {"input_output": "{"}, "'input_output' is not valid JSON"),
        ("apps", {"input_output": '{"inputs": [1], "outputs": []}'}, "as many inputs as outputs"),
        ("apps", {"input_output": '{"fn_name": "f", "inputs": [1], "outputs": [1]}'}, "arguments"),
        ("codecontests", {"input_file": "in.txt"}, "whose 'input_file' is not empty"),
        ("codecontests", {"output_file": "out.txt"}, "goes through the file 'out.txt'"),
        ("codecontests", {"public_tests": {"input": ["1"], "output": []}}, "of equal length"),
        ("codecontests", {"public_tests": ["1"]}, "the lists input and output"),
        ("codecontests", {"public_tests": {"input": [1], "output": [2]}}, "lists of texts"),
        ("codecontests", {"solutions": "print()"}, "the lists language and solution"),
        ("codecontests", {"time_limit": 2}, "an object with seconds and nanos"),
        ("codecontests", {"memory_limit_bytes": -1}, "a whole number from 0"),
        ("livecodebench", {"metadata": "{"}, "'metadata' is not valid JSON"),
        ("livecodebench", {"metadata": "[]"}, "'metadata' must be a JSON object"),
        ("livecodebench", {"metadata": '{"func_name": 1}'}, "func_name is a name"),
        ("livecodebench", {"metadata": "{}"}, "the testtype stdin"),
        ("livecodebench", {"public_test_cases": "[1]"}, "the testtype functional"),
        ("livecodebench", {"public_test_cases": cases("stdin", ("1", "1"))}, "type functional"),
        ("livecodebench", {"public_test_cases": cases("functional", ("x", "1"))}, "valid JSON"),
        ("livecodebench", {"private_test_cases": "%"}, "cannot be unpacked"),
        ("livecodebench", {"private_test_cases": "AAAA"}, "cannot be unpacked"),
        ("livecodebench", {"private_test_cases": packed("1")}, "a JSON list of tests"),
        ("livecodebench", {"private_test_cases": packed("[]")[:-8]}, "it is cut short"),
    ],
)
def test_a_record_that_is_wrong_is_refused_by_name(
    dataset: str, change: dict[str, Any], complaint: str, tmp_path: Path
) -> None:
    file = tmp_path / "tasks.jsonl"
    file.write_text(json.dumps(EXAMPLES[dataset] | change))
    sentence = refusal(f"{dataset}:{file}")
    assert f"{file}, line 1" in sentence
    assert complaint in sentence


@pytest.mark.parametrize("dataset", EXAMPLES)
def test_a_missing_field_is_named(dataset: str, tmp_path: Path) -> None:
    file = tmp_path / "tasks.jsonl"
    file.write_text("{}\n")
    assert "is missing" in refusal(f"{dataset}:{file}")


def test_two_different_tasks_with_one_id_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "tasks.jsonl"
    file.write_text("\n".join(json.dumps(MBPP | {"text": text}) for text in ("One.", "Two.")))
    assert "line 2: the id of mbpp/12 is already taken" in refusal(f"mbpp:{file}")


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "tasks.jsonl"
    file.write_text("\n")
    assert "holds no tasks" in refusal(f"apps:{file}")


def test_a_dataset_that_cannot_be_fetched_asks_for_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Offline, as the hub's own switch makes it, with an empty cache."""
    command = (
        "from core.tasks.load import load_tasks\nfrom core.errors import CoreError\n"
        "try:\n    load_tasks('mbpp')\nexcept CoreError as error:\n    print(error)\n"
    )
    environment = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", command], env=environment, capture_output=True, text=True
    )
    assert done.stdout.startswith("Cannot fetch the dataset mbpp from the hub"), done.stderr
    assert done.stdout.strip().endswith("give a file as mbpp:PATH instead.")


def test_loading_a_local_file_imports_neither_numpy_nor_datasets() -> None:
    command = (
        "import core.tasks.load, sys; print({'numpy', 'datasets', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr
