"""Metrics for other tools: JSONL beside every run, TensorBoard and trackio when asked."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from core.config import LoggingConfig
from core.errors import CoreError


class Sink(Protocol):
    """Takes one record of named numbers at one step (updates made so far)."""

    def write(self, step: int, values: dict[str, float]) -> None: ...

    def close(self) -> None: ...


class JsonLines:
    """One JSON object a line: at (seconds since the epoch), step, and the named values."""

    def __init__(self, file: Path) -> None:
        # Unbuffered: a line that found no room is written again, and must not be there twice.
        self._handle = file.open("ab", buffering=0)

    def write(self, step: int, values: dict[str, float]) -> None:
        """Appends one line."""
        line = json.dumps({"at": round(time.time(), 3), "step": step, **values})
        self._handle.write(line.encode() + b"\n")

    def close(self) -> None:
        """Closes the file."""
        self._handle.close()


class TensorBoard:
    """Event files for `tensorboard --logdir`."""

    def __init__(self, folder: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = SummaryWriter(str(folder))

    def write(self, step: int, values: dict[str, float]) -> None:
        """Adds one scalar a value."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Flushes and closes the files."""
        self._writer.close()


class Trackio:
    """A run of the local trackio dashboard."""

    def __init__(self, name: str) -> None:
        import trackio

        self._trackio: Any = trackio
        trackio.init(project="btp-tui", name=name)

    def write(self, step: int, values: dict[str, float]) -> None:
        """Logs the values at one step."""
        self._trackio.log(values, step=step)

    def close(self) -> None:
        """Finishes the run."""
        self._trackio.finish()


def check_installed(config: LoggingConfig) -> None:
    """Raises CoreError naming the extra that is asked for and not installed."""
    for extra in ("tensorboard", "trackio"):
        if getattr(config, extra) and find_spec(extra) is None:
            raise CoreError(
                f"logging.{extra} = true needs a package that is not installed: "
                f"pip install 'btp-tui[{extra}]', or set logging.{extra} = false."
            )


def open_sinks(config: LoggingConfig, name: str, folder: Path) -> list[Sink]:
    """The sinks of one run, whose packages are installed."""
    sinks: list[Sink] = [JsonLines(folder / "metrics.jsonl")]
    if config.tensorboard:
        sinks.append(TensorBoard(folder / "tensorboard"))
    if config.trackio:
        sinks.append(Trackio(name))
    return sinks


class Metrics:
    """All sinks of one run; `with_room` carries out a write, and waits where the disk is full."""

    def __init__(
        self, sinks: Sequence[Sink], with_room: Callable[[Callable[[], None]], None]
    ) -> None:
        self._sinks = sinks
        self._with_room = with_room

    def write(self, step: int, values: dict[str, float]) -> None:
        """Tells every sink the figures after so many updates."""
        for sink in self._sinks:
            self._with_room(partial(sink.write, step, values))

    def close(self) -> None:
        """Closes every sink."""
        for sink in self._sinks:
            with suppress(OSError):  # a full disk takes no last line
                sink.close()
