"""What MODEL means: a model that is named for itself, or a checkpoint of a run."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from core.errors import CoreError
from storage.errors import StorageError
from storage.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Subject:
    """A `model.path`, and of a run's checkpoint the configuration that the run was made with."""

    path: str
    config: Path | None = None


def find_subject(name: str, workspace: Workspace) -> Subject:
    """An embedded name, a folder, RUN (its best checkpoint, else its newest), RUN/CHECKPOINT.

    Anything else is taken for a hub id. Raises CoreError for a run without such a checkpoint.
    """
    run, _, checkpoint = name.partition("/")
    folder = None
    with suppress(StorageError):  # what cannot name a run is none
        folder = workspace.run_folder(run)
    if Path(name).expanduser().is_dir() or folder is None or not folder.is_dir():
        return Subject(name)

    from core.models import EMBEDDED  # brings torch
    from core.models.merging import find_checkpoint

    if name in EMBEDDED:
        return Subject(name)
    every = folder / "checkpoints"
    place = every / checkpoint if checkpoint else find_checkpoint(run, workspace)
    if not place.is_dir():
        known = ", ".join(sorted(one.name for one in every.glob("[!.]*"))) or "none"
        raise CoreError(f"The run {run} has no checkpoint {checkpoint}; it has: {known}.")
    config = folder / "config.toml"
    return Subject(str(place), config if config.exists() else None)
