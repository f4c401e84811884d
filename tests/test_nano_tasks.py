"""The embedded tasks: what is held out, what the tests catch, and that a seed gives them again."""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import CoreError
from core.nano.dense import NANO
from core.nano.exercise import draw_exercise
from core.nano.mutation import mutate_all
from core.nano.pretrain import exercises
from core.nano.splits import TASKS, Split, exercises_of, is_held_out, read_records, write_tasks
from core.nano.writing import right_writing, write
from core.tasks import CallTest, StdioTest, Task
from core.tasks.load import load_tasks

CONSTANTS = re.compile(r"\b(\d+|k|m|limit|[aeostn])\b")


@pytest.fixture(scope="module")
def train() -> list[Task]:
    return load_tasks("nano:train")


@pytest.fixture(scope="module")
def held_out() -> list[Task]:
    return load_tasks("nano:held-out")


def compositions(split: str) -> list[tuple[str, ...]]:
    return [tuple(record["composition"]) for record in read_records(TASKS / f"{split}.jsonl.gz")]


def test_there_are_enough_tasks_of_both_forms(train: list[Task], held_out: list[Task]) -> None:
    assert len(train) >= 2000
    assert len(held_out) >= 300
    for tasks in (train, held_out):
        forms = Counter(type(task.tests[0]) for task in tasks)
        assert set(forms) == {CallTest, StdioTest}
        assert min(forms.values()) > len(tasks) / 5


def test_every_task_has_at_least_six_different_tests(
    train: list[Task], held_out: list[Task]
) -> None:
    for task in train + held_out:
        assert len({repr(test) for test in task.tests}) >= 6


def test_no_prompt_and_no_id_is_there_twice(train: list[Task], held_out: list[Task]) -> None:
    tasks = train + held_out
    assert len({task.prompt for task in tasks}) == len(tasks)
    assert len({task.task_id for task in tasks}) == len(tasks)


def test_a_held_out_composition_is_never_trained_on() -> None:
    assert not set(compositions("held-out")) & set(compositions("train"))
    assert len(set(compositions("held-out"))) == len(compositions("held-out"))


def test_pretraining_keeps_to_the_same_line() -> None:
    drawn = exercises(NANO, "pretraining 0")
    assert not any(is_held_out(next(drawn).signature) for _ in range(3000))
    assert all(is_held_out(composition) for composition in compositions("held-out"))


def test_held_out_descriptions_never_occur_in_training_even_without_constants(
    train: list[Task], held_out: list[Task]
) -> None:
    told = {CONSTANTS.sub("#", task.description) for task in train}
    assert not any(CONSTANTS.sub("#", task.description) in told for task in held_out)


def test_no_wording_belongs_to_two_primitives() -> None:
    phrases = [phrase for step in NANO.primitives for phrase in step.phrases]
    assert len(set(phrases)) == len(phrases)
    assert all(len(step.phrases) >= 2 for step in NANO.primitives)


def test_names_and_wordings_vary(train: list[Task]) -> None:
    heads = Counter(task.entry_point for task in train if task.entry_point)
    assert len(heads) >= 10
    assert len({CONSTANTS.sub("#", task.description) for task in train}) > 0.95 * len(train)


def test_a_mutant_that_differs_from_the_reference_fails_a_test() -> None:
    for split in ("train", "held-out"):
        results = mutate_all(split, 24)
        different = sum(result.different for result in results)
        survivors = [text for result in results for text in result.survivors]
        assert different > 400
        assert len(survivors) < 0.02 * different, survivors


@pytest.mark.soak
def test_mutants_fail_over_all_tasks() -> None:
    for split in ("train", "held-out"):
        results = mutate_all(split)
        survivors = sum(len(result.survivors) for result in results)
        assert survivors < 0.02 * sum(result.different for result in results)


def test_the_stored_reference_is_what_the_exercise_says() -> None:
    records = read_records(TASKS / "held-out.jsonl.gz")
    found = exercises_of(Split(NANO, "held-out", 0), [record["prompt"] for record in records])
    for record, exercise in zip(records, found, strict=True):
        head = exercise.prompt if record["completes_prompt"] else ""
        assert record["reference"] == head + write(exercise, right_writing(exercise))
        assert tuple(record["composition"]) == exercise.signature


def test_a_seed_gives_the_committed_tasks_again(tmp_path: Path) -> None:
    committed = read_records(TASKS / "held-out.jsonl.gz")
    assert Split(NANO, "held-out", 0).records(60) == committed[:60]


def test_a_task_file_is_the_same_byte_for_byte(tmp_path: Path) -> None:
    for split in ("train", "held-out"):
        file = TASKS / f"{split}.jsonl.gz"
        write_tasks(read_records(file), tmp_path / "later-and-elsewhere.gz")
        assert (tmp_path / "later-and-elsewhere.gz").read_bytes() == file.read_bytes()


@pytest.mark.soak
def test_a_seed_gives_all_committed_tasks_again() -> None:
    for split, count in (("train", 2400), ("held-out", 300)):
        assert Split(NANO, split, 0).records(count) == read_records(TASKS / f"{split}.jsonl.gz")


def test_a_family_with_too_few_compositions_is_refused() -> None:
    few = replace(NANO, primitives=NANO.primitives[:12], lengths=((2, 1.0),))
    with pytest.raises(CoreError, match="too few compositions for held-out"):
        Split(few, "held-out", 0).records(100)


def test_no_composition_has_two_constants() -> None:
    rng = random.Random(0)
    for _ in range(500):
        steps = NANO.draw(rng)
        assert sum(bool(step.constants) for step in steps) <= 1


def test_another_seed_gives_other_exercises() -> None:
    one, other = (draw_exercise(NANO, random.Random(seed)).prompt for seed in (1, 2))
    assert one != other


def test_bare_nano_is_the_training_split(train: list[Task]) -> None:
    assert load_tasks("nano") == train


def test_a_file_in_the_same_layout_is_read(tmp_path: Path, held_out: list[Task]) -> None:
    write_tasks(read_records(TASKS / "held-out.jsonl.gz")[:3], tmp_path / "mine.jsonl.gz")
    assert load_tasks(f"nano:{tmp_path / 'mine.jsonl.gz'}") == held_out[:3]


def test_an_unknown_split_says_what_there_is() -> None:
    with pytest.raises(CoreError, match="nano:train nor nano:held-out"):
        load_tasks("nano:heldout")


def test_an_empty_file_and_an_id_that_is_there_twice_are_refused(tmp_path: Path) -> None:
    write_tasks([], tmp_path / "empty.jsonl.gz")
    with pytest.raises(CoreError, match="holds no tasks"):
        load_tasks(f"nano:{tmp_path / 'empty.jsonl.gz'}")
    one, other = read_records(TASKS / "held-out.jsonl.gz")[:2]
    write_tasks([one, other | {"task_id": one["task_id"]}], tmp_path / "twice.jsonl.gz")
    with pytest.raises(CoreError, match=r"line 2: the id of .* is already taken"):
        load_tasks(f"nano:{tmp_path / 'twice.jsonl.gz'}")


def test_a_task_without_tests_is_refused_with_its_line(tmp_path: Path) -> None:
    record = read_records(TASKS / "held-out.jsonl.gz")[0] | {"tests": []}
    write_tasks([record], tmp_path / "broken.jsonl.gz")
    with pytest.raises(CoreError, match="line 1: 'tests' must be"):
        load_tasks(f"nano:{tmp_path / 'broken.jsonl.gz'}")


@pytest.mark.parametrize("source", ["assert (", "", "# nothing"])
def test_an_assertion_that_is_none_is_refused_with_its_line(source: str, tmp_path: Path) -> None:
    record = read_records(TASKS / "held-out.jsonl.gz")[0] | {"tests": [{"assert": source}]}
    write_tasks([record], tmp_path / "broken.jsonl.gz")
    with pytest.raises(CoreError, match=r"line 1: 'tests' (is not valid Python|must be)"):
        load_tasks(f"nano:{tmp_path / 'broken.jsonl.gz'}")
