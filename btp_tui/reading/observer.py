"""Reads the store into a snapshot; everything here runs on the feed's thread.

The mirror, and numpy with it, is loaded after the first look: the first frame does not wait for it.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from btp_tui.control.engine import Launch
from btp_tui.keys.names import key_of
from btp_tui.reading.room import DiskWatch
from btp_tui.reading.run_list import RunList
from btp_tui.reading.seeds import Seeds
from btp_tui.reading.watch import RunWatch
from btp_tui.reading.wishes import Wishes
from btp_tui.snapshot import RunLine, Snapshot, Watched
from storage.connection import without_room
from storage.errors import StorageError
from storage.reader import Reader
from storage.schema import Run
from storage.workspace import Workspace

if TYPE_CHECKING:
    from btp_tui.reading.mirror import Mirror


class Observer:
    """One reader and one mirror of a workspace, and what was made of them."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.reader = Reader(workspace)
        self.runs: tuple[RunLine, ...] = ()
        self._list = RunList(workspace, self.reader)
        self._seeds = Seeds(self.reader)
        self._disk = DiskWatch(workspace)
        self._watch: RunWatch | None = None
        self._readable: Snapshot | None = None  # the newest: it is shown on beside a problem

    def __enter__(self) -> Observer:
        return self

    def __exit__(self, *_: object) -> None:
        self.reader.close()

    @cached_property
    def mirror(self) -> Mirror:
        """The columns of all samples."""
        from btp_tui.reading.mirror import Mirror

        return Mirror(self.reader)

    def first_look(self, wishes: Wishes) -> Snapshot:
        """Runs and where they stand, before the mirror is loaded."""
        return self._look(wishes, mirror=False)

    def snapshot(self, wishes: Wishes) -> Snapshot:
        """Everything the screens show of this moment; a sentence where it cannot be read."""
        return self._look(wishes, mirror=True)

    def _look(self, wishes: Wishes, mirror: bool) -> Snapshot:
        watch, launch = wishes.watch, wishes.launch
        at = time.time()  # nothing in the snapshot is older
        place = str(self.workspace.path)
        try:
            listed = self._list.look(wishes)
            runs = [run for run, _ in listed]
            self.runs = tuple(line for _, line in listed)
            problem = self._add_launched(launch, watch) or _full_disk(self.workspace)
            run = _pick(runs, self.runs, watch)
            watched = self._watched(*run, runs, wishes, mirror) if run else None
            if launch is not None and launch.alive and (watch is None or watch == launch.run):
                line = next(line for line in self.runs if line.name == launch.run)
                if watched is None or watched.line.name != line.name:
                    watched = Watched(line)
        except StorageError as error:
            before = self._readable or Snapshot(place, loaded=False)
            return replace(before, at=at, problem=str(error))
        self._readable = Snapshot(place, at, self.runs, watched, problem)
        return self._readable

    def _watched(
        self, run: Run, line: RunLine, runs: list[Run], wishes: Wishes, mirror: bool
    ) -> Watched:
        if self._watch is None or self._watch.run != run.id:
            self._watch = RunWatch(self.reader, self._seeds, run.id)
        if not mirror:
            return self._watch.first_look(run, line, runs)
        disk = self._disk.look(run.name) if line.alive else None
        return self._watch.look(run, line, runs, self.mirror, dict(wishes.turned), disk)

    def _add_launched(self, launch: Launch | None, watch: str | None) -> str:
        """A run whose engine has not registered it yet; or what the watched engine died of."""
        if launch is None:
            return ""
        known = next((line for line in self.runs if line.name == launch.run), None)
        if launch.alive:
            if known is None:
                starting = RunLine(launch.run, "starting", "train", "", launch.at)
                self.runs = (starting, *self.runs)
            return ""
        if watch != launch.run or not launch.process.returncode or _went_well(known, launch):
            return ""
        press = (
            f"{key_of('resume')} goes on from its last checkpoint"
            if known
            else f"{key_of('new')} or {key_of('demo')} starts another"
        )
        return (
            f"The engine of {launch.run} ended with exit code {launch.process.returncode}: "
            f"{launch.last_words() or 'it said nothing.'} What is stored is safe, {press}; "
            f"its log is {launch.log}."
        )


def _full_disk(workspace: Workspace) -> str:
    """What the engine cannot say itself: there is no room for it to write that it waits."""
    if not workspace.exists or not without_room(workspace.path):
        return ""
    return (
        f"The disk of {workspace.path} is full: runs wait, nothing that was stored is lost. "
        "Free some and they go on."
    )


def _went_well(line: RunLine | None, launch: Launch) -> bool:
    """Whether an engine that has ended came to an end of its own, and said so."""
    if line is None or line.progress is None or line.progress.heartbeat < launch.at:
        return False
    return line.state in ("finished", "stopped")


def _pick(
    runs: list[Run], lines: tuple[RunLine, ...], watch: str | None
) -> tuple[Run, RunLine] | None:
    """The run to watch: the named one, else one at work, else the newest that is in the list."""
    by_name = {line.name: line for line in lines}
    if watch is not None:
        run = next((run for run in runs if run.name == watch), None)
    else:
        at_work = [run for run in runs if by_name[run.name].alive]
        in_sight = [run for run in runs if not by_name[run.name].archived]
        run = next(iter([*at_work, *in_sight, *runs]), None)
    return (run, by_name[run.name]) if run else None
