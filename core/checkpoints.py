"""Checkpoints: ordinary model folders, or adapters alone, plus what training needs to go on.

A checkpoint is written into a hidden folder beside its place and renamed, so a killed engine leaves
no half-written one. A power cut is another matter: forcing every file to the disk after each update
would cost more than the update, so most checkpoints are left to the kernel's own time. These note
under which boot of the machine they were written, and are trusted under no other; the newest one
that was forced to the disk is kept until there is a newer one of its kind.

Random state is not among the files: every random choice of a run is drawn from a generator seeded
by (seed, purpose, index), so the counters below are the state.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from core.models import Student, save_student

_SEAL = "counters.json"
_OPTIMIZER = "optimizer.pt"

#: What a checkpoint holds besides the model: only training needs it.
OWN_FILES = (_SEAL, _OPTIMIZER)

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_REPLACED = ".replaced-"


@dataclass(frozen=True, slots=True)
class Counters:
    """Where a run stands: whole iterations done, updates done in all and in the one under way."""

    iteration: int
    update: int
    update_in_iteration: int


@dataclass(frozen=True, slots=True)
class _Seal:
    """Written last: what makes a checkpoint whole. `boot` is empty where it lies on the disk."""

    counters: Counters
    sizes: dict[str, int]  # bytes, by file name
    boot: str


class Checkpoints:
    """The checkpoints of one run: the newest `keep`, the newest durable one, and the best one."""

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder = folder
        self.keep = keep
        folder.mkdir(parents=True, exist_ok=True)
        _clean_up(folder)

    def save(
        self, student: Student, optimizer: torch.optim.Optimizer, counters: Counters, durable: bool
    ) -> Path:
        """Writes one checkpoint and drops the oldest; `durable` forces it to the disk first."""
        place = self.folder / _name(counters.update)
        beside = self.folder / f".{place.name}"
        save_student(student, beside)
        torch.save(optimizer.state_dict(), beside / _OPTIMIZER)
        _seal(beside, counters, durable)
        if durable:
            _sync(*beside.rglob("*"), beside)
        _put(beside, place)
        if durable:
            _sync(self.folder)
        self._drop_oldest()
        return place

    def mark_best(self, place: Path) -> None:
        """Keeps a copy of this checkpoint as `best` (hard links: it takes no room of its own)."""
        beside = self.folder / ".best"
        shutil.rmtree(beside, ignore_errors=True)  # of a try that found no room
        shutil.copytree(place, beside, copy_function=os.link)
        _put(beside, self.folder / "best")

    def newest(self) -> Path | None:
        """The newest whole checkpoint, or None before the first."""
        return newest_in(self.folder)

    def newest_before(self, update: int) -> Path | None:
        """The newest durable checkpoint before an update, or else the newest other one."""
        before = [
            place
            for place in reversed(self._all())
            if (seal := _read_seal(place)) and seal.counters.update < update
        ]
        return next((place for place in before if is_durable(place)), next(iter(before), None))

    def discard_after(self, update: int) -> None:
        """Removes the checkpoints that lie behind an update: nothing goes on from them."""
        for place in self._all():
            if place.name > _name(update):
                _discard(place)

    def discard_torn(self) -> list[str]:
        """Removes the checkpoints that a power cut may have torn; returns their names."""
        torn = [place for place in self._all() if _read_seal(place) is None]
        for place in torn:
            _discard(place)
        return [place.name for place in torn]

    def _drop_oldest(self) -> None:
        every = self._all()
        kept = every[-self.keep :]
        kept += [place for place in every if is_durable(place)][-1:]
        for place in every:
            if place not in kept:
                _discard(place)

    def _all(self) -> list[Path]:
        return _all_in(self.folder)


def newest_in(folder: Path) -> Path | None:
    """The newest whole checkpoint in the folder of a run, which may be at work on it."""
    return next((place for place in reversed(_all_in(folder)) if _read_seal(place)), None)


def read_counters(place: Path) -> Counters:
    """The counters of a whole checkpoint."""
    seal = _read_seal(place)
    assert seal is not None  # as Checkpoints.newest says
    return seal.counters


def is_durable(place: Path) -> bool:
    """Whether a checkpoint is whole and was forced to the disk."""
    seal = _read_seal(place)
    return seal is not None and not seal.boot


def load_optimizer(place: Path, optimizer: torch.optim.Optimizer, device: torch.device) -> None:
    """Restores the optimizer's moments from a checkpoint."""
    state: dict[str, Any] = torch.load(place / _OPTIMIZER, map_location=device, weights_only=True)
    optimizer.load_state_dict(state)


def _name(update: int) -> str:
    return f"update-{update:08d}"


def _all_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("update-*"))


def _seal(folder: Path, counters: Counters, durable: bool) -> None:
    files = (path for path in folder.rglob("*") if path.is_file())
    sizes = {str(file.relative_to(folder)): file.stat().st_size for file in files}
    seal = _Seal(counters, sizes, boot="" if durable else _boot())
    (folder / _SEAL).write_text(json.dumps(asdict(seal)), encoding="utf-8")


def _read_seal(folder: Path) -> _Seal | None:
    """The seal of a checkpoint, or None where the checkpoint may be torn."""
    try:
        fields = json.loads((folder / _SEAL).read_text(encoding="utf-8"))
        seal = _Seal(Counters(**fields["counters"]), fields["sizes"], fields["boot"])
        whole = all((folder / name).stat().st_size == size for name, size in seal.sizes.items())
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return seal if whole and seal.boot in ("", _boot()) else None


def _boot() -> str:
    return _BOOT_ID.read_text(encoding="ascii").strip()


def _put(beside: Path, place: Path) -> None:
    """Moves a folder to its place; what was there is removed only when the new one is."""
    replaced = place.with_name(f"{_REPLACED}{place.name}")
    if place.exists():
        place.rename(replaced)
    beside.rename(place)
    if replaced.exists():
        shutil.rmtree(replaced)


def _clean_up(folder: Path) -> None:
    """Takes away what a killed engine left half-done; what it was about to replace comes back."""
    for replaced in folder.glob(f"{_REPLACED}*"):
        place = replaced.with_name(replaced.name.removeprefix(_REPLACED))
        if not place.exists():
            replaced.rename(place)
    for unfinished in folder.glob(".*"):
        shutil.rmtree(unfinished)


def _discard(folder: Path) -> None:
    """Removes a folder; hidden first, so that no half-removed one can be taken for whole."""
    shutil.rmtree(folder.rename(folder.with_name(f".discarded-{folder.name}")))


def _sync(*paths: Path) -> None:
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
