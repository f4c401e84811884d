"""The embedded tasks: what is held out, what the tests catch, and that a seed gives them again."""

from __future__ import annotations

import random
import re
import statistics
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.errors import CoreError
from core.nano.dense import NANO
from core.nano.difficulty import LAST, LEVELS, difficulty, size
from core.nano.drawing import draw_exercise
from core.nano.exercise import Exercise, Form
from core.nano.families import FAMILIES
from core.nano.family import Family, signature
from core.nano.mutation import mutate_all, stored_cases
from core.nano.pretrain import exercises
from core.nano.running import runner, same
from core.nano.sparse import NANO_SPARSE
from core.nano.splits import SIZES, Split, exercises_of, read_records, split_of, write_tasks
from core.nano.writing import Writing, right_writing, write
from core.tasks import AssertTest, CallTest, StdioTest, Task
from core.tasks.load import load_tasks
from core.tasks.spec import EMBEDDED, FORMS

CONSTANTS = re.compile(r"\b(\d+|k|m|limit|[aeostn])\b")
SPLITS = [(family, split) for family in FAMILIES for split in SIZES]
TEST_TYPES = {"functions": CallTest, "stdin": StdioTest, "asserts": AssertTest}


def split(family: str, name: str) -> Split:
    return Split(FAMILIES[family], name, 0)


def compositions(family: str, name: str) -> list[tuple[str, ...]]:
    return [tuple(record["composition"]) for record in read_records(split(family, name).file)]


@pytest.fixture(scope="module")
def tasks() -> dict[tuple[str, str], list[Task]]:
    return {(family, name): load_tasks(f"{family}:{name}") for family, name in SPLITS}


@pytest.fixture(scope="module", params=[NANO, NANO_SPARSE], ids=lambda family: family.name)
def suites(request: pytest.FixtureRequest) -> tuple[Family, list[tuple[Exercise, dict[str, Any]]]]:
    """The first 100 held-out tasks of a family, each with its exercise."""
    chosen = Split(request.param, "held-out", 0)
    records = read_records(chosen.file)[:100]
    found = exercises_of(chosen, [record["prompt"] for record in records])
    return request.param, list(zip(found, records, strict=True))


@pytest.mark.parametrize(("family", "name"), SPLITS)
def test_there_are_enough_tasks_of_every_form_and_difficulty(
    tasks: dict[tuple[str, str], list[Task]], family: str, name: str
) -> None:
    every = tasks[family, name]
    assert len(every) == SIZES[name] >= (2000 if name == "train" else 300)
    forms = Counter(type(task.tests[0]) for task in every)
    assert set(forms) == set(TEST_TYPES.values())
    assert min(forms.values()) > len(every) / 4
    levels = Counter(task.difficulty for task in every)
    assert set(levels) == {"easy", "medium", "hard"}
    assert min(levels.values()) > len(every) / 6


def test_every_task_has_at_least_six_different_tests(
    tasks: dict[tuple[str, str], list[Task]],
) -> None:
    for task in (task for every in tasks.values() for task in every):
        assert len({repr(test) for test in task.tests}) >= 6


@pytest.mark.parametrize("family", FAMILIES)
def test_no_prompt_and_no_id_is_there_twice(
    tasks: dict[tuple[str, str], list[Task]], family: str
) -> None:
    every = [task for name in SIZES for task in tasks[family, name]]
    assert len({task.prompt for task in every}) == len(every)
    assert len({task.task_id for task in every}) == len(every)


def test_no_composition_is_in_two_splits_not_even_of_two_families() -> None:
    found = {
        name: {each for family in FAMILIES for each in compositions(family, name)} for name in SIZES
    }
    assert not found["train"] & found["validation"]
    assert not found["train"] & found["held-out"]
    assert not found["validation"] & found["held-out"]


@pytest.mark.parametrize("name", ["validation", "held-out"])
def test_what_is_measured_on_has_a_composition_each(name: str) -> None:
    for family in FAMILIES:
        assert len(set(compositions(family, name))) == SIZES[name]


def test_pretraining_keeps_to_the_same_lines() -> None:
    drawn = exercises(NANO, "pretraining 0")
    assert all(split_of(next(drawn).signature) == "train" for _ in range(2000))
    for family, name in SPLITS:
        assert all(split_of(composition) == name for composition in compositions(family, name))


def test_measured_descriptions_never_occur_in_training_even_without_constants(
    tasks: dict[tuple[str, str], list[Task]],
) -> None:
    told = {
        CONSTANTS.sub("#", task.description)
        for (_, name), every in tasks.items()
        for task in every
        if name == "train"
    }
    for (_, name), every in tasks.items():
        if name != "train":
            assert not any(CONSTANTS.sub("#", task.description) in told for task in every)


def test_no_wording_belongs_to_two_primitives() -> None:
    phrases = [phrase for step in NANO.primitives for phrase in step.phrases]
    assert len(set(phrases)) == len(phrases)
    assert all(len(step.phrases) >= 2 for step in NANO.primitives)


def test_names_and_wordings_vary(tasks: dict[tuple[str, str], list[Task]]) -> None:
    train = tasks["nano", "train"]
    heads = Counter(task.entry_point for task in train if task.entry_point)
    assert len(heads) >= 10
    assert len({CONSTANTS.sub("#", task.description) for task in train}) > 0.95 * len(train)


@pytest.mark.parametrize(("family", "name"), SPLITS)
def test_a_mutant_that_differs_from_the_reference_fails_a_test(family: str, name: str) -> None:
    results = mutate_all(split(family, name), 16)
    different = sum(result.different for result in results)
    survivors = [text for result in results for text in result.survivors]
    assert different > 200
    assert len(survivors) < 0.02 * different, survivors


@pytest.mark.soak
@pytest.mark.parametrize(("family", "name"), SPLITS)
def test_mutants_fail_over_all_tasks(family: str, name: str) -> None:
    results = mutate_all(split(family, name))
    survivors = sum(len(result.survivors) for result in results)
    assert survivors < 0.02 * sum(result.different for result in results)


def test_no_constant_answer_passes_all_tests(tasks: dict[tuple[str, str], list[Task]]) -> None:
    for every in tasks.values():
        for task in every:
            if isinstance(task.tests[0], AssertTest):
                answers = {test.source.split(" == ")[-1] for test in task.tests}  # type: ignore[union-attr]
            else:
                answers = {repr(test.accepted) for test in task.tests}  # type: ignore[union-attr]
            assert len(answers) > 1, task.task_id


def test_one_slip_passes_some_tests_of_the_sparse_family_and_hardly_one_of_the_dense(
    suites: tuple[Family, list[tuple[Exercise, dict[str, Any]]]],
) -> None:
    family, found = suites
    rates = []
    for exercise, record in found:
        program = runner(exercise, write(exercise, Writing((0, None))))
        results = [same(program(given), told) for given, told in stored_cases(exercise, record)]
        if not all(results):  # where the second step makes up for it, the slip is none
            rates.append(sum(results) / len(results))
    assert len(rates) > 80
    if family.graded:
        assert statistics.mean(rates) > 0.3
    else:
        assert statistics.mean(rates) < 0.15


def test_an_example_is_a_call_of_the_reference_and_the_first_test(
    suites: tuple[Family, list[tuple[Exercise, dict[str, Any]]]],
) -> None:
    shown = [(each, record) for each, record in suites[1] if each.form == Form.ASSERTS]
    assert len(shown) > 20
    for exercise, record in shown:
        assert exercise.example is not None
        [first, *_] = record["tests"]
        assert first["assert"] in record["prompt"].splitlines()
        program = runner(exercise, record["reference"])
        given = exercise.example.arguments
        assert program(given) == ("value", exercise.example.expected)


def test_the_stored_reference_is_what_the_exercise_says(
    suites: tuple[Family, list[tuple[Exercise, dict[str, Any]]]],
) -> None:
    for exercise, record in suites[1]:
        head = exercise.prompt if record["completes_prompt"] else ""
        assert record["reference"] == head + write(exercise, right_writing(exercise))
        assert tuple(record["composition"]) == exercise.signature
        assert record["difficulty"] == difficulty(exercise)


def test_difficulty_is_the_size_of_what_is_to_be_written(
    suites: tuple[Family, list[tuple[Exercise, dict[str, Any]]]],
) -> None:
    order = [*(level for level, _ in LEVELS), LAST]
    exercises = sorted((each for each, _ in suites[1]), key=size)
    levels = [order.index(difficulty(exercise)) for exercise in exercises]
    assert levels == sorted(levels)
    other = replace(exercises[0], form=Form.STDIN, argument="n")
    assert difficulty(other) == difficulty(exercises[0])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_seed_gives_the_committed_tasks_again(family: str) -> None:
    chosen = split(family, "held-out")
    assert chosen.records(40) == read_records(chosen.file)[:40]


def test_a_task_file_is_the_same_byte_for_byte(tmp_path: Path) -> None:
    for family, name in SPLITS:
        file = split(family, name).file
        write_tasks(read_records(file), tmp_path / "later-and-elsewhere.gz")
        assert (tmp_path / "later-and-elsewhere.gz").read_bytes() == file.read_bytes()


@pytest.mark.soak
@pytest.mark.parametrize(("family", "name"), SPLITS)
def test_a_seed_gives_all_committed_tasks_again(family: str, name: str) -> None:
    chosen = split(family, name)
    assert chosen.records(SIZES[name]) == read_records(chosen.file)


def test_a_family_with_too_few_compositions_is_refused() -> None:
    few = replace(NANO, primitives=NANO.primitives[:12], lengths=((2, 1.0),))
    with pytest.raises(CoreError, match="too few compositions for held-out"):
        Split(few, "held-out", 0).records(100)


def test_no_composition_has_two_constants() -> None:
    rng = random.Random(0)
    for _ in range(500):
        steps = NANO.draw(rng)
        assert sum(bool(step.constants) for step in steps) <= 1


def test_the_sparse_family_has_two_steps_always() -> None:
    rng = random.Random(0)
    assert {len(signature(NANO_SPARSE.draw(rng))) for _ in range(200)} == {2}


def test_another_seed_gives_other_exercises() -> None:
    one, other = (draw_exercise(NANO, random.Random(seed)).prompt for seed in (1, 2))
    assert one != other


def test_bare_nano_is_the_training_split(tasks: dict[tuple[str, str], list[Task]]) -> None:
    assert load_tasks("nano") == tasks["nano", "train"]


def test_the_words_for_families_and_forms_are_those_of_the_notation() -> None:
    assert tuple(FAMILIES) == EMBEDDED
    assert tuple(Form) == FORMS


@pytest.mark.parametrize("form", FORMS)
def test_a_form_can_be_chosen(form: str, tasks: dict[tuple[str, str], list[Task]]) -> None:
    found = load_tasks(f"nano:held-out,{form}")
    assert found == [
        task for task in tasks["nano", "held-out"] if isinstance(task.tests[0], TEST_TYPES[form])
    ]
    assert len(found) > 60


def test_forms_add_up_and_difficulties_narrow_them() -> None:
    both = load_tasks("nano-sparse:validation,functions,stdin,hard")
    assert {type(task.tests[0]) for task in both} == {CallTest, StdioTest}
    assert {task.difficulty for task in both} == {"hard"}
    assert len(load_tasks("nano-sparse:validation,hard")) > len(both)


def test_a_file_in_the_same_layout_is_read(
    tmp_path: Path, tasks: dict[tuple[str, str], list[Task]]
) -> None:
    file = split("nano", "held-out").file
    write_tasks(read_records(file)[:9], tmp_path / "mine.jsonl.gz")
    mine = tasks["nano", "held-out"][:9]
    assert load_tasks(f"nano:{tmp_path / 'mine.jsonl.gz'}") == mine
    chosen = [task for task in mine if task.completes_prompt]
    assert chosen and load_tasks(f"nano:functions:{tmp_path / 'mine.jsonl.gz'}") == chosen


def test_an_unknown_split_says_what_there_is() -> None:
    with pytest.raises(CoreError, match="nano:train nor nano:validation nor nano:held-out"):
        load_tasks("nano:heldout")


def test_an_empty_file_and_an_id_that_is_there_twice_are_refused(tmp_path: Path) -> None:
    write_tasks([], tmp_path / "empty.jsonl.gz")
    with pytest.raises(CoreError, match="holds no tasks"):
        load_tasks(f"nano:{tmp_path / 'empty.jsonl.gz'}")
    one, other = read_records(split("nano", "held-out").file)[:2]
    write_tasks([one, other | {"task_id": one["task_id"]}], tmp_path / "twice.jsonl.gz")
    with pytest.raises(CoreError, match=r"line 2: the id of .* is already taken"):
        load_tasks(f"nano:{tmp_path / 'twice.jsonl.gz'}")


def test_a_task_without_tests_is_refused_with_its_line(tmp_path: Path) -> None:
    record = read_records(split("nano", "held-out").file)[0] | {"tests": []}
    write_tasks([record], tmp_path / "broken.jsonl.gz")
    with pytest.raises(CoreError, match="line 1: 'tests' must be"):
        load_tasks(f"nano:{tmp_path / 'broken.jsonl.gz'}")


@pytest.mark.parametrize("source", ["assert (", "", "# nothing"])
def test_an_assertion_that_is_none_is_refused_with_its_line(source: str, tmp_path: Path) -> None:
    record = read_records(split("nano", "held-out").file)[0] | {"tests": [{"assert": source}]}
    write_tasks([record], tmp_path / "broken.jsonl.gz")
    with pytest.raises(CoreError, match=r"line 1: 'tests' (is not valid Python|must be)"):
        load_tasks(f"nano:{tmp_path / 'broken.jsonl.gz'}")
