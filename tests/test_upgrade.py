"""A workspace of an older btp-tui: who opens it hears which command brings it up to date."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from btp_tui.reading.observer import Observer
from btp_tui.reading.wishes import Wishes
from core.doctor.workspace import check_workspace
from storage.connection import read_version
from storage.reader import Reader
from storage.schema import SCHEMA_VERSION
from storage.workspace import Workspace
from tests.screens import still_app
from tests.stores import Store
from tests.test_cli import assert_refused, btp_tui
from tests.test_key_help import text_of


@pytest.fixture
def older(tmp_path: Path) -> Iterator[Workspace]:
    """As version 3 left it: a run with three programs, and no table of flags yet."""
    with Store(tmp_path) as store:
        store.judged(dict.fromkeys(store.sampled("x", "y", "z"), 0.5))
    with closing(sqlite3.connect(store.workspace.database)) as connection:
        connection.execute("DROP TABLE flags")
        connection.execute("PRAGMA user_version = 3")
    yield store.workspace


def test_the_command_keeps_everything_and_a_copy(older: Workspace) -> None:
    place = older.path.parent
    done = btp_tui("db", "upgrade", "--workspace", older.path.name, cwd=place)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"is of version {SCHEMA_VERSION} now; as it was, of version 3, it lies" in done.stdout
    with Reader(older) as reader:
        assert len(reader.rows([1, 2, 3])) == 3
        assert reader.flags(1, "excluded") == []
    assert read_version(older.path / "btp.db.version-3") == 3


def test_what_is_up_to_date_is_left_as_it_is(older: Workspace) -> None:
    older.create()
    before = older.database.read_bytes()
    done = btp_tui("db", "upgrade", "--workspace", str(older.path), cwd=older.path.parent)
    assert f"is up to date (version {SCHEMA_VERSION}); nothing was changed." in done.stdout
    done = btp_tui("db", "upgrade", "--json", "--workspace", str(older.path), cwd=older.path)
    same = {"before": SCHEMA_VERSION, "after": SCHEMA_VERSION, "copy": None}
    assert json.loads(done.stdout) == same
    assert older.database.read_bytes() == before


def test_no_workspace_is_made_where_there_is_none(tmp_path: Path) -> None:
    assert_refused(btp_tui("db", "upgrade", cwd=tmp_path), "no workspace in btp-runs")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [("runs",), ("resume", "demo-1"), ("db", "stats")])
def test_every_command_that_needs_it_names_the_command(
    older: Workspace, command: tuple[str, ...]
) -> None:
    done = btp_tui(*command, "--workspace", "workspace", cwd=older.path.parent)
    assert_refused(done, "`btp-tui db upgrade --workspace workspace` brings it up to date")
    assert read_version(older.database) == 3


@pytest.mark.parametrize("size", [(80, 24), (60, 15)])
@pytest.mark.parametrize("key", ["1", "2", "3", "4"])
async def test_every_screen_names_the_command_whole(
    key: str, size: tuple[int, int], older: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(older.path.parent)
    with Observer(Workspace("workspace")) as observer:
        seen = observer.first_look(Wishes())
    app = still_app(seen, Path("workspace"))
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        await pilot.press("3" if key == "1" else "1", key)
        await pilot.pause()
        said = " ".join(text_of(pilot).split())
        assert "made by an older btp-tui" in said
        assert "`btp-tui db upgrade --workspace workspace`" in said
        assert "o run yet" not in said
        assert "Start demo" not in said


def test_a_screen_that_is_open_goes_on_by_itself_after_the_command(older: Workspace) -> None:
    with Observer(older) as observer:
        assert "`btp-tui db upgrade --workspace" in observer.snapshot(Wishes()).problem
        older.create()  # as the command does
        seen = observer.snapshot(Wishes())
        assert seen.problem == ""
        assert seen.watched is not None
        assert len(seen.watched.latest) == 3


def test_the_doctor_names_the_command(older: Workspace) -> None:
    [database] = [each for each in check_workspace(older.path) if each.name == "database"]
    assert database.state == "note"
    assert f"`btp-tui db upgrade --workspace {older.path}`" in database.advice
