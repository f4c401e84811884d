"""What every teacher does: write programs for tasks, and make room for the student's training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.program import Program
from core.tasks.task import Task


@dataclass(frozen=True, slots=True)
class Spent:
    """What a teacher cost so far; `cost` is in the currency of the configured prices."""

    requests: int = 0
    tokens: int = 0
    cost: float = 0.0


class Teacher(ABC):
    """Writes programs; their source is "teacher:NAME", or what a file says.

    `name` is for a reader. `on_event` hears (level, message). `on_wait` is called while a teacher
    that is far away is waited for, and may raise to stop.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.on_event: Callable[[str, str], None] = lambda level, message: None
        self.on_wait: Callable[[], None] = lambda: None

    @abstractmethod
    def sample(
        self, tasks: Sequence[Task], iteration: int
    ) -> Iterator[tuple[Task, tuple[Program, ...]]]:
        """Yields tasks with their programs, best first, as they finish.

        A task for which it has none comes without any, or not at all. Raises BudgetSpent when a
        budget allows no more.
        """

    @abstractmethod
    def most_programs(self, task: Task) -> int:
        """How many programs a task can get."""

    def open(self, folder: Path) -> None:
        """Called once, before the first program, with the run's folder."""
        del folder

    def release(self) -> None:
        """Gives back the memory it takes until it is asked again."""
        return

    def close(self) -> None:
        """Ends it."""
        return

    @property
    def spent(self) -> Spent:
        """What it cost in all of the run."""
        return Spent()
