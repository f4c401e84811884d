"""What the loaders make of records in the layouts in which the datasets are published."""

from __future__ import annotations

import ast
import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.errors import CoreError
from core.tasks import AssertTest, CallTest, StdioTest, Task
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
EXAMPLES = {"humaneval": HUMANEVAL, "mbpp": MBPP, "apps": APPS_CALL}


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., list[Task]]:
    """Writes records into a file and loads it as a dataset."""

    def load_records(dataset: str, *records: dict[str, Any]) -> list[Task]:
        file = tmp_path / "records.jsonl"
        file.write_text("".join(json.dumps(record) + "\n" for record in records))
        return load_tasks(f"{dataset}:{file}")

    return load_records


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
        ("mbpp", {"task_id": True}, "'task_id' must be a text or a whole number"),
        ("apps", {"input_output": ""}, "apps/7 has no tests"),
        ("apps", {"input_output": "{"}, "'input_output' is not valid JSON"),
        ("apps", {"input_output": '{"inputs": [1], "outputs": []}'}, "as many inputs as outputs"),
        ("apps", {"input_output": '{"fn_name": "f", "inputs": [1], "outputs": [1]}'}, "arguments"),
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
