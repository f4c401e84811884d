"""A stored program run again in a process of its own, and what it came to then and now."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from storage.errors import StorageError
from storage.workspace import Workspace


@dataclass(frozen=True, slots=True)
class TestThenNow:
    """The outcome of one test as it is stored (None: not run) and now; `seconds` are of now."""

    then: str | None
    now: str
    message: str
    seconds: float

    __test__ = False  # not a pytest class


@dataclass(frozen=True, slots=True)
class ThenNow:
    """What all tests of a program came to, as it is stored and with so many seconds a test."""

    limit_s: float
    then: str | None
    now: str
    tests: tuple[TestThenNow, ...]


class Rerun:
    """One `python -m core programs rerun`, which can be ended at any moment."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._ended = False

    async def run(self, workspace: Workspace, sample: int, limit_s: float) -> ThenNow | None:
        """What it says; None where it was ended. Raises StorageError where it refused."""
        command = [sys.executable, "-P", "-m", "core", "programs", "rerun", str(sample), "--json"]
        self._process = await asyncio.create_subprocess_exec(
            *command,
            f"--limit={limit_s}",
            f"--workspace={workspace.path.absolute()}",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        if self._ended:
            self.end()
        said, trouble = await self._process.communicate()
        if self._ended:
            return None
        if self._process.returncode:
            lines = trouble.decode(errors="replace").strip().splitlines()
            ended = f"It ended with exit code {self._process.returncode}."
            raise StorageError((lines or [ended])[-1].removeprefix("btp-tui: "))
        return _then_now(json.loads(said.splitlines()[-1]))

    def end(self) -> None:
        """Ends the process; the sandboxed ones below it end with it."""
        self._ended = True
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()


def _then_now(found: dict[str, Any]) -> ThenNow:
    then, now = found["then"], found["now"]
    before = [test["outcome"] for test in then["tests"]] if then else []
    before += [None] * (len(now["tests"]) - len(before))
    tests = tuple(
        TestThenNow(outcome, test["outcome"], test["message"], test["seconds"])
        for outcome, test in zip(before, now["tests"], strict=False)
    )
    return ThenNow(found["limit_s"], then and then["outcome"], now["outcome"], tests)
