"""One cell under way: a child process that trains or resumes one run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from core.experiments.plan import Cell

_PYTHON = (sys.executable, "-P", "-m", "core")

#: Of the error output of a child, the last part, in bytes.
_TAIL = 20_000


class Child:
    """The process of a cell; in a session of its own, so that a Ctrl-C does not reach it by itself.

    `environment` is put over that of this process.
    """

    def __init__(
        self,
        cell: Cell,
        workspace: Path,
        config: Path | None,
        environment: Mapping[str, str],
        goes_on: bool,
    ) -> None:
        self.cell = cell
        if goes_on:
            arguments = ["resume", cell.run]
        else:
            arguments = ["train", "--name", cell.run, *(f"--set={set_}" for set_ in cell.overrides)]
            if config is not None:
                arguments += ["--config", str(config)]
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the child)
        self._process = subprocess.Popen(
            [*_PYTHON, *arguments, "--workspace", str(workspace), "--json"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._said,
            env={**os.environ, **environment},
            start_new_session=True,
        )

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    def stop(self) -> None:
        """Asks the engine for a checkpoint and the end."""
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it at once."""
        self._process.kill()

    def reason(self) -> str:
        """Why it ended before its time: its last words."""
        self._said.seek(max(0, self._said.seek(0, os.SEEK_END) - _TAIL))
        words = self._said.read().decode("utf-8", "replace")
        lines = [line.strip() for line in words.splitlines() if line.strip()]
        code = self._process.returncode
        if code is not None and code < 0:
            return f"ended by {signal.Signals(-code).name}"
        return lines[-1].removeprefix("btp-tui: ") if lines else f"exit code {code}"

    def close(self) -> None:
        """Waits for the end and lets go of what is held for it."""
        self._process.wait()
        self._said.close()
