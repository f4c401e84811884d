"""Tasks in, programs out: texts, ranks, possibilities, and what is counted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from core.config import SamplerConfig
from core.config_reading import build_config
from core.errors import CoreError
from core.models import Student
from core.sampler import Sampler
from core.tasks import StdioTest, Task
from tests.tiny_models import byte_tokenizer, teacher_forced

CONFIG = SamplerConfig(beams=3, max_new_tokens=12, batch_tasks=2)
TASKS = [
    Task(
        task_id=f"toy/{number}",
        dataset="toy",
        description="",
        prompt="# add\n" * number + "def f():",
        tests=(StdioTest("", ("",)),),
        completes_prompt=number % 2 == 0,
    )
    for number in range(1, 6)
]


@pytest.fixture(scope="module")
def student() -> Student:
    """Random weights over bytes; long prompts do not fit its context of 64 tokens."""
    tokenizer = byte_tokenizer()
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=64,
        initializer_range=0.3,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    return Student(LlamaForCausalLM(config).eval(), tokenizer, "toy")


@pytest.fixture(scope="module")
def sampler(student: Student) -> Sampler:
    return Sampler(student, CONFIG)


def test_every_task_gets_its_k_programs_best_first(sampler: Sampler) -> None:
    found = list(sampler.sample(TASKS))
    assert sorted(task.task_id for task, _ in found) == [task.task_id for task in TASKS]
    for task, programs in found:
        assert [program.rank for program in programs] == [0, 1, 2]
        assert {program.task_id for program in programs} == {task.task_id}
        assert {program.source for program in programs} == {"self"}
        assert programs[0].logprob >= programs[1].logprob >= programs[2].logprob


def test_a_program_is_its_tokens_after_the_prompt_where_the_task_says_so(
    student: Student, sampler: Sampler
) -> None:
    for task, programs in sampler.sample(TASKS):
        for program in programs:
            ids = [token for token in program.token_ids if token != student.tokenizer.eos_token_id]
            written = student.tokenizer.decode(ids, clean_up_tokenization_spaces=False)
            assert program.text == (task.prompt + written if task.completes_prompt else written)


def test_possibility_is_the_models_own_given_the_prompt(student: Student, sampler: Sampler) -> None:
    for task, programs in sampler.sample(TASKS[:3]):
        prompt = student.tokenizer(task.prompt)["input_ids"]
        for program in programs:
            scores = teacher_forced(student.model, prompt, program.token_ids.tolist())
            np.testing.assert_allclose(program.token_logprobs, scores, atol=2e-5)
            assert program.n_tokens == len(program.token_ids)


def test_an_ended_program_keeps_its_end_token_but_does_not_show_it(student: Student) -> None:
    end = int(student.model(torch.tensor([[5]])).logits[0, -1].argmax())
    ending = byte_tokenizer(end_token_id=end)
    one = replace(TASKS[0], prompt=ending.decode([5]))
    greedy = CONFIG.model_copy(update={"beams": 1})
    [(_, [program])] = Sampler(replace(student, tokenizer=ending), greedy).sample([one])
    assert program.token_ids.tolist() == [end]
    assert program.text == ""


def test_counts_add_up_over_what_is_drawn_and_what_is_measured(student: Student) -> None:
    sampler = Sampler(student, CONFIG.model_copy(update={"strategy": "sample"}))
    programs = [programs for _, programs in sampler.sample(TASKS)]
    programs += [programs for _, programs in sampler.most_probable(TASKS)]
    assert [len(few) for few in programs] == [3] * 10
    assert sampler.decoder == "tree"
    assert dict(sampler.counts) == {"tree": 10}
    assert sampler.new_tokens == sum(len(p.token_ids) for few in programs for p in few)


def texts(sampler: Sampler, iteration: int = 0) -> dict[str, list[str]]:
    found = sampler.sample(TASKS, iteration)
    return {task.task_id: [one.text for one in programs] for task, programs in found}


def test_draws_follow_from_seed_and_iteration_and_measurements_do_not(student: Student) -> None:
    drawing = CONFIG.model_copy(update={"strategy": "sample", "temperature": 1.0, "top_p": 1.0})
    first, again, other = (Sampler(student, drawing, seed) for seed in (1, 1, 2))
    assert texts(first) == texts(again)
    assert texts(first) != texts(first, iteration=1)
    assert texts(first) != texts(other)
    best = dict(Sampler(student, CONFIG).sample(TASKS))
    for task, programs in first.most_probable(TASKS):
        assert [one.text for one in programs] == [one.text for one in best[task]]


def test_diverse_beams_are_a_choice_of_the_configuration(student: Student) -> None:
    settings = {"strategy": "diverse", "beams": 4, "groups": 4, "diversity": 50.0}
    sampler = Sampler(student, CONFIG.model_copy(update=settings))
    for _, programs in sampler.sample(TASKS):
        assert len({int(one.token_ids[0]) for one in programs}) == 4, "each begins differently"
    with pytest.raises(CoreError, match="groups = 3 must divide beams = 4"):
        build_config({"sampler": {**settings, "groups": 3}}, "test")


def test_a_program_ends_before_its_stop_text(student: Student) -> None:
    free = texts(Sampler(student, CONFIG))
    stop = next(text for few in free.values() for text in few)[-3:-1]
    sampler = Sampler(student, CONFIG.model_copy(update={"stop": (stop,)}))
    ended = 0
    for task, programs in sampler.sample(TASKS):
        for one in programs:
            written = one.text.removeprefix(task.prompt) if task.completes_prompt else one.text
            assert stop not in written
            ended += stop in student.tokenizer.decode(one.token_ids)
    assert ended


def test_a_prompt_past_the_context_keeps_its_last_tokens(student: Student) -> None:
    sampler = Sampler(student, CONFIG.model_copy(update={"min_prompt_share": 0.0}))
    long = replace(TASKS[0], prompt="# a long story\n" * 20 + "def f():")
    [(_, programs)] = sampler.sample([long])
    seen = student.tokenizer(long.prompt)["input_ids"][-(64 - 12) :]
    scores = teacher_forced(student.model, seen, programs[0].token_ids.tolist())
    np.testing.assert_allclose(programs[0].token_logprobs, scores, atol=2e-5)


def test_a_length_limit_that_leaves_no_room_for_a_prompt_is_refused(student: Student) -> None:
    with pytest.raises(CoreError, match="leaves no room for a prompt"):
        Sampler(student, SamplerConfig(max_new_tokens=64))


def test_every_end_token_of_the_generation_settings_ends_a_program(student: Student) -> None:
    settings: Any = student.model.generation_config
    own, settings.eos_token_id = settings.eos_token_id, [7, 9]
    try:
        assert Sampler(student, CONFIG).settings.eos_token_ids == (
            7,
            9,
            student.tokenizer.eos_token_id,
        )
    finally:
        settings.eos_token_id = own
