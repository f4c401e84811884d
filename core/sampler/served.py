"""The student's own programs, sampled by a server that is handed each new checkpoint.

So a big machine can use an engine made for it; what is trained is the student here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from core.candidates import STUDENT
from core.config import EndpointConfig, SamplerConfig
from core.control import BudgetSpent
from core.endpoint import Endpoint, EndpointBudgetSpent
from core.endpoint.endpoint import check
from core.errors import CoreError
from core.models import Student
from core.program import Program
from core.prompts import prompt_format
from core.sampler.search import context_tokens
from core.tasks import Task

#: The file of answers in a run's folder.
ANSWERS = "student-answers.db"


class ServedSampler:
    """Has the face of `Sampler`; programs come from the endpoint.

    Raises CoreError for settings that contradict each other.
    """

    decoder = "endpoint"

    def __init__(
        self, student: Student, sampler: SamplerConfig, endpoint: EndpointConfig, seed: int
    ) -> None:
        self._config = endpoint.model_copy(
            update={
                "programs": endpoint.programs or sampler.beams,
                "max_tokens": sampler.max_new_tokens,
                "stop": endpoint.stop or sampler.stop,
            }
        )
        try:
            check(self._config, served_student=True)
        except CoreError as error:
            raise CoreError(f"endpoint: {error}") from None
        self.context = context_tokens(student.model)
        self.prompts = prompt_format(student, self.context, sampler)
        self.on_event: Callable[[str, str], None] = lambda level, message: None
        self.on_wait: Callable[[], None] = lambda: None
        self.counts: Counter[str] = Counter()
        self._student = student
        self._seed = seed
        self._endpoint: Endpoint | None = None

    def open(self, folder: Path) -> None:
        """Called once, before the first program, with the run's folder."""
        student = self._student
        self._endpoint = Endpoint(
            self._config,
            folder / ANSWERS,
            STUDENT,
            self._seed,
            self.prompts,
            student.end_token_ids,
        )

    def close(self) -> None:
        """Ends the connection."""
        if self._endpoint is not None:
            self._endpoint.close()

    @property
    def new_tokens(self) -> int:
        """Tokens that the server wrote."""
        return self._endpoint.counters.completion_tokens if self._endpoint else 0

    @property
    def publishes(self) -> bool:
        """Whether the server takes new checkpoints; else it goes on with what it serves."""
        return self._config.publish != "none"

    def publish(self, checkpoint: Path, version: int) -> None:
        """Hands the server a checkpoint; what is asked from now on is answered with it."""
        self._opened().publish(checkpoint, version)

    def most_programs(self, task: Task) -> int:
        """How many programs a task can get."""
        del task
        return self._config.programs

    def sample(
        self, tasks: Sequence[Task], iteration: int = 0
    ) -> Iterator[tuple[Task, tuple[Program, ...]]]:
        """Yields each task with its programs, best first, as they finish.

        Raises BudgetSpent when a budget allows no more.
        """
        return self._ask(tasks, iteration, greedy=False)

    def most_probable(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, tuple[Program, ...]]]:
        """One program a task, decoded greedily: what measurements go by."""
        return self._ask(tasks, 0, greedy=True)

    def _ask(
        self, tasks: Sequence[Task], iteration: int, greedy: bool
    ) -> Iterator[tuple[Task, tuple[Program, ...]]]:
        try:
            for task, programs in self._opened().sample(tasks, iteration, greedy=greedy):
                self.counts[self.decoder] += 1
                yield task, programs
        except EndpointBudgetSpent as budget:
            raise BudgetSpent(f"endpoint.{budget}") from budget

    def _opened(self) -> Endpoint:
        endpoint = self._endpoint
        assert endpoint is not None
        endpoint.on_event, endpoint.on_wait = self.on_event, self.on_wait
        return endpoint
