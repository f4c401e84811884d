"""Starts engines and says whether they live; the screen never waits for one.

An engine is its own process in its own session: it outlives the screen and its terminal.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from storage.errors import StorageError
from storage.moves import settle_moves
from storage.workspace import Workspace

#: Bytes of a log that its last lines are looked for in.
_LAST_BYTES = 4000


@dataclass(frozen=True, slots=True)
class Launch:
    """An engine that this screen started, and the log it writes to."""

    run: str
    process: subprocess.Popen[bytes]
    log: Path
    at: float = field(default_factory=time.time)

    @property
    def alive(self) -> bool:
        """Whether the process still runs; asking also takes a dead one off the process table."""
        return self.process.poll() is None

    def last_words(self, lines: int = 3) -> str:
        """The end of its log in one line: what a dead engine had to say."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - _LAST_BYTES))
                text = log.read(_LAST_BYTES).decode(errors="replace")
        except OSError:
            return ""
        return " ".join(line.strip() for line in text.strip().splitlines()[-lines:])


def start(workspace: Workspace, prefix: str, toml: str = "") -> Launch:
    """Starts training under the first free name "prefix-N"; without a configuration, the demo.

    The configuration is written into the run's folder and read from there. Raises StorageError
    where the folder cannot be made or written to.
    """
    name = _claim_name(workspace, prefix)
    arguments = ["train", "--workspace", str(workspace.path.absolute()), "--name", name]
    if toml:
        file = workspace.run_folder(name) / "config.toml"
        try:
            file.write_text(toml, encoding="utf-8")
        except OSError as error:
            raise StorageError(
                f"Cannot write {file}: {error.strerror}; nothing was started."
            ) from error
        arguments += ["--config", str(file.absolute())]
    return _launch(workspace, name, arguments)


def resume(workspace: Workspace, name: str) -> Launch:
    """Goes on with a run that stopped or died."""
    settle_moves(workspace.path, workspace.database)
    return _launch(workspace, name, ["resume", name, "--workspace", str(workspace.path.absolute())])


def _claim_name(workspace: Workspace, prefix: str) -> str:
    """Makes the run's folder: two screens that start at once get two names."""
    for number in count(1):
        name = f"{prefix}-{number}"
        try:
            workspace.run_folder(name).mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise StorageError(
                f"Cannot make a folder for the run in {workspace.path}: {error.strerror}; "
                "nothing was started. Choose another folder with --workspace."
            ) from error
        return name
    raise AssertionError("there is always another number")


def _launch(workspace: Workspace, name: str, arguments: list[str]) -> Launch:
    log = workspace.run_folder(name) / "engine.log"
    try:
        with log.open("ab") as output:
            process = subprocess.Popen(
                # -P: a folder named core in the working directory must not be taken for ours.
                [sys.executable, "-P", "-m", "core", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except OSError as error:
        raise StorageError(
            f"Cannot start the engine of {name}: {error.strerror}; what is stored is safe."
        ) from error
    return Launch(name, process, log)


async def administer(workspace: Workspace, *arguments: str, group: str = "runs") -> str:
    """Runs `python -m core runs …`, or another group, to its end; returns its sentence.

    Raises StorageError where it refused.
    It outlives the screen: what was begun is done, though nobody hears of it any more.
    """
    command = [sys.executable, "-P", "-m", "core", group, *arguments]
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            "--workspace",
            str(workspace.path.absolute()),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:  # no memory, or more arguments than a process takes
        raise StorageError(f"Nothing was done: {error.strerror}.") from error
    said, trouble = (text.decode(errors="replace").strip() for text in await process.communicate())
    if process.returncode:
        lines = trouble.splitlines() or [f"It ended with exit code {process.returncode}."]
        raise StorageError(lines[-1].removeprefix("btp-tui: "))
    return said
