"""Programs from a file, run and stored by the parts that `btp-tui score` uses."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.errors import CoreError
from core.executor import Executor, Limits
from core.score import score
from core.tasks.load import load_tasks
from storage.columns import Columns
from storage.reader import Reader
from storage.workspace import Workspace
from tests.benchmarks.judge_apps import judge_all
from tests.conftest import real_data

SOLUTIONS = Path(__file__).parent / "solutions" / "apps"

TASKS = (
    {
        "task_id": 1,
        "text": "Write a function to double.",
        "code": "def double(x):\n    return 2 * x\n",
        "test_list": ["assert double(1) == 2", "assert double(0) == 0"],
    },
    {
        "task_id": 2,
        "text": "Write a function to negate.",
        "code": "def negate(x):\n    return -x\n",
        "test_list": ["assert negate(1) == -1"],
    },
)
RIGHT = {"task_id": 1, "program": TASKS[0]["code"], "logprob": -2.5, "n_tokens": 9}
HALF = {"task_id": "mbpp/1", "program": "def double(x):\n    return 0\n", "source": "teacher"}
BROKEN = {"problem_id": 2, "completion": "def negate(x)\n"}


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    """Allows plenty of wall-clock time: the machine may be busy with other tests."""
    with Executor(workers=2, limits=Limits(wall_limit_s=60)) as running:
        yield running


def write_lines(path: Path, *records: object) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def tasks(tmp_path: Path) -> str:
    """Two small tasks, as TASKS of the command."""
    return f"mbpp:{write_lines(tmp_path / 'tasks.jsonl', *TASKS)}"


def test_programs_are_run_counted_and_written_in_the_order_of_the_file(
    tasks: str, tmp_path: Path, executor: Executor
) -> None:
    slow = RIGHT | {"program": f"import time\ntime.sleep(0.5)\n{RIGHT['program']}"}
    programs = write_lines(tmp_path / "programs.jsonl", slow, HALF, BROKEN)
    out = tmp_path / "verdicts.jsonl"
    summary = score(tasks, programs, Workspace(tmp_path / "runs"), executor, out)
    assert read_lines(out) == [
        {"task_id": 1, "index": 0, "passed": True, "pass_rate": 1.0, "outcome": "passed"},
        {
            "task_id": "mbpp/1",
            "index": 1,
            "passed": False,
            "pass_rate": 0.5,
            "outcome": "wrong answer",
        },
        {"task_id": 2, "index": 0, "passed": False, "pass_rate": 0.0, "outcome": "syntax error"},
    ]
    assert (summary["tasks"], summary["programs"], summary["passed"]) == (2, 3, 1)
    assert summary["pass_rate"] == pytest.approx(0.5)
    assert summary["paths"] == {"stdin": 0, "split": 2, "other": 1}
    assert summary["isolation"] == str(executor.isolation)


def test_programs_and_verdicts_are_stored_as_a_run(
    tasks: str, tmp_path: Path, executor: Executor
) -> None:
    workspace = Workspace(tmp_path / "runs")
    programs = write_lines(tmp_path / "programs.jsonl", RIGHT, HALF)
    summary = score(tasks, programs, workspace, executor)
    reader = Reader(workspace)
    run = reader.run(str(summary["run"]))
    assert run is not None
    assert (run.kind, run.isolation) == ("score", summary["isolation"])
    assert run.progress is not None
    assert (run.progress.state, run.progress.tested) == ("finished", 2)
    assert not workspace.engine_alive(run.name)
    columns = Columns(reader)
    columns.refresh()
    assert list(columns.pass_rate) == [1.0, 0.5]
    assert columns.logprob[0] == -2.5
    assert [columns.sources[code] for code in columns.source] == [
        "import:programs.jsonl",
        "teacher",
    ]
    detail = reader.program(int(columns.sample[1]))
    assert (detail.text, detail.n_tokens) == (HALF["program"], None)


def test_a_completion_follows_the_prompt_of_a_task_that_is_completed(
    tmp_path: Path, executor: Executor
) -> None:
    prompt = 'def half(x: int) -> int:\n    """Half of x."""\n'
    check = "def check(candidate):\n    assert candidate(4) == 2\n"
    task = {"task_id": "H/1", "prompt": prompt, "entry_point": "half", "test": check}
    completion = {"task_id": "H/1", "completion": "    return x // 2\n"}
    spec = f"humaneval:{write_lines(tmp_path / 'tasks.jsonl', task)}"
    programs = write_lines(tmp_path / "programs.jsonl", completion)
    assert score(spec, programs, Workspace(tmp_path / "runs"), executor)["passed"] == 1


def test_progress_is_told_up_to_the_last_program(
    tasks: str, tmp_path: Path, executor: Executor
) -> None:
    told: list[tuple[int, int]] = []
    programs = write_lines(tmp_path / "programs.jsonl", *[RIGHT, HALF] * 50)
    score(
        tasks,
        programs,
        Workspace(tmp_path / "runs"),
        executor,
        on_progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(done, 100) for done in range(1, 101)]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ({"task_id": "mbpp/3", "program": ""}, "there is no task 'mbpp/3'"),
        ({"program": "x"}, "the field 'task_id' is missing"),
        ({"task_id": 1}, "neither 'program' (a whole file) nor 'completion'"),
        ({"task_id": 1, "program": 3}, "'program' must be a text"),
        ({"task_id": 1, "program": "x", "logprob": 0.5}, "'logprob' must be a log-probability"),
        ({"task_id": 1, "program": "x", "logprob": float("nan")}, "'logprob' must be"),
        ({"task_id": 1, "program": "x", "n_tokens": 0}, "'n_tokens' must be a whole number"),
        ({"task_id": 1, "program": "x", "source": 3}, "'source' must be a text"),
        ({"task_id": 1, "program": "\ud800"}, "'program' is not valid Unicode"),
        ([], "expected one JSON object a line"),
    ],
)
def test_a_wrong_line_is_refused_before_anything_is_written(
    line: object, complaint: str, tasks: str, tmp_path: Path, executor: Executor
) -> None:
    programs = write_lines(tmp_path / "programs.jsonl", RIGHT, line)
    before = set(tmp_path.iterdir())
    with pytest.raises(CoreError) as caught:
        score(tasks, programs, Workspace(tmp_path / "runs"), executor, tmp_path / "out.jsonl")
    assert f"{programs}, line 2: " in str(caught.value)
    assert complaint in str(caught.value)
    assert set(tmp_path.iterdir()) == before


def test_a_file_without_programs_is_refused(tasks: str, tmp_path: Path, executor: Executor) -> None:
    programs = write_lines(tmp_path / "programs.jsonl")
    with pytest.raises(CoreError, match="holds no programs"):
        score(tasks, programs, Workspace(tmp_path / "runs"), executor)


@pytest.mark.parametrize("out", ["folder", "absent/out.jsonl"])
def test_a_place_that_cannot_be_written_is_refused_first(
    out: str, tasks: str, tmp_path: Path, executor: Executor
) -> None:
    (tmp_path / "folder").mkdir()
    programs = write_lines(tmp_path / "programs.jsonl", RIGHT)
    with pytest.raises(CoreError, match="Cannot write"):
        score(tasks, programs, Workspace(tmp_path / "runs"), executor, tmp_path / out)
    assert not (tmp_path / "runs").exists()


def test_an_interrupted_score_leaves_no_half_written_file(tasks: str, tmp_path: Path) -> None:
    def interrupt(done: int, _: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    programs = write_lines(tmp_path / "programs.jsonl", RIGHT, HALF, BROKEN)
    workspace = Workspace(tmp_path / "runs")
    with Executor(workers=1) as executor, pytest.raises(KeyboardInterrupt):
        score(tasks, programs, workspace, executor, tmp_path / "out.jsonl", interrupt)
    assert {path.name for path in tmp_path.iterdir()} == {"programs.jsonl", "tasks.jsonl", "runs"}
    [run] = Reader(workspace).runs()
    assert run.progress is not None
    assert run.progress.state == "stopped"


# Real tasks and real programs


def test_the_canonical_solutions_of_humaneval_pass_by_the_split_tester(
    tmp_path: Path, executor: Executor
) -> None:
    spec = f"humaneval:{real_data('HumanEval.jsonl.gz')}"
    solutions = [{"task_id": t.task_id, "program": t.reference} for t in load_tasks(spec)]
    programs = write_lines(tmp_path / "programs.jsonl", *solutions)
    summary = score(spec, programs, Workspace(tmp_path / "runs"), executor)
    assert (summary["tasks"], summary["programs"], summary["passed"]) == (164, 164, 164)
    assert summary["paths"] == {"stdin": 0, "split": 164, "other": 0}


def test_the_published_verdicts_on_real_humaneval_programs_are_reproduced(
    tmp_path: Path, executor: Executor
) -> None:
    programs, out = real_data("gpt35-humaneval.jsonl.gz"), tmp_path / "verdicts.jsonl"
    spec = f"humaneval:{real_data('HumanEval.jsonl.gz')}"
    score(spec, programs, Workspace(tmp_path / "runs"), executor, out)
    with gzip.open(programs, "rt") as lines:
        published = {each["task_id"]: each["published_solved"] for each in map(json.loads, lines)}
    assert {each["task_id"]: each["passed"] for each in read_lines(out)} == published


def test_the_reference_solutions_of_mbpp_pass(tmp_path: Path, executor: Executor) -> None:
    spec = f"mbpp:{real_data('mbpp.jsonl.gz')}"
    solutions = [{"task_id": t.task_id, "program": t.reference} for t in load_tasks(spec)]
    programs = write_lines(tmp_path / "programs.jsonl", *solutions)
    out = tmp_path / "verdicts.jsonl"
    score(spec, programs, Workspace(tmp_path / "runs"), executor, out)
    assert [each for each in read_lines(out) if not each["passed"]] == []


def test_our_solutions_of_real_apps_tasks_pass(tmp_path: Path, executor: Executor) -> None:
    solutions = [
        {"problem_id": int(path.stem), "program": path.read_text()}
        for path in sorted(SOLUTIONS.glob("*.py"))
    ]
    assert len(solutions) >= 20
    programs = write_lines(tmp_path / "programs.jsonl", *solutions)
    out = tmp_path / "verdicts.jsonl"
    spec = f"apps:{real_data('apps-150.jsonl.gz')}"
    score(spec, programs, Workspace(tmp_path / "runs"), executor, out)
    assert [each for each in read_lines(out) if not each["passed"]] == []


@pytest.mark.soak
def test_real_apps_programs_are_judged_as_plain_python_processes_judge_them(
    tmp_path: Path, executor: Executor
) -> None:
    tasks, programs = real_data("apps-150.jsonl.gz"), real_data("gpt35-apps-150.jsonl.gz")
    out = tmp_path / "verdicts.jsonl"
    summary = score(f"apps:{tasks}", programs, Workspace(tmp_path / "runs"), executor, out)
    ours = [(str(each["task_id"]), each["pass_rate"]) for each in read_lines(out)]
    assert ours == [
        (task, passed / tests) for task, passed, tests in judge_all(str(tasks), str(programs))
    ]
    assert summary["inconclusive"] == 0
    assert summary["seconds"] < 300  # type: ignore[operator]
