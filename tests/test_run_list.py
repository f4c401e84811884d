"""The list of runs: what it does not look at again with every poll is nevertheless true."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from btp_tui.reading.run_list import RunList
from btp_tui.reading.wishes import Wishes
from btp_tui.snapshot import RunLine
from storage.reader import Reader
from storage.removal import delete_run
from storage.resting import rename_run
from storage.schema import Progress
from storage.workspace import Workspace
from tests.stores import Store, evaluation

WISHES = Wishes()
FINISHED = Progress("finished", "done")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Three runs that rest: demo-1, two, three."""
    with Store(tmp_path) as made:
        more = [made.writer.create_run(name, "train", "", "nano", "all") for name in TWO]
        for run in (made.run, *more):
            made.writer.set_progress(run, FINISHED)
        yield made


TWO = ("two", "three")


class Counted(Workspace):
    """A workspace that notes whose lock was looked at."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.looked: list[str] = []

    def engine_alive(self, name: str) -> bool:
        self.looked.append(name)
        return super().engine_alive(name)


def lines(runs: RunList, wishes: Wishes = WISHES) -> dict[str, RunLine]:
    return {line.name: line for _, line in runs.look(wishes)}


def resumed(store: Store) -> None:
    store.writer.set_progress(store.run, Progress("running", "sample", updates=7))


def renamed(store: Store) -> None:
    rename_run(store.workspace, "demo-1", "other")


def deleted(store: Store) -> None:
    delete_run(store.workspace, "two")


def begun(store: Store) -> None:
    store.writer.create_run("four", "train", "", "nano", "all")


def measured(store: Store) -> None:
    store.writer.add_evaluation(store.run, evaluation("final"))
    store.writer.set_progress(store.run, Progress("stopped", "done"))


@pytest.mark.parametrize("write", [resumed, renamed, deleted, begun, measured])
def test_what_is_written_shows_with_the_next_poll(
    store: Store, write: Callable[[Store], None]
) -> None:
    runs = RunList(store.workspace, store.reader)
    before = lines(runs)
    write(store)
    after = lines(runs)
    assert after != before
    assert after == lines(RunList(store.workspace, Reader(store.workspace)))


@pytest.mark.parametrize("write", [resumed, renamed, deleted, begun])
def test_a_reader_reads_again_only_the_runs_that_were_written(
    store: Store, write: Callable[[Store], None]
) -> None:
    known = store.reader.runs()
    write(store)
    fresh = store.reader.runs()
    found = store.reader.runs(known)
    assert found == fresh
    same = [run for run in found if any(run is each for each in known)]
    assert same == [run for run in fresh if run in known]


def test_a_run_that_rests_is_not_looked_at_with_every_poll(store: Store) -> None:
    workspace = Counted(store.workspace.path)
    runs = RunList(workspace, store.reader)
    first = lines(runs)
    assert sorted(workspace.looked) == ["demo-1", "three", "two"]
    for _ in range(3):
        assert lines(runs) == first
    assert len(workspace.looked) == 3


def test_the_run_in_sight_is_looked_at_with_every_poll(store: Store) -> None:
    workspace, wishes = Counted(store.workspace.path), Wishes(watch="two")
    runs = RunList(workspace, store.reader)
    lines(runs, wishes)
    workspace.looked.clear()
    lines(runs, wishes)
    assert workspace.looked == ["two"]


def test_an_engine_that_ends_without_a_word_is_missed_with_the_next_poll(store: Store) -> None:
    resumed(store)
    runs = RunList(store.workspace, store.reader)
    with store.workspace.engine_lock("demo-1"):
        assert lines(runs)["demo-1"].state == "running"
    assert lines(runs)["demo-1"].state == "died"


def test_a_run_taken_up_or_put_away_elsewhere_shows_after_a_while(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.writer.set_progress(store.run, Progress("running", "sample"))
    runs = RunList(store.workspace, store.reader)
    assert lines(runs)["demo-1"].state == "died"
    store.workspace.archive_mark("two").parent.mkdir(parents=True, exist_ok=True)
    store.workspace.archive_mark("two").touch()
    with store.workspace.engine_lock("demo-1"):
        assert lines(runs)["demo-1"].state == "died"
        monkeypatch.setattr("btp_tui.reading.run_list.RESTING_S", 0.05)
        time.sleep(0.06)
        after = lines(runs)
    assert after["demo-1"].state == "running"
    assert after["two"].archived


def test_after_a_key_everything_is_looked_at_at_once(store: Store) -> None:
    runs = RunList(store.workspace, store.reader)
    lines(runs)
    store.workspace.archive_mark("two").parent.mkdir(parents=True, exist_ok=True)
    store.workspace.archive_mark("two").touch()
    assert not lines(runs)["two"].archived
    assert lines(runs, replace(WISHES))["two"].archived
