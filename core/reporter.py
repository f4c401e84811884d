"""Tells the world where a run stands, from a thread of its own.

The heartbeat must go on while one long update runs, so progress, telemetry and the engine's log
are written by a second connection. The pipeline only changes fields of one record; the thread
writes it at most four times a second, the machine's readings once a second.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from core.telemetry import Machine
from storage.errors import StorageError
from storage.schema import Progress
from storage.workspace import Workspace
from storage.writer import Writer

INTERVAL_S = 0.25
_RATE_WINDOW = 12  # intervals a rate is taken over
_LAST_TRIES = 4  # to write how a run ended


@dataclass(frozen=True, slots=True)
class Totals:
    """Work done so far, from which rates follow."""

    tokens: int = 0
    tests: int = 0
    updates: int = 0


class Reporter:
    """Owns the progress of one run; a context manager that starts and ends its thread.

    `totals` is read at every beat. Each of `listeners` is called with every progress written, on
    the reporter's thread. A write that fails (a full disk, a locked store) is left to the next
    beat, and the last one is tried a few times: the pipeline's own writes decide whether the run
    can go on.
    """

    def __init__(
        self,
        workspace: Workspace,
        run: int,
        progress: Progress,
        totals: Callable[[], Totals],
        listeners: tuple[Callable[[Progress], None], ...] = (),
        on_event: Callable[[str, str], None] = lambda level, message: None,
    ) -> None:
        self._workspace = workspace
        self._run = run
        self._progress = progress
        self._totals = totals
        self._listeners = listeners
        self._on_event = on_event
        self._lock = threading.Lock()
        self._events: deque[tuple[str, str]] = deque()
        self._history: deque[tuple[float, Totals]] = deque(maxlen=_RATE_WINDOW)
        self._elapsed_before = progress.elapsed_s
        self._started = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="reporter", daemon=True)

    def __enter__(self) -> Reporter:
        self._writer = Writer(self._workspace)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def progress(self) -> Progress:
        """The newest progress."""
        return self._progress

    @property
    def elapsed_s(self) -> float:
        """Seconds this run has been going, over all its resumptions."""
        return self._elapsed_before + time.monotonic() - self._started

    def set(self, **changes: Any) -> None:
        """Changes fields of the progress; it is written at the next beat."""
        with self._lock:
            self._progress = replace(self._progress, **changes)

    def event(self, level: str, message: str) -> None:
        """Adds a line to the engine's log."""
        self._events.append((level, message))
        self._on_event(level, message)

    def _beat(self) -> None:
        with self._writer, Machine() as machine:
            for beats in count():
                if self._ended.wait(INTERVAL_S):
                    self._write_last()
                    return
                self._try_to_write()
                if beats % 4 == 0:
                    # A driver fails in more ways than it documents: no reading is worth the thread.
                    with suppress(Exception):
                        self._writer.add_telemetry(self._run, machine.read())

    def _write_last(self) -> None:
        for _ in range(_LAST_TRIES):
            if self._try_to_write():
                return
            time.sleep(INTERVAL_S)

    def _try_to_write(self) -> bool:
        try:
            self._write()
        except StorageError:
            return False
        return True

    def _write(self) -> None:
        while self._events:  # taken off the queue only when stored
            self._writer.add_event(self._run, *self._events[0])
            self._events.popleft()
        self._history.append((time.monotonic(), self._totals()))
        (then, before), (now, after) = self._history[0], self._history[-1]
        seconds = max(now - then, INTERVAL_S)
        self.set(
            tokens_per_s=(after.tokens - before.tokens) / seconds,
            tests_per_s=(after.tests - before.tests) / seconds,
            updates_per_s=(after.updates - before.updates) / seconds,
            elapsed_s=self.elapsed_s,
            eta_s=self._time_left(),
        )
        self._writer.set_progress(self._run, self._progress)
        for listener in self._listeners:
            listener(self._progress)

    def _time_left(self) -> float | None:
        """Seconds left if the iterations to come take as long as those so far."""
        now = self._progress
        if not now.iterations or now.state != "running":
            return None
        parts = (now.sampled, now.sample_total), (now.updated, now.update_total)
        within = sum(done / total for done, total in parts if total) / len(parts)
        share = min((now.iteration + within) / now.iterations, 1.0)
        return self.elapsed_s * (1 - share) / share if share > 0 else None
