"""A terminal that a program runs in, without a window: what it wrote, when, and what one sees.

It understands what full-screen programs write: places, text and colours. Scrolling, tabs and
characters two cells wide are left out; the real terminal of the tests is tmux (see tests/tmux.py).
"""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

_PART = re.compile(
    r"\x1b\[([0-?]*)[ -/]*([@-~])"  # CSI: places, colours, modes
    r"|\x1b[\]P_^][^\x1b\x07]*(?:\x07|\x1b\\)"  # OSC, DCS, APC, PM: nothing to see
    r"|\x1b[ -/]*[0-Z\\^-~]"
    r"|([\r\n])"
    r"|([^\x1b\r\n]+)"
)


class Picture:
    """A grid of characters, and of each the colours it was written in."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.cells = [[" "] * width for _ in range(height)]
        self.styles = [[""] * width for _ in range(height)]
        self._x = self._y = 0
        self._style = ""
        self._rest = ""

    @property
    def text(self) -> str:
        """What one reads."""
        return "\n".join("".join(row) for row in self.cells)

    def row(self, y: int) -> str:
        """One row of it."""
        return "".join(self.cells[y])

    def row_of(self, words: str) -> int:
        """The first row that holds the words; -1 where none does."""
        return next((y for y in range(self.height) if words in self.row(y)), -1)

    def style(self, x: int, y: int) -> str:
        """The colours of one cell, as they were asked for."""
        return self.styles[y][x]

    def write(self, output: str) -> None:
        """Takes in what a program wrote; the beginning of a sequence waits for its end."""
        output, at = self._rest + output, 0
        while at < len(output):
            part = _PART.match(output, at)
            if part is None:  # incomplete
                break
            at = part.end()
            parameters, final, feed, text = part.groups()
            if text is not None:
                self._put(text)
            elif feed is not None:
                self._x = 0
                self._y = min(self.height - 1, self._y + (feed == "\n"))
            elif final is not None:
                self._control(parameters, final)
        self._rest = output[at:]

    def _put(self, text: str) -> None:
        end = min(self.width, self._x + len(text))
        if end > self._x:
            self.cells[self._y][self._x : end] = text[: end - self._x]
            self.styles[self._y][self._x : end] = [self._style] * (end - self._x)
        self._x = end

    def _control(self, parameters: str, final: str) -> None:
        if final == "m":
            self._style = parameters if parameters not in ("", "0") else ""
        elif final in "Hf":
            numbers = [int(number or 1) for number in (parameters or "1;1").split(";")]
            self._y = min(self.height, numbers[0]) - 1
            self._x = min(self.width, [*numbers, 1][1]) - 1
        elif final == "J":
            for row in range(self.height):
                self.cells[row][:] = " " * self.width


class Terminal:
    """One program in a terminal of its own; `delay_s` is the way each byte has, there and back.

    `output` holds (seconds on the monotonic clock, bytes) of each read. Leaving it kills the
    program.
    """

    def __init__(
        self,
        command: Sequence[str],
        width: int = 80,
        height: int = 24,
        environment: Mapping[str, str] | None = None,
        delay_s: float = 0.0,
    ) -> None:
        self.picture = Picture(width, height)
        self.output: list[tuple[float, int]] = []
        self.delay_s = delay_s
        self._under_way: deque[tuple[float, bytes]] = deque()  # seen by us when its time has come
        self._typed: deque[tuple[float, bytes]] = deque()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.began = time.monotonic()
        self.pid, self._end = pty.fork()
        if self.pid == 0:
            _become(command, width, height, environment)
        self._resize(width, height)
        os.set_blocking(self._end, False)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        os.close(self._end)

    def type(self, keys: str) -> float:
        """Types keys; returns when."""
        now = time.monotonic()
        self._typed.append((now + self.delay_s, keys.encode()))
        self._send()
        return now

    def resize(self, width: int, height: int) -> None:
        """Another size, told to the program as a window would."""
        self.picture = Picture(width, height)
        self._resize(width, height)

    def wait(self, seen: Callable[[Picture], object], seconds: float = 30.0) -> float:
        """Reads on until the picture is as wanted; returns when the last byte of it came.

        Raises TimeoutError with the text that was there instead.
        """
        deadline = time.monotonic() + seconds
        now = time.monotonic()
        while not seen(self.picture):
            if now > deadline:
                raise TimeoutError(
                    f"not seen within {seconds:g} s; there was:\n{self.picture.text}"
                )
            came = self.read(deadline)
            now = time.monotonic()
            if came is not None:
                now = came
        return now

    def read(self, until: float) -> float | None:
        """Waits for output until a moment at most; returns when it came, None where none did."""
        self._receive(until)
        if not self._under_way or self._under_way[0][0] > time.monotonic():
            return None
        came, data = self._under_way.popleft()
        self.picture.write(self._decoder.decode(data))
        return came

    def watch(self, seconds: float) -> None:
        """Reads for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.read(end)

    def ended(self, seconds: float = 10.0) -> int:
        """Waits until the program has ended; returns its exit code."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.read(time.monotonic() + 0.02)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
        raise TimeoutError("the program goes on")

    def _receive(self, until: float) -> None:
        """Sends and takes in what is due, waiting for whatever comes first."""
        moments = [until, *(queue[0][0] for queue in (self._typed, self._under_way) if queue)]
        pause = max(0.0, min(moments) - time.monotonic())
        if select.select([self._end], [], [], pause)[0]:
            with contextlib.suppress(BlockingIOError, OSError):  # EIO once the program has ended
                data = os.read(self._end, 1 << 16)
                now = time.monotonic()
                self.output.append((now, len(data)))
                self._under_way.append((now + self.delay_s, data))
        self._send()

    def _send(self) -> None:
        while self._typed and self._typed[0][0] <= time.monotonic():
            os.write(self._end, self._typed.popleft()[1])

    def _resize(self, width: int, height: int) -> None:
        fcntl.ioctl(self._end, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))


def _become(
    command: Sequence[str], width: int, height: int, environment: Mapping[str, str] | None
) -> None:
    """Turns a forked child into the program; it never returns."""
    try:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        known = {"TERM": "xterm-256color", "COLORTERM": "truecolor", **(environment or {})}
        left_out = ("COLUMNS", "LINES", "NO_COLOR", "TMUX")
        inherited = {name: text for name, text in os.environ.items() if name not in left_out}
        os.execve(command[0], list(command), {**inherited, **known})
    finally:
        os._exit(127)
