"""The runs of a workspace as lines: with every poll only what may have changed is looked at."""

from __future__ import annotations

import time

from btp_tui.control.engine import Launch
from btp_tui.reading.intervals import RESTING_S, SLOW_S
from btp_tui.reading.wishes import Wishes
from btp_tui.snapshot import RunLine
from storage.reader import Reader
from storage.schema import Progress, Run
from storage.workspace import Workspace


class RunList:
    """Remembers each run and its line.

    The store says which runs were written. Whether an engine holds a run's lock, and whether it was
    put away, no row says: of a run that rests that is looked up again after RESTING_S, or when the
    screen asks for something.
    """

    def __init__(self, workspace: Workspace, reader: Reader) -> None:
        self._workspace = workspace
        self._reader = reader
        self._known: dict[int, tuple[Run, RunLine]] = {}
        self._wishes: Wishes | None = None
        self._all_at = 0.0
        self._accuracies: dict[int, tuple[float, str, tuple[float, float] | None]] = {}

    def look(self, wishes: Wishes) -> list[tuple[Run, RunLine]]:
        """All runs with their lines, newest first; raises StorageError."""
        runs = self._reader.runs([run for run, _ in self._known.values()])
        now = time.monotonic()
        all_ = wishes is not self._wishes or now - self._all_at >= RESTING_S
        if all_:
            self._wishes, self._all_at = wishes, now
        chosen = {wishes.watch, wishes.launch.run if wishes.launch else None}
        known: dict[int, tuple[Run, RunLine]] = {}
        for run in runs:
            before = self._known.get(run.id)
            if before and before[0] is run and _rests(before[1], chosen) and not all_:
                known[run.id] = before
            else:
                known[run.id] = run, self._line(run, wishes.launch)
        self._known = known
        return [*known.values()]

    def _line(self, run: Run, launch: Launch | None) -> RunLine:
        mine = launch if launch is not None and launch.run == run.name else None
        state = run_state(run.progress, self._workspace.engine_alive(run.name), mine)
        figures = self._accuracy(run)
        return RunLine(
            name=run.name,
            state=state,
            kind=run.kind,
            model=run.model,
            at=run.at,
            progress=run.progress,
            initial=figures and figures[0],
            newest=figures and figures[1],
            id=run.id,
            archived=self._workspace.archived(run.name),
        )

    def _accuracy(self, run: Run) -> tuple[float, float] | None:
        """First and newest held-out accuracy, read again only when the run has moved."""
        heartbeat, state = (run.progress.heartbeat, run.progress.state) if run.progress else (0, "")
        before = self._accuracies.get(run.id)
        if before is None or abs(heartbeat - before[0]) >= SLOW_S or state != before[1]:
            found = self._reader.evaluations(run.id)
            figures = (found[0].accuracy, found[-1].accuracy) if found else None
            before = self._accuracies[run.id] = (heartbeat, state, figures)
        return before[2]


def _rests(line: RunLine, chosen: set[str | None]) -> bool:
    return not line.alive and line.name not in chosen


def run_state(progress: Progress | None, alive: bool, launch: Launch | None) -> str:
    """What is true of a run now, from what it last said and whether an engine holds its lock."""
    launched = launch is not None and launch.alive
    if progress is None:
        return "starting" if alive or launched else "died"
    if progress.state in ("running", "paused"):
        return progress.state if alive else "starting" if launched else "died"
    if launch is not None and launched and launch.at > progress.heartbeat:
        return "starting"
    return progress.state
