"""Published tasks and programs through the split tester."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from core.executor import Executor, Limits
from core.tasks import Task, Verdict
from core.tasks.load import load_tasks
from tests.conftest import real_data


def records(name: str) -> list[dict[str, Any]]:
    with gzip.open(real_data(name), "rt") as file:
        return [json.loads(line) for line in file]


def judged(programs: list[tuple[Task, str]]) -> list[Verdict]:
    """One verdict a program, in order; patient, for the machine may be busy."""
    with Executor(workers=2, limits=Limits(time_limit_s=5, wall_limit_s=30)) as executor:
        found = dict(executor.run(programs))
    return [found[index] for index in range(len(programs))]


def unexpected(programs: list[tuple[Task, str]], passing: list[bool]) -> list[str]:
    """Tasks whose verdict is another than expected, or did not come from the split tester."""
    wrong = []
    for (task, _), verdict, passes in zip(programs, judged(programs), passing, strict=True):
        if verdict.passed != passes or (verdict.path != "split" and passes):
            wrong.append(f"{task.task_id}: {verdict.outcome}")
    return wrong


def test_all_164_humaneval_solutions_pass() -> None:
    tasks = load_tasks(f"humaneval:{real_data('HumanEval.jsonl.gz')}")
    programs = [(task, task.reference or "") for task in tasks]
    assert len(programs) == 164
    assert unexpected(programs, [True] * 164) == []


def test_all_164_published_verdicts_on_real_programs_are_reproduced() -> None:
    tasks = {t.task_id: t for t in load_tasks(f"humaneval:{real_data('HumanEval.jsonl.gz')}")}
    published = records("gpt35-humaneval.jsonl.gz")
    programs = [(tasks[f"humaneval/{r['task_id']}"], r["program"]) for r in published]
    assert unexpected(programs, [bool(r["published_solved"]) for r in published]) == []


@pytest.mark.parametrize("part", range(2))
def test_all_974_mbpp_solutions_pass(part: int) -> None:
    tasks = load_tasks(f"mbpp:{real_data('mbpp.jsonl.gz')}")
    assert len(tasks) == 974
    programs = [(task, task.reference or "") for task in tasks[part::2]]
    assert unexpected(programs, [True] * len(programs)) == []
