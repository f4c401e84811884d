"""What the screen asks of an engine: rows of the commands table, its only writes."""

from __future__ import annotations

import asyncio
from pathlib import Path

from storage.workspace import Workspace


class Commands:
    """Writes commands one after the other, off the screen's own thread."""

    def __init__(self, workspace: Path) -> None:
        self._workspace = Workspace(workspace)
        self._turn = asyncio.Lock()

    async def pause(self, run: int) -> None:
        """Asks the engine to pause at its next step."""
        await self._send(run, "pause", {})

    async def resume(self, run: int) -> None:
        """Asks a paused engine to go on."""
        await self._send(run, "resume", {})

    async def stop(self, run: int) -> None:
        """Asks the engine to save a checkpoint and end."""
        await self._send(run, "stop", {})

    async def set_knob(self, run: int, key: str, value: float | str) -> None:
        """Asks the engine to use another value for a live setting such as replay.alpha."""
        await self._send(run, "set", {"key": key, "value": value})

    async def flag(self, run: int, name: str, samples: list[int]) -> None:
        """Asks the engine to exclude, include, mark or unmark programs."""
        await self._send(run, name, {"samples": samples})

    async def _send(self, run: int, name: str, argument: dict[str, object]) -> None:
        async with self._turn:  # commands take effect in the order of the keys
            await asyncio.to_thread(self._write, run, name, argument)

    def _write(self, run: int, name: str, argument: dict[str, object]) -> None:
        from storage.writer import Writer  # brings numpy, which the first frame does without

        with Writer(self._workspace) as writer:
            writer.add_command(run, name, argument)
