"""One worker: zygotes for a program and its tester, and a numpy one where a program needs it."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

from core.errors import CoreError
from core.executor.jobs import Job, Run
from core.executor.sandbox.codec import Unsupported
from core.executor.zygote_process import Role, ZygoteDied, ZygoteProcess
from core.tasks import Outcome, TestVerdict

#: Jobs sent ahead, so that a zygote never waits for the supervisor.
JOBS_AHEAD = 2
#: A zygote may be ended while it starts; one that never starts is given up.
_STARTS = 10


class Worker:
    """Takes jobs; its zygotes work through them in order."""

    def __init__(self, watch: Callable[[ZygoteProcess, Worker], None]) -> None:
        self._watch = watch
        self.zygotes: dict[Role, ZygoteProcess] = {}
        self.jobs: list[Job] = []
        self.last_heard = 0.0  # when it last reported, or got something to do
        self._starting = {Role.PROGRAM: ZygoteProcess(Role.PROGRAM)}

    def get_ready(self, role: Role = Role.PROGRAM) -> None:
        """Waits until it has a zygote in this role, starting one if need be; raises CoreError."""
        for _ in range(_STARTS):
            zygote = self._starting.pop(role, None) or ZygoteProcess(role)
            try:
                zygote.wait_ready()
            except (ZygoteDied, CoreError) as error:
                zygote.kill()
                zygote.reap()
                if isinstance(error, CoreError):
                    raise
                continue
            self.zygotes[role] = zygote
            self._watch(zygote, self)
            if role == Role.PROGRAM:  # most tasks want the other soon: it starts meanwhile
                self._starting[Role.TESTER] = ZygoteProcess(Role.TESTER)
            return
        raise CoreError(
            "The sandbox does not start on this machine: its process ends before it is ready."
        )

    def send(self, run: Run) -> None:
        """Starts the run's next job; raises ZygoteDied."""
        job = Job(run, run.pending.popleft())
        try:
            for_tester = job.for_tester() if job.splits else None
        except (Unsupported, RecursionError) as error:
            unsupported = TestVerdict(Outcome.UNSUPPORTED, str(error))
            run.settle(job.indexes, [unsupported] * len(job.indexes))
            return
        if not self.jobs:
            self.last_heard = time.monotonic()
        self.jobs.append(job)
        for role in (run.role, Role.TESTER) if job.splits else (run.role,):
            if role not in self.zygotes:
                self.get_ready(role)
        if for_tester is None:
            self.zygotes[run.role].send(*job.for_candidate(), job, None)
            return
        ours, theirs = socket.socketpair()
        self.zygotes[run.role].send(*job.for_candidate(), job, theirs.detach())
        self.zygotes[Role.TESTER].send(*for_tester, job, ours.detach())

    def read(self, zygote: ZygoteProcess) -> list[Job]:
        """Takes in a zygote's reports and returns the jobs they complete."""
        settled = []
        self.last_heard = time.monotonic()
        for job, report in zygote.read():
            job.take(zygote.role, report)
            if len(job.reports) == 1 + job.splits:
                self.jobs.remove(job)
                settled.append(job)
        return settled

    def suspect(self) -> Run | None:
        """The run whose test was being worked on, if any."""
        return self.jobs[0].run if self.jobs else None

    def end(self) -> None:
        """Kills the zygotes, and with them their children."""
        self.zygotes.update(self._starting)
        self._starting.clear()
        for zygote in self.zygotes.values():
            zygote.kill()
        for zygote in self.zygotes.values():
            zygote.reap()
        self.zygotes.clear()


def available_cores() -> int:
    """Cores this process may use: its affinity, and its control group's quota where it has one."""
    cores = len(os.sched_getaffinity(0))
    for quota, period in (_quota_v2(), _quota_v1()):
        if quota > 0 and period > 0:
            cores = min(cores, max(1, quota // period))
    return cores


def _quota_v2() -> tuple[int, int]:
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    except (OSError, ValueError):
        return 0, 0
    return (0, 0) if quota == "max" else (int(quota), int(period))


def _quota_v1() -> tuple[int, int]:
    folder = Path("/sys/fs/cgroup/cpu")
    try:
        quota, period = (folder / f"cpu.cfs_{name}_us" for name in ("quota", "period"))
        return int(quota.read_text()), int(period.read_text())
    except (OSError, ValueError):
        return 0, 0
