"""Programs that another writes: a model, a server or a file, and what the student learns."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

import core.nano
from core.config import Config, SamplerConfig, TeacherConfig
from core.config_reading import build_config
from core.engine import Listeners, Result, resume, start
from core.errors import CoreError
from core.sampler import Sampler
from core.tasks.load import load_tasks
from core.teachers.files import FileTeacher
from core.teachers.local import LocalTeacher
from storage.reader import Reader
from storage.workspace import Workspace
from tests.engine_runs import small_held_out
from tests.loopback import Call, Says, behaving, completion

NANO_TEACHER = Path(core.nano.__file__).parent / "models" / "nano-teacher"
CPU = torch.device("cpu")
TASKS = load_tasks("nano:train")[:12]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace").create()


def small(tmp_path: Path, **settings: Any) -> Config:
    """Two iterations of four tasks with two programs each."""
    base: dict[str, Any] = {
        "max_iterations": 2,
        "tasks": {"limit": 12, "held_out": [f"nano:{small_held_out(tmp_path, 2)}"]},
        "sampler": {"tasks_per_iteration": 4, "beams": 2},
        "trainer": {"updates_per_iteration": 2, "minibatch": 4},
        "executor": {"workers": 1},
    }
    for key, value in settings.items():
        base[key] = {**base.get(key, {}), **value} if isinstance(value, dict) else value
    return build_config(base, "test")


def run(workspace: Workspace, config: Config) -> Result:
    return start(workspace, config, "run", Listeners())


def rows(workspace: Workspace, columns: str, more: str = "") -> list[Any]:
    with Reader(workspace) as reader:
        return list(reader.query(f"SELECT {columns} FROM samples s {more} ORDER BY s.id"))


def sources(workspace: Workspace) -> Counter[tuple[int, str]]:
    return Counter(rows(workspace, "s.iteration, o.name", "JOIN sources o ON o.id = s.source"))


def drawn(workspace: Workspace) -> set[int]:
    with Reader(workspace) as reader:
        return {draw for update in reader.updates(reader.run("run").id) for draw in update.draws}


def programs_file(folder: Path, name: str = "theirs.jsonl", **more: Any) -> Path:
    """A right and a wrong program for each of the tasks, and one for a task of no run."""
    lines = [
        {"task_id": task.task_id, "program": text, **more}
        for task in TASKS
        for text in (task.reference, "def nothing():\n    pass\n")
    ]
    lines.append({"task_id": "nano/of-another-file", "program": "x = 1\n"})
    file = folder / name
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return file


# Another model


def test_a_local_teacher_writes_first_and_the_student_goes_on(
    workspace: Workspace, tmp_path: Path
) -> None:
    teacher = {"kind": "model", "iterations": 1, "model": {"path": "nano-teacher"}}
    result = run(workspace, small(tmp_path, teacher=teacher))
    assert sources(workspace) == {(0, "teacher:nano-teacher"): 8, (1, "self"): 8}
    assert result.programs == 16 and result.updates == 4


def test_a_local_teacher_is_gone_while_the_student_trains_unless_it_is_to_be_kept() -> None:
    def held(keep: bool) -> list[str]:
        config = TeacherConfig(kind="model", keep_loaded=keep)
        teacher = LocalTeacher(config, SamplerConfig(beams=2), TASKS, CPU, seed=0)
        programs = [found for _, found in teacher.sample(TASKS[:2], 0)]
        assert {one.source for found in programs for one in found} == {"teacher:nano-teacher"}
        teacher.release()
        again = [found for _, found in teacher.sample(TASKS[:2], 1)]
        assert [one.text for found in again for one in found] == [
            one.text for found in programs for one in found
        ]
        teacher.release()
        return [name for name, value in vars(teacher).items() if isinstance(value, Sampler)]

    assert held(keep=False) == []
    assert held(keep=True) == ["_sampler"]


def test_a_teacher_that_cannot_be_loaded_is_refused_before_anything_is_written(
    workspace: Workspace, tmp_path: Path
) -> None:
    wrong = {"kind": "model", "model": {"path": "./no-such-model"}}
    with pytest.raises(CoreError, match="no-such-model"):
        run(workspace, small(tmp_path, teacher=wrong))
    with Reader(workspace) as reader:
        assert reader.run("run") is None


@pytest.mark.parametrize("room", (0, 24))
def test_a_teacher_whose_context_is_too_short_is_refused_or_writes_for_the_tasks_that_fit(
    workspace: Workspace, tmp_path: Path, room: int
) -> None:
    """Beside a program it has room for a prompt of so many tokens; some have more than 24."""
    short = shutil.copytree(NANO_TEACHER, tmp_path / "short")
    settings = json.loads((short / "config.json").read_text())
    settings["max_position_embeddings"] = 96 + room
    (short / "config.json").write_text(json.dumps(settings))
    config = small(
        tmp_path,
        teacher={"kind": "model", "model": {"path": str(short)}},
        sampler={"tasks_per_iteration": 12, "beams": 2, "min_prompt_share": 1.0},
    )
    if not room:
        with pytest.raises(CoreError, match=r"^teacher\.model: "):
            run(workspace, config)
        return
    result = run(workspace, config)
    assert result.state == "finished" and 0 < result.programs < 48
    with Reader(workspace) as reader:
        said = [text for (text,) in reader.query("SELECT message FROM events")]
    assert sum(f"For the teacher {short}: Of 12 prompts cut" in text for text in said) == 1


def test_the_resting_teacher_of_a_run_need_not_be_there_when_it_goes_on(
    workspace: Workspace, tmp_path: Path
) -> None:
    file = programs_file(tmp_path)
    teacher = {"kind": "file", "programs": [str(file)], "iterations": 1}
    run(workspace, small(tmp_path, teacher=teacher))
    file.unlink()
    assert resume(workspace, "run", Listeners()).state == "finished"


# Files


def test_a_file_of_programs_feeds_a_run_and_the_student_says_how_probable_they_are(
    workspace: Workspace, tmp_path: Path
) -> None:
    file = programs_file(tmp_path, source="self", iteration=7)
    run(workspace, small(tmp_path, teacher={"kind": "file", "programs": [str(file)]}))
    assert sources(workspace) == {(0, "import:theirs.jsonl"): 8, (1, "import:theirs.jsonl"): 8}
    assert rows(workspace, "s.logprob") == [(None,)] * 16
    with Reader(workspace) as reader:
        scored = reader.query("SELECT count(DISTINCT sample) FROM possibilities")
    assert scored[0][0] >= 8
    assert drawn(workspace), "what the student scored is learned from"


def test_a_file_may_say_how_probable_its_programs_were_and_who_wrote_them(tmp_path: Path) -> None:
    file = programs_file(tmp_path, source="teacher:big", logprob=-3.5, n_tokens=7)
    teacher = FileTeacher([str(file)], TASKS)
    found = {task.task_id: programs for task, programs in teacher.sample(TASKS[:2], 0)}
    [right, wrong] = found[TASKS[0].task_id]
    assert (right.rank, wrong.rank) == (0, 1)
    assert {right.source, wrong.source} == {"teacher:big"}
    assert (right.logprob, right.n_tokens) == (-3.5, 7)


def test_a_file_without_a_program_for_a_training_task_is_refused(tmp_path: Path) -> None:
    file = programs_file(tmp_path)
    others = load_tasks("nano:train")[500:502]
    with pytest.raises(CoreError, match="no program is for a task of tasks"):
        FileTeacher([str(file)], others)


def test_a_run_never_takes_more_programs_of_a_file_than_it_may(
    workspace: Workspace, tmp_path: Path
) -> None:
    """The file has two programs a task, sampler.beams is one."""
    teacher = {"kind": "file", "programs": [str(programs_file(tmp_path))]}
    sampler = {"tasks_per_iteration": 4, "beams": 1}
    config = small(tmp_path, teacher=teacher, sampler=sampler, max_programs=13, max_iterations=0)
    result = run(workspace, config)
    assert (result.programs, result.reason) == (12, "max_programs = 13 reached")


def test_a_file_without_programs_for_most_tasks_ends_with_the_budget(
    workspace: Workspace, tmp_path: Path
) -> None:
    file = tmp_path / "few.jsonl"
    program = {"task_id": TASKS[0].task_id, "program": TASKS[0].reference}
    file.write_text(3 * (json.dumps(program) + "\n"), encoding="utf-8")
    teacher = {"kind": "file", "programs": [str(file)]}
    result = run(workspace, small(tmp_path, teacher=teacher, max_programs=4, max_iterations=0))
    assert (result.programs, result.reason) == (3, "max_programs = 4 reached")


def test_a_run_of_programs_that_the_student_could_not_write_says_that_it_learns_nothing(
    workspace: Workspace, tmp_path: Path
) -> None:
    file = tmp_path / "long.jsonl"
    lines = [
        json.dumps({"task_id": task.task_id, "program": "# a comment\n" * 200 + task.reference})
        for task in TASKS
    ]
    file.write_text("\n".join(lines), encoding="utf-8")
    result = run(workspace, small(tmp_path, teacher={"kind": "file", "programs": [str(file)]}))
    assert (result.state, result.programs, result.updates) == ("finished", 8, 0)
    with Reader(workspace) as reader:
        said = [text for (text,) in reader.query("SELECT message FROM events")]
    assert any("has both a verdict and a possibility" in text for text in said)


def test_a_broken_file_of_programs_is_refused_with_its_line(tmp_path: Path) -> None:
    file = programs_file(tmp_path)
    file.write_text(file.read_text() + '{"task_id": 3, "program":\n', encoding="utf-8")
    with pytest.raises(CoreError, match=r"theirs.jsonl, line 26"):
        FileTeacher([str(file)], TASKS)
    with pytest.raises(CoreError, match="teacher"):
        build_config({"teacher": {"kind": "file"}}, "test")


def test_what_the_student_could_not_write_is_stored_and_tested_but_never_learned_from(
    workspace: Workspace, tmp_path: Path
) -> None:
    too_long = "# " + "a comment " * 200
    file = tmp_path / "long.jsonl"
    file.write_text(
        "".join(
            json.dumps({"task_id": task.task_id, "program": text, "logprob": -1.0, "n_tokens": 9})
            + "\n"
            for task in TASKS
            for text in (task.reference, f"{too_long}\n{task.reference}")
        ),
        encoding="utf-8",
    )
    run(workspace, small(tmp_path, teacher={"kind": "file", "programs": [str(file)]}))
    commented = "JOIN texts t ON t.id = s.program WHERE t.text LIKE '# a comment%'"
    long = rows(workspace, "s.id, s.logprob", commented)
    assert len(long) == 8
    assert {logprob for _, logprob in long} == {None}
    assert drawn(workspace) and not drawn(workspace) & {sample for sample, _ in long}
    with Reader(workspace) as reader:
        passed = reader.query("SELECT count(*) FROM verdicts WHERE pass_rate = 1")
    assert passed[0][0] >= 8, "they were tested"


# A server


def answers(call: Call) -> Says:
    """The same two programs, whatever is asked."""
    return Says(completion("def nothing():\n    pass\n", "x = 1\n"))


def remote(url: str, **more: Any) -> dict[str, Any]:
    endpoint = {"base_url": url, "model": "big", "api": "completions", **more}
    return {"kind": "endpoint", "endpoint": endpoint}


def test_a_served_teachers_budget_ends_the_run_after_what_it_wrote_is_learned_from(
    workspace: Workspace, tmp_path: Path
) -> None:
    with behaving(answers) as server:
        result = run(workspace, small(tmp_path, teacher=remote(server.url, max_requests=6)))
        assert len(server.calls) == 6
    assert result.state == "finished"
    assert result.reason == "teacher.endpoint.max_requests = 6 is used up"
    assert sources(workspace) == {(0, "teacher:big"): 8, (1, "teacher:big"): 4}
    assert result.updates == 4, "the second iteration was trained on, too"
    with Reader(workspace) as reader:
        progress = reader.run("run").progress
    assert (progress.teacher, progress.teacher_requests) == ("big", 6)
    assert progress.teacher_tokens == 90


def test_a_run_never_asks_a_server_for_more_programs_than_it_may_have(
    workspace: Workspace, tmp_path: Path
) -> None:
    with behaving(answers) as server:
        teacher = remote(server.url, programs=2)
        sampler = {"tasks_per_iteration": 4, "beams": 1}
        result = run(workspace, small(tmp_path, teacher=teacher, sampler=sampler, max_programs=5))
    assert result.programs == 4


def test_a_run_whose_teacher_has_no_budget_left_is_not_trained_further_when_it_goes_on(
    workspace: Workspace, tmp_path: Path
) -> None:
    with behaving(answers) as server:
        run(workspace, small(tmp_path, teacher=remote(server.url, max_requests=2)))
        again = resume(workspace, "run", Listeners())
    assert (again.state, again.updates) == ("finished", 2)
    assert again.reason == "teacher.endpoint.max_requests = 2 is used up"


def test_a_run_that_goes_on_asks_nothing_that_was_answered(
    workspace: Workspace, tmp_path: Path
) -> None:
    with behaving(answers) as server:
        one_by_one = remote(server.url, concurrency=1)
        run(workspace, small(tmp_path, teacher=one_by_one, max_minutes=1e-9))  # ends at once
        begun = len(server.calls)
        resume(workspace, "run", Listeners())
        bodies = {json.dumps(call.body, sort_keys=True) for call in server.calls}
    assert begun > 0
    assert len(server.calls) <= len(bodies) + 1, "but for the one that was under way"
