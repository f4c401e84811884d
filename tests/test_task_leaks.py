"""The tasks of a run: what is refused as a leak, what is seen, and what weights belong to whom."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.config import Config
from core.config_reading import build_config
from core.errors import CoreError
from core.run_tasks import load_run_tasks
from core.tasks import Task
from core.tasks.leaks import find_leaks
from core.tasks.load import load_tasks
from tests.conftest import real_data
from tests.test_task_plus import HUMANEVAL_PLUS, MBPP_PLUS
from tests.test_tasks import APPS_STDIO, HUMANEVAL, MBPP

QUESTION = "Print the sum of all numbers that stand on the line."


def config(tmp_path: Path, files: dict[str, list[dict[str, Any]]], **tasks: Any) -> Config:
    """A configuration whose datasets may name the files by {name}."""
    paths = {}
    for name, records in files.items():
        paths[name] = tmp_path / f"{name}.jsonl"
        paths[name].write_text("".join(json.dumps(record) + "\n" for record in records))
    filled = json.loads(json.dumps(tasks), object_hook=None)
    for key in ("train", "held_out", "seen"):
        filled[key] = [spec.format(**paths) for spec in filled.get(key, [])]
    for section in filled.get("custom", {}).values():
        section["path"] = section["path"].format(**paths)
    return build_config({"tasks": filled}, origin="test")


def refusal(configuration: Config) -> str:
    """The sentence with which the tasks of a run are refused."""
    with pytest.raises(CoreError) as caught:
        load_run_tasks(configuration)
    return str(caught.value)


@pytest.mark.parametrize(
    ("train", "held_out", "records", "named"),
    [
        ("humaneval:{a}", "humaneval+:{b}", (HUMANEVAL, HUMANEVAL_PLUS), "humaneval/HumanEval/900"),
        ("humaneval+:{b}", "humaneval:{a}", (HUMANEVAL, HUMANEVAL_PLUS), "humaneval+/HumanEval"),
        ("mbpp:{a}", "mbpp+:{b}", (MBPP | {"task_id": 602}, MBPP_PLUS), "which is mbpp+/602"),
    ],
)
def test_a_benchmark_and_its_longer_edition_are_the_same_tasks(
    train: str, held_out: str, records: Any, named: str, tmp_path: Path
) -> None:
    files = {"a": [records[0]], "b": [records[1]]}
    sentence = refusal(config(tmp_path, files, train=[train], held_out=[held_out]))
    assert sentence.startswith("1 task is in both tasks.train and tasks.held_out, for instance")
    assert named in sentence
    assert "list it under tasks.seen" in sentence


def test_the_same_words_under_another_id_in_another_dataset_are_the_same_task(
    tmp_path: Path,
) -> None:
    mine = {"path": "{b}", "description": "text", "form": "stdio", "tests": ""}
    row = {"task_id": 1, "inputs": ["1 2"], "outputs": ["3"]}
    written = "print the SUM of all numbers,\n  that stand on the line"
    files = {
        "a": [APPS_STDIO | {"question": QUESTION}],
        "b": [row | {"text": "Print something that is not the sum."}, row | {"text": written}],
    }
    files["b"][1]["task_id"] = 2
    tasks = {"train": ["apps:{a}"], "held_out": ["mine"], "custom": {"mine": mine}}
    sentence = refusal(config(tmp_path, files, **tasks))
    assert "for instance apps/8, which is mine/2: a model" in sentence
    files["b"].pop()
    load_run_tasks(config(tmp_path, files, **tasks))


def test_the_same_words_and_tests_are_the_same_task_under_any_id_of_one_dataset(
    tmp_path: Path,
) -> None:
    """A file of APPS that is called the training split here, and the test split there."""
    files = {"a": [APPS_STDIO | {"question": QUESTION}]}
    tasks = config(tmp_path, files, train=["apps:train:{a}"], held_out=["apps:{a}"])
    assert "for instance apps/train/8, which is apps/8: a model" in refusal(tasks)


def test_texts_of_a_few_words_are_no_leak(tmp_path: Path) -> None:
    mine = {"path": "{b}", "description": "text", "form": "stdio", "tests": ""}
    row = {"task_id": 1, "inputs": ["1"], "outputs": ["1"], "text": "Add one."}
    files = {"a": [APPS_STDIO], "b": [row]}
    assert APPS_STDIO["question"] == row["text"]
    tasks = {"train": ["apps:{a}"], "held_out": ["mine"], "custom": {"mine": mine}}
    assert len(load_run_tasks(config(tmp_path, files, **tasks)).held_out) == 1


def test_the_splits_of_the_real_mbpp_are_no_leak_though_three_texts_come_in_two_of_them() -> None:
    file = real_data("mbpp.jsonl.gz")
    train, test = load_tasks(f"mbpp:train:{file}"), load_tasks(f"mbpp:test:{file}")
    assert {task.description for task in train} & {task.description for task in test}
    assert find_leaks(train, test) == []
    assert len(find_leaks(train, load_tasks(f"mbpp:{file}"))) == len(train)


def test_a_dataset_that_is_trained_on_is_measured_as_seen(tmp_path: Path) -> None:
    files = {"a": [HUMANEVAL], "b": [MBPP]}
    tasks = load_run_tasks(
        config(
            tmp_path, files, train=["humaneval:{a}"], held_out=["mbpp:{b}"], seen=["humaneval:{a}"]
        )
    )
    assert tasks.train == tasks.seen
    assert [task.task_id for task in tasks.held_out] == ["mbpp/12"]


def test_no_task_is_seen_and_held_out(tmp_path: Path) -> None:
    files = {"a": [HUMANEVAL], "b": [HUMANEVAL_PLUS]}
    sentence = refusal(
        config(tmp_path, files, train=["nano"], held_out=["humaneval:{a}"], seen=["humaneval+:{b}"])
    )
    assert sentence.startswith("1 task is in both tasks.seen and tasks.held_out")


def test_weights_are_those_of_the_datasets_and_of_the_first_where_two_hold_a_task(
    tmp_path: Path,
) -> None:
    files = {"a": [MBPP, MBPP | {"task_id": 13}], "b": [HUMANEVAL]}
    train = ["mbpp:test:{a}*2", "mbpp:{a}*5", "humaneval:{b}"]
    tasks = load_run_tasks(config(tmp_path, files, train=train, held_out=["nano:held-out"]))
    assert dict(tasks.weights) == {"mbpp/12": 2.0, "mbpp/13": 2.0, "humaneval/HumanEval/900": 1.0}
    assert [task.task_id for task in tasks.train] == list(tasks.weights)


def test_the_limit_counts_over_all_datasets_which_give_tasks_in_turns(tmp_path: Path) -> None:
    def ids(*train: str, limit: int) -> list[str]:
        chosen = config(tmp_path, files, train=train, held_out=["nano:held-out"], limit=limit)
        tasks = load_run_tasks(chosen)
        assert list(tasks.weights) == [task.task_id for task in tasks.train]
        return list(tasks.weights)

    files = {
        "a": [MBPP | {"task_id": number} for number in range(601, 605)],
        "b": [HUMANEVAL],
        "c": [MBPP | {"task_id": 605}, {"broken": 1}],
    }
    mixed = ("mbpp:{a}*5", "humaneval:{b}")
    assert ids(*mixed, limit=1) == ["mbpp/601"]
    assert ids(*mixed, limit=2) == ["mbpp/601", "humaneval/HumanEval/900"]
    assert ids(*mixed, limit=4) == ["mbpp/601", "mbpp/602", "mbpp/603", "humaneval/HumanEval/900"]
    assert len(ids(*mixed, limit=9)) == 5
    assert len(ids("mbpp:train:{a}", *mixed, limit=4)) == 4, "a task that two hold counts once"
    assert ids("mbpp:{c}", limit=1) == ["mbpp/605"], "what comes after it is not read"


def test_a_weight_of_what_is_only_measured_is_refused(tmp_path: Path) -> None:
    tasks = config(tmp_path, {}, train=["nano:train"], held_out=["nano:held-out*2"])
    assert "only the datasets of tasks.train can have a weight" in refusal(tasks)


def test_a_leak_is_found_among_many_tasks_in_no_time() -> None:
    """One pass over each side: 20,000 tasks a side take well under a second."""

    def tasks(dataset: str, first: int) -> list[Task]:
        text = "This is the description of the task of number {}."
        numbers = range(first, first + 20_000)
        return [Task(f"{dataset}/{n}", dataset, text.format(n), "", ()) for n in numbers]

    found = find_leaks(tasks("one", 0), tasks("other", 19_999))
    assert [str(leak) for leak in found] == ["one/19999, which is other/19999"]
