"""Prompts and programs as tokens: encoded apart, joined, cut to the context, decoded again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import processors
from transformers import GPT2Config, GPT2LMHeadModel

from core.config import SamplerConfig
from core.errors import CoreError
from core.models import Student
from core.prompts import PromptFormat, program_text, prompt_format
from core.prompts.fitting import Fit, check_any, fitting_tasks
from core.tasks import StdioTest, Task
from core.tasks.load import load_tasks
from tests.conftest import real_data
from tests.tiny_models import byte_tokenizer

TOKENIZER = byte_tokenizer()
END = TOKENIZER.eos_token_id
TASK = Task(
    task_id="toy/1", dataset="toy", description="", prompt="# 1\n", tests=(StdioTest("", ("",)),)
)
COMPLETING = replace(TASK, prompt="def f(x):\n", completes_prompt=True)
PLAIN = PromptFormat(TOKENIZER)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)))


@given(TEXTS, TEXTS)
def test_a_program_survives_encoding_and_decoding(prompt: str, completion: str) -> None:
    for completes_prompt in (False, True):
        task = replace(TASK, prompt=prompt, completes_prompt=completes_prompt)
        text = PLAIN.program(task, completion)
        assert text == program_text(task, completion)
        *ids, last = PLAIN.completion_ids(task, text)
        written = TOKENIZER.decode(ids, clean_up_tokenization_spaces=False)
        assert last == END
        assert PLAIN.program(task, written) == text


def test_the_programs_tokens_do_not_contain_the_prompts() -> None:
    ids = PLAIN.completion_ids(COMPLETING, "def f(x):\n    return x\n")
    assert ids == [*TOKENIZER("    return x\n")["input_ids"], END]


def test_a_program_that_does_not_continue_the_prompt_is_refused_where_it_should() -> None:
    with pytest.raises(CoreError, match="toy/1 does not begin with the task's prompt"):
        PLAIN.completion_ids(COMPLETING, "def g(x): pass")
    assert PLAIN.completion_ids(TASK, "def g(x): pass")[-1] == END


def test_the_prompt_alone_has_no_end_token() -> None:
    assert PLAIN.prompt(TASK) == TOKENIZER("# 1\n")["input_ids"]


def test_what_a_tokenizer_puts_before_a_text_stands_before_the_prompt_only() -> None:
    beginning = byte_tokenizer()
    beginning.bos_token = "!"
    begin = ("!", beginning.bos_token_id)
    beginning.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="! $A", special_tokens=[begin]
    )
    format = PromptFormat(beginning)
    assert format.prompt(TASK) == [begin[1], *TOKENIZER("# 1\n")["input_ids"]]
    assert format.completion_ids(TASK, "x") == [*TOKENIZER("x")["input_ids"], END]


def test_an_empty_prompt_becomes_the_begin_token_or_is_refused() -> None:
    with pytest.raises(CoreError, match="toy/1 has an empty prompt"):
        PLAIN.prompt(replace(TASK, prompt=""))
    beginning = byte_tokenizer()
    beginning.bos_token = "!"
    assert PromptFormat(beginning).prompt(replace(TASK, prompt="")) == [beginning.bos_token_id]


STORY = "".join(f"line {number} of a long story, ąęß\n" for number in range(30))
FRAMED = replace(TASK, description=STORY, prompt=f"\nQUESTION:\n{STORY}\nANSWER:\n")


@settings(max_examples=40, deadline=None)
@given(st.integers(40, 900))
def test_of_a_long_description_the_end_is_cut_and_the_frame_stays(room: int) -> None:
    fitted = PromptFormat(TOKENIZER, room=room).fit(FRAMED)
    text = TOKENIZER.decode(fitted.ids)
    begin, end = "\nQUESTION:\n", "\nANSWER:\n"
    assert text.startswith(begin)
    assert text.endswith(end)
    kept = text.removeprefix(begin).removesuffix(end)
    assert STORY.startswith(kept)
    assert len(kept) == pytest.approx(fitted.share * len(STORY))
    assert room - 6 <= len(fitted.ids) <= room, "no more is cut than must be"


@settings(max_examples=40, deadline=None)
@given(st.integers(10, 500))
def test_of_a_prompt_without_its_description_in_it_the_beginning_is_cut(room: int) -> None:
    task = replace(TASK, prompt=STORY + "def f(x):\n", description="something else")
    ids = PromptFormat(TOKENIZER, room=room).prompt(task)
    assert task.prompt.endswith(TOKENIZER.decode(ids))
    assert room - 6 <= len(ids) <= room


def test_what_fits_is_not_cut() -> None:
    length = len(TOKENIZER(FRAMED.prompt)["input_ids"])
    for room in (None, length):
        assert PromptFormat(TOKENIZER, room=room).fit(FRAMED).share == 1.0
    assert PromptFormat(TOKENIZER, room=length - 1).fit(FRAMED).share < 1.0


def test_a_cut_prompt_is_the_same_every_time() -> None:
    format = PromptFormat(TOKENIZER, room=300)
    assert format.prompt(FRAMED) == format.prompt(FRAMED)
    assert format.prompt(FRAMED) == PromptFormat(TOKENIZER, room=300).prompt(FRAMED)


def test_a_program_follows_the_whole_prompt_even_if_that_was_cut() -> None:
    format = PromptFormat(TOKENIZER, room=300)
    task = replace(FRAMED, completes_prompt=True)
    format.prompt(task)
    assert format.program(task, "x") == task.prompt + "x"


def test_a_task_of_whose_text_too_little_fits_is_skipped_and_counted() -> None:
    format = PromptFormat(TOKENIZER, room=600, least_share=0.5)
    short, long = replace(TASK, task_id="toy/2"), replace(FRAMED, task_id="toy/3")
    hopeless = replace(FRAMED, task_id="toy/4", prompt=FRAMED.prompt + STORY)
    twice = STORY * 2
    longer = replace(TASK, task_id="toy/5", description=twice, prompt=f"{twice}\nANSWER:\n")
    assert 0 < format.fit(longer).share < 0.5
    kept, fit = fitting_tasks(format, [short, long, hopeless, longer])
    assert kept == [short, long]
    assert fit == Fit(tasks=4, cut=1, skipped=2)
    with pytest.raises(CoreError, match="Of toy/4 only 0 % fits into the 600 tokens"):
        format.prompt(hopeless)
    assert fit.sentence(format.room, SamplerConfig()) == (
        "Of 4 prompts cut to the 600 tokens that the model's context leaves beside a program of "
        "96: 1; tasks skipped, as less than 50 % of their text would fit: 2."
    )
    assert Fit(tasks=3).sentence(format.room, SamplerConfig()) == ""
    with pytest.raises(CoreError, match="None of the 1 tasks fits"):
        check_any(*fitting_tasks(format, [hopeless]), format.room)


@pytest.fixture(scope="module")
def gpt2() -> Student:
    """GPT-2's real context of 1,024 positions, in a narrow model."""
    config = GPT2Config(vocab_size=257, n_embd=8, n_layer=1, n_head=1)
    config.bos_token_id = config.eos_token_id = END
    assert config.n_positions == 1024
    torch.manual_seed(0)
    return Student(GPT2LMHeadModel(config).eval(), TOKENIZER, "gpt2")


def test_a_program_always_has_its_whole_room(gpt2: Student) -> None:
    config = SamplerConfig(max_new_tokens=400)
    assert prompt_format(gpt2, 1024, config).room == 624
    assert prompt_format(gpt2, None, config).room is None
    with pytest.raises(CoreError, match="leaves no room for a prompt"):
        prompt_format(gpt2, 400, config)


def test_real_questions_are_cut_to_gpt2s_context(gpt2: Student) -> None:
    tasks = load_tasks(f"apps:{real_data('apps-150.jsonl.gz')}")
    format = prompt_format(gpt2, 1024, SamplerConfig(max_new_tokens=100, min_prompt_share=0.4))
    kept, fit = fitting_tasks(format, tasks)
    assert 10 < fit.skipped < len(tasks) - 10
    assert 10 < fit.cut < len(kept)
    for task in kept:
        ids = format.prompt(task)
        text: Any = TOKENIZER.decode(ids)
        assert len(ids) <= 924
        assert text.startswith("\nQUESTION:\n")
        assert text.endswith("\n\nANSWER:\n")
        assert gpt2.model(torch.tensor([ids + [1] * 100])).logits.shape[1] <= 1024
        break
