"""What the store says of the cells of an experiment: done, to go on with, or made otherwise."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from core.config import Config, fields, setting
from core.config_reading import build_config
from core.errors import CoreError
from core.experiments.catalogue import EXPERIMENTS
from core.experiments.plan import Cell, identity
from storage.reader import Reader
from storage.schema import Progress, Run
from storage.workspace import Workspace

#: "elsewhere": another process is at work on it.
State = Literal["new", "unfinished", "elsewhere", "finished"]


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a run is."""

    state: State
    progress: Progress | None = None


class Stored:
    """The runs of a workspace, which may not exist yet, as far as experiments care."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.reader = Reader(workspace)

    def standing(self, run: str) -> Standing:
        """How far the run of a name is."""
        stored = self.reader.run(run)
        if stored is None:
            return Standing("new")
        if stored.progress is not None and stored.progress.state == "finished":
            return Standing("finished", stored.progress)
        alive = self.workspace.engine_alive(run)
        return Standing("elsewhere" if alive else "unfinished", stored.progress)

    def refuse_others(self, cells: Iterable[Cell]) -> None:
        """Raises CoreError where a cell's run is there with other settings than the cell's."""
        for cell in cells:
            stored = self.reader.run(cell.run)
            if stored is None:
                continue
            differs = _difference(_config_of(stored), cell.config)
            if self.reader.settings(stored.id):
                differs = "its settings were changed while it ran"
            if differs:
                raise CoreError(
                    f"The run {cell.run} in {self.workspace.path} is another one: {differs}; "
                    "choose another --workspace, or begin anew with --fresh."
                )

    def finished_runs(self) -> dict[str, str]:
        """The finished runs of experiments by the `identity` of their configuration."""
        names = tuple(f"{experiment.name}-" for experiment in EXPERIMENTS)
        found: dict[str, str] = {}
        for run in reversed(self.reader.runs()):  # the oldest first
            finished = run.progress is not None and run.progress.state == "finished"
            mine = run.kind == "train" and run.name.startswith(names)
            if finished and mine and not self.reader.settings(run.id):
                found.setdefault(identity(_config_of(run)), run.name)
        return found


def _config_of(run: Run) -> Config:
    return build_config(tomllib.loads(run.config), origin=f"the configuration of {run.name}")


def _difference(stored: Config, wanted: Config) -> str:
    """The first setting in which two configurations differ, or nothing."""
    for key, _ in fields():
        mine, theirs = setting(wanted, key), setting(stored, key)
        if mine != theirs:
            return f"{key} is {theirs!r} there and {mine!r} here"
    return ""
