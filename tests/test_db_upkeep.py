"""`btp-tui db vacuum` and `stats`: room is given back, and what takes the rest is counted."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import namedtuple
from contextlib import closing
from pathlib import Path

import pytest

import storage.upkeep
from storage.connection import log_of
from storage.errors import StorageError
from storage.reader import Reader
from storage.rescue.checkup import check
from storage.upkeep import room_for_vacuum, stats, vacuum
from storage.workspace import Workspace
from storage.writer import Writer
from tests.damage import BEAMS, ITERATIONS, PROGRAMS, filled, rows


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return filled(tmp_path_factory.mktemp("made"))


@pytest.fixture
def workspace(made: Workspace, tmp_path: Path) -> Workspace:
    """With gaps: what the other half of the file held was deleted."""
    copy = Workspace(shutil.copytree(made.path, tmp_path / "workspace"))
    with closing(sqlite3.connect(copy.database)) as connection:
        connection.execute("CREATE TABLE gone AS SELECT * FROM texts")
        connection.execute("DROP TABLE gone")
        connection.commit()
    return copy


def test_a_vacuum_gives_back_what_is_not_used_and_keeps_every_row(workspace: Workspace) -> None:
    before, size = rows(workspace), workspace.database.stat().st_size
    done = vacuum(workspace)
    assert rows(workspace) == before
    assert check(workspace.database).sound
    assert done.before == size
    assert done.after == workspace.database.stat().st_size
    assert done.gained > 0.3 * size


def test_a_vacuum_empties_the_log(workspace: Workspace) -> None:
    with Reader(workspace) as screen, Writer(workspace) as writer:
        screen.runs()
        writer.add_event(1, "info", "in the log")
        assert log_of(workspace.database).stat().st_size > 0
        assert not vacuum(workspace).log_kept
        assert log_of(workspace.database).stat().st_size == 0
        assert len(screen.events(1)) == ITERATIONS + 1


def test_a_vacuum_under_a_reader_says_that_the_log_is_still_there(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.connection.BUSY_TIMEOUT_S", 0.2)
    with Reader(workspace) as screen, screen.snapshot():
        screen.runs()
        assert vacuum(workspace).log_kept
    assert check(workspace.database).sound


def test_a_vacuum_is_refused_while_an_engine_is_at_work_on_any_run(workspace: Workspace) -> None:
    before = workspace.database.read_bytes()
    with (
        workspace.engine_lock("demo-1"),
        pytest.raises(StorageError, match="engine is at work on demo-1"),
    ):
        vacuum(workspace)
    assert workspace.database.read_bytes() == before


def test_a_vacuum_without_room_is_refused_and_changes_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = workspace.database.read_bytes()
    usage = namedtuple("usage", "free")(room_for_vacuum(workspace) // 2 - 1)
    monkeypatch.setattr(storage.upkeep.shutil, "disk_usage", lambda place: usage)
    with pytest.raises(StorageError, match=r"bytes of room, and a vacuum needs .* nothing was"):
        vacuum(workspace)
    assert workspace.database.read_bytes() == before


def test_a_vacuum_takes_no_more_room_than_it_says(workspace: Workspace) -> None:
    """Measured by the log: the copy beside it has the size of what is used, as the outcome has."""
    said = room_for_vacuum(workspace)
    with Reader(workspace) as screen, screen.snapshot():  # so that the log stays to be looked at
        screen.runs()
        with closing(sqlite3.connect(workspace.database)) as connection:
            connection.execute("VACUUM")
            log = log_of(workspace.database).stat().st_size
    vacuum(workspace)
    assert log + workspace.database.stat().st_size < 1.05 * said


@pytest.mark.parametrize("after_ms", [0, 5, 20, 50])
def test_a_vacuum_that_is_killed_leaves_the_database_sound(
    workspace: Workspace, after_ms: int
) -> None:
    before = rows(workspace)
    script = (
        "import sys; from storage.upkeep import vacuum; from storage.workspace import Workspace\n"
        "print('begins', flush=True)\n"
        "while True: vacuum(Workspace(sys.argv[1]))"
    )
    command = [sys.executable, "-c", script, str(workspace.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(after_ms / 1000)
        os.kill(process.pid, signal.SIGKILL)
    assert check(workspace.database).sound
    assert rows(workspace) == before


def test_the_figures_are_those_of_the_tables(workspace: Workspace) -> None:
    found = stats(workspace)
    before = rows(workspace)
    assert {table.name: table.rows for table in found.tables} == {
        name: len(each) for name, each in before.items()
    }
    sizes = {table.name: table.bytes for table in found.tables}
    assert all(sizes.values())
    assert max(sizes, key=lambda name: sizes[name] or 0) == "texts"
    in_use = sum(size or 0 for size in sizes.values()) + found.free
    assert 0.95 < in_use / workspace.database.stat().st_size <= 1
    assert (found.programs, found.samples) == (PROGRAMS, PROGRAMS * BEAMS)
    assert found.repeated == pytest.approx(1 - 1 / BEAMS)
    assert found.outcomes == {"wrong answer": PROGRAMS}
    (run,) = found.runs
    assert (run.name, run.samples, run.updates) == ("demo-1", PROGRAMS * BEAMS, ITERATIONS)
    assert (run.evaluations, run.checkpoint_bytes, found.checkpoints) == (1, 10_000, 10_000)


def test_a_sqlite_that_cannot_measure_tables_still_counts_rows(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = stats(workspace)
    monkeypatch.setattr(storage.upkeep, "_BY_PAGE", "SELECT * FROM not_built_in")
    counted = stats(workspace)
    assert [table.rows for table in counted.tables] == [table.rows for table in measured.tables]
    assert {table.bytes for table in counted.tables} == {None}


def test_whatever_lies_beside_the_database_is_counted(workspace: Workspace) -> None:
    (workspace.path / "search.db").write_bytes(b"s" * 1234)
    (workspace.path / "btp.db.version-1").write_bytes(b"v" * 99)
    files = stats(workspace).files
    assert files["search.db"] == 1234
    assert files["btp.db.version-1"] == 99
    assert files["btp.db"] == workspace.database.stat().st_size


def test_an_empty_workspace_has_figures_too(tmp_path: Path) -> None:
    found = stats(Workspace(tmp_path).create())
    assert (found.programs, found.samples, found.repeated, found.runs) == (0, 0, 0.0, [])
