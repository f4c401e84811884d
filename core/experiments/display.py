"""How an experiment is watched: bars on a terminal, plain lines elsewhere, or JSON lines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from core.words import percent
from storage.schema import Progress as RunProgress


class Display:
    """Shows cells on stderr as they start and end, with bars where that is a terminal.

    With `as_json`, each event is a JSON object on a line of stdout instead.
    """

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self.console = Console(stderr=True, highlight=False)
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[said]}"),
            TimeElapsedColumn(),
            console=self.console,
            disable=as_json or not self.console.is_terminal,
        )
        self._all: TaskID | None = None
        self._cells: dict[str, TaskID] = {}
        self._total = self._done = 0

    def __enter__(self) -> Display:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._bars.stop()

    def planned(self, cells: int, finished: int) -> None:
        """So many cells there are, and so many of them were finished before."""
        self._total, self._done = cells, finished
        self._all = self._bars.add_task("cells", total=cells, completed=finished, said="")
        before = f", {finished:,} of them finished before" if finished else ""
        self._say("planned", f"{_cells(cells)}{before}.", cells=cells, finished=finished)

    def added(self, cells: int, finished: int) -> None:
        """So many more there are, as something was chosen."""
        self._total, self._done = self._total + cells, self._done + finished
        if self._all is not None:
            self._bars.update(self._all, total=self._total, completed=self._done)

    def started(self, run: str, goes_on: bool) -> None:
        """A cell begins, or goes on from its checkpoint."""
        event = "resumed" if goes_on else "started"
        self._say(event, f"{run} {event}.", run=run)

    def under_way(self, progress: Mapping[str, RunProgress | None]) -> None:
        """How far the cells under way are; None where an engine has not said."""
        for run in self._cells.keys() - progress.keys():
            self._bars.remove_task(self._cells.pop(run))
        for run, now in progress.items():
            if run not in self._cells:
                self._cells[run] = self._bars.add_task(run, total=None, said="loading")
            if now is not None:
                self._bars.update(
                    self._cells[run],
                    completed=now.iteration,
                    total=now.iterations or None,
                    said=f"{now.phase}, {now.programs:,} programs",
                )

    def finished(self, run: str, before: float, after: float) -> None:
        """A cell is done; held-out accuracy before and after."""
        self._done += 1
        if self._all is not None:
            self._bars.update(self._all, completed=self._done)
        self._say(
            "finished",
            f"{run} finished: {percent(before)} -> {percent(after)} "
            f"({self._done:,} of {self._total:,} cells).",
            run=run,
            before=before,
            after=after,
            done=self._done,
            cells=self._total,
        )

    def failed(self, run: str, reason: str) -> None:
        """A cell ended before its time; the others go on."""
        self._say("failed", f"{run} failed: {reason}", "red", run=run, reason=reason)

    def stopping(self, cells: int) -> None:
        """So many cells are asked for a checkpoint and the end."""
        self._say("stopping", f"Stopping {_cells(cells)}, with checkpoints.", cells=cells)

    def wrote(self, path: str) -> None:
        """A file of results is there."""
        self._say("wrote", f"Wrote {path}.", path=path)

    def chosen(self, family: str, arm: str, accuracy: float) -> None:
        """Which arm a tuned experiment reports."""
        self._say(
            "chosen",
            f"Best on the validation split of {family}: {arm}, {percent(accuracy)}.",
            family=family,
            arm=arm,
            accuracy=accuracy,
        )

    def ended(self, failed: int, stopped: bool) -> None:
        """All is done that could be done."""
        if stopped:
            sentence = "Stopped; the same command goes on from the checkpoints."
        elif failed:
            sentence = (
                f"{_cells(failed)} failed, missing in the tables: the same command tries again."
            )
        else:
            sentence = "All cells are finished."
        self._say("ended", sentence, failed=failed, stopped=stopped)

    def _say(self, event: str, sentence: str, style: str = "", **fields: Any) -> None:
        if self._as_json:
            print(json.dumps({"event": event, **fields}), flush=True)
        else:
            self.console.print(sentence, style=style, soft_wrap=True, markup=False)


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count:,} cells"
