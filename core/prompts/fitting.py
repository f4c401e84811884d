"""Which of a run's tasks fit into the student's context: counted once, before anything is sampled.

A training task that does not fit is left out of the run. A held-out task that does not fit stays,
and counts as not solved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.config import SamplerConfig
from core.errors import CoreError
from core.prompts.format import PromptFormat
from core.tasks.task import Task
from core.words import percent


@dataclass(frozen=True, slots=True)
class Fit:
    """How many of the tasks have their prompt cut, and how many are skipped."""

    tasks: int
    cut: int = 0
    skipped: int = 0

    def __add__(self, other: Fit) -> Fit:
        return Fit(self.tasks + other.tasks, self.cut + other.cut, self.skipped + other.skipped)

    def sentence(self, room: int | None, config: SamplerConfig) -> str:
        """What was cut and skipped, and why; empty where everything fits into `room` tokens."""
        if not (self.cut or self.skipped):
            return ""
        return (
            f"Of {self.tasks} prompts cut to the {room:,} tokens that the model's context leaves "
            f"beside a program of {config.max_new_tokens:,}: {self.cut}; tasks skipped, as less "
            f"than {percent(config.min_prompt_share, 0)} of their text would fit: {self.skipped}."
        )


def fitting_tasks(prompts: PromptFormat, tasks: Sequence[Task]) -> tuple[list[Task], Fit]:
    """The tasks that can be asked, in order, and the counts; raises CoreError as `prompt` does."""
    kept, cut = [], 0
    for task in tasks:
        fitted = prompts.fit(task)
        if prompts.suffices(fitted):
            kept.append(task)
            cut += fitted.share < 1
    return kept, Fit(len(tasks), cut, len(tasks) - len(kept))


def check_any(kept: Sequence[Task], fit: Fit, room: int | None) -> None:
    """Raises CoreError where not one of the tasks is left."""
    if not kept:
        raise CoreError(
            f"None of the {fit.tasks} tasks fits into the {room} tokens that a prompt may "
            "have: lower sampler.max_new_tokens or sampler.min_prompt_share."
        )
