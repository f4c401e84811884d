"""Checkpoints on the disk: which are kept, which are trusted, and what a crash leaves behind."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

import core.checkpoints
from core.checkpoints import Checkpoints, Counters, is_durable, read_counters


@dataclass
class FakeStudent:
    """Saves one file of weights."""

    weights: str = "weights"


def save(checkpoints: Checkpoints, update: int, durable: bool = False) -> Path:
    optimizer = torch.optim.AdamW([torch.zeros(2, requires_grad=True)])
    student = FakeStudent(f"weights of {update}")
    return checkpoints.save(student, optimizer, Counters(0, update, update), durable)  # type: ignore[arg-type]


@pytest.fixture
def checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkpoints:
    def save_student(student: FakeStudent, folder: Path) -> None:
        folder.mkdir()
        (folder / "model.safetensors").write_text(student.weights)

    monkeypatch.setattr(core.checkpoints, "save_student", save_student)
    return Checkpoints(tmp_path / "checkpoints", keep=2)


def cut_power(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """The machine comes up again under another boot id."""
    boot_id = folder / "boot_id"
    boot_id.write_text("another\n")
    monkeypatch.setattr(core.checkpoints, "_BOOT_ID", boot_id)


def names(checkpoints: Checkpoints) -> list[str]:
    return sorted(path.name for path in checkpoints.folder.iterdir())


def test_the_newest_durable_checkpoint_stays_until_there_is_a_newer_one(
    checkpoints: Checkpoints,
) -> None:
    save(checkpoints, 4, durable=True)
    for update in (5, 6, 7):
        save(checkpoints, update)
    assert names(checkpoints) == ["update-00000004", "update-00000006", "update-00000007"]
    save(checkpoints, 8, durable=True)
    assert names(checkpoints) == ["update-00000007", "update-00000008"]


def test_after_a_power_cut_only_what_was_forced_to_the_disk_is_trusted(
    checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    durable = save(checkpoints, 4, durable=True)
    newest = save(checkpoints, 5)
    assert checkpoints.newest() == newest
    assert checkpoints.discard_torn() == []
    cut_power(monkeypatch, tmp_path)
    assert checkpoints.newest() == durable
    assert checkpoints.discard_torn() == [newest.name]
    assert names(checkpoints) == [durable.name]
    assert read_counters(durable) == Counters(0, 4, 4)


@pytest.mark.parametrize("file", ["model.safetensors", "optimizer.pt", "counters.json"])
def test_a_checkpoint_with_a_file_cut_short_is_passed_over(
    checkpoints: Checkpoints, file: str
) -> None:
    whole, torn = save(checkpoints, 4, durable=True), save(checkpoints, 5, durable=True)
    (torn / file).write_bytes(b"")
    assert checkpoints.newest() == whole
    assert not is_durable(torn)


def test_saving_again_under_a_number_replaces_what_was_there(checkpoints: Checkpoints) -> None:
    place = save(checkpoints, 4)
    assert save(checkpoints, 4, durable=True) == place
    assert is_durable(place)
    assert names(checkpoints) == [place.name]


def test_a_crash_between_taking_away_and_putting_in_place_loses_neither(
    checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = save(checkpoints, 4)
    checkpoints.mark_best(place)
    rename = Path.rename

    def killed(path: Path, target: Path) -> Path:
        if path.name == ".best":
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        checkpoints.mark_best(save(checkpoints, 5))
    monkeypatch.undo()
    assert "best" not in names(checkpoints)
    Checkpoints(checkpoints.folder, keep=2)
    assert names(checkpoints) == ["best", "update-00000004", "update-00000005"]
    assert read_counters(checkpoints.folder / "best").update == 4


def test_what_a_killed_engine_left_half_written_is_taken_away(checkpoints: Checkpoints) -> None:
    place = save(checkpoints, 4)
    shutil.copytree(place, checkpoints.folder / ".update-00000005")
    Checkpoints(checkpoints.folder, keep=2)
    assert names(checkpoints) == [place.name]
