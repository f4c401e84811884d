"""Prompts and programs as tokens: encoded apart, joined, and decoded to the same text."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import processors

from core.errors import CoreError
from core.prompts import encode_program, encode_prompt, fit_prompt, program_text
from core.tasks import StdioTest, Task
from tests.tiny_models import byte_tokenizer

TOKENIZER = byte_tokenizer()
END = TOKENIZER.eos_token_id
TASK = Task(
    task_id="toy/1", dataset="toy", description="", prompt="# 1\n", tests=(StdioTest("", ("",)),)
)
COMPLETING = replace(TASK, prompt="def f(x):\n", completes_prompt=True)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)))


@given(TEXTS, TEXTS)
def test_a_program_survives_encoding_and_decoding(prompt: str, completion: str) -> None:
    for completes_prompt in (False, True):
        task = replace(TASK, prompt=prompt, completes_prompt=completes_prompt)
        text = program_text(task, completion)
        *ids, last = encode_program(TOKENIZER, task, text)
        written = TOKENIZER.decode(ids, clean_up_tokenization_spaces=False)
        assert last == END
        assert program_text(task, written) == text


def test_the_programs_tokens_do_not_contain_the_prompts() -> None:
    ids = encode_program(TOKENIZER, COMPLETING, "def f(x):\n    return x\n")
    assert ids == [*TOKENIZER("    return x\n")["input_ids"], END]


def test_a_program_that_does_not_continue_the_prompt_is_refused_where_it_should() -> None:
    with pytest.raises(CoreError, match="toy/1 does not begin with the task's prompt"):
        encode_program(TOKENIZER, COMPLETING, "def g(x): pass")
    assert encode_program(TOKENIZER, TASK, "def g(x): pass")[-1] == END


def test_the_prompt_alone_has_no_end_token() -> None:
    assert encode_prompt(TOKENIZER, TASK) == TOKENIZER("# 1\n")["input_ids"]


def test_what_a_tokenizer_puts_before_a_text_stands_before_the_prompt_only() -> None:
    beginning = byte_tokenizer()
    beginning.bos_token = "!"
    begin = ("!", beginning.bos_token_id)
    beginning.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="! $A", special_tokens=[begin]
    )
    assert encode_prompt(beginning, TASK) == [begin[1], *TOKENIZER("# 1\n")["input_ids"]]
    assert encode_program(beginning, TASK, "x") == [*TOKENIZER("x")["input_ids"], END]


def test_an_empty_prompt_becomes_the_begin_token_or_is_refused() -> None:
    with pytest.raises(CoreError, match="toy/1 has an empty prompt"):
        encode_prompt(TOKENIZER, replace(TASK, prompt=""))
    beginning = byte_tokenizer()
    beginning.bos_token = "!"
    assert encode_prompt(beginning, replace(TASK, prompt="")) == [beginning.bos_token_id]


@given(st.lists(st.integers(0, 9), min_size=1), st.integers(2, 40), st.data())
def test_a_cut_prompt_is_its_longest_end_that_leaves_room(
    ids: list[int], context: int, data: st.DataObject
) -> None:
    room = data.draw(st.integers(1, context - 1))
    kept = fit_prompt(ids, context, context - room)
    assert len(kept) == min(len(ids), room)
    assert ids[len(ids) - len(kept) :] == kept


def test_without_a_context_limit_nothing_is_cut() -> None:
    assert fit_prompt([1, 2, 3], None, 1000) == [1, 2, 3]
