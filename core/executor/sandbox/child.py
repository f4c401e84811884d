"""One test in a forked child: its limits, its streams, its second filter, then the program."""

from __future__ import annotations

import atexit
import gc
import io
import json
import os
import random
import resource
import sys
import threading
from contextlib import suppress
from math import ceil
from typing import Any

from . import candidate, tester
from .kernel import die_with_parent, threads_of_the_system
from .program import Program
from .seccomp import Filter

REPORT, CHANNEL = 3, 4
_NUMBERS = {"stdin": 0, "stdout": 1, "report": REPORT, "channel": CHANNEL}
_THREADS = 256


def become_child(
    job: dict[str, Any], parent: int, descriptors: dict[str, int], filter_: Filter | None
) -> None:
    """Never returns. `descriptors` by name; a stream that has none reads and writes nothing."""
    source = os.pread(descriptors.pop("source"), job["incoming"]["source"], 0)
    os.setsid()
    die_with_parent()
    if os.getppid() != parent:
        os._exit(1)
    for name, descriptor in descriptors.items():
        os.dup2(descriptor, _NUMBERS[name], inheritable=False)
    os.closerange(job["keep"], 256)
    _limit(job)
    if filter_ is not None:
        filter_.apply()
    gc.enable()
    if b"random" in source:
        random.seed()  # else every child would draw the same numbers
    told = json.loads(source)
    if job["mode"] == "tests":
        tester.Tester(CHANNEL, told).run(REPORT)
        os._exit(0)
    if job["mode"] == "calls":
        # Under another name: what stands beneath `if __name__ == "__main__"` is no part of what
        # the tests call, and the published judges do not run it.
        candidate.serve(CHANNEL, Program(told["prelude"], told["program"], name="program"))
    os._exit(_run_to_the_end(Program(told["prelude"], told["program"])))


def _limit(job: dict[str, Any]) -> None:
    """CPU and address space as backstops: the zygote measures both exactly."""
    # The kernel counts this one in whole ticks, which run some per cent ahead, and a full tick for
    # whoever works only at its beat: beyond the wall limit no thread can be charged by mistake.
    seconds = ceil(max(job["wall_s"], 2 * job["cpu_s"]))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds + 1, seconds + 2))
    resource.setrlimit(resource.RLIMIT_AS, (job["address_space"],) * 2)
    resource.setrlimit(resource.RLIMIT_FSIZE, (job["output"],) * 2)
    if not job["own_user"]:  # which has its limit: else the user's other processes count as well
        threads = threads_of_the_system() + _THREADS
        with suppress(ValueError):  # the user may have a lower limit already
            resource.setrlimit(resource.RLIMIT_NPROC, (threads, threads))


def open_streams() -> None:
    """Standard streams on descriptors 0 to 2, made once: children find their files beneath."""
    sys.stdin = _stream(0, "r")
    sys.stdout = _stream(1, "w")
    sys.stderr = _stream(2, "w")
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr  # type: ignore[misc]


def _stream(fd: int, mode: str) -> io.TextIOWrapper:
    return open(fd, mode, encoding="utf-8", closefd=False)  # type: ignore[return-value]


def _run_to_the_end(program: Program) -> int:
    """Runs the program as an interpreter would to its exit, and returns the exit status."""
    status = 0
    try:
        program.run()
    except SystemExit as error:
        status = _exit_status(error)
        if status:
            _report(program, error)
    except BaseException as error:  # a program may raise anything
        status = 1
        _report(program, error)
    try:
        if threading.active_count() > 1:
            threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        _flush()
        program.module.__dict__.clear()  # files that it left open write what they hold
        _flush()
    except BaseException as error:  # atexit functions and streams are the program's own
        status = status or 120
        _report(program, error)
    return status


def _flush() -> None:
    for stream in (sys.stdout, sys.__stdout__):
        if stream is not None and not getattr(stream, "closed", False):
            stream.flush()


def _exit_status(error: SystemExit) -> int:
    if error.code is None:
        return 0
    return error.code & 0xFF if isinstance(error.code, int) else 1


def _report(program: Program, error: BaseException) -> None:
    os.pwrite(REPORT, json.dumps(program.describe(error)).encode(), 0)
