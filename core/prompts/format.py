"""From a task to the tokens a model continues, and from what it wrote to a program.

Prompt and program are encoded apart and joined as tokens, so that a boundary never merges and the
program's tokens are the same whoever wrote it.

A whole program always has its room in the context; a prompt gets what is left. One that is too
long is cut inside the task's description, from its end: there stand examples and notes, and what
the dataset or the chat template puts around the description stays. Where the prompt does not hold
the description word for word, its beginning is cut, where it is furthest from the program. A task
of whose text too little would be left is skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from core.config import SamplerConfig
from core.errors import CoreError
from core.prompts.chat import answer_end, answer_with, chat_prompt, program_from_answer
from core.tasks.task import Task
from core.words import percent

if TYPE_CHECKING:  # programs from files need no torch
    from core.models import Student

#: Tokens of a cut prompt's room that may stay free, so that the search for the cut is short.
_SLACK = 4


@dataclass(frozen=True, slots=True)
class Fitted:
    """A prompt's token ids as they fit, and the share of the text that could be cut which is left.

    The share is 1 where nothing was cut, and 0, without ids, where nothing fits.
    """

    ids: list[int]
    share: float


@dataclass(frozen=True, slots=True)
class PromptFormat:
    """How one student is asked, and how its answers are read.

    With `chat` a task becomes a user's message in the tokenizer's template, and the program is
    taken from the answer; else the model continues the bare prompt. A prompt has at most `room`
    tokens (None: any number) and keeps at least `least_share` of its text. `end_token_id` ends a
    program, by default the tokenizer's end-of-sequence token.
    """

    tokenizer: Any
    chat: bool = False
    room: int | None = None
    least_share: float = 0.0
    end_token_id: int | None = None
    _cut: dict[tuple[str, str], Fitted] = field(default_factory=dict, repr=False, compare=False)

    def prompt(self, task: Task) -> list[int]:
        """The prompt's token ids, with what the tokenizer puts before a text, cut to the room.

        Raises CoreError for a prompt of no tokens, and for a task that is to be skipped.
        """
        fitted = self.fit(task)
        if not self.suffices(fitted):
            raise CoreError(
                f"Of {task.task_id} only {percent(fitted.share, 0)} fits into the {self.room} "
                "tokens that a prompt may have: lower sampler.max_new_tokens or "
                "sampler.min_prompt_share."
            )
        return fitted.ids

    def suffices(self, fitted: Fitted) -> bool:
        """Whether enough of a prompt is left to ask for a program."""
        return bool(fitted.ids) and fitted.share >= self.least_share

    def fit(self, task: Task) -> Fitted:
        """The prompt as it fits; a cut one is remembered, for finding the cut takes its time."""
        key = task.task_id, task.prompt
        if key in self._cut:
            return self._cut[key]
        ids = self._encode(task)
        if self.room is None or len(ids) <= self.room:
            return Fitted(ids, 1.0)
        self._cut[key] = self._cut_to(self.room, task, len(ids))
        return self._cut[key]

    def program(self, task: Task, completion: str) -> str:
        """The whole program: the completion, after the prompt where the task says so."""
        return (program_from_answer if self.chat else program_text)(task, completion)

    def completion_ids(self, task: Task, program: str) -> list[int]:
        """Token ids of a program as the model would have to write it, and the end token.

        Where the task's programs begin with its prompt, that part is left out; raises CoreError
        where the program does not begin so, or there is no end token.
        """
        if self.chat:
            text = answer_with(program)
        elif not task.completes_prompt:
            text = program
        elif program.startswith(task.prompt):
            text = program[len(task.prompt) :]
        else:
            raise CoreError(
                f"The program for {task.task_id} does not begin with the task's prompt."
            )
        end = self.tokenizer.eos_token_id if self.end_token_id is None else self.end_token_id
        if end is None:
            raise CoreError(
                "The model's tokenizer has no end-of-sequence token: programs cannot end."
            )
        return [*self._plain_ids(text), end]

    def _encode(self, task: Task) -> list[int]:
        if self.chat:  # the template writes what stands before a text
            return self._plain_ids(chat_prompt(self.tokenizer, task))
        ids: list[int] = self.tokenizer(task.prompt)["input_ids"]
        if not ids and self.tokenizer.bos_token_id is not None:
            ids = [self.tokenizer.bos_token_id]
        if not ids:
            raise CoreError(
                f"Task {task.task_id} has an empty prompt: there is nothing to continue."
            )
        return ids

    def _plain_ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _cut_to(self, room: int, task: Task, whole: int) -> Fitted:
        """The prompt with as many characters as fit, less a few: `whole` tokens were too many."""
        length, shortened = _shortening(task)
        per_token = length / whole
        kept, too_many = 0, length
        guess = length - int((whole - room) * per_token)
        ids: list[int] = []
        while too_many - kept > 1:
            count = min(max(guess, kept + 1), too_many - 1)
            tried = self._encode(shortened(count))
            spare = room - len(tried)
            if spare >= 0:
                kept, ids = count, tried
                if spare <= _SLACK:
                    break
            else:
                too_many = count
            guess = count + int(spare * per_token)
        return Fitted(ids, kept / length)


def prompt_format(student: Student, context: int | None, config: SamplerConfig) -> PromptFormat:
    """The student's format; `context` tokens (None: any number) hold a prompt and its program.

    Raises CoreError where a whole program leaves no room for a prompt.
    """
    limit = config.max_new_tokens
    if context is not None and context <= limit:
        raise CoreError(
            f"sampler.max_new_tokens = {limit} leaves no room for a prompt in the model's "
            f"context of {context} tokens: lower it."
        )
    return PromptFormat(
        student.tokenizer,
        chat=student.chat,
        room=None if context is None else context - limit,
        least_share=config.min_prompt_share,
        end_token_id=answer_end(student.tokenizer, student.end_token_ids) if student.chat else None,
    )


def program_text(task: Task, completion: str) -> str:
    """The program of a plain completion: after the prompt where the task says so."""
    return task.prompt + completion if task.completes_prompt else completion


def _shortening(task: Task) -> tuple[int, Callable[[int], Task]]:
    """How many characters of the prompt may be cut, and the task with only so many of them."""
    prompt, description = task.prompt, task.description
    if description and description in prompt:
        before, _, after = prompt.partition(description)
        return len(description), lambda kept: replace(
            task, prompt=before + description[:kept] + after
        )
    return len(prompt), lambda kept: replace(task, prompt=prompt[len(prompt) - kept :])
