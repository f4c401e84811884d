"""Each objective trains the embedded model for two iterations, and a stopped run repeats itself."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from core.config import Config
from core.config_reading import build_config
from core.engine import Listeners, resume, start
from core.pipeline import Pipeline
from core.training import Update
from storage.reader import Reader
from storage.schema import UpdateRecord
from storage.workspace import Workspace
from tests.engine_runs import small_held_out

UPDATES = 3

GRPO = {
    "objective": {"name": "grpo"},
    "replay": {"learn_from": "newest", "draw": "groups"},
    "sampler": {"strategy": "sample", "beams": 4},
}


def config(folder: Path, settings: dict[str, Any]) -> Config:
    """Two iterations of four tasks, all updates of which may have to be made again."""
    small: dict[str, dict[str, Any]] = {
        "model": {"offline": True},
        "tasks": {"limit": 4, "held_out": [f"nano:{small_held_out(folder, 1)}"]},
        "sampler": {"tasks_per_iteration": 4},
        "trainer": {"updates_per_iteration": UPDATES, "minibatch": 6},
        "checkpoint": {"every_updates": 100},
        "executor": {"workers": 1},
    }
    for section, values in settings.items():
        small[section] = {**small.get(section, {}), **values}
    return build_config({"max_iterations": 2, **small}, origin="the test")


def updates(workspace: Workspace) -> list[UpdateRecord]:
    with Reader(workspace) as reader:
        return reader.updates(1)


def ran(folder: Path, settings: dict[str, Any]) -> list[UpdateRecord]:
    workspace = Workspace(folder / "workspace").create()
    start(workspace, config(folder, settings), "run", Listeners())
    return updates(workspace)


@pytest.mark.parametrize(
    "settings",
    [
        {"objective": {"name": "weighted_nll"}, "replay": {"draw": "entire"}},
        {"objective": {"name": "contrast"}, "replay": {"task_balance": 1.0}},
        GRPO,
    ],
    ids=["weighted_nll", "contrast", "grpo"],
)
def test_killed_within_its_updates_a_run_draws_and_learns_the_same_again(
    tmp_path: Path, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    make = Pipeline._update

    def die_in_the_last(pipeline: Pipeline, number: int) -> Update:
        if number == 2 * UPDATES:
            raise SystemError("killed")
        return make(pipeline, number)

    with monkeypatch.context() as patched:
        patched.setattr(Pipeline, "_update", die_in_the_last)
        with pytest.raises(SystemError):
            ran(tmp_path, settings)
    workspace = Workspace(tmp_path / "workspace")
    before = updates(workspace)
    resume(workspace, "run", Listeners())
    after = updates(workspace)
    assert [update.number for update in after] == list(range(1, 2 * UPDATES + 1))
    assert [one.draws for one in after[:-1]] == [one.draws for one in before]
    assert [one.at for one in after[UPDATES:-1]] != [one.at for one in before[UPDATES:]]
    assert [one.loss for one in after[:-1]] == pytest.approx(
        [one.loss for one in before], rel=1e-4, abs=1e-6
    )
    assert all(math.isfinite(one.loss) for one in after)
    assert any(one.grad_norm > 0 for one in after)


def test_rejection_fine_tuning_learns_from_passing_programs_alone(tmp_path: Path) -> None:
    settings = {"replay": {"learn_from": "passed", "exponent": 0.0}}
    drawn = {sample for update in ran(tmp_path, settings) for sample in update.draws}
    with Reader(Workspace(tmp_path / "workspace")) as reader:
        passed = reader.query(
            "SELECT s.id FROM samples s JOIN verdicts v ON v.program = s.program "
            "WHERE v.pass_rate = 1"
        )
    assert drawn and drawn <= {sample for (sample,) in passed}


def test_grpo_goes_once_through_what_the_newest_iteration_wrote(tmp_path: Path) -> None:
    settings = {**GRPO, "trainer": {"updates_per_iteration": 1, "minibatch": 16}}
    (first, second) = ran(tmp_path, settings)
    with Reader(Workspace(tmp_path / "workspace")) as reader:
        of = dict(reader.query("SELECT id, iteration FROM samples"))
    for iteration, update in enumerate((first, second)):
        assert {of[sample] for sample in update.draws} == {iteration}
        distinct = set(update.draws)
        again = len(update.draws) - len(distinct)
        assert again == max(0, 16 - len(distinct)), "none twice before all came once"
