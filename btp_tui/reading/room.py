"""How much room the disk of a workspace has left, and how long it lasts."""

from __future__ import annotations

import shutil
import time
from collections import deque
from pathlib import Path

from btp_tui.snapshot import Disk
from core.room import RESULTS
from storage.workspace import Workspace

#: Seconds between two looks, and looks that a speed is taken over.
_LOOK_S, _LOOKS = 10.0, 60

#: Seconds below which a speed says nothing.
_SHORTEST_S = 60.0


class DiskWatch:
    """Looks at one disk now and then."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._looks: deque[tuple[float, int]] = deque(maxlen=_LOOKS)
        self._disk: Disk | None = None

    def look(self, run: str) -> Disk | None:
        """The disk as it was at most ten seconds ago; None where nobody can say."""
        now = time.monotonic()
        if not self._looks or now - self._looks[-1][0] >= _LOOK_S:
            try:
                free = shutil.disk_usage(self._workspace.path).free
                needed = RESULTS + _newest_checkpoint(self._workspace.run_folder(run))
            except OSError:
                return None
            self._looks.append((now, free))
            (then, before) = self._looks[0]
            self._disk = Disk(free, needed, lasting(before, free, now - then, needed))
        return self._disk


def lasting(before: int, free: int, seconds: float, needed: int) -> float | None:
    """Seconds until only what is needed is free, at the speed of some seconds.

    None where they are too few, or nothing was used up.
    """
    if seconds < _SHORTEST_S or free >= before:
        return None
    return max(0, free - needed) / ((before - free) / seconds)


def _newest_checkpoint(folder: Path) -> int:
    """Bytes of a run's newest checkpoint, which its next one takes again; 0 without one."""
    saved = [path for path in (folder / "checkpoints").glob("*") if path.is_dir()]
    if not saved:
        return 0
    newest = max(saved, key=lambda path: path.stat().st_mtime)
    return sum(file.stat().st_size for file in newest.iterdir() if file.is_file())
