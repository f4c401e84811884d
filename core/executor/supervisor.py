"""The trusted thread: hands tests to workers, takes in reports, replaces workers that die."""

from __future__ import annotations

import os
import selectors
import threading
import time
from collections import deque
from collections.abc import Hashable

from core.errors import CoreError
from core.executor.jobs import TRIES, Run
from core.executor.worker import JOBS_AHEAD, Worker
from core.executor.zygote_process import Role, ZygoteDied, ZygoteProcess
from core.tasks import Verdict

_GRACE_S = 10.0
_TICK_S = 1.0


class Supervisor(threading.Thread):
    """Works through submitted runs; needs nobody's help to make progress.

    `waiting` and `finished` are shared with the caller under `changed`. `failure` is set, and the
    thread ends, where workers can no longer be started, or where it has a fault itself.
    """

    def __init__(self, workers: int) -> None:
        super().__init__(name="executor", daemon=True)
        self.changed = threading.Condition()
        self.waiting: deque[Run] = deque()
        self.finished: deque[tuple[Hashable, Verdict]] = deque()
        self.unfinished = 0
        self.tests_run = 0
        self.failure: CoreError | None = None
        self.proofs: dict[str, str] | None = None
        self._count = workers
        self._workers: list[Worker] = []
        self._active: deque[Run] = deque()
        self._closing = False
        self._selector = selectors.DefaultSelector()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._selector.register(self._wake, selectors.EVENT_READ)

    def wake(self) -> None:
        """Tells the thread that there is something to do."""
        os.eventfd_write(self._wake, 1)

    def close(self) -> None:
        """Ends the thread and every process it started."""
        self._closing = True
        self.wake()
        self.join()
        self._selector.close()
        os.close(self._wake)

    def run(self) -> None:
        """The thread's main loop."""
        try:
            self._start_workers()
            while not self._closing:
                self._step()
        except CoreError as error:
            self._fail(error)
        except Exception as error:  # callers wait for this thread: it must not end in silence
            what = f"{type(error).__name__}: {error}"
            failure = CoreError(
                f"The executor ended by a fault of its own ({what}); verdicts given so far hold."
            )
            failure.__cause__ = error
            self._fail(failure)
        finally:
            for worker in self._workers:
                worker.end()

    def _fail(self, failure: CoreError) -> None:
        with self.changed:
            self.failure = failure
            self.changed.notify_all()

    def _start_workers(self) -> None:
        for _ in range(self._count):
            self._workers.append(Worker(self._watch))
        for worker in self._workers:
            worker.get_ready()
        with self.changed:
            self.proofs = self._workers[0].zygotes[Role.PROGRAM].proofs
            self.changed.notify_all()

    def _watch(self, zygote: ZygoteProcess, worker: Worker) -> None:
        self._selector.register(zygote.socket, selectors.EVENT_READ, (zygote, worker))

    def _step(self) -> None:
        for jobs in range(1, JOBS_AHEAD + 1):  # each worker one, before any gets a second
            for worker in list(self._workers):
                self._feed(worker, jobs)
        self._watch_writing()
        for key, events in self._selector.select(_TICK_S):
            if key.data is None:
                os.eventfd_read(self._wake)
            else:
                self._attend(key.data[0], key.data[1], events)
        self._end_stuck()

    def _feed(self, worker: Worker, jobs: int) -> None:
        while len(worker.jobs) < jobs and (run := self._next_run()) is not None:
            try:
                worker.send(run)
            except ZygoteDied:
                self._replace(worker)
                return
            if run.pending:
                self._active.appendleft(run)
            self._finish_if_done(run)

    def _next_run(self) -> Run | None:
        """A run with tests left to start: first those begun, then those submitted."""
        while self._active:
            run = self._active.popleft()
            if run.pending:
                return run
        with self.changed:
            return self.waiting.popleft() if self.waiting else None

    def _attend(self, zygote: ZygoteProcess, worker: Worker, events: int) -> None:
        if worker.zygotes.get(zygote.role) is not zygote:
            return  # replaced earlier in this step
        try:
            if events & selectors.EVENT_WRITE:
                zygote.flush()
            if events & selectors.EVENT_READ:
                for job in worker.read(zygote):
                    self._continue(job.run)
        except ZygoteDied:
            self._replace(worker)

    def _continue(self, run: Run) -> None:
        """After a job of its: the run is done, or has tests to run again, or is still running."""
        if run.pending and run not in self._active:
            self._active.append(run)
        self._finish_if_done(run)

    def _finish_if_done(self, run: Run) -> None:
        if not run.finished or run.handed_over:
            return
        run.handed_over = True
        with self.changed:
            self.finished.append((run.key, run.verdict()))
            self.unfinished -= 1
            self.tests_run += len(run.verdicts)
            self.changed.notify_all()

    def _watch_writing(self) -> None:
        for worker in self._workers:
            for zygote in worker.zygotes.values():
                wanted = selectors.EVENT_READ | selectors.EVENT_WRITE * zygote.has_outgoing
                key = self._selector.get_key(zygote.socket)
                if key.events != wanted:
                    self._selector.modify(zygote.socket, wanted, key.data)

    def _end_stuck(self) -> None:
        """A zygote keeps its children's time; one that does not answer long after it is ended."""
        now = time.monotonic()
        for worker in list(self._workers):
            suspect = worker.suspect()
            if suspect is None:
                continue
            patience = 2 * suspect.limits.wall_limit_s + _GRACE_S
            if now - worker.last_heard > patience:
                self._replace(worker)

    def _replace(self, worker: Worker) -> None:
        """Starts a new worker; the run that was worked on is tried once more, others go on."""
        for zygote in worker.zygotes.values():
            self._selector.unregister(zygote.socket)
        suspect = worker.suspect()
        runs = {id(job.run): job.run for job in worker.jobs}
        worker.end()
        if suspect is not None:
            suspect.attempts += 1
        for run in runs.values():
            if run in self._active:
                self._active.remove(run)
            if run.handed_over:
                continue
            if run.attempts >= TRIES:
                run.give_up("the process that ran it ended twice")
                self._finish_if_done(run)
            else:
                run.restart()
                self._active.append(run)
        successor = Worker(self._watch)
        self._workers[self._workers.index(worker)] = successor
        successor.get_ready()
