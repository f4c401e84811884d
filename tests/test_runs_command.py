"""`btp-tui runs`: the list as a table and as JSON, and what it does to runs that are at rest."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.schema import Progress
from tests.stores import Store, evaluation

BIN = Path(sys.executable).parent


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A workspace with the finished run demo-1, which was measured once."""
    with Store(tmp_path) as store:
        store.writer.add_evaluation(store.run, evaluation("initial"))
        done = Progress(state="finished", phase="done", programs=7, updates=2, elapsed_s=61.5)
        store.writer.set_progress(store.run, done)
        yield store


def runs(store: Store, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / "btp-tui", "--workspace", store.workspace.path, "runs", *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def test_json_has_an_object_a_run_with_the_columns_as_numbers(store: Store) -> None:
    store.writer.create_run("bare", "import", "", "", "")
    bare, demo = map(json.loads, runs(store, "--json").stdout.splitlines())
    assert demo.pop("started") > 0
    assert demo == {
        "run": "demo-1",
        "state": "finished",
        "kind": "train",
        "programs": 7,
        "updates": 2,
        "initial_accuracy": 0.5,
        "accuracy": 0.5,
        "seconds": 61.5,
        "model": "nano",
        "archived": False,
    }
    assert bare["programs"] is bare["accuracy"] is None


def test_archived_runs_are_listed_where_that_is_asked_for(store: Store) -> None:
    assert (
        runs(store, "archive", "demo-1").stdout
        == "demo-1 is archived: A, or --archived, shows it.\n"
    )
    listed = runs(store).stdout
    assert "1 archived run: --archived shows them, too." in listed
    assert "demo-1" not in listed
    assert "finished, archived" in runs(store, "--archived").stdout
    runs(store, "restore", "demo-1")
    assert "demo-1" in runs(store).stdout


def test_rename_moves_the_run(store: Store) -> None:
    assert runs(store, "rename", "demo-1", "better").stdout == "demo-1 is better now.\n"
    assert store.workspace.run_folder("better").is_dir()
    refused = runs(store, "rename", "demo-1", "best")
    assert refused.returncode == 2
    assert "There is no run demo-1" in refused.stderr


def test_delete_says_what_is_lost_and_does_it_only_when_told_to(store: Store) -> None:
    store.sampled("one", "two")
    refused = runs(store, "delete", "demo-1")
    assert refused.returncode == 2
    assert "2 samples, 2 programs that no other run wrote" in refused.stderr
    assert "say --yes" in refused.stderr
    assert store.reader.run("demo-1") is not None
    done = runs(store, "delete", "demo-1", "--yes", "--json")
    assert json.loads(done.stdout)["deleted"]["samples"] == 2
    assert store.reader.run("demo-1") is None


def test_a_run_with_an_engine_is_refused_in_one_sentence(store: Store) -> None:
    with store.workspace.engine_lock("demo-1"):
        refused = runs(store, "delete", "demo-1", "--yes")
    assert refused.returncode == 2
    assert refused.stderr.startswith("btp-tui: An engine is at work on demo-1; stop it first")
    assert len(refused.stderr.splitlines()) == 1


def test_a_report_is_written_from_the_command_line(store: Store, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    command = ["btp-tui", "report", "demo-1", "--workspace", store.workspace.path, "--out", out]
    done = subprocess.run([BIN / command[0], *command[1:]], capture_output=True, text=True)
    assert done.stdout.startswith(f"Wrote {out}")
    assert out.read_text().startswith("<!doctype html>")
