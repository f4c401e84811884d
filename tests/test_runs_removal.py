"""Runs that are renamed, archived or deleted: all else in the workspace stays as it is."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from storage.columns import Columns
from storage.errors import StorageError
from storage.reader import Reader
from storage.removal import delete_run, finish_deletions, losses
from storage.rescue.checkup import check
from storage.resting import archive_run, rename_run
from storage.rows import Filter
from storage.schema import PossibilityRecord
from storage.upkeep import vacuum
from storage.workspace import Workspace
from storage.writer import Writer
from tests.stores import Store, evaluation, sample, update, verdict

DELETE = """
import os, sys
from pathlib import Path
from storage.removal import delete_run, finish_deletions
from storage.workspace import Workspace
workspace = Workspace(sys.argv[1])
os.write(1, b"ready")
finish_deletions(workspace)
delete_run(workspace, "demo-1")
"""

#: A power that goes exactly between the two steps of a move.
KILLED_MOVING = """
import os, pathlib, signal, sys
pathlib.Path.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
from storage.removal import delete_run
from storage.resting import rename_run
from storage.workspace import Workspace
workspace = Workspace(sys.argv[1])
rename_run(workspace, "demo-1", "better") if len(sys.argv) < 3 else delete_run(workspace, "demo-1")
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path) as store:
        yield store


def fill(store: Store, run: int, mark: str, iterations: int = 3, after: int = 0) -> None:
    """Programs of a run's own, one that every run writes, and everything else a run leaves.

    `after` is the last iteration that the run has samples of: the store promises no doubles.
    """
    for iteration in range(after + 1, after + iterations + 1):
        texts = [f"{mark} {iteration} {rank}" for rank in range(4)] + ["common ground"]
        records = [sample("a", text, rank) for rank, text in enumerate(texts)]
        stored = store.writer.add_samples(run, iteration, records)
        verdicts = [verdict(one.program, 0.5) for one in stored if not one.judged]
        store.writer.add_verdicts(run, verdicts)
        drawn = update(iteration, [one.sample for one in stored], iteration)
        store.writer.add_update(run, drawn)
        store.writer.add_evaluation(run, evaluation("during", iteration, iteration))
        said = [PossibilityRecord(one.sample, -2.0, 4) for one in stored]
        store.writer.add_possibilities(run, iteration, said)
        store.writer.set_flag(run, "excluded", True, [one.sample for one in stored[2:]])
        store.writer.add_event(run, "info", "hello")
        store.writer.add_command(run, "pause", {})


def two_runs(store: Store) -> int:
    """demo-1, whose rows are the newest of some and the oldest of other tables, and "mine"."""
    mine = store.writer.create_run("mine", "train", "seed = 0\n", "nano", "all")
    fill(store, store.run, "first")
    fill(store, mine, "second")
    store.writer.add_samples(store.run, 9, [sample("a", "late", 0)])
    (store.workspace.run_folder("demo-1") / "checkpoints").mkdir()
    return mine


def seen(workspace: Workspace, run: int) -> dict[str, Any]:
    """All that is stored of a run, and what a mirror makes of it."""
    with Reader(workspace) as reader:
        columns = Columns(reader)
        columns.refresh()
        mine = columns.run == run
        samples = columns.sample[mine].tolist()
        return {
            "rows": reader.rows(samples),
            "tokens": reader.tokens(samples),
            "pass rates": str(columns.pass_rate[mine].tolist()),
            "replays": columns.replays[mine].tolist(),
            "excluded": columns.excluded[mine].tolist(),
            "flags": reader.flags(run, "excluded"),
            "said": str(columns.student_logprob[mine].tolist()),
            "updates": reader.updates(run),
            "evaluations": reader.evaluations(run),
            "events": reader.events(run),
        }


def rows_left(workspace: Workspace, run: int) -> list[tuple[str, int]]:
    tables = ("samples", "updates", "evaluations", "telemetry", "events", "commands", "progress")
    with Reader(workspace) as reader:
        counts = [
            (table, reader.query(f"SELECT count(*) FROM {table} WHERE run = ?", (run,))[0][0])
            for table in (*tables, "possibilities", "flags")
        ]
    return [(table, count) for table, count in counts if count]


def test_a_deleted_run_is_gone_and_all_others_are_whole(store: Store) -> None:
    mine = two_runs(store)
    before = seen(store.workspace, mine)
    delete_run(store.workspace, "demo-1")
    assert seen(store.workspace, mine) == before
    assert rows_left(store.workspace, store.run) == []
    assert [run.name for run in store.reader.runs()] == ["mine"]
    assert not store.workspace.run_folder("demo-1").exists()
    texts = [text for (text,) in store.reader.query("SELECT text FROM texts")]
    assert not [text for text in texts if text.startswith(("first", "late"))]
    assert "common ground" in texts
    assert check(store.workspace.database).problems == []
    assert list(store.workspace.path.glob(".*")) == []


def test_the_only_run_can_be_deleted_and_its_name_given_again(store: Store) -> None:
    fill(store, store.run, "first")
    delete_run(store.workspace, "demo-1")
    again = store.writer.create_run("demo-1", "train", "", "nano", "all")
    assert again != store.run
    fill(store, again, "first")
    assert len(seen(store.workspace, again)["rows"]) == 15
    assert check(store.workspace.database).problems == []


def test_what_is_lost_is_counted_first(store: Store) -> None:
    two_runs(store)
    lost = losses(store.workspace, "demo-1")
    assert (lost.samples, lost.programs, lost.updates, lost.evaluations) == (16, 13, 3, 3)


def test_an_engine_and_a_screen_at_work_meanwhile_see_what_comes_after(store: Store) -> None:
    mine = two_runs(store)
    store.columns.refresh()  # a mirror that knows everything, and a writer that knows every text
    delete_run(store.workspace, "demo-1")
    new = store.writer.add_samples(mine, 9, [sample("a", "late", 0), sample("a", "new", 1)])
    store.columns.refresh()
    assert [one.sample for one in new] == store.columns.sample[-2:].tolist()
    shown = store.columns.sample[store.columns.select(Filter())]
    rows = store.reader.rows(shown)
    assert len(rows) == len(shown) == 17
    with Writer(store.workspace) as other:  # an engine that starts later
        again = other.add_samples(mine, 10, [sample("a", "late", 0)])
        assert again[0].program == new[0].program
    assert check(store.workspace.database).problems == []


def test_a_text_that_another_run_writes_meanwhile_stays(store: Store) -> None:
    mine = two_runs(store)

    def meanwhile(step: str) -> None:
        if step.startswith("programs, 0"):
            store.writer.add_samples(mine, 9, [sample("a", "first 1 0", 0)])

    delete_run(store.workspace, "demo-1", meanwhile)
    assert check(store.workspace.database).problems == []
    assert len(seen(store.workspace, mine)["rows"]) == 16


def test_the_verdict_that_counts_on_a_text_of_others_stays(store: Store) -> None:
    mine = two_runs(store)
    common = store.writer.add_samples(store.run, 10, [sample("a", "common ground", 0)])[0].program
    store.judged({common: 0.25})  # newer than that of "mine"
    before = seen(store.workspace, mine)
    assert "0.25" in before["pass rates"]
    delete_run(store.workspace, "demo-1")
    assert seen(store.workspace, mine) == before
    left = store.reader.query("SELECT count(*) FROM verdicts WHERE run = ?", (store.run,))
    assert left == [(1,)]  # the one before it is not needed


def test_a_mirror_at_work_goes_on_counting_draws(store: Store) -> None:
    mine = store.writer.create_run("mine", "train", "", "nano", "all")
    fill(store, mine, "second")
    fill(store, store.run, "first")  # its updates and possibilities are the newest
    store.columns.refresh()
    delete_run(store.workspace, "demo-1")
    fill(store, mine, "third", after=3)
    store.columns.refresh()
    draws = int(store.columns.replays[store.columns.run == mine].sum())
    assert draws == sum(len(update.draws) for update in store.reader.updates(mine)) == 30


def test_the_copy_of_a_mirror_is_not_taken_for_the_store(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.columns._COPY_AFTER", 0)
    fill(store, store.run, "first")
    mine = store.writer.create_run("mine", "train", "", "nano", "all")
    fill(store, mine, "second")  # the newest of everything, by which a store is known
    seen(store.workspace, mine)
    assert (store.workspace.path / "mirror.cache").exists()
    delete_run(store.workspace, "demo-1")
    with Reader(store.workspace) as reader:
        columns = Columns(reader)
        columns.refresh()
        assert set(columns.run.tolist()) == {mine}


def test_words_are_found_in_what_is_left_and_in_what_comes(store: Store) -> None:
    mine = two_runs(store)
    with Reader(store.workspace) as open_before:
        assert len(open_before.search("late").programs) == 1
        delete_run(store.workspace, "demo-1")
        store.writer.add_samples(mine, 9, [sample("a", "later still", 0)])
        for reader in (open_before, Reader(store.workspace)):
            stored = {row[0] for row in reader.query("SELECT id FROM programs")}
            assert len(stored & set(reader.search("later").programs.tolist())) == 1
            assert len(stored & set(reader.search("second").programs.tolist())) == 12
            assert reader.search("common").left == 0


def test_an_index_that_somebody_fills_is_not_made_anew(store: Store) -> None:
    two_runs(store)
    with Reader(store.workspace) as reader:
        reader.search("late")
        delete_run(store.workspace, "demo-1")
        reader.search("second")
    with closing(sqlite3.connect(store.workspace.path / "search.db")) as index:
        noted = index.execute("SELECT program, digest FROM indexed").fetchone()
    newest = store.reader.query("SELECT id, digest FROM programs ORDER BY id DESC LIMIT 1")
    assert newest == [noted]


def test_its_room_goes_back_to_the_disk_with_a_vacuum(store: Store) -> None:
    fill(store, store.run, "first " * 2000, iterations=20)
    delete_run(store.workspace, "demo-1")
    assert vacuum(store.workspace).gained > 500_000


def test_a_run_with_an_engine_is_left_alone(store: Store) -> None:
    with store.workspace.engine_lock("demo-1"):
        for act in (
            lambda: delete_run(store.workspace, "demo-1"),
            lambda: rename_run(store.workspace, "demo-1", "other"),
            lambda: archive_run(store.workspace, "demo-1", archived=True),
        ):
            with pytest.raises(StorageError, match="An engine is at work on demo-1; stop it"):
                act()
    assert [run.name for run in store.reader.runs()] == ["demo-1"]


def test_killed_at_any_moment_a_deletion_is_finished_by_the_next(store: Store) -> None:
    mine = two_runs(store)
    fill(store, store.run, "more " * 300, iterations=60, after=9)
    assert check(store.workspace.database).problems == []  # else a kill is blamed for the example
    before = seen(store.workspace, mine)
    moments = random.Random(0)
    folder = str(store.workspace.path)
    for _ in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", DELETE, folder], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stdout.read(5) == b"ready"
            time.sleep(moments.uniform(0.005, 0.06))
            process.send_signal(signal.SIGKILL)
        assert check(store.workspace.database).problems == []
        assert seen(store.workspace, mine) == before
    finish_deletions(store.workspace)
    if store.reader.run("demo-1"):  # never killed late enough
        delete_run(store.workspace, "demo-1")
    assert rows_left(store.workspace, store.run) == []
    assert seen(store.workspace, mine) == before
    assert [*store.workspace.path.glob(".deleted*")] == []


def test_a_renamed_run_keeps_its_rows_and_its_folder(store: Store) -> None:
    two_runs(store)
    before = seen(store.workspace, store.run)
    rename_run(store.workspace, "demo-1", "better")
    assert [run.name for run in store.reader.runs()] == ["mine", "better"]
    assert (store.workspace.run_folder("better") / "checkpoints").is_dir()
    assert not store.workspace.run_folder("demo-1").exists()
    assert seen(store.workspace, store.run) == before


@pytest.mark.parametrize("name", ["mine", "no/name", ""])
def test_a_name_that_is_taken_or_none_changes_nothing(store: Store, name: str) -> None:
    two_runs(store)
    with pytest.raises(StorageError):
        rename_run(store.workspace, "demo-1", name)
    assert (store.workspace.run_folder("demo-1") / "checkpoints").is_dir()
    assert store.reader.run("demo-1") is not None


def test_a_run_whose_checkpoints_another_was_configured_with_keeps_its_name(store: Store) -> None:
    config = '[model]\npath = "btp-runs/runs/demo-1/checkpoints/best"\n'
    store.writer.create_run("heir", "train", config, "nano", "all")
    with pytest.raises(StorageError, match="heir was configured with a file in the folder"):
        rename_run(store.workspace, "demo-1", "better")
    assert losses(store.workspace, "demo-1").needed_by == ("heir",)


def test_killed_between_row_and_folder_a_rename_is_mended_at_the_next_open(store: Store) -> None:
    two_runs(store)
    command = [sys.executable, "-c", KILLED_MOVING, str(store.workspace.path)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert store.reader.run("better") is not None
    assert not store.workspace.run_folder("better").exists()
    store.workspace.open()
    assert (store.workspace.run_folder("better") / "checkpoints").is_dir()
    assert list(store.workspace.path.glob(".moving*")) == []


def test_killed_between_row_and_folder_a_deletion_takes_the_folder_too(store: Store) -> None:
    two_runs(store)
    command = [sys.executable, "-c", KILLED_MOVING, str(store.workspace.path), "delete"]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert finish_deletions(store.workspace) == ["demo-1"]
    assert not store.workspace.run_folder("demo-1").exists()
    assert rows_left(store.workspace, store.run) == []


def test_an_archived_run_keeps_everything_and_comes_back(store: Store) -> None:
    two_runs(store)
    before = seen(store.workspace, store.run)
    archive_run(store.workspace, "demo-1", archived=True)
    assert store.workspace.archived("demo-1")
    rename_run(store.workspace, "demo-1", "old")
    assert store.workspace.archived("old")
    archive_run(store.workspace, "old", archived=False)
    assert not store.workspace.archived("old")
    assert seen(store.workspace, store.run) == before
    assert len(before["replays"]) == 16
