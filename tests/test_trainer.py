"""The trainer: which tokens count, that batching changes nothing, what happens without memory."""

import copy
from typing import Any

import pytest
import torch

from core.config import TrainerConfig
from core.errors import CoreError
from core.objectives import NegativeLogLikelihood
from core.training import Example, Trainer

NLL = NegativeLogLikelihood()
EXAMPLES = [
    Example(prompt=[5, 6, 7], program=[8, 9, 1]),
    Example(prompt=[5], program=[10, 11, 12, 13, 1]),
    Example(prompt=[20, 21, 22, 23, 24, 25], program=[1]),
]


@pytest.fixture
def model(tiny_llama: Any) -> Any:
    return copy.deepcopy(tiny_llama)


def teacher_forced_loss(model: Any, example: Example) -> float:
    """-log p of the program's tokens, straight from the definition."""
    ids = torch.tensor([[*example.prompt, *example.program]])
    logprobs = model(ids).logits.log_softmax(-1)[0]
    border = len(example.prompt)
    return -sum(
        logprobs[border + place - 1, token].item() for place, token in enumerate(example.program)
    )


def trained_loss(model: Any, examples: list[Example]) -> float:
    """The summed loss by which an update learns."""
    update = Trainer(model, TrainerConfig(), NLL, pad_token_id=0).update(examples)
    return update.loss * update.n_tokens


def test_the_loss_is_that_of_the_program_tokens_alone(model: Any) -> None:
    for example in EXAMPLES:
        expected = teacher_forced_loss(model, example)
        assert trained_loss(model, [example]) == pytest.approx(expected, abs=1e-4)


def test_padding_changes_no_loss(model: Any) -> None:
    alone = sum(teacher_forced_loss(model, example) for example in EXAMPLES)
    together = trained_loss(model, EXAMPLES)
    assert together == pytest.approx(alone, abs=1e-3)


def test_a_weight_of_zero_removes_a_program(model: Any) -> None:
    silenced = [*EXAMPLES[:2], Example(EXAMPLES[2].prompt, EXAMPLES[2].program, weight=0.0)]
    with_it = trained_loss(copy.deepcopy(model), silenced)
    without = trained_loss(model, EXAMPLES[:2])
    assert with_it == pytest.approx(without, abs=1e-3)


def test_microbatches_make_the_same_step_as_one_batch(model: Any) -> None:
    other = copy.deepcopy(model)
    whole = Trainer(model, TrainerConfig(microbatch=8), NLL, pad_token_id=0).update(EXAMPLES)
    split = Trainer(other, TrainerConfig(microbatch=1), NLL, pad_token_id=0).update(EXAMPLES)
    assert split.loss == pytest.approx(whole.loss, rel=1e-5)
    assert split.grad_norm == pytest.approx(whole.grad_norm, rel=1e-4)
    for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-3)


def test_repeated_updates_teach_the_programs(model: Any) -> None:
    trainer = Trainer(model, TrainerConfig(learning_rate=1e-2), NLL, pad_token_id=0)
    first = trainer.update(EXAMPLES).loss
    for _ in range(60):
        last = trainer.update(EXAMPLES).loss
    assert last < first / 10


def test_what_asks_for_no_gradient_is_not_trained(model: Any) -> None:
    for name, weight in model.named_parameters():
        weight.requires_grad_("layers.1" in name)
    before = copy.deepcopy(model.state_dict())
    trainer = Trainer(model, TrainerConfig(weight_decay=0.1), NLL, pad_token_id=0)
    trainer.update(EXAMPLES)
    changed = {name for name, w in model.state_dict().items() if not torch.equal(before[name], w)}
    assert changed
    assert all("layers.1" in name for name in changed)
    held = sum(
        weight.numel() for group in trainer.optimizer.param_groups for weight in group["params"]
    )
    assert held == sum(weight.numel() for weight in model.model.layers[1].parameters())


def test_recomputing_activations_changes_no_step(model: Any) -> None:
    other = copy.deepcopy(model)
    plain = Trainer(model, TrainerConfig(), NLL, pad_token_id=0)
    saving = Trainer(other, TrainerConfig(gradient_checkpointing=True), NLL, pad_token_id=0)
    seen: list[int] = []
    other.model.layers[0].self_attn.register_forward_hook(lambda *_: seen.append(1))
    for trainer in (plain, saving):
        trainer.update(EXAMPLES)
    assert len(seen) == 2, "once on the way forward, once on the way back"
    for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-6)
    other.eval()
    other(torch.tensor([[5, 6]]))
    assert len(seen) == 3, "sampling is as it was"


def test_an_optimizer_in_8_bits_is_refused_without_a_gpu(model: Any) -> None:
    with pytest.raises(CoreError, match=r'trainer\.optimizer = "adamw_8bit" needs a CUDA GPU'):
        Trainer(model, TrainerConfig(optimizer="adamw_8bit"), NLL, pad_token_id=0)


def test_running_out_of_memory_halves_the_microbatch_and_says_so(model: Any) -> None:
    twin = copy.deepcopy(model)
    forward = model.forward

    def small_machine(*args: Any, **kwargs: Any) -> Any:
        if model.training and kwargs["input_ids"].numel() > 9:
            raise torch.OutOfMemoryError("no room for two programs")
        return forward(*args, **kwargs)

    model.forward = small_machine
    heard: list[tuple[str, str]] = []
    trainer = Trainer(
        model, TrainerConfig(microbatch=4), NLL, 0, lambda *event: heard.append(event)
    )
    update = trainer.update(EXAMPLES)
    assert trainer.microbatch == 1
    assert [level for level, _ in heard] == ["warning", "warning"]
    expected = Trainer(twin, TrainerConfig(), NLL, pad_token_id=0).update(EXAMPLES)
    assert update.loss == pytest.approx(expected.loss, rel=1e-5)


def test_running_out_of_memory_with_one_row_is_an_error(model: Any) -> None:
    def no_machine(*args: Any, **kwargs: Any) -> Any:
        raise torch.OutOfMemoryError("no room at all")

    trainer = Trainer(model, TrainerConfig(microbatch=2), NLL, pad_token_id=0)
    model.forward = no_machine
    with pytest.raises(torch.OutOfMemoryError):
        trainer.update(EXAMPLES)
