"""From a task to the tokens a model continues, and from what it wrote to a program.

Prompt and program are encoded apart and joined as tokens, so that a boundary never merges and the
program's tokens are the same whoever wrote it. A prompt that does not fit is cut on the left, where
it is furthest from the program.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.errors import CoreError
from core.tasks import Task


def encode_prompt(tokenizer: Any, task: Task) -> list[int]:
    """The prompt's token ids, with what the tokenizer puts before a text.

    Raises CoreError for a prompt of no tokens.
    """
    ids: list[int] = tokenizer(task.prompt)["input_ids"]
    if not ids and tokenizer.bos_token_id is not None:
        ids = [tokenizer.bos_token_id]
    if not ids:
        raise CoreError(f"Task {task.task_id} has an empty prompt: there is nothing to continue.")
    return ids


def fit_prompt(ids: Sequence[int], context: int | None, max_new_tokens: int) -> list[int]:
    """The last tokens of a prompt that leave room for `max_new_tokens` in the context."""
    if context is None:
        return list(ids)
    room = context - max_new_tokens
    if room < 1:
        raise CoreError(
            f"sampler.max_new_tokens = {max_new_tokens} leaves no room for a prompt in the model's "
            f"context of {context} tokens: lower it."
        )
    return list(ids[-room:])


def encode_program(tokenizer: Any, task: Task, text: str) -> list[int]:
    """Token ids of an imported program as the model would have to write it, and the end token.

    Where the task's programs begin with its prompt, that part is left out; raises CoreError where
    the program does not begin so, or the tokenizer has no end token.
    """
    if task.completes_prompt:
        if not text.startswith(task.prompt):
            raise CoreError(
                f"The program for {task.task_id} does not begin with the task's prompt."
            )
        text = text[len(task.prompt) :]
    if tokenizer.eos_token_id is None:
        raise CoreError("The model's tokenizer has no end-of-sequence token: programs cannot end.")
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return [*ids, tokenizer.eos_token_id]


def program_text(task: Task, completion: str) -> str:
    """The whole program: the completion, after the prompt where the task says so."""
    return task.prompt + completion if task.completes_prompt else completion
