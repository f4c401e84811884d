"""`btp-tui db check`: what is sound passes, what is damaged or broken is named and counted."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from storage.connection import log_of
from storage.errors import StorageError
from storage.rescue.checkup import Checkup, check
from storage.workspace import Workspace
from storage.writer import Writer
from tests.damage import filled, overwrite, page_size, pages_of, rows, spoil
from tests.stores import sample, task


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return filled(tmp_path_factory.mktemp("made"))


@pytest.fixture
def workspace(made: Workspace, tmp_path: Path) -> Workspace:
    return Workspace(shutil.copytree(made.path, tmp_path / "workspace"))


@pytest.fixture
def database(workspace: Workspace) -> Iterator[sqlite3.Connection]:
    """A connection that lets everything through."""
    with closing(sqlite3.connect(workspace.database, isolation_level=None)) as connection:
        yield connection


def lost(checkup: Checkup) -> dict[str, int | None]:
    return {table.name: table.lost for table in checkup.tables if table.lost != 0}


def readable(checkup: Checkup) -> dict[str, int]:
    return {table.name: table.readable for table in checkup.tables}


def test_a_sound_workspace_passes_and_is_left_as_it_was(workspace: Workspace) -> None:
    before = {path: path.read_bytes() for path in workspace.path.iterdir() if path.is_file()}
    checkup = check(workspace.database)
    assert (checkup.sound, checkup.problems, checkup.tables) == (True, [], [])
    assert checkup.database_bytes == workspace.database.stat().st_size
    after = {path: path.read_bytes() for path in workspace.path.iterdir() if path.is_file()}
    assert after == before


def test_what_is_still_in_the_log_is_checked_too_and_stays_there(workspace: Workspace) -> None:
    with Writer(workspace) as writer:
        writer.add_tasks([task("another")])
        copy = Workspace(shutil.copytree(workspace.path, workspace.path.with_name("copy")))
    files = (copy.database, log_of(copy.database))
    before = [file.read_bytes() for file in files]
    checkup = check(copy.database)
    assert checkup.sound
    assert checkup.log_bytes == len(before[1]) > 0
    assert [file.read_bytes() for file in files] == before


@pytest.mark.parametrize("table", ["programs", "texts", "samples", "tokens", "verdicts", "reports"])
def test_of_a_broken_page_the_rows_of_its_table_are_counted_as_lost(
    workspace: Workspace, table: str
) -> None:
    before = rows(workspace)
    spoil(workspace, pages_of(workspace, table)[1])
    checkup = check(workspace.database)
    assert not checkup.sound
    assert readable(checkup)[table] < len(before[table])
    # In the middle of a table that counts up without a gap the number is exact.
    assert lost(checkup) == {table: len(before[table]) - readable(checkup)[table]}
    others = {name: number for name, number in readable(checkup).items() if name != table}
    assert others == {name: len(before[name]) for name in others}


@pytest.mark.parametrize("table", ["programs", "texts", "samples", "reports"])
def test_a_broken_root_costs_no_row_of_the_pages_below(workspace: Workspace, table: str) -> None:
    spoil(workspace, *pages_of(workspace, table, "internal"))
    checkup = check(workspace.database)
    assert checkup.damaged
    assert lost(checkup) == {}
    assert "no row is lost" in checkup.problems[0]


def test_a_broken_row_takes_no_other_row_of_its_page_with_it(workspace: Workspace) -> None:
    page, size = pages_of(workspace, "samples")[1], page_size(workspace)
    overwrite(workspace.database, page * size - 20, b"\xff" * 20)  # the row that came first
    spoil(workspace, pages_of(workspace, "events_run")[0])  # so that SQLite notices damage
    assert lost(check(workspace.database)) == {"samples": 1}


@pytest.mark.parametrize("seed", range(5))
def test_garbage_at_random_places_never_ends_the_count(workspace: Workspace, seed: int) -> None:
    before = {name: len(found) for name, found in rows(workspace).items()}
    numbers = random.Random(seed)
    size = workspace.database.stat().st_size
    for _ in range(40):
        overwrite(workspace.database, numbers.randrange(size // 512) * 512, numbers.randbytes(512))
    checkup = check(workspace.database)
    assert not checkup.sound
    total = sum(readable(checkup).values())
    assert total > 0.7 * sum(before.values())
    assert abs(total + checkup.rows_lost - sum(before.values())) < 0.1 * sum(before.values())


def test_a_destroyed_header_loses_no_row(workspace: Workspace) -> None:
    before = {name: len(found) for name, found in rows(workspace).items()}
    overwrite(workspace.database, 0, b"\xaa" * 100)
    checkup = check(workspace.database)
    assert "header" in checkup.problems[0]
    assert "no row is lost" in checkup.problems[0]
    assert readable(checkup) == before


def test_without_its_first_pages_a_database_is_still_counted(workspace: Workspace) -> None:
    """The list of tables is gone with them: what a page holds is told by its rows."""
    before = {name: len(found) for name, found in rows(workspace).items()}
    size = page_size(workspace)
    overwrite(workspace.database, 0, bytes(8 * size))
    checkup = check(workspace.database)
    for table in ("programs", "texts", "samples", "tokens", "verdicts", "reports", "updates"):
        assert readable(checkup)[table] == before[table], table
    assert lost(checkup)["runs"] == 1


def test_a_file_that_was_cut_off_says_about_how_much_is_missing(workspace: Workspace) -> None:
    before = {name: len(found) for name, found in rows(workspace).items()}
    content = workspace.database.read_bytes()
    workspace.database.write_bytes(content[: len(content) * 2 // 3])
    checkup = check(workspace.database)
    total = sum(readable(checkup).values()) + checkup.rows_lost
    assert abs(total - sum(before.values())) < 0.1 * sum(before.values())


def test_an_index_that_disagrees_with_its_table_costs_no_row(workspace: Workspace) -> None:
    before = {name: len(found) for name, found in rows(workspace).items()}
    spoil(workspace, pages_of(workspace, "verdicts_program")[0])
    checkup = check(workspace.database)
    assert "no row is lost" in checkup.problems[0]
    assert readable(checkup) == before


def test_an_index_that_lacks_a_row_is_found(
    workspace: Workspace, database: sqlite3.Connection
) -> None:
    database.execute("PRAGMA writable_schema = ON")
    (definition,) = database.execute(
        "SELECT sql FROM sqlite_master WHERE name = 'events_run'"
    ).fetchone()
    hide = (
        "UPDATE sqlite_master SET sql = replace(sql, '(run)', '(run) WHERE id < 5') WHERE name = ?"
    )
    database.execute(hide, ("events_run",))
    with closing(sqlite3.connect(workspace.database)) as other:
        other.execute("REINDEX events_run")
        other.commit()
    database.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'events_run'", (definition,))
    database.close()
    checkup = check(workspace.database)
    assert any("missing from index events_run" in line for line in checkup.said)
    assert "no row is lost" in checkup.problems[0]


def test_garbage_in_place_of_the_log_is_named(workspace: Workspace) -> None:
    log_of(workspace.database).write_bytes(random.Random(0).randbytes(100_000))
    checkup = check(workspace.database)
    assert len(checkup.problems) == 1
    assert checkup.problems[0].startswith("The log cannot be read (100,000 bytes)")


def test_a_log_that_breaks_off_is_named_and_an_old_end_of_it_is_not(workspace: Workspace) -> None:
    with Writer(workspace) as writer:
        for number in range(20):
            writer.add_samples(1, 100 + number, [sample("a", f"late {number}")])
        copy = Workspace(shutil.copytree(workspace.path, workspace.path.with_name("copy")))
        writer._connection.execute("PRAGMA wal_checkpoint(RESTART)")
        writer.add_event(1, "info", "the log begins anew, over what it held")
        assert check(workspace.database).sound
    middle = log_of(copy.database).stat().st_size // 2
    overwrite(log_of(copy.database), middle, b"\xff" * 64)
    assert "breaks off after" in " ".join(check(copy.database).problems)


@pytest.mark.parametrize(
    ("act", "said"),
    [
        ("DELETE FROM programs WHERE id = 5", "1 row of texts refer to programs"),
        ("DELETE FROM texts WHERE id IN (5, 6)", "2 of the programs have no text"),
        ("UPDATE programs SET digest = 7 WHERE id IN (5, 6)", "1 of the programs have the digest"),
        ("UPDATE texts SET text = 'other' WHERE id = 5", "1 of the texts are not what was stored"),
        (
            "UPDATE texts SET text = (SELECT text FROM texts WHERE id = 5) WHERE id = 25",
            "1 of the texts are stored more than once",
        ),
        ("UPDATE samples SET task = 1 WHERE id = 9", "1 of the samples name another task"),
        (
            "INSERT INTO samples SELECT 99999, run, iteration, task, rank, source, program, "
            "logprob, n_tokens, at FROM samples WHERE id = 9",
            "1 of the samples are doubles",
        ),
        ("DELETE FROM samples WHERE id = 1", "1 of the updates drew samples"),
        (
            "UPDATE reports SET tests = substr(tests, 3) WHERE id < 3",
            "2 of the rows of reports hold something else than JSON",
        ),
        ("DELETE FROM tasks WHERE id = 2", "1 of the numbers of tasks are missing"),
    ],
)
def test_a_broken_promise_is_a_sentence_of_its_own(
    workspace: Workspace, database: sqlite3.Connection, act: str, said: str
) -> None:
    database.execute(act)
    checkup = check(workspace.database)
    assert not checkup.sound
    assert not checkup.damaged
    assert any(said in problem for problem in checkup.problems), checkup.problems


@pytest.mark.parametrize("table", ["runs", "texts", "reports"])
def test_bytes_that_are_no_text_are_damage(
    workspace: Workspace, database: sqlite3.Connection, table: str
) -> None:
    """SQLite hands them on as they are: no check of its own finds them."""
    column = {"runs": "model", "texts": "text", "reports": "tests"}[table]
    database.execute(f"UPDATE {table} SET {column} = CAST(x'ff' AS TEXT) WHERE id = 1")
    assert lost(check(workspace.database)) == {table: 1}


def test_what_never_was_a_workspace_is_refused(tmp_path: Path) -> None:
    diary = tmp_path / "btp.db"
    diary.write_text("Dear diary, " * 10_000)
    with pytest.raises(StorageError, match="nothing in it looks like a workspace"):
        check(diary)
    diary.write_bytes(b"")
    with pytest.raises(StorageError, match="holds no tables"):
        check(diary)


def test_the_database_of_another_program_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "btp.db")) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    with pytest.raises(StorageError, match="database of another program"):
        check(tmp_path / "btp.db")
