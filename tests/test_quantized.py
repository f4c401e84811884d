"""Weights and optimizer in fewer bits; these need a GPU and `pip install btp-tui[quantized]`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import pytest
import torch

from core.checkpoints import Checkpoints, Counters, load_optimizer
from core.config import ModelConfig, SamplerConfig, TrainerConfig
from core.models import Student, load_student, save_student
from core.objectives import NegativeLogLikelihood
from core.sampler import Sampler
from core.tasks.load import load_tasks
from core.training import Example, Trainer

DEVICE = torch.device("cuda", 0)

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available() or find_spec("bitsandbytes") is None,
    reason="no CUDA GPU, or no bitsandbytes",
)


def student(**settings: Any) -> Student:
    return load_student(ModelConfig(path="nano", offline=True, **settings), DEVICE)


def examples(asked: Student) -> list[Example]:
    sampler = Sampler(asked, SamplerConfig(max_new_tokens=32, batch_tasks=4))
    return [
        Example(
            sampler.prompts.prompt(task), sampler.prompts.completion_ids(task, task.reference or "")
        )
        for task in load_tasks("nano:train")[:4]
    ]


@pytest.mark.parametrize("bits", ["8bit", "4bit"])
def test_an_adapter_learns_on_quantised_weights_and_is_saved_alone(
    bits: Literal["8bit", "4bit"], tmp_path: Path
) -> None:
    learner = student(quantization=bits, lora_rank=4)
    held = sum(w.numel() * w.element_size() for w in learner.model.parameters())
    assert held < sum(w.numel() for w in learner.model.parameters()) * 3
    lessons = examples(learner)
    trainer = Trainer(
        learner.model, TrainerConfig(learning_rate=3e-3), NegativeLogLikelihood(), pad_token_id=0
    )
    losses = [trainer.update(lessons).loss for _ in range(12)]
    assert losses[-1] < losses[0]
    save_student(learner, tmp_path)
    assert not (tmp_path / "model.safetensors").exists()
    again = load_student(ModelConfig(path=str(tmp_path), quantization=bits), DEVICE)
    probe = torch.tensor([[5, 6, 7]], device=DEVICE)
    with torch.no_grad():
        learned, loaded = (each.model.eval()(probe).logits for each in (learner, again))
    assert torch.allclose(learned, loaded, atol=0.25)


def test_moments_in_8_bits_teach_and_survive_a_checkpoint(tmp_path: Path) -> None:
    learner = student(lora_rank=64)  # tensors below 4,096 numbers keep whole moments
    lessons = examples(learner)
    config = TrainerConfig(optimizer="adamw_8bit", learning_rate=1e-3)
    trainer = Trainer(learner.model, config, NegativeLogLikelihood(), pad_token_id=0)
    losses = [trainer.update(lessons).loss for _ in range(6)]
    assert losses[-1] < losses[0]
    place = Checkpoints(tmp_path, keep=1).save(learner, trainer.optimizer, Counters(0, 6, 6), False)
    states = [value for state in trainer.optimizer.state.values() for value in state.values()]
    assert any(getattr(value, "dtype", None) == torch.uint8 for value in states)
    again = load_student(ModelConfig(path=str(place)), DEVICE)
    resumed = Trainer(again.model, config, NegativeLogLikelihood(), pad_token_id=0)
    load_optimizer(place, resumed.optimizer, DEVICE)
    expected, loss = trainer.update(lessons).loss, resumed.update(lessons).loss
    assert loss == pytest.approx(expected, rel=1e-2)
    expected, loss = trainer.update(lessons).loss, resumed.update(lessons).loss
    assert loss == pytest.approx(expected, rel=2e-2)
