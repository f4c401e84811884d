"""A disk that fills up during a run: it waits with a clear state, and goes on when it has room."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.engine_runs import ITERATIONS, UPDATES, small_held_out

_NAMESPACE = ("unshare", "--map-root-user", "--mount")


def _can_mount() -> bool:
    try:
        return not subprocess.run([*_NAMESPACE, "true"], capture_output=True).returncode
    except FileNotFoundError:
        return False


def run_on_a_full_disk(folder: Path, mb_left: int, *ended_by: int) -> dict[str, Any]:
    """What tests.full_disk saw of a run whose disk had only so much room left for a while."""
    disk = folder / "disk"
    disk.mkdir()
    arguments = [str(disk), str(small_held_out(folder)), str(mb_left)]
    arguments += map(str, ended_by)
    command = [*_NAMESPACE, sys.executable, "-m", "tests.full_disk", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


pytestmark = pytest.mark.skipif(not _can_mount(), reason="no file system can be made here")


@pytest.mark.parametrize("mb_left", [40, 0])
def test_a_run_waits_for_room_on_a_full_disk_and_loses_nothing(
    tmp_path: Path, mb_left: int
) -> None:
    seen = run_on_a_full_disk(tmp_path, mb_left)
    assert seen["alive"], "it waits, it does not die"
    if mb_left:  # room enough to say so in the store
        assert seen["state"] == "paused"
        assert "are needed: free some and it goes on" in seen["message"]
    else:
        assert "is full: runs wait" in seen["screen"]
    assert any("There is room on the disk again" in event for event in seen["events"])
    assert seen["exit"] == 0
    assert seen["summary"]["state"] == "finished"
    assert seen["updates"] == [*range(1, ITERATIONS * UPDATES + 1)]


@pytest.mark.parametrize("mb_left", [40, 0])
def test_a_run_on_a_full_disk_can_be_stopped(tmp_path: Path, mb_left: int) -> None:
    seen = run_on_a_full_disk(tmp_path, mb_left, signal.SIGTERM)
    assert (seen["exit"], seen["summary"]["state"]) == (1, "stopped"), seen["errors"]
    assert "received SIGTERM" in seen["summary"]["reason"]
    assert "Traceback" not in seen["errors"]
