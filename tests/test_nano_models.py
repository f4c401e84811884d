"""The embedded models: ordinary folders, small, and wrong in many ways at once."""

from __future__ import annotations

import functools
import itertools
import random
from collections import Counter
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from core.config import ModelConfig, SamplerConfig
from core.executor import Executor
from core.models import load_student
from core.models.source import EMBEDDED
from core.nano.build import FOLDER, MODELS, build_tokenizer
from core.nano.dense import NANO
from core.nano.diagnosis import Failure, failures, kinds, replacements
from core.nano.exercise import Exercise
from core.nano.habits import SPARSE, STUDENT, TEACHER, WEAK_TEACHER, Habits
from core.nano.pretrain import Lesson, exercises, new_model, teach
from core.nano.splits import SIZES, split_of
from core.nano.tokenizer import train_tokenizer
from core.nano.writing import Writing, right_writing, write
from core.sampler import Sampler
from core.tasks.load import load_tasks
from core.tasks.spec import EMBEDDED as FAMILIES


def folder(name: str) -> Path:
    return FOLDER / "models" / name


@functools.cache
def diagnosed(name: str) -> tuple[list[Failure], int]:
    return failures(name, MODELS[name].family.name)


@pytest.fixture(scope="module")
def failing() -> list[Failure]:
    return diagnosed("nano")[0]


@pytest.fixture(scope="module")
def some_exercises() -> list[Exercise]:
    return list(itertools.islice(exercises(NANO, "test"), 300))


def test_every_model_can_be_named() -> None:
    assert set(MODELS) == set(EMBEDDED)
    assert sum(file.stat().st_size for file in FOLDER.rglob("*") if file.is_file()) <= 24_000_000


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_model_is_an_ordinary_small_folder(name: str) -> None:
    model = AutoModelForCausalLM.from_pretrained(folder(name))
    assert model.dtype == torch.bfloat16
    assert 1.5e6 < model.num_parameters() < 2.5e6
    assert sum(file.stat().st_size for file in folder(name).iterdir()) <= 5_000_000
    assert model.config.eos_token_id == AutoTokenizer.from_pretrained(folder(name)).eos_token_id


def test_all_models_speak_the_same_tokens() -> None:
    one, *others = (AutoTokenizer.from_pretrained(folder(name)) for name in MODELS)
    assert all(other.get_vocab() == one.get_vocab() for other in others)
    assert one.is_fast


def test_the_tokenizer_gives_every_text_back_and_adds_nothing() -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder("nano"))
    for task in load_tasks("nano:held-out"):
        ids = tokenizer(task.reference)["input_ids"]
        assert tokenizer.decode(ids) == task.reference
        assert tokenizer.eos_token_id not in ids
    assert tokenizer.decode(tokenizer("naïve λ\t≤ 🐍")["input_ids"]) == "naïve λ\t≤ 🐍"


def test_prompts_and_programs_are_short() -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder("nano"))
    for task in (task for family in FAMILIES for task in load_tasks(f"{family}:train,held-out")):
        assert len(tokenizer(task.prompt)["input_ids"]) <= 96
        completion = task.reference.removeprefix(task.prompt if task.completes_prompt else "")
        assert len(tokenizer(completion)["input_ids"]) < 96


def test_a_seed_gives_the_committed_tokenizer_again() -> None:
    committed = AutoTokenizer.from_pretrained(folder("nano"))
    assert build_tokenizer(0).get_vocab() == committed.get_vocab()


@pytest.mark.parametrize("name", sorted(MODELS))
def test_held_out_accuracy_lies_in_the_stated_band(name: str) -> None:
    failing, count = diagnosed(name)
    assert count == SIZES["held-out"]
    lowest, highest = MODELS[name].band
    assert lowest <= 1 - len(failing) / count <= highest


@pytest.fixture(scope="module")
def beams() -> list[list[float]]:
    """Pass rates of the 16 most probable programs of each of 100 sparse tasks, best first."""
    tasks = load_tasks("nano-sparse:held-out")[:100]
    student = load_student(ModelConfig(path="nano-sparse", offline=True), torch.device("cpu"))
    found = list(Sampler(student, SamplerConfig(beams=16)).sample(tasks))
    programs = [(task, program.text) for task, programs in found for program in programs]
    rates = [0.0] * len(programs)
    with Executor() as executor:
        for at, verdict in executor.run(programs):
            rates[at] = verdict.pass_rate or 0.0
    every = iter(rates)
    return [[next(every) for _ in programs] for _, programs in found]


def test_of_three_beams_of_the_sparse_student_hardly_one_passes_but_many_pass_in_part(
    beams: list[list[float]],
) -> None:
    three = [rate for rates in beams for rate in rates[:3]]
    assert sum(rate == 1.0 for rate in three) < 0.04 * len(three)
    assert sum(max(rates[:3]) == 1.0 for rates in beams) <= 12
    assert sum(three) / len(three) >= 0.25


def test_the_right_program_is_among_the_next_of_the_sparse_student(
    beams: list[list[float]],
) -> None:
    assert sum(max(rates) == 1.0 for rates in beams) >= 40


def test_the_students_errors_are_of_at_least_eight_kinds(failing: list[Failure]) -> None:
    found = Counter(kind for failure in failing for kind in set(kinds(failure)))
    assert len([kind for kind, times in found.items() if times >= 3]) >= 8, found
    assert max(found.values()) < len(failing) / 2, found


def test_no_single_replacement_mends_a_tenth_of_the_failing_programs(
    failing: list[Failure],
) -> None:
    best = replacements(failing)[0]
    assert 0 < best.mended <= len(failing) / 10, best


def test_a_slip_is_recognised_by_its_kind(some_exercises: list[Exercise]) -> None:
    task = load_tasks("nano:train")[0]
    for exercise in some_exercises[:60]:
        right = right_writing(exercise)
        assert kinds(Failure(task, exercise, "pass", 0.0)) == ()
        wrong = Writing((0, *right.slips[1:]))
        found = kinds(Failure(task, exercise, write(exercise, wrong), 0.0))
        assert found == (exercise.steps[0].primitive.slips[0].kind,)


def test_the_authors_are_right_and_wrong_about_as_often_as_said(
    some_exercises: list[Exercise],
) -> None:
    def share_right(habits: Habits) -> float:
        rng = random.Random(0)
        drawn = [habits.draw(exercise, rng).right for exercise in some_exercises * 3]
        return sum(drawn) / len(drawn)

    assert STUDENT.careful < share_right(STUDENT) < share_right(WEAK_TEACHER)
    assert share_right(WEAK_TEACHER) < share_right(TEACHER)
    assert SPARSE.careful < share_right(SPARSE) < 0.1


def test_pretraining_lowers_the_loss_and_sees_nothing_that_is_measured_on(
    some_exercises: list[Exercise],
) -> None:
    assert all(split_of(exercise.signature) == "train" for exercise in some_exercises)
    texts = [
        exercise.prompt + write(exercise, right_writing(exercise)) for exercise in some_exercises
    ]
    tokenizer = train_tokenizer(texts)
    lesson = Lesson(STUDENT, programs=640, minibatch=16, learning_rate=4e-3, embedding_rate=3e-3)
    reports: list[str] = []
    teach(new_model(tokenizer, 0), tokenizer, NANO, lesson, "test", reports.append)
    first, last = (float(report.split("loss ")[1]) for report in (reports[0], reports[-1]))
    assert last < first / 2
