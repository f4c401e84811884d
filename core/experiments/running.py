"""Runs the cells of an experiment side by side: one core each, or one accelerator."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from core.experiments.children import Child
from core.experiments.display import Display
from core.experiments.plan import Cell
from core.experiments.stored import Stored
from core.telemetry import Machine

#: Seconds between two looks at the cells under way.
_LOOK_S = 0.25


@dataclass(frozen=True, slots=True)
class Slots:
    """Where cells run side by side: the environment of each place."""

    environments: tuple[Mapping[str, str], ...]


def choose_slots(jobs: int | None, device: str) -> Slots:
    """So many places, by default one for each accelerator in sight, or each core without any.

    `device` is the setting of that name: with "cpu" accelerators do not count.
    """
    cores = len(os.sched_getaffinity(0))
    devices = [] if device == "cpu" else _devices()
    count = jobs or len(devices) or cores
    threads = str(max(1, cores // count) if devices else 1)
    common = {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
    return Slots(
        tuple(
            {**common, "CUDA_VISIBLE_DEVICES": devices[at % len(devices)]} if devices else common
            for at in range(count)
        )
    )


def _devices() -> list[str]:
    """The accelerators in sight, as CUDA_VISIBLE_DEVICES names them."""
    with Machine() as machine:
        count = len(machine.read().devices)
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return [str(number) for number in range(count)]
    return [name.strip() for name in visible.split(",") if name.strip()][:count]


class Stopped(Exception):
    """A signal ended the experiment; what was under way has checkpoints."""


@dataclass
class Runner:
    """Runs cells until each is finished or has failed; `failed` says why, by run.

    Where `keeps_weights` is not set, the checkpoints of a finished cell are removed: its results
    are in the store.
    """

    stored: Stored
    slots: Slots
    display: Display
    config: Path | None = None
    keeps_weights: bool = False
    failed: dict[str, str] = field(default_factory=dict)
    _asked_to_stop: int = 0

    def run(self, cells: Sequence[Cell]) -> None:
        """Runs what is not finished of the cells; raises Stopped after a signal."""
        unique = {cell.run: cell for cell in cells}
        waiting = deque(
            cell for name, cell in unique.items() if self.stored.standing(name).state != "finished"
        )
        under_way: dict[int, Child] = {}
        elsewhere: dict[str, Cell] = {}
        with self._signals():
            try:
                while waiting or under_way or elsewhere:
                    self._fill(waiting, under_way, elsewhere)
                    self._look(under_way, elsewhere, waiting)
                    time.sleep(_LOOK_S)
                    if self._asked_to_stop:
                        raise Stopped
            finally:
                self._end(under_way)

    def _fill(
        self, waiting: deque[Cell], under_way: dict[int, Child], elsewhere: dict[str, Cell]
    ) -> None:
        """Starts a cell in every free place."""
        for place, environment in enumerate(self.slots.environments):
            while waiting and place not in under_way:
                cell = waiting.popleft()
                standing = self.stored.standing(cell.run)
                if standing.state == "finished":
                    self._finished(cell)
                elif standing.state == "elsewhere":
                    elsewhere[cell.run] = cell
                else:
                    goes_on = standing.state == "unfinished"
                    folder = self.stored.workspace.path
                    under_way[place] = Child(cell, folder, self.config, environment, goes_on)
                    self.display.started(cell.run, goes_on)

    def _look(
        self, under_way: dict[int, Child], elsewhere: dict[str, Cell], waiting: deque[Cell]
    ) -> None:
        """Takes in what has ended, and shows how far the others are."""
        for place, child in list(under_way.items()):
            if child.ended:
                del under_way[place]
                self._ended(child)
        for run in list(elsewhere):
            if self.stored.standing(run).state != "elsewhere":
                waiting.append(elsewhere.pop(run))
        names = [*(child.cell.run for child in under_way.values()), *elsewhere]
        self.display.under_way({name: self.stored.standing(name).progress for name in names})

    def _ended(self, child: Child) -> None:
        run = child.cell.run
        if self.stored.standing(run).state == "finished":
            self._finished(child.cell)
        else:
            self.failed[run] = child.reason()
            self.display.failed(run, self.failed[run])
        child.close()

    def _finished(self, cell: Cell) -> None:
        if not self.keeps_weights:
            folder = self.stored.workspace.run_folder(cell.run) / "checkpoints"
            shutil.rmtree(folder, ignore_errors=True)
        self.display.finished(cell.run, *self._accuracies(cell.run))

    def _accuracies(self, run: str) -> tuple[float, float]:
        """Before and after."""
        stored = self.stored.reader.run(run)
        measured = self.stored.reader.evaluations(stored.id) if stored else []
        return (measured[0].accuracy, measured[-1].accuracy) if measured else (0.0, 0.0)

    def _end(self, under_way: dict[int, Child]) -> None:
        """Stops what is under way, with checkpoints; at a second signal, without."""
        for child in under_way.values():
            child.stop()
        if under_way:
            self.display.stopping(len(under_way))
        killed = False
        while any(not child.ended for child in under_way.values()):
            if self._asked_to_stop > 1 and not killed:
                killed = True
                for child in under_way.values():
                    child.kill()
            time.sleep(_LOOK_S)
        for child in under_way.values():
            child.close()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """SIGINT, SIGTERM and SIGHUP ask for the end."""

        def handle(number: int, frame: FrameType | None) -> None:
            del number, frame
            self._asked_to_stop += 1

        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, handle) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
