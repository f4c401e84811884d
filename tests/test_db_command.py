"""`btp-tui db` as a user meets it, and every other command on a damaged database."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from storage.workspace import Workspace
from tests.damage import filled, overwrite, pages_of, spoil
from tests.test_cli import assert_refused, btp_tui


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return filled(tmp_path_factory.mktemp("made"))


@pytest.fixture
def workspace(made: Workspace, tmp_path: Path) -> Workspace:
    return Workspace(shutil.copytree(made.path, tmp_path / "btp-runs"))


def test_a_check_ends_with_0_for_sound_and_1_for_damaged(workspace: Workspace) -> None:
    place = workspace.path.parent
    done = btp_tui("db", "check", cwd=place)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Sound" in done.stdout
    spoil(workspace, pages_of(workspace, "texts")[3])
    done = btp_tui("db", "check", cwd=place)
    assert (done.returncode, done.stderr) == (1, "")
    assert "rows can be read, about" in done.stdout
    assert "`btp-tui db salvage NEW_WORKSPACE --workspace btp-runs`" in done.stdout
    done = btp_tui("db", "check", "--json", cwd=place)
    assert done.returncode == 1
    found = json.loads(done.stdout.splitlines()[-1])
    assert not found["sound"]
    assert {table["name"]: table["lost"] for table in found["tables"]}["texts"] > 0


def test_what_check_says_to_do_leads_to_a_workspace_that_opens(workspace: Workspace) -> None:
    place = workspace.path.parent
    overwrite(workspace.database, 0, bytes(100))
    done = btp_tui("db", "salvage", "rescued", "--workspace", "btp-runs", cwd=place)
    assert (done.returncode, done.stderr) == (0, "")
    assert "demo-1" in btp_tui("runs", "--workspace", "rescued", cwd=place).stdout
    assert btp_tui("db", "check", "--workspace", "rescued", cwd=place).returncode == 0


def test_a_vacuum_says_what_it_needs_and_what_it_gained(workspace: Workspace) -> None:
    done = btp_tui("db", "vacuum", cwd=workspace.path.parent)
    assert done.returncode == 0
    assert "It needed" in done.stdout
    assert "gained" in done.stdout
    done = btp_tui("db", "vacuum", "--json", cwd=workspace.path.parent)
    assert set(json.loads(done.stdout)) == {"before", "after", "gained", "log_kept"}


def test_stats_are_a_table_or_one_json_object(workspace: Workspace) -> None:
    done = btp_tui("db", "stats", cwd=workspace.path.parent)
    assert done.returncode == 0
    assert "3,600 samples of 1,200 programs: 66.7 % repeat" in done.stdout
    done = btp_tui("db", "stats", "--json", cwd=workspace.path.parent)
    assert json.loads(done.stdout)["programs"] == 1200


@pytest.mark.parametrize("command", ["check", "vacuum", "stats", "salvage"])
def test_a_workspace_that_is_not_there_is_wrong_use(command: str, tmp_path: Path) -> None:
    arguments = ["new"] if command == "salvage" else []
    assert_refused(btp_tui("db", command, *arguments, cwd=tmp_path), "no workspace in btp-runs")


@pytest.mark.parametrize("damage", ["header", "first-page", "runs"])
@pytest.mark.parametrize(
    "command",
    [
        ("runs",),
        ("train", "--set", "max_programs=4"),
        ("resume", "demo-1"),
        ("db", "vacuum"),
        ("db", "stats"),
    ],
    ids=lambda command: "-".join(command[:2]),
)
def test_every_other_command_says_in_one_sentence_what_to_do(
    workspace: Workspace, command: tuple[str, ...], damage: str
) -> None:
    if damage == "runs":
        spoil(workspace, *pages_of(workspace, "runs"), *pages_of(workspace, "texts")[:1])
    else:
        overwrite(workspace.database, 0, b"\xff" * (100 if damage == "header" else 4096))
    done = btp_tui(*command, cwd=workspace.path.parent)
    assert_refused(done, "is damaged", "`btp-tui db check --workspace btp-runs`")


async def test_the_screen_says_in_one_sentence_what_to_do(workspace: Workspace) -> None:
    from btp_tui.reading.observer import Observer
    from btp_tui.reading.wishes import Wishes

    spoil(workspace, *pages_of(workspace, "samples"))
    with Observer(workspace) as observer:
        snapshot = observer.snapshot(Wishes())
    assert "is damaged; `btp-tui db check" in snapshot.problem


def test_garbled_text_is_one_sentence_too(workspace: Workspace) -> None:
    with closing(sqlite3.connect(workspace.database)) as connection:
        connection.execute("UPDATE runs SET model = CAST(x'ff' AS TEXT)")
        connection.commit()
    assert_refused(btp_tui("runs", cwd=workspace.path.parent), "is damaged")
