"""What a new run can begin with: a preset, or the configuration of a run of this workspace."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass

from btp_tui.snapshot import RunLine
from core.config import Config
from core.config_reading import build_config
from core.presets import PRESETS, find_preset
from storage.errors import StorageError
from storage.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Begin:
    """A preset, or where `run` is given the run of that name."""

    name: str
    run: str = ""

    @property
    def sentence(self) -> str:
        """What it is."""
        if self.run:
            return f"The settings that {self.run} was started with."
        return find_preset(self.name).sentence

    @property
    def prefix(self) -> str:
        """What the new run is named after; a number follows."""
        base, dash, number = self.run.rpartition("-")
        return (base if dash and number.isdigit() else self.run) or self.name


def beginnings(runs: Sequence[RunLine]) -> tuple[Begin, ...]:
    """The presets, then the runs that trained, newest first."""
    presets = (Begin(preset.name) for preset in PRESETS)
    trained = (Begin(f"as {run.name}", run.name) for run in runs if run.trains)
    return (*presets, *trained)


def base_of(begin: Begin, workspace: Workspace) -> Config:
    """The configuration to begin with.

    Raises StorageError where the run is not there any more, CoreError where its configuration is
    of another version.
    """
    if not begin.run:
        return find_preset(begin.name).config()
    from storage.reader import Reader  # brings numpy, and need not be there at the first frame

    with Reader(workspace) as reader:
        run = reader.run(begin.run)
    if run is None:
        raise StorageError(f"There is no run {begin.run} in {workspace.path} any more.")
    return build_config(tomllib.loads(run.config), origin=f"the configuration of {begin.run}")
