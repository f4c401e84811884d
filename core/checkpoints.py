"""Checkpoints: ordinary model folders plus what training needs to go on.

A checkpoint is written into a hidden folder beside its place and renamed, so that a folder named
`update-…` is always whole. Random state is not among its files: every random choice of a run is
drawn from a generator seeded by (seed, purpose, index), so the counters below are the state.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from core.errors import CoreError
from core.models import Student, save_student

_COUNTERS = "counters.json"
_OPTIMIZER = "optimizer.pt"


@dataclass(frozen=True, slots=True)
class Counters:
    """Where a run stands: whole iterations done, updates done in all and in the one under way.

    `last_ids` holds each table's newest row id at that moment, so that store and model agree.
    """

    iteration: int
    update: int
    update_in_iteration: int
    last_ids: dict[str, int]


class Checkpoints:
    """The checkpoints of one run: the newest `keep`, and beside them the best one."""

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder = folder
        self.keep = keep
        folder.mkdir(parents=True, exist_ok=True)
        for torn in folder.glob(".*"):
            shutil.rmtree(torn)

    def save(
        self, student: Student, optimizer: torch.optim.Optimizer, counters: Counters, durable: bool
    ) -> Path:
        """Writes one checkpoint and drops the oldest; `durable` forces it to the disk first."""
        place = self.folder / f"update-{counters.update:08d}"
        beside = self.folder / f".{place.name}"
        save_student(student, beside)
        torch.save(optimizer.state_dict(), beside / _OPTIMIZER)
        (beside / _COUNTERS).write_text(json.dumps(asdict(counters)), encoding="utf-8")
        if durable:
            _sync(beside)
        _discard(place)  # there when the same update is done again after a crash
        beside.rename(place)
        if durable:
            _sync_folder(self.folder)
        for old in self._all()[: -self.keep]:
            _discard(old)
        return place

    def mark_best(self, place: Path) -> None:
        """Keeps a copy of this checkpoint as `best` (hard links: it takes no room of its own)."""
        best, beside = self.folder / "best", self.folder / ".best"
        shutil.copytree(place, beside, copy_function=os.link)
        _discard(best)
        beside.rename(best)

    def newest(self) -> Path | None:
        """The newest whole checkpoint, or None before the first."""
        every = self._all()
        return every[-1] if every else None

    def _all(self) -> list[Path]:
        return sorted(self.folder.glob("update-*"))


def read_counters(place: Path) -> Counters:
    """The counters of a checkpoint; raises CoreError where the file is missing or broken."""
    try:
        return Counters(**json.loads((place / _COUNTERS).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise CoreError(
            f"The checkpoint {place} cannot be read ({error}); remove that folder to resume from "
            "the one before it."
        ) from error


def load_optimizer(place: Path, optimizer: torch.optim.Optimizer, device: torch.device) -> None:
    """Restores the optimizer's moments from a checkpoint."""
    state: dict[str, Any] = torch.load(place / _OPTIMIZER, map_location=device, weights_only=True)
    optimizer.load_state_dict(state)


def _discard(folder: Path) -> None:
    """Removes a folder; hidden first, so that no half-removed one can be taken for whole."""
    if folder.exists():
        shutil.rmtree(folder.rename(folder.with_name(f".discarded-{folder.name}")))


def _sync(folder: Path) -> None:
    for file in folder.iterdir():
        with file.open("rb") as handle:
            os.fsync(handle.fileno())
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
