"""All tasks of one call of `Endpoint.sample`, asked side by side."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from core.endpoint.asking import Asking, Unanswered
from core.endpoint.budget import EndpointBudgetSpent
from core.endpoint.programs import Wording
from core.endpoint.requests import Request
from core.errors import CoreError
from core.program import Program
from core.tasks.task import Task

#: Tasks without an answer, one after the other, after which the server is given up.
_GIVE_UP = 8


@dataclass(frozen=True, slots=True)
class Finished:
    """A task with its programs."""

    task: Task
    programs: tuple[Program, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """Something to tell the user."""

    level: str
    message: str


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing comes any more; `error` is what ended it early."""

    error: Exception | None


Message = Finished | Told | Ended


class Round:
    """Works through tasks on an event loop, and puts what comes of it into `inbox`.

    `requests` says what to ask for a task. At most twice as many tasks as run side by side are
    under way or wait in the inbox; whoever takes one out calls `taken`.
    """

    def __init__(
        self,
        tasks: Iterable[Task],
        requests: Callable[[Task], Sequence[Request]],
        asking: Asking,
        wording: Wording,
        server: str,
        side_by_side: int,
    ) -> None:
        # Not SimpleQueue: in Python 3.11 its `get` never returns where a signal is handled late.
        self.inbox: queue.Queue[Message] = queue.Queue()
        self._pending = iter(tasks)
        self._requests = requests
        self._asking = asking
        self._wording = wording
        self._server = server
        self._side_by_side = side_by_side
        self._room = asyncio.Semaphore(2 * side_by_side)
        self._spent: EndpointBudgetSpent | None = None
        self._answered = False
        self._unanswered_in_a_row = 0
        self._reason = ""

    async def run(self) -> None:
        """Asks for all tasks; the last message is `Ended`, also where this is cancelled."""
        error: Exception | None = None
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._side_by_side):
                    group.create_task(self._work())
            error = self._spent
            if error is None and not self._answered and self._unanswered_in_a_row:
                error = self._given_up()
        except ExceptionGroup as errors:
            error = errors.exceptions[0]
        finally:
            self.inbox.put(Ended(error))

    def taken(self) -> None:
        """A finished task has left the inbox: there is room for another."""
        self._room.release()

    async def _work(self) -> None:
        for task in self._pending:
            await self._room.acquire()
            try:
                requests = self._requests(task)
            except CoreError as error:  # the student's context is too short for the task
                self.inbox.put(Told("warning", str(error)))
                self._room.release()
                continue
            try:
                answers = await self._asking.answers(requests)
            except EndpointBudgetSpent as spent:
                self._spent = spent  # tasks that the cache can answer are still to come
            except Unanswered as unanswered:
                self._skip(task, str(unanswered))
            else:
                self._answered, self._unanswered_in_a_row = True, 0
                self.inbox.put(Finished(task, self._wording.programs(task, answers)))
                continue
            self._room.release()

    def _skip(self, task: Task, reason: str) -> None:
        self.inbox.put(Told("warning", f"No program for {task.task_id}: {reason.rstrip('.')}."))
        self._unanswered_in_a_row += 1
        self._reason = reason
        if self._unanswered_in_a_row >= _GIVE_UP:
            raise self._given_up()

    def _given_up(self) -> CoreError:
        return CoreError(
            f"The server at {self._server} gave no usable answer for {self._unanswered_in_a_row} "
            f"tasks in a row (the last time: {self._reason.rstrip('.')}): look into its log, then "
            "resume the run."
        )
