"""`btp-tui db salvage`: what can be read of a damaged workspace lies in a new one, and is sound."""

from __future__ import annotations

import errno
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from storage.columns import Columns
from storage.errors import StorageError
from storage.reader import Reader
from storage.rescue.checkup import check
from storage.rescue.salvage import Salvaged, salvage
from storage.workspace import Workspace
from storage.writer import Writer
from tests.damage import filled, overwrite, page_size, pages_of, rows, spoil
from tests.stores import sample


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return filled(tmp_path_factory.mktemp("made"))


@pytest.fixture
def workspace(made: Workspace, tmp_path: Path) -> Workspace:
    return Workspace(shutil.copytree(made.path, tmp_path / "workspace"))


def salvaged(workspace: Workspace) -> tuple[Workspace, Salvaged]:
    """Salvages, and asserts that the outcome is sound and the damaged workspace untouched."""
    before = _files(workspace)
    new = Workspace(workspace.path.with_name("new"))
    result = salvage(workspace, new)
    assert _files(workspace) == before
    assert check(new.database).problems == []
    columns = Columns(Reader(new))
    columns.refresh()  # what the engine and the screen read first
    assert len(columns) == result.copied["samples"]
    return new, result


def _files(workspace: Workspace) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in workspace.path.rglob("*") if file.is_file()}


def test_of_a_sound_workspace_every_row_is_copied_as_it_is(workspace: Workspace) -> None:
    new, result = salvaged(workspace)
    assert rows(new) == rows(workspace)
    assert not any(result.left_out.values())
    assert not any(result.stand_ins.values())


def test_what_is_still_in_the_log_is_copied_too(workspace: Workspace) -> None:
    with Writer(workspace) as writer:
        writer.add_samples(1, 100, [sample("a", "the newest program")])
        copy = Workspace(shutil.copytree(workspace.path, workspace.path.with_name("copy")))
    overwrite(copy.database, 0, bytes(100))
    new, _ = salvaged(copy)
    assert rows(new) == rows(workspace)


@pytest.mark.parametrize("destroyed", [100, 20_000], ids=["header", "first-pages"])
def test_without_its_first_bytes_every_program_comes_back(
    workspace: Workspace, destroyed: int
) -> None:
    before = rows(workspace)
    overwrite(workspace.database, 0, bytes(destroyed))
    new, _ = salvaged(workspace)
    after = rows(new)
    for table in ("programs", "texts", "samples", "tokens", "verdicts", "reports", "updates"):
        assert after[table] == before[table], table


def test_a_new_workspace_can_be_written_to_at_once(workspace: Workspace) -> None:
    spoil(workspace, pages_of(workspace, "texts")[3])
    new, result = salvaged(workspace)
    with Writer(new) as writer:
        texts = rows(new)["texts"]
        records = [sample("task 3", "a new program"), sample("task 3", "another", rank=1)]
        writer.add_samples(1, 500, records)
    assert len(rows(new)["texts"]) == len(texts) + 2
    assert check(new.database).sound
    assert result.left_out["programs"] > 0


@pytest.mark.parametrize("table", ["texts", "samples", "tokens", "verdicts", "reports"])
def test_of_a_broken_page_only_its_rows_and_what_refers_to_them_are_missing(
    workspace: Workspace, table: str
) -> None:
    before = rows(workspace)
    spoil(workspace, pages_of(workspace, table)[1])
    new, result = salvaged(workspace)
    after = rows(new)
    gone = {row[0] for row in before[table] - after[table]}
    assert gone
    assert len(gone) == result.lost[table]
    for name in set(before) - {"updates"}:  # draws of lost samples are taken out of those
        assert after[name] <= before[name], name
    for name in ("runs", "tasks", "sources", "outcomes", "events", "telemetry"):
        assert after[name] == before[name], name
    if table == "texts":
        assert {row[0] for row in before["programs"] - after["programs"]} == gone
        lost_samples = {row for row in before["samples"] if row[6] in gone}
        assert before["samples"] - after["samples"] == lost_samples
        assert result.left_out["samples"] == len(lost_samples)


def test_a_lost_row_of_programs_is_made_anew_from_its_text_and_a_sample(
    workspace: Workspace,
) -> None:
    before = rows(workspace)
    spoil(workspace, pages_of(workspace, "programs")[1])
    new, result = salvaged(workspace)
    assert result.rebuilt > 0
    assert rows(new) == before


@pytest.mark.parametrize("table", ["runs", "sources", "outcomes"])
def test_a_lost_name_gets_a_stand_in_and_takes_no_program_with_it(
    workspace: Workspace, table: str
) -> None:
    before = rows(workspace)
    spoil(workspace, *pages_of(workspace, table))
    new, result = salvaged(workspace)
    after = rows(new)
    assert result.stand_ins[table] == len(before[table])
    assert {row[1] for row in after[table]} == {f"lost-{row[0]}" for row in before[table]}
    for name in ("programs", "texts", "samples", "verdicts"):
        assert after[name] == before[name]


def test_a_run_with_programs_of_a_lost_task_is_kept_but_cannot_be_resumed(
    workspace: Workspace,
) -> None:
    """Its buffer would hand out programs whose task nobody knows."""
    before = rows(workspace)
    spoil(workspace, *pages_of(workspace, "tasks"))
    new, result = salvaged(workspace)
    assert result.closed == ["demo-1"]
    assert result.stand_ins["tasks"] == len(before["tasks"])
    assert rows(new)["texts"] == before["texts"]
    with Reader(new) as reader:
        assert [run.kind for run in reader.runs()] == ["salvaged"]


def test_a_text_that_was_overwritten_is_not_taken_for_what_was_stored(
    workspace: Workspace,
) -> None:
    """SQLite keeps no checksums: what is valid text passes all of its own checks."""
    program, text = max(rows(workspace)["texts"], key=lambda row: len(str(row[1])))
    content = workspace.database.read_bytes()
    place = content.index(str(text)[-4000:].encode())
    overwrite(workspace.database, place, b"x" * 500)
    new, _ = salvaged(workspace)
    assert program not in {row[0] for row in rows(new)["texts"]}
    assert program not in {row[6] for row in rows(new)["samples"]}


@pytest.mark.parametrize("seed", range(5))
def test_garbage_at_random_places_never_makes_an_unsound_workspace(
    workspace: Workspace, seed: int
) -> None:
    before = rows(workspace)
    numbers = random.Random(seed)
    size = workspace.database.stat().st_size
    for _ in range(40):
        overwrite(workspace.database, numbers.randrange(size // 512) * 512, numbers.randbytes(512))
    new, _ = salvaged(workspace)
    assert len(rows(new)["texts"]) > 0.6 * len(before["texts"])
    assert rows(new)["texts"] <= before["texts"]


def test_a_page_that_the_disk_cannot_read_is_a_broken_page(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = (pages_of(workspace, "tokens")[1] - 1) * page_size(workspace)
    pread = os.pread

    def failing(file: int, size: int, place: int) -> bytes:
        if place == broken:
            raise OSError(errno.EIO, "Input/output error")
        return pread(file, size, place)

    monkeypatch.setattr("storage.rescue.pages.os.pread", failing)
    _, result = salvaged(workspace)
    assert (result.lost["tokens"] or 0) > 0
    assert not any(lost for table, lost in result.lost.items() if table != "tokens")


def test_a_newer_workspace_is_left_to_the_version_that_made_it(workspace: Workspace) -> None:
    with closing(sqlite3.connect(workspace.database)) as connection:
        connection.execute("PRAGMA user_version = 1000")
    with pytest.raises(StorageError, match="made by a newer btp-tui"):
        salvage(workspace, Workspace(workspace.path.with_name("new")))


def test_a_file_that_was_cut_off_gives_what_is_left_of_it(workspace: Workspace) -> None:
    content = workspace.database.read_bytes()
    workspace.database.write_bytes(content[: len(content) // 2])
    _, result = salvaged(workspace)
    assert result.copied["samples"] > 0


def test_run_folders_come_along_and_what_is_written_there_leaves_the_old_ones_alone(
    workspace: Workspace,
) -> None:
    new, result = salvaged(workspace)
    assert result.runs == ["demo-1"]
    weights = Path("runs", "demo-1", "checkpoints", "update-00000001", "weights")
    assert (new.path / weights).samefile(workspace.path / weights)  # written once: no second copy
    with (new.path / "runs" / "demo-1" / "engine.log").open("a") as log:
        log.write("more\n")
    assert (workspace.path / "runs" / "demo-1" / "engine.log").read_text() == "hello\n"


def test_nothing_to_read_makes_nothing(workspace: Workspace) -> None:
    workspace.database.write_bytes(bytes(workspace.database.stat().st_size))
    new = workspace.path.with_name("new")
    with pytest.raises(StorageError, match=r"Nothing in .* can be read"):
        salvage(workspace, Workspace(new))
    assert sorted(path.name for path in workspace.path.parent.iterdir()) == ["workspace"]


def test_a_place_that_will_not_do_is_refused_before_anything_is_made(workspace: Workspace) -> None:
    taken = workspace.path.with_name("taken")
    taken.mkdir()
    (taken / "file").write_text("mine")
    for place, said in (
        (taken, "is not empty"),
        (taken / "file", "is not empty"),
        (workspace.path, "lies in the damaged workspace"),
        (workspace.path / "new", "lies in the damaged workspace"),
        (taken / "file" / "new", "Cannot write"),
    ):
        with pytest.raises(StorageError, match=said):
            salvage(workspace, Workspace(place))
    with workspace.engine_lock("demo-1"), pytest.raises(StorageError, match="engine is at work"):
        salvage(workspace, Workspace(workspace.path.with_name("new")))
    assert sorted(path.name for path in workspace.path.parent.iterdir()) == ["taken", "workspace"]


def test_a_salvage_that_is_killed_leaves_no_workspace_that_looks_whole(
    workspace: Workspace,
) -> None:
    new = workspace.path.with_name("new")
    script = (
        "import sys; from storage.rescue.salvage import salvage; "
        "from storage.workspace import Workspace; "
        "salvage(*map(Workspace, sys.argv[1:]), on_step=lambda step: print(step, flush=True))"
    )
    command = [sys.executable, "-c", script, str(workspace.path), str(new)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert any("samples" in line for line in process.stdout)
        process.kill()
    assert not new.exists()
    with pytest.raises(StorageError, match=r"new\.part was left by an attempt"):
        salvage(workspace, Workspace(new))


def test_an_older_workspace_comes_back_as_one_of_this_version(workspace: Workspace) -> None:
    """Its rows are shorter, and its digests are of another kind."""
    with closing(sqlite3.connect(workspace.database, isolation_level=None)) as connection:
        connection.execute("UPDATE programs SET digest = id")
        connection.execute("ALTER TABLE verdicts DROP COLUMN partial")
        connection.execute("PRAGMA user_version = 1")
    new, result = salvaged(workspace)
    assert not any(result.left_out.values())
    assert {len(row) for row in rows(new)["verdicts"]} == {9}
