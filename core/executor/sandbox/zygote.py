"""A bare interpreter with the standard library loaded that forks a child for every test.

It runs no program itself, and never holds one in its memory, nor an input, nor an output: children
inherit all that it ever held. It keeps the time of its children, ends them through their pidfd, and
tells the supervisor how they ended. It ends when the supervisor does.
"""

from __future__ import annotations

import _sitebuiltins
import atexit
import builtins
import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from typing import Any

from . import wire
from .child import become_child, open_streams
from .confine import FIRST_LIBRARY, confine
from .kernel import bare_fork
from .seccomp import Filter, child_filter
from .warm import warm_up

#: What programs of the field import, paid once: all but one in a hundred of the imports of 1,602
#: real ones (HumanEval, MBPP, gpt-3.5-turbo's for HumanEval and APPS). More would cost every fork
#: 0.05 ms a MB and 1-2 us a mapping; what is missing here a program can import all the same.
_PRELOADED_TEXT = """
    __future__ array bisect collections.abc copy datetime decimal fractions functools heapq
    itertools math operator random re string typing encodings.ascii encodings.latin_1
"""
_PRELOADED = tuple(_PRELOADED_TEXT.split())
_NUMPY = ["numpy", "numpy.linalg", "numpy.fft", "numpy.random", "numpy.polynomial", "numpy.ma"]
_CONTROL, _LOWEST_FREE = 20, 10
_REPORT_LIMIT = 1 << 20
_COULD_NOT = 42
#: The files of a child, by mode; those that the supervisor fills stand in the job's `incoming`.
_FILES = {
    "stdio": ("source", "stdin", "report", "stdout"),
    "calls": ("source",),
    "tests": ("source", "report"),
}


class Ended:
    """How a child ended: "exit" with its status, "signal", or "timeout"."""

    def __init__(self, how: str, code: int, cpu_s: float, wall_s: float, resident_kb: int) -> None:
        self.record: dict[str, Any] = {
            "how": how,
            "code": code,
            "cpu_s": cpu_s,
            "wall_s": wall_s,
            "resident_kb": resident_kb,
        }


class Zygote:
    """Takes jobs from the supervisor, one after the other."""

    def __init__(
        self,
        control: socket.socket,
        own_user: bool,
        filter_: Filter | None,
        keep: int,
        mapped: int,
        resident: int,
    ) -> None:
        self._control = control
        self._own_user = own_user
        self._filter = filter_
        self._pump = wire.Pump()
        self._mapped, self._resident_kb = mapped, resident >> 10  # before any program
        self._keep = keep
        self._pid = os.getpid()

    def serve(self) -> None:
        """Runs jobs until the supervisor hangs up."""
        while True:
            try:
                job, channel = wire.receive(self._control)
            except (EOFError, ConnectionResetError):
                os._exit(0)
            files = {name: os.memfd_create(name) for name in _FILES[job["mode"]]}
            for name, size in job["incoming"].items():
                self._pump.move(self._control.fileno(), files[name], size)
            record = self._run(job, files, channel)
            outgoing = [(files[name], size) for name, size in record["outgoing"].items()]
            try:
                wire.send(self._control, record, *outgoing)
            except (BrokenPipeError, ConnectionResetError):
                os._exit(0)
            for descriptor in files.values():
                os.close(descriptor)

    def _run(
        self, job: dict[str, Any], files: dict[str, int], channel: int | None
    ) -> dict[str, Any]:
        descriptors = dict(files)
        if channel is not None:
            descriptors["channel"] = channel
            self._meet_partner(channel)
        job["address_space"] = self._mapped + (job["memory_mb"] << 20)
        job["keep"] = self._keep
        job["own_user"] = self._own_user
        started = time.monotonic()
        pid = bare_fork()
        if pid == 0:
            become_child(job, self._pid, descriptors, self._filter)
        if channel is not None:
            os.close(channel)
        ended = self._wait(pid, started, job)
        ended.record["resident_kb"] = max(0, ended.record["resident_kb"] - self._resident_kb)
        limits = {"report": _REPORT_LIMIT, "stdout": job["output"]}  # in this order
        ended.record["outgoing"] = {
            name: min(os.fstat(files[name]).st_size, limit)
            for name, limit in limits.items()
            if name in files
        }
        return ended.record

    def _meet_partner(self, channel: int) -> None:
        """Waits until the zygote at the other end has come to this job: their times start together.

        Else a child would wait for the other one's child, which a test before may hold up, at the
        cost of its own time. Goes on where the other zygote has ended, for its child will notice.
        """
        with suppress(BrokenPipeError):
            os.write(channel, b"+")
        poll = select.poll()
        poll.register(channel, select.POLLIN)
        poll.register(self._control.fileno(), 0)
        if any(descriptor != channel for descriptor, _ in poll.poll()):
            os._exit(0)
        with suppress(ConnectionResetError):
            os.read(channel, 1)

    def _wait(self, pid: int, started: float, job: dict[str, Any]) -> Ended:
        """Waits for the child; ends it at its CPU or wall limit, or when the supervisor is gone."""
        pidfd = os.pidfd_open(pid)
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        poll.register(self._control.fileno(), 0)
        cpu_clock = (~pid << 3) | 2  # the process's CPU time, see clock_getcpuclockid(3)
        timed_out = False
        left = min(job["wall_s"], job["cpu_s"])
        while not (ready := poll.poll(left * 1000 + 1)):
            left = min(
                job["wall_s"] - (time.monotonic() - started),
                job["cpu_s"] - time.clock_gettime(cpu_clock),
            )
            if left <= 0:
                timed_out = True
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                break
        if any(descriptor != pidfd for descriptor, _ in ready):
            os._exit(0)
        _, status, usage = os.wait4(pid, 0)
        os.close(pidfd)
        if self._filter is None:
            _end_what_it_started(pid)
        wall_s, cpu_s = time.monotonic() - started, usage.ru_utime + usage.ru_stime
        timed_out = timed_out or cpu_s > job["cpu_s"]
        how = "timeout" if timed_out else "signal" if os.WIFSIGNALED(status) else "exit"
        code = os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        return Ended(how, code, cpu_s, wall_s, usage.ru_maxrss)


def main() -> None:
    """Loads, confines, proves, then serves; the settings are the first argument, as JSON."""
    settings = json.loads(sys.argv[1])
    control = _move_descriptors()
    packages = _preload(settings["site_packages"])
    warm_up()
    mapped, resident = _own_memory()
    try:
        proofs, kept = confine(settings["uid"], packages)
        filter_ = Filter(child_filter()) if "seccomp" in proofs else None
        if filter_ is not None:
            _prove(filter_)
    except OSError as error:
        wire.send(control, {"refused": str(error)})
        return
    own_user, keep = settings["uid"] is not None, FIRST_LIBRARY + kept
    zygote = Zygote(control, own_user, filter_, keep, mapped, resident)
    _become_bare()
    wire.send(control, {"ready": True, "proofs": proofs})
    zygote.serve()


def _move_descriptors() -> socket.socket:
    """The control socket arrives as stdin; it moves up, and 0 to 9 are kept free of new files."""
    control = os.dup2(0, _CONTROL, inheritable=False)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(_LOWEST_FREE):
        os.dup2(null, descriptor)
    os.closerange(_CONTROL + 1, 65536)
    return socket.socket(fileno=control)


def _preload(site_packages: str | None) -> list[str]:
    """Imports what programs will; returns the folders that later imports beneath it read."""
    for name in _PRELOADED:
        importlib.import_module(name)
    for name in ("exit", "quit"):
        setattr(builtins, name, _sitebuiltins.Quitter(name, "Ctrl-D"))
    builtins.help = _sitebuiltins._Helper()
    if site_packages is None:
        return []
    sys.path.append(site_packages)
    for name in _NUMPY:
        importlib.import_module(name)
    sys.path.remove(site_packages)  # the other packages there are none of a program's business
    return list(sys.modules["numpy"].__path__)


def _become_bare() -> None:
    """Leaves children nothing of this process but loaded modules, and pays for no collection."""
    atexit._clear()
    open_streams()
    os.environ.clear()
    gc.disable()
    gc.collect()
    gc.freeze()


def _end_what_it_started(session: int) -> None:
    """Without filters a program could fork; its processes end with it, but for those that left."""
    with suppress(ProcessLookupError):
        os.killpg(session, signal.SIGKILL)


def _prove(filter_: Filter) -> None:
    """A child under the second filter must be unable to fork; raises OSError where it is able."""
    while (code := _tried_to_fork(filter_)) == -signal.SIGKILL:
        pass  # by something else, while it tried
    if code != _COULD_NOT:
        raise OSError("isolation does not hold: a child could fork")


def _tried_to_fork(filter_: Filter) -> int:
    """The exit code of a child that tries to fork under the filter."""
    pid = os.fork()
    if pid == 0:
        filter_.apply()
        try:
            os.fork()
        except PermissionError:
            os._exit(_COULD_NOT)
        os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _own_memory() -> tuple[int, int]:
    """Bytes mapped and bytes resident now.

    The peak of getrusage(2) will not do: it survives exec, and so counts who started this process.
    """
    with open("/proc/self/statm") as file:
        mapped, resident = file.read().split()[:2]
    return int(mapped) * resource.getpagesize(), int(resident) * resource.getpagesize()
