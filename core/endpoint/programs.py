"""What a task is asked with, and what programs a server's answers are.

P(t) is about the tokens of the program. A completion is the program, so all its tokens count. In a
chat the program stands in an answer: the tokens that spell it count, given what came before.

Where the served model is the student itself it is asked with the very tokens our own sampler would
give it, if the server takes tokens. Its token ids are kept, if there is a log-probability for each
and they close with an end token: then they are what our sampler would have reported. Where anything
is missing nothing is kept, and the student scores the text (core.rescoring). Ids of another model's
tokenizer would mean nothing here; whether the token that ends a program is among those another
model reports on is its server's choice.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core.endpoint.answers import Answer
from core.program import Program
from core.prompts import PromptFormat, program_text
from core.prompts.chat import code_from_answer, program_from_answer, user_message
from core.tasks.task import Task


@dataclass(frozen=True, slots=True)
class Wording:
    """How tasks are put to a model, and its answers read.

    `student` is given where the served model is the student, with its `end_tokens`; `takes_ids`
    says whether the server can be asked with tokens. `chat` says whether another model is asked as
    in a chat.
    """

    source: str
    chat: bool
    student: PromptFormat | None = None
    end_tokens: Collection[int] = ()
    takes_ids: bool = True

    def prompt(self, task: Task) -> str | list[int]:
        """A user's message, a text to continue, or the student's tokens.

        Raises CoreError for a task that the student's context is too short for.
        """
        if self.student is not None:
            ids = self.student.prompt(task)
            return ids if self.takes_ids else _as_text(self.student.tokenizer, ids)
        return user_message(task) if self.chat else task.prompt

    def programs(self, task: Task, answers: Sequence[Answer]) -> tuple[Program, ...]:
        """The programs of a task, best first: by log-probability where all have one."""
        found = [self._program(task, answer) for answer in answers]
        if all(program.logprob is not None for program in found):
            found.sort(key=lambda program: -(program.logprob or 0.0))
        return tuple(replace(program, rank=rank) for rank, program in enumerate(found))

    def _program(self, task: Task, answer: Answer) -> Program:
        ids = None
        logprobs = answer.logprobs
        if self.student is not None:
            text = self.student.program(task, answer.text)
            ids = answer.token_ids if _is_whole(answer, self.end_tokens) else None
            logprobs = logprobs if ids else None
        elif self.chat:
            text = program_from_answer(task, answer.text)
            logprobs = _of_code(answer, code_from_answer(answer.text, task.entry_point))
        else:
            text = program_text(task, answer.text)
        return Program(
            task_id=task.task_id,
            rank=0,
            text=text,
            source=self.source,
            token_ids=None if ids is None else np.array(ids, np.int32),
            token_logprobs=None if logprobs is None else np.array(logprobs, np.float32),
        )


def _as_text(tokenizer: Any, ids: Sequence[int]) -> str:
    """The text that the server's tokenizer, the same one, makes these tokens of."""
    body = ids[1:] if ids[0] == tokenizer.bos_token_id else ids  # it puts that there itself
    text: str = tokenizer.decode(body, clean_up_tokenization_spaces=False)
    return text


def _is_whole(answer: Answer, end_tokens: Collection[int]) -> bool:
    """Whether ids and log-probabilities are there for every token, the closing one included."""
    ids, logprobs = answer.token_ids, answer.logprobs
    if ids is None or logprobs is None or len(ids) != len(logprobs):
        return False
    return not answer.ended or ids[-1] in end_tokens


def _of_code(answer: Answer, code: str) -> tuple[float, ...] | None:
    """Log-probabilities of the tokens that spell the code; None where they cannot be told."""
    if answer.tokens is None or answer.logprobs is None or "".join(answer.tokens) != answer.text:
        return None
    begin = answer.text.find(code) if code else -1
    if begin < 0:
        return None
    chosen, place = [], 0
    for token, logprob in zip(answer.tokens, answer.logprobs, strict=True):
        if place < begin + len(code) and place + len(token) > begin:
            chosen.append(logprob)
        place += len(token)
    return tuple(chosen)
