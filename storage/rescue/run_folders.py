"""The folders of a workspace's runs: who is at work in them, what they hold, and copies of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from storage.workspace import Workspace

_LOCK = "engine.lock"


def run_names(workspace: Workspace) -> list[str]:
    """The runs that have a folder, whatever the database says."""
    folder = workspace.path / "runs"
    return sorted(path.name for path in folder.glob("*") if path.is_dir())


def checkpoint_bytes(workspace: Workspace, run: str = "*") -> int:
    """Bytes of the checkpoints of a run, or of all; a file that has several names counts once."""
    return sum(_sizes(workspace.path.glob(f"runs/{run}/checkpoints")))


def copied_bytes(workspace: Workspace, place: Path) -> int:
    """Bytes that `copy_runs` needs in a folder."""
    folder = workspace.path / "runs"
    if not folder.exists():
        return 0
    everything = sum(_sizes([folder]))
    same_disk = folder.stat().st_dev == place.stat().st_dev
    return everything - checkpoint_bytes(workspace) if same_disk else everything


def copy_runs(workspace: Workspace, new: Workspace) -> tuple[list[str], list[str]]:
    """Copies the folders of all runs and forces them to the disk.

    Returns their names, and the files that could not be copied. Checkpoints are never written to
    again, so on the same disk they get a second name instead.
    """
    names, failed = run_names(workspace), []
    for name in names:
        try:
            shutil.copytree(
                workspace.path / "runs" / name,
                new.path / "runs" / name,
                symlinks=True,
                ignore=shutil.ignore_patterns(_LOCK),
                copy_function=_link_or_copy,
            )
        except shutil.Error as error:  # all other files are copied nevertheless
            failed += [str(source) for source, _, _ in error.args[0]]
    os.sync()
    return names, failed


def _link_or_copy(source: str, target: str) -> None:
    if "checkpoints" in Path(source).parts[-4:]:
        try:
            os.link(source, target)
        except OSError:  # another disk, or one without hard links
            pass
        else:
            return
    shutil.copy2(source, target)


def _sizes(folders: Iterable[Path]) -> Iterator[int]:
    seen: set[tuple[int, int]] = set()
    for folder in folders:
        for file in folder.rglob("*"):
            status = file.lstat()
            if not file.is_dir() and (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                yield status.st_size
