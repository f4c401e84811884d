"""A screen that is interrupted closes in order; one whose terminal is gone ends at once."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import sys
import termios
import time
from pathlib import Path


def test_a_screen_ends_with_its_terminal(tmp_path: Path) -> None:
    code = "import sys; from btp_tui.app import BtpApp, Path; BtpApp(Path(sys.argv[1])).run()"
    child, terminal = pty.fork()
    if child == 0:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as after nohup; execs keep it
        os.environ.update(TERM="xterm-256color", COLUMNS="80", LINES="24")
        os.execv(sys.executable, [sys.executable, "-c", code, str(tmp_path)])
    shown = b""
    while b"demo" not in shown:
        shown += os.read(terminal, 65536)
    os.close(terminal)
    deadline = time.monotonic() + 10
    ended, status = 0, 0
    while not ended and time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        time.sleep(0.05)
    if not ended:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert ended, "it goes on without a terminal"
    assert os.waitstatus_to_exitcode(status) == 0


def test_an_interrupt_from_elsewhere_closes_the_screen_as_its_key_does(tmp_path: Path) -> None:
    code = "import sys; from btp_tui.opening import *; open_screen(Path(sys.argv[1]))"
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS="80", LINES="24")
        os.environ.update(HOME=str(tmp_path), BTP_TUI_CONFIG="")
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.execv(sys.executable, [sys.executable, "-c", code, str(tmp_path)])
    before = termios.tcgetattr(terminal)
    shown = b""
    while b"demo" not in shown:
        shown += os.read(terminal, 65536)
    os.kill(child, signal.SIGINT)
    with contextlib.suppress(OSError):  # the end of the terminal
        while part := os.read(terminal, 65536):
            shown += part
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert termios.tcgetattr(terminal) == before
    os.close(terminal)
    picture, _, after = shown.rpartition(b"\x1b[?1049l")  # back from the alternate screen
    assert picture, "it leaves its picture on the terminal"
    assert b"Watch again with: btp-tui" in after
    assert b"Traceback" not in shown
