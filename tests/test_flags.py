"""What a user says of programs: kept from the replay, or marked; by whom, since when, for good."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from core.chance import REPLAY, generator
from core.config import Config, ReplayConfig
from core.control import Control
from core.entry import run_command
from core.exclusions import Exclusions
from core.flags import carry_out, carry_out_pending
from core.replay import ReplayBuffer
from core.reporter import Reporter, Totals
from core.room import Room
from core.stored_programs import programs_app
from storage.columns import Columns
from storage.errors import StorageError
from storage.reader import Reader
from storage.rescue.checkup import check
from storage.rows import Filter
from storage.schema import Command, Progress
from storage.workspace import Workspace
from storage.writer import Writer
from tests.engine_runs import finish, new_run, wait_until
from tests.stores import Store, sample

OLD = Path(__file__).parent / "old"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path) as opened:
        yield opened


def said(store: Store) -> list[tuple[int, bool, int]]:
    """Every exclusion as (program, raised, update)."""
    found = store.reader.flags(store.run, "excluded")
    return [(each.program, each.raised, each.update_number) for each in found]


def drawn(buffer: ReplayBuffer) -> set[int]:
    return set(buffer.draw(200, np.random.default_rng(0)).samples.tolist())


# In the store


def test_a_workspace_that_version_3_wrote_takes_flags_and_keeps_all_it_held(tmp_path: Path) -> None:
    """The file was written by that version: four texts, five samples, an update of two."""
    workspace = Workspace(tmp_path)
    workspace.database.write_bytes(gzip.decompress((OLD / "version-3.db.gz").read_bytes()))
    with closing(sqlite3.connect(workspace.database)) as connection:
        tables = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        before = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in tables}
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    with pytest.raises(StorageError, match=r"btp-tui db upgrade .* up to date"):
        workspace.open()
    workspace.create().open()
    with closing(sqlite3.connect(workspace.database)) as connection:
        for name, rows in before.items():
            assert connection.execute(f"SELECT * FROM {name}").fetchall() == rows, name
        assert connection.execute("PRAGMA page_count").fetchone()[0] <= pages + 2, "no rewrite"
    with Writer(workspace) as writer, Reader(workspace) as reader:
        assert len(writer.set_flag(1, "excluded", True, [2])) == 1
        columns = Columns(reader)
        columns.refresh()
        assert columns.sample[columns.select(Filter(excluded=True))].tolist() == [2, 4], "one text"
    assert check(workspace.database).problems == []
    assert (tmp_path / "btp.db.version-3").exists()


def test_what_is_said_again_is_written_once(store: Store) -> None:
    store.sampled("x", "y", "x")
    assert store.writer.set_flag(store.run, "excluded", True, [1, 3], 4) == [1]
    assert store.writer.set_flag(store.run, "excluded", True, [1, 2], 5) == [2]
    assert store.writer.set_flag(store.run, "excluded", False, [2], 6) == [2]
    assert store.writer.set_flag(store.run, "marked", False, [1, 2]) == []
    assert said(store) == [(1, True, 4), (2, True, 5), (2, False, 6)]


def test_a_program_of_another_run_is_refused_and_nothing_is_changed(store: Store) -> None:
    store.sampled("x")
    other = store.writer.create_run("demo-2", "train", "", "nano", "")
    store.writer.add_samples(other, 1, [sample("a", "x")])
    with pytest.raises(StorageError, match="2 belongs to the run demo-2; nothing was changed"):
        store.writer.set_flag(store.run, "excluded", True, [1, 2])
    with pytest.raises(StorageError, match="9 is not stored"):
        store.writer.set_flag(store.run, "excluded", True, [9])
    assert said(store) == []


def test_a_text_is_excluded_in_its_own_run_and_stays_so_when_it_is_sampled_again(
    store: Store,
) -> None:
    store.sampled("x", "y")
    other = store.writer.create_run("demo-2", "train", "", "nano", "")
    store.writer.add_samples(other, 1, [sample("a", "x")])
    store.writer.set_flag(store.run, "excluded", True, [1])
    store.columns.refresh()
    store.sampled("x", iteration=2)
    store.columns.refresh()
    assert store.columns.excluded.tolist() == [True, False, False, True]


def test_a_mirror_that_began_with_a_copy_knows_what_was_said_before(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.columns._COPY_AFTER", 0)
    store.sampled("x", "y")
    store.writer.set_flag(store.run, "excluded", True, [1])
    store.columns.refresh()
    with Reader(store.workspace) as reader:
        columns = Columns(reader)
        columns.refresh()
        assert columns._copied == 2, "from the copy"
        store.sampled("x", iteration=2)
        columns.refresh()
        assert columns.excluded.tolist() == [True, False, True]


# In the replay


def test_an_excluded_program_is_never_drawn_until_it_is_included(store: Store) -> None:
    store.judged(dict.fromkeys(store.sampled("x", "y", "z"), 0.5))
    store.columns.refresh()
    buffer = ReplayBuffer(store.columns, store.run, ReplayConfig())
    buffer.exclude({1: True, 2: True})
    assert (len(buffer), drawn(buffer)) == (1, {3})
    store.judged(dict.fromkeys(store.sampled("x", "v", iteration=2), 1.0))
    store.columns.refresh()
    buffer.extend()
    assert drawn(buffer) == {3, 5}, "also not when the run has sampled it again"
    buffer.configure(ReplayConfig(prioritization="rank"))
    assert drawn(buffer) == {3, 5}
    buffer.exclude({1: False})
    assert drawn(buffer) == {3, 4, 5}


def test_what_is_excluded_takes_no_room_in_a_full_buffer(store: Store) -> None:
    store.judged(dict.fromkeys(store.sampled("x", "y", "z"), 0.5))
    store.columns.refresh()
    buffer = ReplayBuffer(store.columns, store.run, ReplayConfig(capacity=2))
    assert drawn(buffer) == {2, 3}
    buffer.exclude({3: True})
    assert drawn(buffer) == {1, 2}


def test_an_exclusion_counts_from_the_update_after_it_whenever_that_is_made(store: Store) -> None:
    """Also where the run is resumed at an earlier update, and where the last word was said then."""
    store.judged(dict.fromkeys(store.sampled("x", "y", "z"), 0.5))
    store.columns.refresh()
    store.writer.set_flag(store.run, "excluded", True, [1], 3)
    store.writer.set_flag(store.run, "excluded", True, [2], 5)
    store.writer.set_flag(store.run, "excluded", False, [2], 4)  # after it was resumed at 4
    exclusions = Exclusions(store.run, store.reader)
    exclusions.read()
    buffer = ReplayBuffer(store.columns, store.run, ReplayConfig())
    held = []
    for number in range(3, 8):
        exclusions.apply(buffer, number)
        held.append(drawn(buffer))
    assert held == [{1, 2, 3}, {2, 3}, {2, 3}, {2, 3}, {2, 3}]


# By commands


def command(name: str, samples: object, number: int = 1) -> Command:
    return Command(number, name, {"samples": samples})


def test_a_command_is_answered_by_what_was_done(store: Store) -> None:
    store.sampled("x", "y")
    answers = [
        carry_out(store.writer, store.run, command(name, samples), 7)
        for name, samples in (
            ("exclude", [1, 2]),
            ("exclude", [1]),
            ("include", [2]),
            ("mark", [1]),
            ("exclude", "all"),
        )
    ]
    assert answers[:4] == [
        "2 programs excluded from replay",
        "nothing to do: it was excluded from replay",
        "1 program in the replay again",
        "1 program marked",
    ]
    assert "as a list of their numbers" in answers[4]
    assert said(store) == [(1, True, 7), (2, True, 7), (2, False, 7)]


def test_the_engine_answers_a_command_that_names_no_program_of_its_run(store: Store) -> None:
    reporter = Reporter(store.workspace, store.run, Progress("running", "replay"), Totals)
    control = Control(
        store.run,
        Config(),
        store.writer,
        reporter,
        lambda config: None,
        lambda asked: carry_out(store.writer, store.run, asked),
        Room(store.workspace.path, 0),
    )
    asked = store.writer.add_command(store.run, "exclude", {"samples": [9]})
    control.attend()
    assert store.reader.answer(asked) == "The program 9 is not stored; nothing was changed."


def test_what_a_dead_engine_was_asked_is_done_before_what_is_said_now(store: Store) -> None:
    store.sampled("x", "y")
    store.writer.add_command(store.run, "exclude", {"samples": [1]})
    store.writer.add_command(store.run, "stop", {})
    carry_out_pending(store.writer, store.run)
    assert said(store) == [(1, True, 0)]
    assert [each.name for each in store.writer.pending_commands(store.run)] == ["stop"]


def ask(store: Store, *arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """`btp-tui programs ...` in this process; its exit code."""
    line = ["btp-tui", *arguments, "--workspace", str(store.workspace.path)]
    monkeypatch.setattr("sys.argv", line)
    with pytest.raises(SystemExit) as ended:
        run_command(programs_app)
    return int(ended.value.code or 0)


def test_without_an_engine_a_process_excludes_by_id_and_by_filter(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store.judged(dict.fromkeys(store.sampled("x", "y", "z")[1:], 0.0))
    assert ask(store, "exclude", "demo-1", "1", monkeypatch=monkeypatch) == 0
    assert capsys.readouterr().out == "demo-1: 1 program excluded from replay.\n"
    asked = ("exclude", "demo-1", "--filter", "pass:0", "--json")
    assert ask(store, *asked, monkeypatch=monkeypatch) == 0
    answer = {"run": "demo-1", "programs": 2, "answer": "2 programs excluded from replay"}
    assert json.loads(capsys.readouterr().out) == answer
    store.writer.add_command(store.run, "exclude", {"samples": [2]})  # of an engine that died
    assert ask(store, "include", "demo-1", "2", monkeypatch=monkeypatch) == 0
    assert store.writer.pending_commands(store.run) == []
    store.columns.refresh()
    assert store.columns.excluded.tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (("exclude", "demo-9", "1"), "There is no run demo-9"),
        (("exclude", "demo-1", "7"), "There is no program 7 of demo-1"),
        (("exclude", "demo-1"), "Say which programs to exclude"),
        (("mark", "demo-1", "1", "--filter", "pass:1"), "Say which programs to mark"),
        (("exclude", "demo-1", "--filter", "pass:x"), "pass:x is no range"),
        (("exclude", "demo-1", "--filter", "pass:1"), "No program of demo-1 is pass:1"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    asked: tuple[str, ...],
    sentence: str,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store.sampled("x")
    assert ask(store, *asked, monkeypatch=monkeypatch) == 2
    assert capsys.readouterr().err.startswith(f"btp-tui: {sentence}")
    assert said(store) == []


def test_a_filter_whose_last_quote_is_open_finds_its_words_in_this_run(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store.sampled("x = 1", "y = 2")
    assert ask(store, "mark", "demo-1", "--filter", '"y', monkeypatch=monkeypatch) == 0
    assert capsys.readouterr().out == "demo-1: 1 program marked.\n"


def test_a_run_whose_folder_cannot_be_written_is_named(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store.sampled("x")
    folder = store.workspace.run_folder("demo-1")
    (folder / "engine.lock").mkdir(parents=True)
    assert ask(store, "mark", "demo-1", "1", monkeypatch=monkeypatch) == 2
    assert capsys.readouterr().err.startswith(f"btp-tui: Cannot write to {folder}: ")
    assert said(store) == []


@pytest.mark.parametrize("command", [("exclude", "demo-1"), ("rerun",)])
def test_a_number_that_no_program_can_have_is_wrong_use(
    command: tuple[str, ...],
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert ask(store, *command, str(10**30), monkeypatch=monkeypatch) == 2
    assert "Invalid value for 'ID'" in capsys.readouterr().err


# By an engine at work


def test_an_engine_takes_an_exclusion_in_between_two_updates_and_a_resumed_one_would_draw_the_same(
    tmp_path: Path,
) -> None:
    """All draws follow from the store: what was said counts from its own update on."""
    run = new_run(tmp_path)
    run.settings = {"max_iterations": 1, "trainer.updates_per_iteration": 16}
    with Writer(run.workspace.create()) as writer:
        engine, reader = run.start(), Reader(run.workspace)
        assert wait_until(lambda: bool((at := run.progress()) and at.updates >= 3), engine)
        writer.add_command(1, "pause", {})
        assert wait_until(lambda: bool((at := run.progress()) and at.state == "paused"), engine)
        before = np.concatenate([update.draws for update in reader.updates(1)])
        [(best, program)] = reader.query(
            "SELECT id, program FROM samples WHERE id = ?", (int(np.bincount(before).argmax()),)
        )
        asked = writer.add_command(1, "exclude", {"samples": [best]})
        assert wait_until(lambda: reader.answer(asked) is not None, engine)
        assert reader.answer(asked) == "1 program excluded from replay"
        writer.add_command(1, "resume", {})
    finish(engine)
    columns = Columns(reader)
    columns.refresh()
    texts = dict(zip(columns.sample.tolist(), columns.program.tolist(), strict=True))
    [flag] = reader.flags(1, "excluded")
    made = reader.updates(1)
    assert 3 <= flag.update_number < len(made) == 16
    later = {texts[each] for update in made[flag.update_number :] for each in update.draws}
    assert (flag.program, program in later) == (program, False)
    buffer = ReplayBuffer(columns, 1, ReplayConfig())
    exclusions = Exclusions(1, reader)
    exclusions.read()
    for update in made:
        exclusions.apply(buffer, update.number)
        again = buffer.draw(4, generator(0, REPLAY, update.number)).samples
        assert tuple(again.tolist()) == update.draws, update.number
