"""A real terminal with a shell in it, in a tmux server of its own that ends with the test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import psutil

TMUX = shutil.which("tmux")

#: Seconds after which something that should be on the screen is missed.
PATIENCE_S = 60.0


class Tmux:
    """Windows of given sizes; leaving it ends the server and all that its terminals held."""

    def __init__(self) -> None:
        self._name = f"btp-test-{uuid.uuid4().hex[:12]}"

    def __enter__(self) -> Tmux:
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run([*self._command, "kill-server"], capture_output=True, check=False)
        folder = Path(os.environ.get("TMUX_TMPDIR", "/tmp")) / f"tmux-{os.getuid()}"
        (folder / self._name).unlink(missing_ok=True)  # tmux leaves its socket behind

    def window(self, width: int = 80, height: int = 24) -> Window:
        """A shell that knows `btp-tui`, in a window of so many columns and rows."""
        name = f"w{uuid.uuid4().hex[:6]}"
        size = ["-x", str(width), "-y", str(height)]
        self.ask("new-session", "-d", "-s", name, *size, "sh")
        self.ask("set-option", "-g", "status", "off")  # it would take a row
        self.ask("set-option", "-s", "escape-time", "0")
        self.ask("resize-window", "-t", name, *size)
        return Window(self, name)

    def ask(self, *arguments: str) -> str:
        """One command of tmux, and what it prints."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            [*self._command, *arguments],
            capture_output=True,
            text=True,
            encoding="utf-8",
            env={**os.environ, "PATH": path, "ENV": ""},
        )
        assert done.returncode == 0, f"tmux {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    @property
    def _command(self) -> list[str]:
        assert TMUX is not None
        return [TMUX, "-f", "/dev/null", "-u", "-L", self._name]


class Window:
    """One terminal: keys go in, text comes out."""

    def __init__(self, tmux: Tmux, name: str) -> None:
        self._tmux, self._name = tmux, name

    @property
    def text(self) -> str:
        """What stands on the screen now."""
        return self._tmux.ask("capture-pane", "-p", "-t", self._name)

    @property
    def rows(self) -> list[str]:
        """The same, row by row."""
        return self.text.split("\n")[:-1]

    def press(self, *keys: str) -> None:
        """Presses keys, by tmux' names for them."""
        self._tmux.ask("send-keys", "-t", self._name, *keys)

    def type(self, text: str) -> None:
        """Types a text as it is."""
        self._tmux.ask("send-keys", "-t", self._name, "-l", text)

    def run(self, command: str) -> None:
        """Types a command and enter."""
        self.type(command)
        self.press("Enter")

    def resize(self, width: int, height: int) -> None:
        """Gives the window another size."""
        self._tmux.ask("resize-window", "-t", self._name, "-x", str(width), "-y", str(height))

    def screen_process(self) -> psutil.Process:
        """The `btp-tui` in it."""
        [shell] = self._tmux.ask("list-panes", "-t", self._name, "-F", "#{pane_pid}").split()
        [screen] = psutil.Process(int(shell)).children()
        return screen

    def until(self, *wanted: str | Callable[[str], object], without: str = "") -> str:
        """Waits for texts, or what must hold for them; returns the screen on which all were."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            shown = self.text
            missing = [each for each in wanted if not _holds(each, shown)]
            if not missing and not (without and without in shown):
                return shown
            if time.monotonic() > deadline:
                raise AssertionError(f"{missing or without!r} after a minute; there is:\n{shown}")
            time.sleep(0.05)


def _holds(wanted: str | Callable[[str], object], shown: str) -> bool:
    return wanted in shown if isinstance(wanted, str) else bool(wanted(shown))


def kill_engines(workspace: Path) -> None:
    """Ends the engines of a workspace: they outlive every screen."""
    for process in psutil.process_iter(["cmdline"]):
        arguments = process.info["cmdline"] or []
        if str(workspace) in arguments and "core" in arguments:
            process.kill()
            process.wait(10)
