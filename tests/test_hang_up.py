"""A screen whose terminal is gone ends, also where hang-ups are ignored by whoever started it."""

from __future__ import annotations

import os
import pty
import signal
import sys
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
