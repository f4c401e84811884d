"""The supervisor's end of one zygote: starting it, its jobs in order, its reports, its end."""

from __future__ import annotations

import array
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from core.errors import CoreError
from core.executor.sandbox import wire

_START_S = 60.0
_CAP_SETGID, _CAP_SETUID, _CAP_KILL = 6, 7, 5
_BOOT = (
    "import sys; sys.path.insert(0, {folder!r}); from sandbox.zygote import main; "
    "del sys.path[0]; main()"
)


class Role(StrEnum):
    """What a zygote's children run."""

    PROGRAM = "program"
    NUMPY = "numpy"
    TESTER = "tester"


class ZygoteDied(Exception):
    """The zygote ended or broke the protocol; its worker must be replaced."""


@dataclass(frozen=True, slots=True)
class Report:
    """How a child ended: "exit", "signal" or "timeout", with status or signal in `code`."""

    how: str
    code: int
    cpu_s: float
    wall_s: float
    resident_kb: int
    report: str
    output: bytes

    @property
    def killed_from_outside(self) -> bool:
        """Whether it was killed by none of its limits: a program cannot do this to itself."""
        return self.how == "signal" and self.code == signal.SIGKILL


class ZygoteProcess:
    """One zygote. Jobs are answered in the order in which they were sent."""

    def __init__(self, role: Role) -> None:
        ours, theirs = socket.socketpair()
        self.role = role
        self.socket = ours
        self.proofs: dict[str, str] = {}
        self.expected: deque[Any] = deque()  # whoever awaits each answer
        self._incoming = bytearray()
        self._outgoing: deque[tuple[memoryview, int | None]] = deque()
        self._number = _take_number()
        settings = {"uid": _own_user(self._number), "site_packages": _site_packages(role)}
        boot = _BOOT.format(folder=str(Path(__file__).parent))
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [_python(), "-I", "-S", "-c", boot, json.dumps(settings)],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env={"LC_ALL": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
                    cwd="/",
                    start_new_session=True,
                )
        except OSError as error:
            ours.close()
            _give_back(self._number)
            raise CoreError(f"The sandbox cannot start a process: {error}.") from error
        self._pidfd = os.pidfd_open(self._process.pid)

    def wait_ready(self) -> None:
        """Waits for the zygote's proofs; raises CoreError where it refuses, or ZygoteDied."""
        self.socket.settimeout(_START_S)
        try:
            message, _ = wire.receive(self.socket)
        except TimeoutError as error:
            raise CoreError(
                f"The sandbox did not start within {_START_S:g} s; is this machine overloaded?"
            ) from error
        except (EOFError, OSError) as error:
            raise ZygoteDied from error
        finally:
            self.socket.setblocking(False)
        if "refused" in message:
            raise CoreError(f"Programs cannot be run safely on this machine: {message['refused']}.")
        self.proofs = message["proofs"]

    def send(
        self, job: dict[str, Any], files: dict[str, bytes], awaited: object, channel: int | None
    ) -> None:
        """Queues a job with the contents of its files; takes over `channel`."""
        self.expected.append(awaited)
        job["incoming"] = {name: len(content) for name, content in files.items()}
        frame = wire.pack(job, b"".join(files.values()))
        self._outgoing.append((memoryview(frame), channel))
        self.flush()

    @property
    def has_outgoing(self) -> bool:
        """Whether bytes wait until the zygote reads."""
        return bool(self._outgoing)

    def flush(self) -> None:
        """Writes what the socket takes; raises ZygoteDied."""
        while self._outgoing:
            view, channel = self._outgoing[0]
            ancillary = [] if channel is None else [_rights(channel)]
            try:
                sent = self.socket.sendmsg([view], ancillary)
            except BlockingIOError:
                return
            except OSError as error:
                raise ZygoteDied from error
            if channel is not None:
                os.close(channel)
            self._outgoing.popleft()
            if sent < len(view):
                self._outgoing.appendleft((view[sent:], None))

    def read(self) -> list[tuple[Any, Report]]:
        """The reports that have come, each with whoever awaits it; raises ZygoteDied."""
        try:
            while chunk := self.socket.recv(1 << 20):
                self._incoming += chunk
                if len(chunk) < 1 << 16:
                    break
            else:
                raise ZygoteDied
        except BlockingIOError:
            pass
        except OSError as error:
            raise ZygoteDied from error
        reports = []
        while frame := wire.unpack(self._incoming):
            if not self.expected:
                raise ZygoteDied
            reports.append((self.expected.popleft(), _report(*frame)))
        return reports

    def kill(self) -> None:
        """Ends it now; its child ends with it."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        self.socket.close()

    def reap(self) -> None:
        """Waits for its end and lets go of its descriptors."""
        self._process.wait()
        _give_back(self._number)
        os.close(self._pidfd)
        for _, channel in self._outgoing:
            if channel is not None:
                os.close(channel)
        self._outgoing.clear()


def _report(record: dict[str, Any], blob: bytes) -> Report:
    report_size = record.pop("outgoing").get("report", 0)
    text = blob[:report_size].decode("utf-8", "replace")
    return Report(**record, report=text, output=blob[report_size:])


def _rights(descriptor: int) -> tuple[int, int, array.array[int]]:
    return (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))


def _python() -> str:
    """The interpreter itself: a virtual environment's link to it would add that environment."""
    return str(getattr(sys, "_base_executable", None) or sys.executable)


def numpy_folder() -> str | None:
    """Where the installed numpy lies; None without one."""
    spec = find_spec("numpy")
    return None if spec is None or spec.origin is None else str(Path(spec.origin).parent.parent)


def _site_packages(role: Role) -> str | None:
    return numpy_folder() if role == Role.NUMPY else None


_numbers: set[int] = set()  # of the zygotes that live, whichever thread started them
_numbering = threading.Lock()


def _take_number() -> int:
    """The lowest number that no living zygote of this process has."""
    with _numbering:
        number = next(number for number in itertools.count() if number not in _numbers)
        _numbers.add(number)
        return number


def _give_back(number: int) -> None:
    with _numbering:
        _numbers.discard(number)


def _own_user(number: int) -> int | None:
    """The user id of the zygote with this number, which no other zygote that lives here has.

    None where this process may not change users.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    capabilities = int(status["CapEff"], 16)
    needed = sum(1 << bit for bit in (_CAP_SETGID, _CAP_SETUID, _CAP_KILL))
    if os.geteuid() != 0 or capabilities & needed != needed:
        return None
    user_map = Path("/proc/self/uid_map").read_text().split()
    first, count = int(user_map[0]), int(user_map[2])
    base = 0x50000000 if first + count > 0x60000000 else 20000
    span = min(first + count - base, 1 << 24)
    return base + (os.getpid() * 64 + number) % span if span > 0 else None
