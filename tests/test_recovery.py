"""Divergence: which steps are skipped, and where a run goes on after several in a row."""

from __future__ import annotations

import copy
import math
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from core.checkpoints import Checkpoints, Counters
from core.config import Config, ModelConfig, TrainerConfig
from core.config_reading import build_config
from core.engine import Listeners, start
from core.errors import CoreError
from core.models import load_student, restore_student
from core.objectives import NegativeLogLikelihood
from core.training import Example, Trainer, Update
from core.training.rates import learning_rate
from core.training.stability import ENOUGH, Stability
from storage.reader import Reader
from storage.workspace import Workspace
from tests.engine_runs import small_held_out

EXAMPLES = [Example([5, 6, 7], [8, 9, 1]), Example([5], [10, 11, 12, 13, 1])]


def test_no_step_is_made_where_the_gradient_is_not_finite(tiny_llama: Any) -> None:
    model = copy.deepcopy(tiny_llama)
    trainer = Trainer(model, TrainerConfig(), NegativeLogLikelihood(), pad_token_id=0)
    trainer.update(EXAMPLES)
    weights = copy.deepcopy(model.state_dict())
    moments = copy.deepcopy(trainer.optimizer.state_dict()["state"])
    update = trainer.update([replace(EXAMPLES[0], weight=math.inf)])
    assert "loss inf" in update.skipped
    assert all(torch.equal(weights[name], weight) for name, weight in model.state_dict().items())
    for place, state in trainer.optimizer.state_dict()["state"].items():
        assert all(torch.equal(moments[place][name], value) for name, value in state.items())
    assert not trainer.update(EXAMPLES).skipped
    assert trainer.stability.skipped_in_a_row == 0


def test_a_gradient_far_beyond_the_usual_explodes_once_the_usual_is_known() -> None:
    stability = Stability()
    for known in range(ENOUGH):
        assert not stability.refusal(1.0, 1000.0 if known == 2 else 1.0)
    assert not stability.refusal(1.0, 99.0)
    assert stability.refusal(1.0, 101.0) == "gradient norm 101, usually 1"
    assert stability.refusal(1.0, math.nan)
    assert stability.skipped_in_a_row == 2


def test_gradients_of_nothing_to_learn_make_no_later_one_explode() -> None:
    stability = Stability()
    for _ in range(3 * ENOUGH):
        assert not stability.refusal(0.0, 0.0)
    assert not stability.refusal(1.0, 5.0)


@pytest.mark.parametrize(
    ("schedule", "middle", "end"), [("linear", 0.6, 0.2), ("cosine", 0.6, 0.2), ("constant", 1, 1)]
)
def test_the_step_size_rises_then_falls_by_its_schedule(
    schedule: Any, middle: float, end: float
) -> None:
    config = TrainerConfig(learning_rate=1.0, schedule=schedule, decay_to=0.2, warmup_updates=4)
    rising = [learning_rate(config, made, 0.0) for made in range(6)]
    assert rising == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0, 1.0])
    assert learning_rate(config, 9, 0.5) == pytest.approx(middle)
    assert learning_rate(config, 9, 1.0) == learning_rate(config, 9, 1.5) == pytest.approx(end)


def test_an_update_takes_the_scheduled_step_size(tiny_llama: Any) -> None:
    config = TrainerConfig(learning_rate=1e-3, decay_to=0.2, warmup_updates=2)
    model = copy.deepcopy(tiny_llama)
    trainer = Trainer(model, config, NegativeLogLikelihood(), pad_token_id=0)
    for made, done, expected in ((0, 0.0, 5e-4), (1, 0.5, 6e-4), (2, 1.0, 2e-4)):
        trainer.update(EXAMPLES, done, made)
        assert trainer.optimizer.param_groups[0]["lr"] == pytest.approx(expected)


@pytest.mark.parametrize("rank", [0, 2])
def test_a_student_takes_back_what_it_was_when_it_was_saved(tmp_path: Path, rank: int) -> None:
    config = ModelConfig(offline=True, lora_rank=rank)
    student = load_student(config, torch.device("cpu"))
    trained = [weight for weight in student.model.parameters() if weight.requires_grad]
    before = [weight.detach().clone() for weight in trained]
    checkpoints = Checkpoints(tmp_path, keep=2)
    optimizer = torch.optim.AdamW(trained)
    place = checkpoints.save(student, optimizer, Counters(0, 1, 1), durable=False)
    with torch.no_grad():
        for weight in trained:
            weight.add_(1.0)
    restore_student(student, place)
    assert all(torch.equal(one, other) for one, other in zip(before, trained, strict=True))
    assert all(weight.requires_grad for weight in trained)


Moment = dict[int, tuple[torch.Tensor, torch.Tensor]]


def spoil(monkeypatch: pytest.MonkeyPatch, spoiled: Collection[int]) -> Moment:
    """Makes some updates of a run infinite; what weights and moments were when each began."""
    update, seen = Trainer.update, Moment()

    def spoiling(self: Trainer, minibatch: Sequence[Example], done: float, made: int) -> Update:
        [weight, *_] = self.optimizer.param_groups[0]["params"]
        state = self.optimizer.state.get(weight, {})
        moment = state.get("exp_avg", torch.zeros(1))
        seen[made + 1] = weight.detach().clone(), moment.clone()
        if made + 1 in spoiled:
            minibatch = [replace(example, weight=math.inf) for example in minibatch]
        return update(self, minibatch, done, made)

    monkeypatch.setattr(Trainer, "update", spoiling)
    return seen


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return build_config(
        {
            "max_iterations": 3,
            "model": {"offline": True},
            "tasks": {"limit": 6, "held_out": [f"nano:{small_held_out(tmp_path, 2)}"]},
            "executor": {"workers": 1},
            "sampler": {"tasks_per_iteration": 3, "beams": 2},
            "trainer": {"updates_per_iteration": 4, "minibatch": 3, "rollback_after": 2},
            "evaluation": {"every": 9},
        },
        origin="the test",
    )


def test_after_several_skipped_steps_a_run_goes_on_from_the_last_good_checkpoint(
    tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path / "workspace").create()
    seen = spoil(monkeypatch, {2, 6, 7})
    result = start(workspace, config, "run", Listeners())
    assert result.state == "finished"
    reader = Reader(workspace)
    run = reader.run("run")
    assert run is not None
    assert [record.number for record in reader.updates(run.id)] == [1, 3, 4, 5, 8, 9, 10, 11, 12]
    assert run.progress is not None
    assert run.progress.skipped_updates == 3
    said = [event.message for event in reader.events(run.id)]
    assert any(line.startswith("Update 2 is skipped: loss ") for line in said)
    assert (
        "2 updates in a row were skipped: going on with the weights of update 4 and other "
        "minibatches." in said
    )
    for now, then in zip(seen[8], seen[5], strict=True):
        assert torch.equal(now, then), "as after update 4"
    assert not torch.equal(seen[6][0], seen[5][0]), "update 5 was taken back"


def test_a_run_that_diverges_again_after_it_was_taken_back_fails_with_a_sentence(
    tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path / "workspace").create()
    seen = spoil(monkeypatch, range(6, 99))
    with pytest.raises(CoreError, match=r"diverged.*smaller trainer\.learning_rate"):
        start(workspace, config, "run", Listeners())
    assert max(seen) == 9, "two that are skipped, back, and two again"
