"""Writes that find no room on the disk are made again, and nothing else is."""

from __future__ import annotations

import errno
import time
from pathlib import Path

import pytest

from core.config import Config
from core.control import Control, Interrupted
from core.reporter import Reporter, Totals
from core.room import Room
from storage.errors import StorageError
from storage.reader import Reader
from storage.schema import Progress
from storage.workspace import Workspace
from storage.writer import Writer
from tests.stores import Store, sample


def control(store: Store, needed: int = 0) -> Control:
    progress = Progress("running", "replay")
    reporter = Reporter(store.workspace, store.run, progress, Totals)
    room = Room(store.workspace.path, needed)
    return Control(
        store.run, Config(), store.writer, reporter, lambda config: None, lambda command: "", room
    )


def test_a_result_that_found_no_room_is_stored_when_there_is_some(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        connection = store.writer._connection
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
        refused: list[float] = []

        def free_some() -> None:
            refused.append(time.monotonic())
            if len(refused) == 2:
                connection.execute("PRAGMA max_page_count = 1000000")

        store.writer.on_full = free_some
        records = [sample("a", f"{number} " * 20_000, number) for number in range(3)]
        stored = store.writer.add_samples(store.run, 1, records)
        assert len(refused) == 2
        assert [each.sample for each in stored] == [1, 2, 3]
        assert [row.rank for row in store.reader.rows([1, 2, 3])] == [0, 1, 2]


def test_a_disk_without_room_for_a_file_is_waited_for(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        places = [Path("/dev/full"), tmp_path / "file"]
        control(store).with_room(lambda: places.pop(0).write_text("content"))
        assert (tmp_path / "file").read_text() == "content"


def test_an_error_that_is_not_of_the_disk_is_not_tried_again(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        tries = []

        def fail() -> None:
            tries.append(1)
            raise OSError(errno.EACCES, "Permission denied")

        with pytest.raises(PermissionError):
            control(store).with_room(fail)
        assert len(tries) == 1


def test_a_run_that_waits_for_room_can_be_stopped(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        waiting = control(store, needed=1 << 60)
        store.writer.add_command(store.run, "stop", {})
        with pytest.raises(Interrupted, match="stopped from the screen"):
            waiting.attend()


def test_what_cannot_be_answered_yet_is_done_once_and_keeps_nothing_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(tmp_path) as store:
        waiting = control(store, needed=1 << 60)
        answer = store.writer.answer_command

        def without_room(command: int, text: str) -> None:
            raise StorageError("There is no room left on the disk.", full=True)

        monkeypatch.setattr(store.writer, "answer_command", without_room)
        changed: list[float] = []
        waiting._on_config = lambda config: changed.append(config.replay.alpha)
        store.writer.add_command(store.run, "set", {"key": "replay.alpha", "value": 0.7})
        waiting._look()
        waiting._looked = 0.0
        waiting._look()
        assert changed == [0.7]
        store.writer.add_command(store.run, "stop", {})
        with pytest.raises(Interrupted):
            waiting.wait_for_room()
        monkeypatch.setattr(store.writer, "answer_command", answer)
        waiting._looked = 0.0
        waiting._look()
        rows = store.reader.query("SELECT answer FROM commands ORDER BY id")
        assert rows == [("set",), ("stopping",)]


def test_a_run_that_waits_for_room_says_what_is_missing(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        waiting = control(store, needed=1 << 60)
        waiting.interrupt("enough")
        with pytest.raises(Interrupted):
            waiting.attend()
        progress = waiting._reporter.progress
        assert progress.state == "paused"
        assert "1,099,511,627,776 MB are needed: free some and it goes on" in progress.message


def test_without_anybody_to_wait_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path).create()
    with Writer(workspace) as writer:
        run = writer.create_run("demo-1", "train", "", "nano", "")
        (pages,) = writer._connection.execute("PRAGMA page_count").fetchone()
        writer._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StorageError, match=r"no room left .* is safe"):
            writer.add_event(run, "info", "long " * 10_000)
    assert Reader(workspace).events(run) == []
