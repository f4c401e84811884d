"""Runs programs against the tests of their tasks, several at a time, none of them trusted."""

from __future__ import annotations

import sys
from collections.abc import Hashable, Iterable, Iterator

from core.errors import CoreError
from core.executor.isolation import Isolation
from core.executor.jobs import Run
from core.executor.limits import Limits
from core.executor.rules import Rules
from core.executor.supervisor import Supervisor
from core.executor.worker import available_cores
from core.tasks import Task, Verdict

#: Programs without a verdict, for each worker, before `submit` waits.
_IN_FLIGHT = 16


class Executor:
    """Judges programs in sandboxed processes; a context manager.

    `workers` 0 takes the cores available to this process. Raises CoreError on another
    system than Linux, and where seccomp or Landlock is missing and not allowed to be. What holds
    was attempted at start and stands in `isolation`.

    Not covered: a program may see which files exist, though not what is in them; it may take as
    much CPU time as its limits allow, on a core of its own.
    """

    def __init__(
        self,
        workers: int = 0,
        limits: Limits = Limits(),
        rules: Rules = Rules(),
        allow_without_landlock: bool = False,
        allow_without_seccomp: bool = False,
    ) -> None:
        if sys.platform != "linux":
            raise CoreError(
                "Programs can only be run on Linux: the sandbox needs its seccomp and Landlock; "
                f"this is {sys.platform}. Use a Linux machine, a container or WSL 2."
            )
        self._limits = limits
        self._rules = rules
        self._workers = workers or available_cores()
        self._submitted = 0
        self._handed_out = 0
        self._closed = False
        self._supervisor = Supervisor(self._workers)
        self._supervisor.start()
        try:
            self.isolation = self._await_isolation()
            _refuse_missing(self.isolation, allow_without_landlock, allow_without_seccomp)
        except CoreError:
            self.close()
            raise

    def _await_isolation(self) -> Isolation:
        supervisor = self._supervisor
        with supervisor.changed:
            supervisor.changed.wait_for(lambda: supervisor.proofs is not None or supervisor.failure)
        if supervisor.failure is not None:
            raise supervisor.failure
        return Isolation(supervisor.proofs or {})

    def submit(self, key: Hashable, task: Task, program: str) -> None:
        """Hands in a program; waits while too many have no verdict yet."""
        run = Run(key, task, program, self._limits.of(task), self._rules)
        supervisor = self._supervisor
        with supervisor.changed:
            supervisor.changed.wait_for(lambda: supervisor.failure or self.has_room)
            self._check()
            self._submitted += 1
            if not task.tests:
                supervisor.finished.append((key, run.verdict()))
                return
            supervisor.unfinished += 1
            supervisor.waiting.append(run)
        supervisor.wake()

    def completed(self, wait_s: float = 0.0) -> list[tuple[Hashable, Verdict]]:
        """What has finished since last asked; waits at most `wait_s` seconds for the first."""
        supervisor = self._supervisor
        with supervisor.changed:
            if wait_s > 0 and self.in_flight:
                supervisor.changed.wait_for(
                    lambda: supervisor.finished or supervisor.failure, wait_s
                )
            found = list(supervisor.finished)
            supervisor.finished.clear()
            if not found:
                self._check()
        self._handed_out += len(found)
        return found

    @property
    def has_room(self) -> bool:
        """Whether `submit` would take a program without waiting."""
        return self._supervisor.unfinished < _IN_FLIGHT * self._workers

    @property
    def in_flight(self) -> int:
        """Programs submitted and not yet handed out by `completed`."""
        return self._submitted - self._handed_out

    @property
    def tests_run(self) -> int:
        """Tests finished so far."""
        return self._supervisor.tests_run

    def run(self, programs: Iterable[tuple[Task, str]]) -> Iterator[tuple[int, Verdict]]:
        """Judges programs as they are pulled, and yields (index, verdict) as they come.

        Not to be mixed with `submit` and `completed`: it takes whatever has finished, and lets go
        of what is left of a run that was not read to its end.
        """
        this_run = object()

        def finished(wait_s: float) -> Iterator[tuple[int, Verdict]]:
            for key, verdict in self.completed(wait_s):
                if isinstance(key, tuple) and key[0] is this_run:
                    yield key[1], verdict

        for index, (task, program) in enumerate(programs):
            self.submit((this_run, index), task, program)
            yield from finished(wait_s=0.0)
        while self.in_flight:
            yield from finished(wait_s=1.0)

    def close(self) -> None:
        """Ends every process; what has no verdict yet gets none."""
        if not self._closed:
            self._closed = True
            self._supervisor.close()

    def _check(self) -> None:
        if self._supervisor.failure is not None:
            raise self._supervisor.failure
        if self._closed:
            raise CoreError("The executor is closed.")

    def __enter__(self) -> Executor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _refuse_missing(isolation: Isolation, without_landlock: bool, without_seccomp: bool) -> None:
    if not isolation.seccomp and not without_seccomp:
        raise CoreError(
            "This machine has no seccomp filters for programs (they need Linux on x86-64 or "
            "aarch64), so programs could start processes, open sockets and signal yours; set "
            "executor.allow_without_seccomp = true to run them all the same."
        )
    if not isolation.landlock and not without_landlock:
        raise CoreError(
            "This kernel has no Landlock, so programs could read your files; "
            "set executor.allow_without_landlock = true to run them all the same."
        )
