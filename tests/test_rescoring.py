"""Possibilities under the student of the moment: what is scored, when, and what it comes to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from core.config import ModelConfig, ReplayConfig, SamplerConfig
from core.models import Student, load_student
from core.prompts import program_text, prompt_format
from core.replay import ReplayBuffer
from core.rescoring import Encoder, Rescoring
from core.tasks.load import load_tasks
from storage.programs import pack_tokens
from storage.schema import SampleRecord, TaskRecord
from tests.stores import Store

TASKS = {task.task_id: task for task in load_tasks("nano:train")[:3]}
FIRST = next(iter(TASKS))


@pytest.fixture(scope="module")
def student() -> Student:
    return load_student(ModelConfig(), torch.device("cpu"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path) as opened:
        opened.writer.add_tasks(
            [TaskRecord(name, "nano", "", "", None, ()) for name in (*TASKS, "nano/elsewhere")]
        )
        yield opened


def rescoring(store: Store, student: Student) -> Rescoring:
    encoder = Encoder(student, prompt_format(student, 512, SamplerConfig()), 512, TASKS)
    return Rescoring(store.run, encoder, 0, store.columns, store.reader, store.writer)


def whole(completion: str) -> str:
    return program_text(TASKS[FIRST], completion)


def own_tokens(student: Student, text: str) -> list[int]:
    return prompt_format(student, None, SamplerConfig()).completion_ids(TASKS[FIRST], text)


def written(student: Student, completion: str, rank: int = 0, task_id: str = FIRST) -> SampleRecord:
    """A program as the student's sampler stores it, with made-up log-probabilities."""
    text = whole(completion)
    ids = np.array(own_tokens(student, text), np.int32)
    tokens = pack_tokens(ids, np.full(len(ids), -0.5, np.float32))
    return SampleRecord(task_id, rank, "self", text, -0.5 * len(ids), len(ids), tokens)


def imported(completion: str, rank: int = 0, task_id: str = FIRST) -> SampleRecord:
    return SampleRecord(task_id, rank, "import:x", whole(completion), None, None, None)


def scored(store: Store) -> list[int]:
    """Samples in the order in which the student was asked."""
    rows = store.reader.query("SELECT sample FROM possibilities ORDER BY id")
    return [sample for (sample,) in rows]


def run(work: Rescoring, knobs: ReplayConfig, update: int) -> None:
    work.plan(knobs, update)
    while work.step():
        pass


def test_what_the_student_says_is_the_sum_over_the_program_given_its_prompt(
    store: Store, student: Student
) -> None:
    texts = ["return 1", "x = 2\nreturn x + 1"]
    store.writer.add_samples(store.run, 0, [written(student, texts[0]), imported(texts[1], 1)])
    run(rescoring(store, student), ReplayConfig(refresh=9), 4)
    rows = store.reader.query(
        "SELECT sample, logprob, n_tokens, run, update_number FROM possibilities ORDER BY sample"
    )
    for (_, logprob, n_tokens, of, update), text in zip(rows, texts, strict=True):
        prompt = student.tokenizer(TASKS[FIRST].prompt)["input_ids"]
        program = own_tokens(student, whole(text))
        ids = torch.tensor([prompt + program])
        with torch.inference_mode():
            logprobs = student.model(ids).logits.float().log_softmax(-1)[0, len(prompt) - 1 : -1]
        expected = logprobs[range(len(program)), program].sum().item()
        assert logprob == pytest.approx(expected, abs=1e-3)
        assert (n_tokens, of, update) == (len(program), store.run, 4)
    assert len(rows) == 2


def test_what_has_no_possibility_is_scored_without_being_asked_for(
    store: Store, student: Student
) -> None:
    records = [written(student, "return 1"), imported("return 2", 1), imported("return 3", 2)]
    stored = store.writer.add_samples(store.run, 0, records)
    store.judged({each.program: 0.5 for each in stored})
    work = rescoring(store, student)
    run(work, ReplayConfig(), 0)
    assert scored(store) == [2, 3]
    run(work, ReplayConfig(), 8)
    assert scored(store) == [2, 3], "once is enough"
    store.columns.refresh()
    assert len(ReplayBuffer(store.columns, store.run, ReplayConfig())) == 3


def test_a_teachers_program_is_scored_as_the_student_would_write_it(
    store: Store, student: Student
) -> None:
    foreign = pack_tokens(np.array([1, 2], np.int32), np.array([-1, -1], np.float32))
    record = SampleRecord(FIRST, 0, "teacher", whole("return 1"), -2.0, 2, foreign)
    store.writer.add_samples(store.run, 0, [record])
    run(rescoring(store, student), ReplayConfig(possibility_under="student"), 0)
    ((n_tokens,),) = store.reader.query("SELECT n_tokens FROM possibilities")
    own = own_tokens(student, whole("return 1"))
    assert n_tokens == len(own)


def test_programs_take_turns_those_first_that_have_waited_longest(
    store: Store, student: Student
) -> None:
    records = [written(student, f"return {number}", number) for number in range(5)]
    store.writer.add_samples(store.run, 0, records)
    for update in (0, 4, 8):
        run(rescoring(store, student), ReplayConfig(refresh=2), update)
    assert scored(store) == [1, 2, 3, 4, 5, 1]


def test_of_a_text_sampled_often_the_newest_sample_is_scored(
    store: Store, student: Student
) -> None:
    for iteration in range(3):
        store.writer.add_samples(store.run, iteration, [written(student, "return 1")])
    run(rescoring(store, student), ReplayConfig(refresh=9), 0)
    assert scored(store) == [3]


def test_fewer_texts_than_are_asked_for_are_scored_once_each(
    store: Store, student: Student
) -> None:
    records = [written(student, f"return {number}", number) for number in range(3)]
    store.writer.add_samples(store.run, 0, records)
    for _ in range(2):  # the second time after a kill
        run(rescoring(store, student), ReplayConfig(refresh=9), 4)
    assert scored(store) == [1, 2, 3]


def test_a_killed_engine_goes_on_where_it_was(
    store: Store, student: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.rescoring._BATCH", 2)
    records = [written(student, f"return {number}", number) for number in range(9)]
    store.writer.add_samples(store.run, 0, records)
    killed = rescoring(store, student)
    killed.plan(ReplayConfig(refresh=6), 4)
    assert killed.step()
    run(rescoring(store, student), ReplayConfig(refresh=6), 4)
    assert scored(store) == [1, 2, 3, 4, 5, 6]


def test_what_was_said_after_the_checkpoint_is_taken_back(store: Store, student: Student) -> None:
    store.writer.add_samples(store.run, 0, [written(student, "return 1")])
    for update in (4, 8):
        run(rescoring(store, student), ReplayConfig(refresh=1), update)
    store.columns.refresh()
    store.writer.rewind_updates(store.run, 4)
    assert store.columns.refresh()
    assert scored(store) == [1]
    assert np.isfinite(store.columns.student_logprob).all()
    store.writer.rewind_updates(store.run, 0)
    store.columns.refresh()
    assert np.isnan(store.columns.student_logprob).all()


def test_what_the_student_cannot_have_written_is_left_out(store: Store, student: Student) -> None:
    records = [
        imported("return 1", 0, "nano/elsewhere"),  # a task it does not train on
        imported("return 1 " * 600, 1),  # longer than its context
        imported("return 2", 2),
    ]
    store.writer.add_samples(store.run, 0, records)
    run(rescoring(store, student), ReplayConfig(), 0)
    assert scored(store) == [3]
