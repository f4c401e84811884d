"""`btp-tui eval`: what is written and tested in each mode, the figures, and what is refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.config import Config
from core.config_reading import load_config
from core.errors import CoreError
from core.evaluation import estimators
from core.evaluation.command import evaluate_model
from core.evaluation.decoding import MOST_DRAWS_AT_ONCE, Decoding
from core.evaluation.figures import report
from core.evaluation.held_out import evaluate
from core.evaluation.measure import Asked, Measured, ask, measure
from core.evaluation.subject import Subject, find_subject
from core.executor import Executor
from core.executor.configured import open_executor
from core.models import choose_device, load_student
from core.sampler import Sampler
from core.score import score
from core.tasks import Task
from storage.workspace import Workspace

MODELS = Path(__file__).parents[1] / "core" / "nano" / "models"
#: The machine may be busy with other tests.
PATIENT = ("executor.workers=1", "executor.wall_limit_s=60")
GREEDY, BEAM = Decoding("greedy", 1, (1,)), Decoding("beam", 3, (1,))


def settings(*more: str) -> Config:
    return load_config(None, ["model.offline=true", *PATIENT, *more])


def measured(decoding: Decoding, limit: int = 6, *more: str) -> Measured:
    config = settings(*more)
    return measure(config, ask(config, ["nano:held-out"], limit), decoding)


def printed(capsys: pytest.CaptureFixture[str], *tasks: str, **options: Any) -> dict[str, Any]:
    """What the command says of nano as JSON."""
    options = {"limit": 4, "as_json": True, **options}
    evaluate_model("nano", list(tasks or ["nano:held-out"]), **options)
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_the_embedded_model_is_measured_by_one_command(tmp_path: Path) -> None:
    command = [Path(sys.executable).parent / "btp-tui", "eval", "nano", "nano:held-out"]
    done = subprocess.run(
        [*command, "--limit", "20", "--json"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["tasks"], found["programs"], found["decoder"]) == (20, 20, {"tree": 20})
    accuracy = found["accuracy"]
    assert 0 <= accuracy["low"] < accuracy["mean"] < accuracy["high"] <= 1
    assert accuracy["mean"] <= found["pass_rate"]["mean"]
    assert found["outcomes"]["passed"] == round(20 * accuracy["mean"])
    assert list(tmp_path.iterdir()) == []  # nothing is stored


def test_by_beams_a_model_is_measured_as_a_run_measures_it() -> None:
    config = settings()
    tasks = ask(config, ["nano:held-out"], 6)
    found = measure(config, tasks, BEAM)
    with open_executor(config.executor) as executor:
        sampler = Sampler(load_student(config.model, choose_device("cpu")), config.sampler)
        held_out = evaluate(sampler, executor, [each.task for each in tasks])
    assert found.pass_rates[:, 0].tolist() == list(held_out.pass_rates.values())
    assert report(found, BEAM, seed=0).overall.accuracy.mean == held_out.accuracy
    assert report(found, BEAM, seed=0).overall.pass_rate.mean == pytest.approx(held_out.pass_rate)


def test_greedy_is_the_program_of_one_beam() -> None:
    one_beam = Decoding("beam", 1, (1,))
    greedy, beam = measured(GREEDY), measured(one_beam)
    assert greedy.programs == 6
    assert greedy.scores.tolist() == beam.scores.tolist()
    rounding = 1e-4  # wider minibatches are summed in another order
    assert greedy.scores[:, 0].sum() <= measured(BEAM).scores[:, 0].sum() + rounding


def test_of_several_beams_the_first_n_are_handed_in() -> None:
    decoding = Decoding("beam", 3, (1, 3))
    found = measured(decoding)
    figures = report(found, decoding, seed=0).overall
    correct = found.pass_rates == 1.0
    assert figures.pass_at_k == {}  # beams are no independent draws
    assert figures.n_at_k[1].mean == figures.accuracy.mean == correct[:, 0].mean()
    assert figures.n_at_k[3].mean == correct.any(1).mean()


def test_draws_follow_from_the_seed_and_come_in_rounds() -> None:
    many = MOST_DRAWS_AT_ONCE + 3
    decoding = Decoding("sample", many, (1, many))
    found, again = measured(decoding, 2), measured(decoding, 2)
    assert found.pass_rates.shape == (2, many)
    assert found.programs == 2 * many
    assert found.decoder == {"tree": 2 * 2}
    assert np.array_equal(found.scores, again.scores)
    assert not np.array_equal(found.scores, measured(decoding, 2, "seed=1").scores)
    wild = ("sampler.temperature=3", "sampler.top_p=1", "sampler.max_new_tokens=16")
    second = measured(decoding, 2, *wild).scores[:, many // 2 :]
    assert np.isfinite(second).mean() > 0.9  # new texts: not those of the first round again


def test_pass_at_k_is_estimated_from_the_draws_of_each_task() -> None:
    decoding = Decoding("sample", 8, (1, 4))
    found = measured(decoding)
    figures = report(found, decoding, seed=0).overall
    correct = (found.pass_rates == 1.0).sum(1)
    assert figures.pass_at_k[4].mean == estimators.pass_at_k(8, correct, 4).mean()
    assert figures.pass_at_k[1].mean == pytest.approx(figures.accuracy.mean)
    assert figures.pass_at_k[1].mean < figures.pass_at_k[4].mean


def test_a_text_that_is_drawn_again_is_tested_and_handed_in_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tested: list[tuple[str, str]] = []
    submit = Executor.submit

    def counting(self: Executor, key: Any, task: Task, program: str) -> None:
        tested.append((task.task_id, program))
        submit(self, key, task, program)

    monkeypatch.setattr(Executor, "submit", counting)
    found = measured(Decoding("sample", 10, (1,)), 4, "sampler.temperature=0.3")
    assert found.programs == 40
    assert len(tested) == len(set(tested)) < 40
    assert np.isfinite(found.scores).sum() == len(tested)


def test_a_task_that_cannot_be_asked_counts_as_not_solved() -> None:
    config = settings()
    asked = ask(config, ["nano:held-out"], 2)
    long = replace(asked[0].task, task_id="long", prompt=asked[0].task.prompt * 200)
    found = measure(config, [Asked(long, "nano"), *asked], BEAM)
    assert (found.fit.skipped, found.programs) == (1, 2)
    assert found.pass_rates.shape == (3, 1)
    assert found.pass_rates[0].tolist() == [0.0]


def test_figures_stand_by_dataset_and_by_difficulty_where_there_are_several() -> None:
    config = settings()
    asked = ask(config, ["nano:held-out", "nano:train"], 2)
    levels = ["easy", "hard", "hard", None]
    named = [
        replace(each, task=replace(each.task, difficulty=level))
        for each, level in zip(asked, levels, strict=True)
    ]
    found = report(measure(config, named, GREEDY), GREEDY, seed=0)
    assert found.overall.tasks == 4
    assert {name: each.tasks for name, each in found.by_dataset.items()} == {
        "nano:held-out": 2,
        "nano:train": 2,
    }
    assert {name: each.tasks for name, each in found.by_difficulty.items()} == {
        "easy": 1,
        "hard": 2,
    }


def test_the_file_of_programs_is_one_that_score_reads(tmp_path: Path) -> None:
    out = tmp_path / "programs.jsonl"
    options: dict[str, Any] = {"beams": 2, "k": "1,2", "limit": 4, "settings": [*PATIENT]}
    evaluate_model("nano", ["nano:held-out"], out=out, **options)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["index"] for line in lines] == [0, 1] * 4
    with open_executor(settings().executor) as executor:
        again = score("nano:held-out", out, Workspace(tmp_path / "runs"), executor)
    assert again["passed"] == sum(line["passed"] for line in lines)
    assert again["pass_rate"] == pytest.approx(np.mean([line["pass_rate"] for line in lines]))


def test_the_table_says_how_it_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    evaluate_model("nano", ["nano:held-out"], decoding="sample", samples=4, k="1,2", limit=3)
    shown = capsys.readouterr().out
    assert "nano: 4 samples a task (temperature 0.8, top-p 0.95), 12 programs (tree" in shown
    assert "strict accuracy  test-case average" in shown
    assert "pass@2" in shown
    assert "1@4" in shown


def test_options_go_before_settings_and_limits_count_for_each_dataset(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = printed(
        capsys,
        "nano:held-out",
        "nano:train",
        limit=2,
        max_new_tokens=5,
        settings=["sampler.max_new_tokens=50", "sampler.beams=2"],
    )
    assert (found["tasks"], found["max_new_tokens"], found["written"]) == (4, 5, 2)
    assert found["tokens"] <= 4 * 2 * 5


# What MODEL may be


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """One with a run that has two checkpoints, and one that has none."""
    folder = tmp_path / "runs" / "demo-1"
    for name in ("best", "update-00000004"):
        shutil.copytree(MODELS / "nano", folder / "checkpoints" / name)
    sampler = 'where = "endpoint"\nstrategy = "diverse"\nbeams = 6\nmax_new_tokens = 40\n'
    toml = f'[sampler]\n{sampler}[model]\npath = "gone"\n'
    (folder / "config.toml").write_text(toml)
    (tmp_path / "runs" / "fresh" / "checkpoints").mkdir(parents=True)
    return Workspace(tmp_path)


def test_a_run_is_its_best_checkpoint_measured_with_its_own_settings(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    options: dict[str, Any] = {"limit": 3, "as_json": True, "workspace": workspace.path}
    evaluate_model("demo-1", ["nano:held-out"], **options)
    assert json.loads(capsys.readouterr().out)["written"] == 6
    evaluate_model("demo-1", ["nano:held-out"], beams=2, **options)
    found = json.loads(capsys.readouterr().out)
    assert found["path"] == str(workspace.path / "runs" / "demo-1" / "checkpoints" / "best")
    assert (found["written"], found["max_new_tokens"]) == (2, 40)


def test_another_checkpoint_of_a_run_is_named_after_it(workspace: Workspace) -> None:
    found = find_subject("demo-1/update-00000004", workspace)
    assert found.path == str(workspace.path / "runs/demo-1/checkpoints/update-00000004")
    assert found.config == workspace.path / "runs" / "demo-1" / "config.toml"


@pytest.mark.parametrize("name", ["nano", "Qwen/Qwen2.5-Coder-0.5B", str(MODELS / "nano"), "../x"])
def test_other_names_are_those_of_models(name: str, workspace: Workspace) -> None:
    assert find_subject(name, workspace) == Subject(name)


@pytest.mark.parametrize(
    ("name", "said"),
    [("fresh", "nor a run fresh with a checkpoint"), ("demo-1/worst", "best, update-00000004")],
)
def test_a_run_without_such_a_checkpoint_is_refused(
    name: str, said: str, workspace: Workspace
) -> None:
    with pytest.raises(CoreError, match=said):
        find_subject(name, workspace)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"beams": 2, "k": "1,3"}, "of 2 beams a task, 1 to 2"),
        ({"decoding": "greedy", "k": "2"}, "of 1 program a task"),
        ({"k": "one"}, "expected whole numbers"),
        ({"k": "0"}, "--k 0"),
        ({"samples": 4}, "--samples goes with --decoding sample"),
        ({"decoding": "sample", "beams": 4}, "--beams goes with --decoding beam"),
        ({"temperature": 1.0}, "go with --decoding sample"),
        ({"decoding": "sample", "temperature": 0.0}, "sampler.temperature = 0"),
        ({"settings": ["sampler.where=endpoint"]}, "This command samples here"),
        ({"out": Path("gone/out.jsonl")}, "Cannot write gone/out.jsonl"),
        ({"tasks": ["nano:held-out", "nano:held-out"]}, "has no task that the datasets before"),
        ({"tasks": ["humanevil"]}, "'humanevil'"),
        ({"model": "./no-such-model"}, "no model folder"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_sentence(options: dict[str, Any], said: str) -> None:
    with pytest.raises(CoreError) as caught:
        evaluate_model(**{"model": "nano", "tasks": ["nano:held-out"], "limit": 2, **options})
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
