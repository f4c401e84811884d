"""A workspace: made, opened, refused with a reason, and locked by one engine a run."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

import storage.migrations
from storage.connection import connect_writer
from storage.errors import StorageError
from storage.filesystem import filesystem_type, refuse_network
from storage.reader import Reader
from storage.schema import SCHEMA_VERSION
from storage.workspace import Workspace
from storage.writer import Writer
from tests.stores import sample

HOLD_LOCK = """
import sys, time
from storage.workspace import Workspace
with Workspace(sys.argv[1]).engine_lock("demo-1"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock of run demo-1 in tmp_path."""
    command = [sys.executable, "-c", HOLD_LOCK, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_creating_twice_keeps_what_is_there(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "deep" / "workspace").create()
    with Writer(workspace) as writer:
        writer.create_run("demo-1", "train", "", "nano", "")
    workspace.create()
    assert [run.name for run in Reader(workspace.open()).runs()] == ["demo-1"]


def test_opening_what_is_not_there_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"no workspace in .*btp-tui train"):
        Workspace(tmp_path).open()
    assert list(tmp_path.iterdir()) == []


def test_a_workspace_that_does_not_exist_reads_as_empty_until_it_does(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "later")
    reader = Reader(workspace)
    assert reader.runs() == []
    workspace.create()
    with Writer(workspace) as writer:
        writer.create_run("demo-1", "train", "", "nano", "")
    assert len(reader.runs()) == 1


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"Cannot make the workspace .*Not a directory"):
        Workspace(tmp_path / "file" / "workspace").create()


def test_a_read_only_workspace_is_one_sentence(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace").create()
    for path in (workspace.path, *workspace.path.iterdir()):
        path.chmod(0o555 if path.is_dir() else 0o444)
    temporary = Path(tempfile.gettempdir())
    for path in (tmp_path, *(each for each in tmp_path.parents if temporary in each.parents)):
        path.chmod(0o755)

    def write() -> None:
        if os.geteuid() == 0:  # whom permissions do not bind
            os.setuid(65534)
        Writer(workspace).create_run("x-1", "train", "", "", "")

    message = _refusal_in_a_child(write)
    assert re.search(r"may (not )?be written to; .*or choose another workspace\.$", message)


def test_a_newer_workspace_is_refused_and_untouched(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path).create()
    with sqlite3.connect(workspace.database) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = workspace.database.read_bytes()
    for opening in (workspace.open, workspace.create, Reader(workspace).runs):
        with pytest.raises(StorageError, match=r"made by a newer btp-tui .*Update btp-tui"):
            opening()
    assert workspace.database.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_untouched(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.database.write_text("Dear diary, " * 100)
    for opening in (workspace.open, workspace.create):
        with pytest.raises(StorageError, match="is not a SQLite database"):
            opening()
    assert workspace.database.read_text().startswith("Dear diary")


def test_the_database_of_another_program_is_refused_and_untouched(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with sqlite3.connect(workspace.database) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    before = workspace.database.read_bytes()
    for opening in (workspace.open, workspace.create):
        with pytest.raises(StorageError, match="database of another program"):
            opening()
    assert workspace.database.read_bytes() == before


def test_a_damaged_database_says_what_to_do(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path).create()
    content = bytearray(workspace.database.read_bytes())
    content[200:4096] = b"\xff" * (4096 - 200)
    workspace.database.write_bytes(content)
    with pytest.raises(StorageError, match="is damaged; `btp-tui db check"):
        Reader(workspace).runs()


def test_a_full_disk_loses_nothing_and_the_same_write_works_later(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path).create()
    with Writer(workspace) as writer:
        run = writer.create_run("demo-1", "train", "", "nano", "")
        (pages,) = writer._connection.execute("PRAGMA page_count").fetchone()
        writer._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StorageError, match=r"no room left .* is safe") as refusal:
            writer.add_event(run, "info", "long " * 10_000)
        assert refusal.value.full
        writer._connection.execute("PRAGMA max_page_count = 1000000")
        writer.add_event(run, "info", "long " * 10_000)
    assert len(Reader(workspace).events(run)) == 1


def test_an_older_workspace_is_migrated_after_a_copy_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path).create()
    with Writer(workspace) as writer:
        writer.create_run("demo-1", "train", "", "nano", "")
    later = (*storage.migrations.MIGRATIONS, lambda database: database.execute("DROP TABLE events"))
    monkeypatch.setattr(storage.migrations, "MIGRATIONS", later)
    for module in ("storage.connection", "storage.workspace"):
        monkeypatch.setattr(f"{module}.SCHEMA_VERSION", len(later))
    with pytest.raises(StorageError, match=r"`btp-tui db upgrade --workspace .* up to date"):
        workspace.open()
    workspace.create().open()
    assert "events" not in _tables(workspace.database)
    copy = tmp_path / f"btp.db.version-{len(later) - 1}"
    assert "events" in _tables(copy)
    assert [name for (name,) in sqlite3.connect(copy).execute("SELECT name FROM runs")] == [
        "demo-1"
    ]


def test_an_older_workspace_is_left_alone_while_its_engine_is_at_work(
    tmp_path: Path, engine: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would go on writing as its own version does."""
    workspace = Workspace(tmp_path).create()
    later = (*storage.migrations.MIGRATIONS, lambda database: database.execute("DROP TABLE events"))
    monkeypatch.setattr(storage.migrations, "MIGRATIONS", later)
    for module in ("storage.connection", "storage.workspace"):
        monkeypatch.setattr(f"{module}.SCHEMA_VERSION", len(later))
    with pytest.raises(StorageError, match=r"at work on demo-1; stop it first"):
        workspace.create()
    assert "events" in _tables(workspace.database)
    engine.kill()
    engine.wait()
    workspace.create()
    assert "events" not in _tables(workspace.database)


def test_texts_of_an_older_workspace_are_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Version 2 had other digests; here they are just the ids."""
    workspace = Workspace(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(storage.migrations, "MIGRATIONS", storage.migrations.MIGRATIONS[:2])
        workspace.create()
    with closing(sqlite3.connect(workspace.database)) as connection:
        connection.executescript(
            "INSERT INTO tasks VALUES (1, 'a', 'made', '', '', NULL, '[]');"
            "INSERT INTO programs VALUES (1, 1, 1), (2, 1, 2);"
            "INSERT INTO texts VALUES (1, 'one'), (2, 'two');"
        )
    with Writer(workspace.create()) as writer:
        run = writer.create_run("demo-1", "train", "", "nano", "")
        texts = ("two", "three", "one")
        records = [sample("a", text, rank) for rank, text in enumerate(texts)]
        assert [each.program for each in writer.add_samples(run, 1, records)] == [2, 3, 1]


def test_a_migration_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(database: object) -> None:
        database.execute("DROP TABLE events")  # type: ignore[attr-defined]
        raise sqlite3.OperationalError("half way")

    workspace = Workspace(tmp_path).create()
    later = (*storage.migrations.MIGRATIONS, breaks)
    with monkeypatch.context() as patch:
        patch.setattr(storage.migrations, "MIGRATIONS", later)
        for module in ("storage.connection", "storage.workspace"):
            patch.setattr(f"{module}.SCHEMA_VERSION", len(later))
        with pytest.raises(sqlite3.OperationalError, match="half way"):
            workspace.create()
    assert "events" in _tables(workspace.open().database)


@pytest.mark.parametrize("kind", ["nfs4", "lustre", "cifs", "fuse.sshfs", "9p"])
def test_a_workspace_on_a_network_file_system_is_refused(tmp_path: Path, kind: str) -> None:
    (tmp_path / "with space").mkdir()
    escaped = str(tmp_path / "with space").replace(" ", "\\040")
    mounts = tmp_path / "mounts"
    lines = ("disk / ext4 rw", f"disk2 {escaped} ext4 rw", f"server:/home {escaped} {kind} rw")
    mounts.write_text("".join(f"{line} 0 0\n" for line in lines))
    with pytest.raises(StorageError, match=rf"network file system \({kind}\).*--workspace"):
        refuse_network(tmp_path / "with space" / "not there yet", mounts)
    refuse_network(tmp_path / "elsewhere", mounts)
    assert filesystem_type(tmp_path / "elsewhere", mounts) == "ext4"


@pytest.mark.parametrize("name", ["", "..", "a/b", "-x", "ü", "x" * 101])
def test_a_name_that_would_not_do_as_a_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(StorageError, match="cannot name a run"):
        Workspace(tmp_path).run_folder(name)


def test_two_engines_on_one_run_are_refused(tmp_path: Path, engine: subprocess.Popen[str]) -> None:
    workspace = Workspace(tmp_path)
    with pytest.raises(StorageError, match="Another engine is at work on run demo-1"):
        workspace.engine_lock("demo-1").__enter__()
    with workspace.engine_lock("demo-2"):
        assert workspace.engine_alive("demo-1")


def test_a_killed_engine_leaves_no_lock(tmp_path: Path, engine: subprocess.Popen[str]) -> None:
    workspace = Workspace(tmp_path)
    assert workspace.engine_alive("demo-1")
    engine.send_signal(signal.SIGKILL)
    engine.wait()
    assert not workspace.engine_alive("demo-1")
    with workspace.engine_lock("demo-1"):
        pass


def test_asking_whether_an_engine_lives_leaves_its_lock_alone(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert not workspace.engine_alive("demo-1")
    assert not (tmp_path / "runs").exists()
    with workspace.engine_lock("demo-1"):
        assert all(workspace.engine_alive("demo-1") for _ in range(100))
        with pytest.raises(StorageError):
            workspace.engine_lock("demo-1").__enter__()


def test_two_processes_may_create_the_same_workspace_at_once(tmp_path: Path) -> None:
    script = (
        f"from storage.workspace import Workspace; Workspace({str(tmp_path)!r}).create().open()"
    )
    processes = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]


def test_the_log_survives_a_hot_start_by_a_reader_alone(tmp_path: Path) -> None:
    """After kill -9 the newest rows lie in the WAL; the screen must see them without an engine."""
    workspace = Workspace(tmp_path).create()
    pid = os.fork()
    if pid == 0:
        writer = Writer(workspace)
        writer.create_run("demo-1", "train", "", "nano", "")
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    assert workspace.database.with_name("btp.db-wal").stat().st_size > 0
    assert [run.name for run in Reader(workspace).runs()] == ["demo-1"]


def test_checkpoints_are_synced_and_other_commits_are_not(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path).create()
    with Writer(workspace) as writer:
        level = "PRAGMA synchronous"
        with writer.durable():
            assert writer._connection.execute(level).fetchone() == (2,)  # FULL
        assert writer._connection.execute(level).fetchone() == (1,)  # NORMAL
    with connect_writer(workspace.database) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def _refusal_in_a_child(act: Callable[[], None]) -> str:
    """What StorageError says in a forked process, "" where it is not raised."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            act()
        except StorageError as error:
            os.write(write, str(error).encode())
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    os.close(write)
    with os.fdopen(read) as pipe:
        return pipe.read()


def _tables(database: Path) -> set[str]:
    rows = sqlite3.connect(database).execute("SELECT name FROM sqlite_master")
    return {name for (name,) in rows}


def test_a_workspace_that_is_just_being_made_reads_as_empty(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with closing(sqlite3.connect(workspace.database)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    with Reader(workspace) as reader:
        assert reader.runs() == []
        workspace.create()
        assert reader.version() > 0
