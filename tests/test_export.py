"""What `btp-tui export` writes, read back by the tools that it is written for."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow.parquet
import pytest

from core.config import ReplayConfig
from core.errors import CoreError
from core.exchange import export as exporting
from core.exchange import formats
from core.exchange.export import export
from core.exchange.formats import COLUMNS, Format
from storage.errors import StorageError
from storage.workspace import Workspace
from tests.stores import Store, sample, update, verdict
from tests.test_cli import BIN, assert_refused, btp_tui
from tests.test_readme import README

OUTPUTS = ("rows.jsonl", "rows.jsonl.gz", "rows.parquet", "rows")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """x = 1, 2, 3 of task a in iteration 0 and y = 1, 2 of task b in iteration 1."""
    with Store(tmp_path) as opened:
        xs = opened.sampled("x = 1", "x = 2", "x = 3", iteration=0)
        opened.judged(dict(zip(xs, (1.0, 0.5, 0.0), strict=True)))
        ys = [sample("b", f"y = {n}", n, "teacher:big", None, None) for n in (1, 2)]
        opened.writer.add_samples(opened.run, 1, ys)
        yield opened


def format_of(out: Path) -> Format:
    return {".parquet": Format.PARQUET, "": Format.DATASET}.get(out.suffix, Format.JSONL)


def write(store: Store, out: Path, query: str = "", replay: ReplayConfig | None = None) -> int:
    return export(store.workspace, query, format_of(out), out, replay or ReplayConfig())


def read(out: Path) -> list[dict[str, Any]]:
    """The rows of a file, as the tool reads them that its format is for."""
    match format_of(out):
        case Format.PARQUET:
            rows: list[dict[str, Any]] = pyarrow.parquet.read_table(out).to_pylist()
            return rows
        case Format.DATASET:
            return list(datasets.load_from_disk(str(out)))
        case _:
            text = out.read_bytes()
            text = gzip.decompress(text) if out.suffix == ".gz" else text
            return [json.loads(line) for line in text.splitlines()]


def programs(store: Store, tmp_path: Path, query: str, **replay: Any) -> list[str]:
    out = tmp_path / "found.jsonl"
    write(store, out, query, ReplayConfig(**replay))
    return [row["program"] for row in read(out)]


@pytest.mark.parametrize("name", OUTPUTS)
def test_every_format_holds_all_that_is_known_of_a_sample(
    name: str, store: Store, tmp_path: Path
) -> None:
    store.writer.add_update(store.run, update(1, [1, 1, 2]))
    store.writer.set_flag(store.run, "excluded", True, [1])
    assert write(store, tmp_path / name) == 5
    first, *_, last = read(tmp_path / name)
    assert tuple(first) == tuple(last) == COLUMNS
    assert first.pop("at") == pytest.approx(last.pop("at"), abs=60)
    assert first == {
        "run": "demo-1",
        "task_id": "a",
        "dataset": "made",
        "iteration": 0,
        "rank": 0,
        "source": "self",
        "program": "x = 1",
        "logprob": -1.0,
        "n_tokens": 4,
        "token_ids": [0, 1, 2, 3],
        "token_logprobs": [-0.25, -0.25, -0.25, -0.25],
        "outcome": "wrong answer",
        "pass_rate": 1.0,
        "partial": False,
        "seconds": 0.02,
        "replays": 2,
        "excluded": True,
        "marked": False,
    }
    assert last == dict.fromkeys(last) | {
        "run": "demo-1",
        "task_id": "b",
        "dataset": "made",
        "iteration": 1,
        "rank": 2,
        "source": "teacher:big",
        "program": "y = 2",
        "replays": 0,
        "excluded": False,
        "marked": False,
    }


def test_every_field_is_described_in_the_readme() -> None:
    table = README.split("### Programs as files")[1].split("\n## ")[0]
    assert [name for name in COLUMNS if f"`{name}`" not in table] == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["x = 1", "x = 2", "x = 3", "y = 1", "y = 2"]),
        ("pass:0.5..1", ["x = 1", "x = 2"]),
        ("task:b", ["y = 1", "y = 2"]),
        ("source:teacher:*", ["y = 1", "y = 2"]),
        ("iter:2", ["y = 1", "y = 2"]),
        ("outcome:wrong pass:<1", ["x = 2", "x = 3"]),
        ('"x =" 3', ["x = 3"]),
        ("sort:-newest", ["y = 2", "y = 1", "x = 3", "x = 2", "x = 1"]),
        ("sort:pass pass:..1", ["x = 3", "x = 2", "x = 1"]),
        ("sort:-p2value task:a", ["x = 1", "x = 2", "x = 3"]),
        ("pass:0.9..0.99", []),
    ],
)
def test_a_filter_means_what_it_means_on_the_screen(
    query: str, found: list[str], store: Store, tmp_path: Path
) -> None:
    assert programs(store, tmp_path, query) == found


def test_a_text_is_found_in_every_program_however_few_are_indexed_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.reader._FEED_S", 0.0)
    with Store(tmp_path) as store:
        store.sampled(*(f"x = {n}" for n in range(5000)))
        assert len(programs(store, tmp_path, "x")) == 5000


def test_p2value_goes_by_the_settings_that_are_given(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        [likely] = store.sampled("likely", iteration=0, logprob=-0.1)
        [right] = store.sampled("right", iteration=1, logprob=-9.0)
        store.judged({likely: 0.0, right: 1.0})
        assert programs(store, tmp_path, "sort:-p2value", alpha=0.0) == ["right", "likely"]
        assert programs(store, tmp_path, "sort:-p2value", alpha=1.0) == ["likely", "right"]


def test_programs_of_all_runs_are_written_unless_one_is_named(store: Store, tmp_path: Path) -> None:
    other = store.writer.create_run("demo-2", "train", "", "nano", "all")
    store.writer.add_samples(other, 0, [sample("c", "z = 1")])
    assert len(programs(store, tmp_path, "")) == 6
    assert programs(store, tmp_path, "run:demo-2") == ["z = 1"]


def test_the_newest_verdict_counts(store: Store, tmp_path: Path) -> None:
    store.writer.add_verdicts(store.run, [verdict(1, None, "harness error")])
    write(store, tmp_path / "rows.jsonl", '"x = 1"')
    [row] = read(tmp_path / "rows.jsonl")
    assert (row["outcome"], row["pass_rate"]) == ("harness error", None)


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_filter_that_lets_nothing_through_gives_a_file_without_rows(
    name: str, store: Store, tmp_path: Path
) -> None:
    assert write(store, tmp_path / name, "task:nothing") == 0
    assert read(tmp_path / name) == []


@pytest.mark.parametrize("name", OUTPUTS)
def test_rows_keep_their_order_over_chunks(name: str, tmp_path: Path) -> None:
    count = 2 * exporting.CHUNK + 1
    with Store(tmp_path) as store:
        store.sampled(*(f"x = {n}" for n in range(count)))
        write(store, tmp_path / name, "sort:-newest")
    assert [row["rank"] for row in read(tmp_path / name)] == list(range(count))[::-1]


def test_the_log_can_be_emptied_into_the_database_while_rows_are_written(tmp_path: Path) -> None:
    emptied = []

    def check(*_: int) -> None:
        with closing(sqlite3.connect(store.workspace.database, timeout=0)) as connection:
            busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            emptied.append(not busy)

    with Store(tmp_path) as store:
        store.sampled(*(f"x = {n}" for n in range(2 * exporting.CHUNK)))
        out = tmp_path / "rows.jsonl"
        export(store.workspace, "", Format.JSONL, out, ReplayConfig(), check)
    assert emptied == [True, True]


def test_progress_is_told_up_to_the_last_row(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    with Store(tmp_path) as store:
        store.sampled(*(f"x = {n}" for n in range(exporting.CHUNK + 1)))
        out = tmp_path / "rows.jsonl"
        export(store.workspace, "", Format.JSONL, out, ReplayConfig(), lambda *at: told.append(at))
    total = exporting.CHUNK + 1
    assert told == [(exporting.CHUNK, total), (total, total)]


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_interrupted_export_leaves_what_was_there(
    name: str, store: Store, tmp_path: Path
) -> None:
    def interrupt(*_: int) -> None:
        raise KeyboardInterrupt

    out = tmp_path / name
    if format_of(out) is not Format.DATASET:
        out.write_text("what was there")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir() if path.is_file()}
    with pytest.raises(KeyboardInterrupt):
        export(store.workspace, "", format_of(out), out, ReplayConfig(), interrupt)
    assert {p: p.stat().st_mtime_ns for p in tmp_path.iterdir() if p.is_file()} == before
    assert {path.name for path in tmp_path.iterdir()} == {"workspace", *(p.name for p in before)}


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("folder.jsonl", "it is a folder; name a file"),
        ("folder.parquet", "it is a folder; name a file"),
        ("absent/rows.jsonl", "No such file or directory"),
        ("absent/rows.parquet", "No such file or directory"),
        ("absent/rows", "No such file or directory"),
        ("taken", "it is there already; name a new folder"),
        ("full", "it is there already; name a new folder"),
    ],
)
def test_a_place_that_cannot_be_written_is_named(
    name: str, complaint: str, store: Store, tmp_path: Path
) -> None:
    for folder in ("folder.jsonl", "folder.parquet", "full"):
        (tmp_path / folder).mkdir()
    for file in ("taken", "full/kept"):
        (tmp_path / file).write_text("kept")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(CoreError, match=f"Cannot write .*{name}: {complaint}"):
        write(store, tmp_path / name)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.parquet", "rows"])
def test_a_full_disk_is_said_and_nothing_half_written_remains(
    name: str, store: Store, tmp_path: Path
) -> None:
    store.sampled(*(f"x = '{os.urandom(600).hex()}'" for _ in range(600)), iteration=7)
    small = tmp_path / "small"
    small.mkdir()
    command = f"{sys.executable} -m core export --workspace {store.workspace.path}"
    if name == "rows":
        command += " --format dataset"
    script = (
        f"mount -t tmpfs -o size=64k tmpfs {small} || exit 99; "
        f"{command} --out {small / name}; echo $?; ls -A {small}"
    )
    unshare = ["unshare", "--map-root-user", "--mount", "sh", "-c", script]
    done = subprocess.run(unshare, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    if done.returncode == 99 or "unshare" in done.stderr:
        pytest.skip("no file system can be mounted here")
    assert done.stdout == "2\n"
    said = f"btp-tui: Cannot write {small / name}: No space left on device."
    assert done.stderr.strip().splitlines()[-1] == said


def test_a_device_is_not_replaced_by_a_file(store: Store) -> None:
    with pytest.raises(CoreError, match="no ordinary file"):
        export(store.workspace, "", Format.JSONL, Path("/dev/null"), ReplayConfig())


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("pass:half", "pass:half is no range"),
        ("run:demo-9", "There is no run 'demo-9': write run:\\* for all, or one of demo-1."),
        ("sort:beauty", "Cannot sort by 'beauty'"),
    ],
)
def test_a_filter_that_is_not_understood_writes_nothing(
    query: str, complaint: str, store: Store, tmp_path: Path
) -> None:
    with pytest.raises(CoreError, match=complaint):
        write(store, tmp_path / "rows.parquet", query)
    assert {path.name for path in tmp_path.iterdir()} == {"workspace"}


def test_a_workspace_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="There is no workspace in"):
        export(Workspace(tmp_path), "", Format.JSONL, tmp_path / "rows.jsonl", ReplayConfig())
    assert list(tmp_path.iterdir()) == []


def test_tokens_are_numbers_of_the_width_that_the_store_holds(store: Store, tmp_path: Path) -> None:
    write(store, tmp_path / "rows")
    features = datasets.load_from_disk(str(tmp_path / "rows")).features
    assert features["token_ids"].feature.dtype == "int32"
    assert features["token_logprobs"].feature.dtype == "float32"
    assert features["logprob"].dtype == features["pass_rate"].dtype == "float64"


def test_a_folder_that_was_written_is_a_dataset_to_work_with(store: Store, tmp_path: Path) -> None:
    write(store, tmp_path / "rows")
    rows = datasets.load_from_disk(str(tmp_path / "rows"))
    passed = rows.filter(lambda row: row["pass_rate"] == 1.0)
    passed.save_to_disk(str(tmp_path / "passed"))
    assert datasets.load_from_disk(str(tmp_path / "passed"))["program"] == ["x = 1"]
    assert np.allclose(rows.with_format("numpy")[0]["token_logprobs"], -0.25)


# The command


def test_the_command_writes_what_its_filters_ask_for(store: Store, tmp_path: Path) -> None:
    arguments = ["pass:0.5..1", "sort:pass", "--format", "parquet", "--out", "good.parquet"]
    done = btp_tui("export", *arguments, "--workspace", "workspace", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "2 programs written to good.parquet.\n")
    assert [row["program"] for row in read(tmp_path / "good.parquet")] == ["x = 2", "x = 1"]


def test_stdout_gets_the_lines_and_nothing_else(store: Store, tmp_path: Path) -> None:
    done = btp_tui("export", "task:a", "--out", "-", "--workspace", "workspace", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["program"] for row in rows] == ["x = 1", "x = 2", "x = 3"]


def test_only_lines_can_go_to_stdout(store: Store, tmp_path: Path) -> None:
    arguments = ["--out", "-", "--format", "parquet", "--workspace", "workspace"]
    done = btp_tui("export", *arguments, cwd=tmp_path)
    assert_refused(done, "Only jsonl can go to stdout")


def test_a_wrong_filter_is_refused_in_one_sentence(store: Store, tmp_path: Path) -> None:
    arguments = ["tsk:a", "--out", "rows.jsonl", "--workspace", "workspace"]
    assert_refused(btp_tui("export", *arguments, cwd=tmp_path), "did you mean 'task'?")


def test_a_reader_of_stdout_that_goes_away_is_no_error_to_speak_of(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.sampled(*(f"x = {n} #{'long' * 100}" for n in range(2000)))
        command = [BIN / "btp-tui", "export", "--out", "-", "--workspace", store.workspace.path]
        reading, writing = os.pipe()
        with subprocess.Popen(command, stdout=writing, stderr=subprocess.PIPE) as process:
            os.close(writing)
            os.read(reading, 10)
            os.close(reading)
            _, said = process.communicate()
    assert (process.returncode, said) == (1, b"")


@pytest.mark.parametrize(
    ("name", "wanted", "chosen"),
    [
        ("rows.parquet", None, Format.PARQUET),
        ("rows.jsonl.gz", None, Format.JSONL),
        ("rows", None, Format.JSONL),
        ("rows", Format.DATASET, Format.DATASET),
        ("rows.v2", Format.PARQUET, Format.PARQUET),
    ],
)
def test_the_name_of_a_file_says_its_format(
    name: str, wanted: Format | None, chosen: Format
) -> None:
    assert formats.format_of(Path(name), wanted) is chosen


def test_a_name_that_contradicts_the_format_is_refused() -> None:
    with pytest.raises(CoreError, match=r"rows.parquet ends like parquet but --format is jsonl"):
        formats.format_of(Path("rows.parquet"), Format.JSONL)


def test_a_compressed_export_holds_no_other_name(store: Store, tmp_path: Path) -> None:
    """gunzip -N would give the file the name that it had while it was written."""
    out = tmp_path / "rows.jsonl.gz"
    write(store, out)
    assert out.read_bytes()[3] == 0, "the flags of the header: no name"
