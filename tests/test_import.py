"""Programs from files in the store: the same rows again, tested anew, or one sentence."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.config import ReplayConfig
from core.errors import CoreError
from core.exchange.export import export
from core.exchange.formats import Format
from core.exchange.importing import import_file
from core.executor import Executor, Limits
from core.records import task_record
from core.score import score
from core.tasks.load import load_tasks
from storage.columns import Columns
from storage.errors import StorageError
from storage.programs import pack_tokens
from storage.reader import Reader
from storage.schema import SampleRecord
from storage.workspace import Workspace
from storage.writer import Writer
from tests.stores import verdict
from tests.test_cli import assert_refused, btp_tui
from tests.test_score import HALF, RIGHT, TASKS, write_lines

OUTPUTS = {"rows.jsonl": Format.JSONL, "rows.parquet": Format.PARQUET, "rows": Format.DATASET}

DOUBLE = TASKS[0]["code"]


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    """Allows plenty of wall-clock time: the machine may be busy with other tests."""
    with Executor(workers=2, limits=Limits(wall_limit_s=60)) as running:
        yield running


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> str:
    """mbpp/1 and mbpp/2, as TASKS of the command."""
    return f"mbpp:{write_lines(tmp_path_factory.mktemp('tasks') / 'tasks.jsonl', *TASKS)}"


@dataclass(frozen=True, slots=True)
class Row:
    """One sample as a store holds it, whatever its ids are."""

    run: int
    iteration: int
    record: SampleRecord
    excluded: bool
    marked: bool


def stored(workspace: Workspace) -> list[Row]:
    """All samples of a workspace; the runs count from 0."""
    with Reader(workspace) as reader:
        numbers = {run.id: place for place, run in enumerate(reversed(reader.runs()))}
        rows = []
        columns = Columns(reader)
        columns.refresh()
        for place, sample in enumerate(columns.sample.tolist()):
            found = reader.program(sample)
            assert found is not None
            [(tokens,)] = reader.query("SELECT max(tokens) FROM tokens WHERE id = ?", (sample,))
            known = (found.text, found.logprob, found.n_tokens, tokens)
            record = SampleRecord(found.task.task_id, found.rank, found.source, *known)
            said = bool(columns.excluded[place]), bool(columns.marked[place])
            rows.append(Row(numbers[found.run], found.iteration, record, *said))
    return rows


def take(tasks: str, programs: Path, executor: Executor) -> tuple[Workspace, dict[str, Any]]:
    """Imports into a new workspace beside the file."""
    workspace = Workspace(programs.parent / "imported")
    return workspace, import_file(tasks, programs, workspace, executor)


def placed(**changes: object) -> dict[str, object]:
    return {"task_id": "mbpp/1", "iteration": 4, "rank": 2, "program": "x = 1"} | changes


# What was exported comes back as it was

logprobs = st.floats(max_value=0, allow_infinity=False, width=32)


@st.composite
def records(draw: st.DrawFn) -> SampleRecord:
    """Odd texts and figures, all, some or none of which the source reported."""
    tokens = draw(st.none() | st.lists(st.tuples(st.integers(0, 2**31 - 1), logprobs), min_size=1))
    n_tokens = draw(st.none() | st.integers(1, 2**31 - 1))
    logprob = draw(st.none() | st.floats(max_value=0, allow_infinity=False))
    if tokens:
        ids, values = (np.array(part) for part in zip(*tokens, strict=True))
        packed = pack_tokens(ids.astype(np.int32), values.astype(np.float32))
        n_tokens, logprob = len(tokens), -1.5 if logprob is None else logprob
    return SampleRecord(
        task_id=draw(st.sampled_from(("mbpp/1", "mbpp/2"))),
        rank=0,
        source=draw(st.text(st.characters(codec="utf-8"), min_size=1)),
        text="\x00" + draw(st.text(st.characters(codec="utf-8"))),  # which never comes to run
        logprob=logprob,
        n_tokens=n_tokens,
        tokens=packed if tokens else None,
    )


@given(rows=st.lists(st.tuples(records(), st.integers(0, 1), st.integers(0, 3)), min_size=1))
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@pytest.mark.parametrize("name", OUTPUTS)
def test_what_was_exported_is_imported_as_the_same_rows(
    name: str,
    rows: list[tuple[SampleRecord, int, int]],
    tasks: str,
    executor: Executor,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("round-trip")
    workspace = Workspace(folder / "exported").create()
    with Writer(workspace) as writer:
        writer.add_tasks([task_record(task) for task in load_tasks(tasks)])
        first = rows[0][1]  # the first sample's run is the first to be imported
        runs = [writer.create_run(f"demo-{n}", "train", "", "nano", "all") for n in (0, 1)]
        for rank, (record, run, iteration) in enumerate(rows):
            [landed] = writer.add_samples(
                runs[run ^ first], iteration, [replace(record, rank=rank)]
            )
            if iteration % 2:
                writer.set_flag(runs[run ^ first], "excluded", True, [landed.sample])
            if iteration > 1:
                writer.set_flag(runs[run ^ first], "marked", True, [landed.sample])
    export(workspace, "", OUTPUTS[name], folder / name, ReplayConfig())
    imported, _ = take(tasks, folder / name, executor)
    assert by_run(imported) == by_run(workspace)


def by_run(workspace: Workspace) -> list[Row]:
    return sorted(stored(workspace), key=lambda row: row.run)


def test_programs_are_tested_anew_whatever_the_file_says(
    tasks: str, tmp_path: Path, executor: Executor
) -> None:
    told = {"outcome": "timeout", "pass_rate": 0.0, "partial": True}
    rows = write_lines(tmp_path / "rows.jsonl", RIGHT | told, HALF | told)
    workspace, summary = take(tasks, rows, executor)
    with Reader(workspace) as reader:
        columns = Columns(reader)
        columns.refresh()
        assert columns.pass_rate.tolist() == [1.0, 0.5]
    assert (summary["programs"], summary["passed"], summary["tasks"]) == (2, 1, 1)


def test_rows_of_different_runs_become_runs_of_their_own(
    tasks: str, tmp_path: Path, executor: Executor
) -> None:
    rows = [placed(run="demo-2"), placed(run="demo-1", program="x = 2"), placed(program="x = 3")]
    workspace, summary = take(tasks, write_lines(tmp_path / "rows.jsonl", *rows), executor)
    assert summary["runs"] == {"import-1": "demo-2", "import-2": "demo-1", "import-3": ""}
    with Reader(workspace) as reader:
        runs = reader.runs()[::-1]
    assert [run.kind for run in runs] == ["import"] * 3
    assert 'run = "demo-2"' in runs[0].config
    assert {run.progress and run.progress.state for run in runs} == {"finished"}
    assert [(row.run, row.record.text) for row in stored(workspace)] == [
        (0, "x = 1"),
        (1, "x = 2"),
        (2, "x = 3"),
    ]


def test_a_row_without_rank_has_its_index_within_its_task(
    tasks: str, tmp_path: Path, executor: Executor
) -> None:
    lines = [{"task_id": task, "program": f"x = {n}"} for n, task in enumerate((1, 2, 1, 1, 2))]
    workspace, _ = take(tasks, write_lines(tmp_path / "rows.jsonl", *lines), executor)
    ranks = [(row.record.task_id, row.record.rank) for row in stored(workspace)]
    assert ranks == [("mbpp/1", 0), ("mbpp/2", 0), ("mbpp/1", 1), ("mbpp/1", 2), ("mbpp/2", 1)]


def test_tokens_say_what_the_file_does_not_say_of_their_number_and_sum(
    tasks: str, tmp_path: Path, executor: Executor
) -> None:
    row = placed(token_ids=[5, 6], token_logprobs=[-0.5, -0.25])
    workspace, _ = take(tasks, write_lines(tmp_path / "rows.jsonl", row), executor)
    [found] = stored(workspace)
    assert (found.record.n_tokens, found.record.logprob) == (2, -0.75)


def test_whole_numbers_may_be_written_as_floats(
    tasks: str, tmp_path: Path, executor: Executor
) -> None:
    """As pandas writes a column of whole numbers with gaps."""
    table = pyarrow.table(
        {
            "task_id": ["mbpp/1", "mbpp/1"],
            "program": ["x = 1", "x = 2"],
            "n_tokens": [9.0, None],
            "rank": [3.0, 4.0],
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "rows.parquet")
    workspace, _ = take(tasks, tmp_path / "rows.parquet", executor)
    known = [(row.record.n_tokens, row.record.rank) for row in stored(workspace)]
    assert known == [(9, 3), (None, 4)]


def test_a_row_that_is_there_twice_counts_once(
    tasks: str, tmp_path: Path, executor: Executor
) -> None:
    rows = write_lines(tmp_path / "rows.jsonl", placed(), placed(rank=3), placed())
    workspace, summary = take(tasks, rows, executor)
    assert (summary["programs"], summary["repeated"]) == (2, 1)
    assert [row.record.rank for row in stored(workspace)] == [2, 3]


def test_importing_a_file_again_makes_another_run(
    tasks: str, tmp_path: Path, executor: Executor
) -> None:
    rows = write_lines(tmp_path / "rows.jsonl", placed())
    take(tasks, rows, executor)
    workspace, summary = take(tasks, rows, executor)
    assert list(summary["runs"]) == ["import-2"]
    assert [row.run for row in stored(workspace)] == [0, 1]


def test_progress_is_told_over_all_runs(tasks: str, tmp_path: Path, executor: Executor) -> None:
    told: list[tuple[int, int]] = []
    rows = write_lines(tmp_path / "rows.jsonl", placed(run="a"), placed(run="b"), placed())
    workspace = Workspace(tmp_path / "imported")
    import_file(tasks, rows, workspace, executor, lambda *at: told.append(at))
    assert told == [(1, 3), (2, 3), (3, 3)]


# What is wrong is said in one sentence, before anything is written


def refused(tasks: str, programs: Path, executor: Executor) -> str:
    """What the import of a file is refused with; nothing is there afterwards that was not."""
    before = sorted(programs.parent.rglob("*"))
    with pytest.raises(CoreError) as caught:
        take(tasks, programs, executor)
    assert sorted(programs.parent.rglob("*")) == before
    return str(caught.value)


@pytest.mark.parametrize("other", [placed(program="x = 2"), placed(task_id=1, program="")])
def test_two_programs_in_one_place_are_refused_by_line(
    other: object, tasks: str, tmp_path: Path, executor: Executor
) -> None:
    rows = write_lines(tmp_path / "rows.jsonl", placed(run="b"), placed(), placed(rank=0), other)
    complaint = refused(tasks, rows, executor)
    assert complaint.startswith(f"{rows}, line 4: ")
    assert f"as in {rows}, line 2, but another program; give it another run or rank." in complaint


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"task_id": "mbpp/3"}, "there is no task 'mbpp/3'"),
        ({"program": None}, "neither 'program' (a whole file) nor 'completion'"),
        ({"program": 3}, "'program' must be a text"),
        ({"program": "\ud800"}, "'program' is not valid Unicode"),
        ({"run": 3}, "'run' must be a text"),
        ({"source": 3}, "'source' must be a text"),
        ({"iteration": -1}, "'iteration' must be a whole number from 0"),
        ({"iteration": "2"}, "'iteration' must be a whole number from 0"),
        ({"rank": 1 << 15}, "'rank' must be a whole number from 0 to 32767"),
        ({"rank": 0.5}, "'rank' must be a whole number"),
        ({"rank": True}, "'rank' must be a whole number"),
        ({"n_tokens": math.inf}, "'n_tokens' must be a whole number from 1"),
        ({"logprob": 0.5}, "'logprob' must be a log-probability in nats, at most 0"),
        ({"logprob": -math.inf}, "'logprob' must be a log-probability"),
        ({"logprob": -(10**400)}, "'logprob' must be a log-probability"),
        ({"excluded": 1}, "'excluded' must be true or false"),
        ({"token_ids": [1]}, "of 'token_ids' and 'token_logprobs' one is missing"),
        ({"token_ids": [-1], "token_logprobs": [-1.0]}, "'token_ids' must be a list of whole"),
        ({"token_ids": "12", "token_logprobs": [-1.0]}, "'token_ids' must be a list of whole"),
        ({"token_ids": [], "token_logprobs": []}, "'token_ids' must be a list of whole"),
        ({"token_ids": [1], "token_logprobs": [0.9]}, "'token_logprobs' must be a list of log-"),
        ({"token_ids": [1], "token_logprobs": [-1e300]}, "'token_logprobs' must be a list of"),
        ({"token_ids": [1, 2], "token_logprobs": [-1.0]}, "2 'token_ids' and 1 'token_logprobs'"),
        (
            {"token_ids": [1], "token_logprobs": [-1.0], "n_tokens": 2},
            "'n_tokens' must be 1, the number of 'token_ids', not 2",
        ),
    ],
)
def test_a_wrong_field_is_named_with_its_line(
    changes: dict[str, object], complaint: str, tasks: str, tmp_path: Path, executor: Executor
) -> None:
    rows = write_lines(tmp_path / "rows.jsonl", RIGHT, placed(**changes))
    said = refused(tasks, rows, executor)
    assert said.startswith(f"{rows}, line 2: ")
    assert complaint in said


@pytest.mark.parametrize("name", ["rows.parquet", "rows"])
def test_a_wrong_field_of_a_table_is_named_with_its_row(
    name: str, tasks: str, tmp_path: Path, executor: Executor
) -> None:
    columns = {"task_id": ["mbpp/1"] * 2, "program": ["x", "y"], "logprob": [-1.0, 2.0]}
    if name == "rows":
        datasets.Dataset.from_dict(columns).save_to_disk(str(tmp_path / name))
    else:
        pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / name)
    said = refused(tasks, tmp_path / name, executor)
    assert f"{tmp_path / name}, row 2: 'logprob' must be" in said


def test_files_that_cannot_be_read_are_named(
    tasks: str, tmp_path: Path, executor: Executor
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "text.parquet").write_text("no parquet at all")
    split = {"train": datasets.Dataset.from_dict({"program": ["x"]})}
    datasets.DatasetDict(split).save_to_disk(str(tmp_path / "splits"))
    for name, complaint in {
        "absent.jsonl": "No such file",
        "absent.parquet": "No such file",
        "empty": "is a folder that datasets.load_from_disk cannot open",
        "empty.jsonl": "holds no programs",
        "text.parquet": "is no parquet file that can be read",
        "splits": "holds several splits (train)",
    }.items():
        said = refused(tasks, tmp_path / name, executor)
        assert str(tmp_path / name) in said
        assert complaint in said
        assert "\n" not in said


def test_a_task_that_is_stored_with_other_tests_leaves_the_store_as_it_was(
    tasks: str, tmp_path: Path, executor: Executor
) -> None:
    workspace, _ = take(tasks, write_lines(tmp_path / "rows.jsonl", RIGHT), executor)
    harder = TASKS[0] | {"test_list": ["assert double(3) == 6"]}
    other = f"mbpp:{write_lines(tmp_path / 'other.jsonl', harder)}"
    with pytest.raises(StorageError, match="another prompt or other tests"):
        import_file(other, tmp_path / "rows.jsonl", workspace, executor)
    with Reader(workspace) as reader:
        assert [run.name for run in reader.runs()] == ["import-1"]


# The commands


def test_what_a_run_wrote_goes_through_a_file_into_another_workspace(
    tasks: str, tmp_path: Path
) -> None:
    workspace = Workspace(tmp_path / "mine").create()
    with Writer(workspace) as writer:
        writer.add_tasks([task_record(task) for task in load_tasks(tasks)])
        run = writer.create_run("demo-1", "train", "", "nano", "all")
        found = writer.add_samples(
            run, 0, [SampleRecord("mbpp/1", 0, "self", str(DOUBLE), -1.0, 3, None)]
        )
        writer.add_verdicts(run, [verdict(found[0].program, 1.0, "passed")])
    arguments = ["pass:1", "--format", "dataset", "--out", "rows", "--workspace", "mine"]
    assert btp_tui("export", *arguments, cwd=tmp_path).returncode == 0
    done = btp_tui("import", tasks, "rows", "--json", "--workspace", "theirs", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    summary = json.loads(done.stdout.splitlines()[-1])
    assert (summary["runs"], summary["passed"]) == ({"import-1": "demo-1"}, 1)


def test_a_wrong_file_is_refused_in_one_sentence(tasks: str, tmp_path: Path) -> None:
    rows = write_lines(tmp_path / "rows.jsonl", placed(), placed(program="x = 2"))
    done = btp_tui("import", tasks, str(rows), cwd=tmp_path)
    assert_refused(done, f"{rows}, line 2", "give it another run or rank")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.jsonl"]


def test_score_reads_the_same_files_and_keeps_to_its_own_fields(
    tasks: str, tmp_path: Path, executor: Executor
) -> None:
    columns = {"task_id": ["mbpp/1"] * 2, "program": [DOUBLE] * 2, "rank": ["B", "A"]}
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "rows.parquet")
    workspace = Workspace(tmp_path / "scored")
    assert score(tasks, tmp_path / "rows.parquet", workspace, executor)["passed"] == 2
    assert [row.record.rank for row in stored(workspace)] == [0, 1]
