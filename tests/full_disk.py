"""A training run on a disk that fills up and is freed again; run inside a mount namespace.

    unshare --map-root-user --mount python -m tests.full_disk FOLDER HELD_OUT MB_LEFT [SIGNAL]

FOLDER becomes a small file system of its own; it is freed when the run was looked at, or, with a
signal, when the run has ended of it. Prints a JSON object: the states that were seen while
the disk was full, what the run said of them, and how it ended.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from btp_tui.reading.observer import Observer
from btp_tui.reading.wishes import Wishes
from storage.errors import StorageError
from storage.reader import Reader
from storage.schema import Progress
from storage.workspace import Workspace
from tests.engine_runs import EngineRun

_DISK_MB = 400
_PATIENCE_S = 60


def main(folder: Path, held_out: Path, mb_left: int, ended_by: int = 0) -> None:
    """Fills the disk when the run has begun to learn, looks at it, and frees it."""
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={_DISK_MB}m", "tmpfs", str(folder)], check=True
    )
    workspace = Workspace(folder / "runs").create()
    run = EngineRun(workspace, held_out)
    engine = run.start()
    reader = Reader(workspace)
    _wait(lambda: _progress(reader).updates >= 1)
    ballast = folder / "ballast"
    _fill(ballast, mb_left)
    paused = _wait(lambda: _progress(reader).state == "paused" or mb_left == 0)
    time.sleep(3.0)
    full = _progress(reader)
    with Observer(workspace) as observer:
        seen = observer.snapshot(Wishes()).problem
    alive = engine.poll() is None
    if ended_by:
        engine.send_signal(ended_by)
        engine.wait(_PATIENCE_S)
    ballast.unlink()
    output, errors = engine.communicate(timeout=_PATIENCE_S)
    events = [event.message for event in reader.events(1)] if paused else []
    result = {
        "alive": alive,
        "state": full.state,
        "message": full.message,
        "screen": seen,
        "exit": engine.returncode,
        "summary": json.loads(output.splitlines()[-1]) if output else None,
        "errors": errors[-2000:],
        "events": events,
        "final_message": _progress(reader).message,
        "updates": [update.number for update in reader.updates(1)],
    }
    print(json.dumps(result))


def _fill(ballast: Path, mb_left: int) -> None:
    """Takes all room but so much."""
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        for _ in range(_DISK_MB - mb_left - _used(ballast.parent)):
            file.write(bytes(1 << 20))
        while mb_left == 0:
            file.write(bytes(4096))


def _used(folder: Path) -> int:
    lines = subprocess.check_output(["df", "-m", "--output=used", str(folder)], text=True)
    return int(lines.split()[-1])


def _progress(reader: Reader) -> Progress:
    try:
        return reader.progress(1) or Progress("starting", "")
    except StorageError:  # no room to open it, say
        return Progress("unreadable", "")


def _wait(for_what: Callable[[], bool]) -> bool:
    end = time.monotonic() + _PATIENCE_S
    while not for_what():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
