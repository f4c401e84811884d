"""Datasets of one's own: any JSONL, parquet or hub dataset, by the fields that hold what."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from core.config import CustomTasksConfig, to_toml
from core.config_reading import build_config, load_config
from core.errors import CoreError
from core.tasks import AssertTest, CallTest, StdioTest, Task
from core.tasks.load import load_tasks

ROW: dict[str, Any] = {
    "key": 5,
    "ask": "Write a function that doubles its number.",
    "name": "double",
    "checks": ["assert double(2) == 4", "assert double(-1) == -2"],
    "answer": "def double(x):\n    return 2 * x\n",
    "level": 3,
}
MAPPING = {
    "id": "key",
    "description": "ask",
    "entry_point": "name",
    "tests": "checks",
    "reference": "answer",
    "difficulty": "level",
}
Load = Callable[..., list[Task]]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Writes rows into a file and loads it by the mapping and its changes."""

    def load_rows(*rows: dict[str, Any], **changes: Any) -> list[Task]:
        file = tmp_path / "rows.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        mapping = CustomTasksConfig.model_validate({"path": str(file), **MAPPING, **changes})
        return load_tasks("mine", customs={"mine": mapping})

    return load_rows


def test_each_field_goes_where_the_mapping_says(load: Load) -> None:
    [task] = load(ROW, time_limit_s=7)
    assert task == Task(
        task_id="mine/5",
        dataset="mine",
        description=ROW["ask"],
        prompt=f'"""\n{ROW["ask"]}\n"""\n',
        tests=(AssertTest("assert double(2) == 4\n"), AssertTest("assert double(-1) == -2\n")),
        entry_point="double",
        reference=ROW["answer"],
        difficulty="3",
        time_limit_s=7.0,
    )


def test_a_source_of_assertions_is_a_test_for_each(load: Load) -> None:
    [task] = load(ROW | {"checks": "assert double(2) == 4\nfor x in (1, 2):\n  assert double(x)"})
    assert [test.source for test in task.tests if isinstance(test, AssertTest)] == [
        "assert double(2) == 4\n",
        "for x in (1, 2):\n    assert double(x)\n",
    ]


@pytest.mark.parametrize(
    ("fields", "mapping"),
    [
        ({"inputs": ["1\n", "2\n"], "outputs": ["2", "4"]}, {"tests": ""}),
        ({"inputs": '["1\\n", "2\\n"]', "outputs": '["2", "4"]'}, {"tests": ""}),
        ({"io": {"in": ["1\n", "2\n"], "out": ["2", "4"]}}, {"inputs": "in", "outputs": "out"}),
        ({"io": '{"in": ["1\\n", "2\\n"], "out": ["2", "4"]}'}, {"inputs": "in", "outputs": "out"}),
        (
            {"io": [{"in": "1\n", "out": "2"}, {"in": "2\n", "out": "4"}]},
            {"inputs": "in", "outputs": "out"},
        ),
    ],
)
def test_texts_in_and_out_may_lie_in_any_of_the_usual_ways(
    fields: dict[str, Any], mapping: dict[str, str], load: Load
) -> None:
    [task] = load(ROW | fields, **{"form": "stdio", "tests": "io", "entry_point": "", **mapping})
    assert task.tests == (StdioTest("1\n", ("2",)), StdioTest("2\n", ("4",)))


def test_arguments_are_lists_and_texts_stay_texts_unless_both_are_json(load: Load) -> None:
    plain = {"inputs": [["1"], [2]], "outputs": ["2", 4]}
    packed = {"key": 6, "inputs": ['["1"]', "[2]"], "outputs": ['"2"', "4"]}
    for task in load(ROW | plain, ROW | packed, form="calls", tests=""):
        assert task.tests == (CallTest(("1",), ("2",)), CallTest((2,), (4,)))


def test_a_starter_with_a_class_makes_the_entry_point_its_method(load: Load) -> None:
    starter = "class Solution:\n    def double(self, x: int) -> int:\n"
    row = ROW | {"code": starter, "inputs": [[1]], "outputs": [2]}
    [task] = load(row, form="calls", tests="", starter="code")
    assert (task.entry_point, task.prelude) == ("Solution.double", "from typing import *\n")
    assert task.prompt.endswith(starter)


def test_a_prompt_to_complete_begins_the_reference_too(load: Load) -> None:
    row = ROW | {"stub": "def double(x):\n", "answer": "    return 2 * x\n"}
    [task] = load(row, prompt="stub", completes_prompt=True)
    assert task.reference == "def double(x):\n    return 2 * x\n"
    assert task.description == ROW["ask"]


def test_parquet_and_another_file_in_the_same_layout_are_read(load: Load, tmp_path: Path) -> None:
    [task] = load(ROW)
    parquet.write_table(pa.Table.from_pylist([ROW]), tmp_path / "rows.parquet")
    mapping = CustomTasksConfig.model_validate({"path": "absent", **MAPPING})
    found = load_tasks(f"mine:{tmp_path / 'rows.parquet'}", customs={"mine": mapping})
    assert found == [task]


@pytest.mark.parametrize(
    ("row", "mapping", "complaint"),
    [
        ({"key": None}, {}, "line 1: 'key' must be a text or a whole number, not None"),
        ({}, {"id": "number"}, "line 1: the field 'number' is missing"),
        ({}, {"description": "text"}, "line 1: the field 'text' is missing"),
        ({"ask": [1]}, {}, "line 1: 'ask' must be a text"),
        ({"checks": ["assert ("]}, {}, "line 1: 'checks' is not valid Python"),
        ({"checks": [1]}, {}, "line 1: 'checks' must be a list of texts"),
        ({"checks": []}, {}, "line 1: the task mine/5 has no tests"),
        ({"pre": "import"}, {"setup": "pre"}, "line 1: 'pre' is not valid Python"),
        ({}, {"form": "stdio"}, "'checks' must be inputs and outputs, as many of one as of the"),
        ({}, {"form": "stdio", "tests": ""}, "line 1: the field 'inputs' is missing"),
        (
            {"inputs": ["1"], "outputs": []},
            {"form": "stdio", "tests": ""},
            "'inputs' must be inputs and outputs, as many",
        ),
        (
            {"inputs": [1], "outputs": [2]},
            {"form": "stdio", "tests": ""},
            "'inputs' must be texts that go in and come out",
        ),
        (
            {"inputs": [1], "outputs": [2]},
            {"form": "calls", "tests": ""},
            "'inputs' must be a list of arguments for each call",
        ),
        (
            {"inputs": ["[1]"], "outputs": [2]},
            {"form": "calls", "tests": ""},
            "'inputs' must be a list of arguments for each call",
        ),
        ({"inputs": "[", "outputs": "["}, {"form": "calls", "tests": ""}, "is not valid JSON"),
        ({}, {"form": "calls", "entry_point": ""}, "need an entry point to call"),
    ],
)
def test_a_row_that_is_wrong_is_named_by_file_row_and_field(
    row: dict[str, Any], mapping: dict[str, Any], complaint: str, load: Load
) -> None:
    with pytest.raises(CoreError) as caught:
        load(ROW | row, **mapping)
    assert complaint in str(caught.value)
    assert "rows.jsonl, line 1" in str(caught.value)


def test_a_missing_file_and_a_split_that_cannot_be_fetched_say_what_to_do() -> None:
    mapping = CustomTasksConfig.model_validate({"path": "someone/tasks", **MAPPING})
    with pytest.raises(CoreError, match=r"tasks\.custom\.mine: there is no file someone/tasks;"):
        load_tasks("mine", customs={"mine": mapping})
    command = (
        "from core.config import CustomTasksConfig as C\nfrom core.errors import CoreError\n"
        "from core.tasks.load import load_tasks\n"
        "mine = C(path='someone/tasks', split='test', prompt='text')\n"
        "try:\n    load_tasks('mine', customs={'mine': mine})\n"
        "except CoreError as error:\n    print(error)\n"
    )
    environment = {"HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", command], env=environment, capture_output=True, text=True
    )
    assert done.stdout.startswith("Cannot fetch the dataset mine from the hub"), done.stderr
    assert done.stdout.strip().endswith("give a file as mine:PATH instead.")


def test_a_description_or_a_prompt_is_needed_and_names_are_checked() -> None:
    for section, complaint in (
        ({"mine": {"path": "x"}}, "description or a prompt"),
        ({"mine": {"description": "x"}}, r"tasks\.custom\.mine\.path"),
        ({"mine": {"path": "x", "prompt": "x", "form": "y"}}, r"tasks\.custom\.mine\.form"),
        ({"mine": {"path": "x", "prompt": "x", "tset": "y"}}, r"tasks\.custom\.mine\.tset"),
        ({"a:b": {"path": "x", "prompt": "x"}}, r"tasks\.custom\.a:b"),
    ):
        with pytest.raises(CoreError, match=complaint):
            build_config({"tasks": {"custom": section}}, origin="test")


def test_a_configuration_with_datasets_of_its_own_is_read_back_from_its_toml() -> None:
    custom = {"mine": {"path": 'a "b" \\ c', **MAPPING}, "x.y-z": {"path": "p", "prompt": "q"}}
    config = build_config({"tasks": {"custom": custom, "band": [0.1, 0.9]}}, origin="test")
    assert build_config(tomllib.loads(to_toml(config)), origin="test") == config


def test_the_section_that_the_readme_shows_reads_what_it_says(tmp_path: Path) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"```toml\n(\[tasks\.custom.*?)```", readme, re.DOTALL)[0]
    (tmp_path / "run.toml").write_text(shown)
    row = {"key": 1, "question": "Add up.", "solution": "print(3)"}
    row["cases"] = [{"input": "1 2", "output": "3"}]
    (tmp_path / "rows.jsonl").write_text(json.dumps(row))
    custom = load_config(tmp_path / "run.toml").tasks.custom
    [task] = load_tasks(f"mine:{tmp_path / 'rows.jsonl'}", customs=custom)
    assert task.tests == (StdioTest("1 2", ("3",)),)
    assert task.reference == "print(3)"


@pytest.mark.parametrize("band", ["[0.9,0.1]", "[-0.1,0.5]", "[0,2]", "[0.5]"])
def test_a_band_that_is_none_is_refused(band: str) -> None:
    with pytest.raises(CoreError, match=r"tasks\.band"):
        load_config(None, [f"tasks.band={band}"])


def test_commands_take_datasets_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(json.dumps(ROW))
    mapping = "\n".join(f'{key} = "{value}"' for key, value in MAPPING.items())
    path = tmp_path / "rows.jsonl"
    (tmp_path / "run.toml").write_text(f'[tasks.custom.mine]\npath = "{path}"\n{mapping}\n')
    command = ["tasks", "check", "mine", "--config", str(tmp_path / "run.toml"), "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "core", *command], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["sound"] == 1
