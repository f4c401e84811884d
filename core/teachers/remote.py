"""A teacher behind an OpenAI-compatible server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from core.config import EndpointConfig
from core.control import BudgetSpent
from core.endpoint import Endpoint, EndpointBudgetSpent
from core.endpoint.endpoint import check
from core.errors import CoreError
from core.program import Program
from core.tasks.task import Task
from core.teachers.teacher import Spent, Teacher

#: The file of answers in a run's folder.
ANSWERS = "teacher-answers.db"


class RemoteTeacher(Teacher):
    """Asks a server; what it answered is kept in the run's folder and asked for once.

    Raises CoreError for settings that contradict each other. `beams` is how many programs a task
    gets, unless the endpoint's settings say.
    """

    def __init__(self, config: EndpointConfig, beams: int, seed: int) -> None:
        super().__init__(config.model)
        self._config = config.model_copy(update={"programs": config.programs or beams})
        try:
            check(self._config)
        except CoreError as error:
            raise CoreError(f"teacher.endpoint: {error}") from None
        self._seed = seed
        self._endpoint: Endpoint | None = None

    def open(self, folder: Path) -> None:
        name = f"teacher:{self._config.model}"
        self._endpoint = Endpoint(self._config, folder / ANSWERS, name, self._seed)

    def sample(
        self, tasks: Sequence[Task], iteration: int
    ) -> Iterator[tuple[Task, tuple[Program, ...]]]:
        assert self._endpoint is not None
        self._endpoint.on_event, self._endpoint.on_wait = self.on_event, self.on_wait
        try:
            yield from self._endpoint.sample(tasks, iteration)
        except EndpointBudgetSpent as budget:
            raise BudgetSpent(f"teacher.endpoint.{budget}") from budget

    def most_programs(self, task: Task) -> int:
        del task
        return self._config.programs

    def close(self) -> None:
        if self._endpoint is not None:
            self._endpoint.close()

    @property
    def spent(self) -> Spent:
        if self._endpoint is None:
            return Spent()
        counters = self._endpoint.counters
        tokens = counters.prompt_tokens + counters.completion_tokens
        return Spent(counters.requests, tokens, counters.cost)
