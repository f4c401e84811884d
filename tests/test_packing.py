"""Packing: no model learns anything else for it, and little is padded or computed twice."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from core.config import TrainerConfig
from core.objectives import NegativeLogLikelihood
from core.training import Example, Trainer
from core.training.batch import lay_out
from core.training.forward import packing_of, program_logits
from core.training.packing import Packing, pack
from tests.tiny_models import VOCABULARY, some_prompts, tiny_model

NLL = NegativeLogLikelihood()
ONE_TASK = [11, 12, 13, 14, 15, 16]

#: Three programs of one task, one of them drawn twice, and others of all lengths.
MINIBATCH = [
    Example(ONE_TASK, [20, 21, 22, 1], weight=0.5),
    Example(ONE_TASK, [20, 21, 23, 24, 1]),
    Example(ONE_TASK, [30, 1], weight=2.0),
    Example(ONE_TASK, [20, 21, 22, 1]),
    *(
        Example(prompt, [*program, 1])
        for prompt, program in zip(some_prompts(7), some_prompts(7, 30, seed=1), strict=True)
    ),
]


def of_class(kind: str, **more: Any) -> Any:
    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(vocab_size=VOCABULARY, **more)
    return getattr(transformers, f"{kind}ForCausalLM")(config)


LLAMA_LIKE = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "initializer_range": 0.3,
}

#: Models whose rows hold several programs; some scale or cap their logits.
PACKED: dict[str, Callable[[], Any]] = {
    **{
        name: lambda name=name: copy.deepcopy(tiny_model(name))
        for name in ("llama", "qwen3", "gpt2", "gpt_bigcode", "codegen", "starcoder2", "phi")
    },
    "gpt_neox": lambda: of_class(
        "GPTNeoX",
        **{**LLAMA_LIKE, "num_key_value_heads": 4},
    ),
    "cohere": lambda: of_class("Cohere", **LLAMA_LIKE, logit_scale=0.3),
    "granite": lambda: of_class("Granite", **LLAMA_LIKE, logits_scaling=3.0),
    "gemma2_wide": lambda: of_class(
        "Gemma2", **LLAMA_LIKE, head_dim=8, final_logit_softcapping=2.0, sliding_window=128
    ),
    "llama_eager": lambda: of_class("Llama", **LLAMA_LIKE, attn_implementation="eager"),
}
#: Models that need a row for each program: positions by other means, short windows, recurrence.
PLAIN: dict[str, Callable[[], Any]] = {
    **{
        name: lambda name=name: copy.deepcopy(tiny_model(name))
        for name in ("mistral", "qwen2_sliding", "gemma2", "gpt_neo")
    },
    "bloom": lambda: of_class("Bloom", hidden_size=32, n_layer=2, n_head=4),
    "mamba": lambda: of_class("Mamba", hidden_size=32, state_size=4, num_hidden_layers=2),
}


def without_dropout(model: Any) -> Any:
    """Chance would make two computations differ."""
    for layer in model.modules():
        if isinstance(layer, torch.nn.Dropout):
            layer.p = 0.0
        if isinstance(getattr(layer, "attn_dropout", None), float):
            layer.attn_dropout = 0.0
    return model


def gradients(model: Any) -> dict[str, torch.Tensor]:
    return {name: w.grad for name, w in model.named_parameters() if w.grad is not None}


def by_definition(model: Any, examples: Sequence[Example]) -> tuple[float, list[float]]:
    """Loss and log-probabilities, each program alone and whole; leaves gradients."""
    model.train()
    n_tokens = sum(len(example.program) for example in examples)
    total, logprobs = 0.0, []
    for example in examples:
        logits = model(torch.tensor([[*example.prompt, *example.program]]), use_cache=False).logits
        said = logits[0, len(example.prompt) - 1 : -1].float().log_softmax(-1)
        logprob = said.gather(1, torch.tensor(example.program)[:, None]).sum()
        loss = -example.weight * logprob / n_tokens
        loss.backward()
        total += loss.item()
        logprobs.append(logprob.item())
    return total, logprobs


def learned(model: Any, examples: Sequence[Example], **more: Any) -> Any:
    """One update that leaves its gradients on the model."""
    trainer = Trainer(model, TrainerConfig(**more), NLL, pad_token_id=0)
    trainer.optimizer.zero_grad = lambda set_to_none=True: None
    trainer._step = lambda norm, rate: None
    return trainer.update(examples)


@pytest.mark.parametrize("name", [*PACKED, *PLAIN])
def test_every_class_of_model_learns_what_it_would_from_each_program_alone(name: str) -> None:
    model = without_dropout({**PACKED, **PLAIN}[name]())
    twin = copy.deepcopy(model)
    loss, logprobs = by_definition(twin, MINIBATCH)
    update = learned(model, MINIBATCH, microbatch=8)
    assert update.loss == pytest.approx(loss, rel=1e-4)
    assert update.logprobs == pytest.approx(logprobs, rel=1e-4, abs=1e-4)
    expected, found = gradients(twin), gradients(model)
    assert found.keys() == expected.keys()
    for place, gradient in expected.items():
        bound = 1e-4 * max(1.0, float(gradient.abs().max()))
        assert torch.allclose(found[place], gradient, rtol=1e-3, atol=bound), place


@pytest.mark.parametrize("name", PACKED)
def test_programs_share_rows_where_attention_takes_any_mask(name: str) -> None:
    assert packing_of(PACKED[name]()).trees


@pytest.mark.parametrize("name", PLAIN)
def test_elsewhere_every_program_has_a_row_of_its_own(name: str) -> None:
    model = PLAIN[name]()
    packing = packing_of(model)
    for rows in pack(MINIBATCH, packing, most=32):
        assert lay_out(MINIBATCH, rows, 0, "cpu").sees is None


def test_the_output_layer_sees_program_tokens_only() -> None:
    model = PACKED["llama"]()
    seen: list[int] = []
    model.lm_head.register_forward_hook(lambda _, __, out: seen.append(out.shape[:-1].numel()))
    packing = Packing(trees=True, crowd=64)
    for rows in pack(MINIBATCH, packing, most=32):
        program_logits(model, lay_out(MINIBATCH, rows, 0, "cpu"))
    assert sum(seen) == sum(len(example.program) for example in MINIBATCH)


token_ids = st.lists(st.integers(0, 2), min_size=1, max_size=12)
minibatches = st.lists(st.builds(Example, token_ids, token_ids), min_size=1, max_size=12)
packings = st.builds(
    Packing, trees=st.booleans(), crowd=st.integers(4, 64), reach=st.sampled_from([None, 9, 40])
)


def unpacked(examples: Sequence[Example], packing: Packing, most: int) -> dict[int, list[int]]:
    """What each program token can see, and itself, read back from the tensors."""
    found: dict[int, list[int]] = {}
    for rows in pack(examples, packing, most):
        batch = lay_out(examples, rows, pad_token_id=0, device="cpu")
        assert len(batch.members) <= most
        width = batch.input_ids.shape[1]
        places = iter(batch.places.tolist())
        for which in batch.members:
            for _ in examples[which].program:
                row, column = divmod(next(places), width)
                sees = list(range(column + 1))
                if batch.sees is not None:
                    sees = batch.sees[row, 0, column].nonzero().flatten().tolist()
                    assert batch.positions[row, sees].tolist() == list(range(len(sees)))
                found[which] = [*found.get(which, []), *batch.input_ids[row, sees].tolist(), -1]
    return found


@given(minibatches, packings, st.integers(1, 6))
@settings(deadline=None, max_examples=150)
def test_every_program_token_sees_its_prompt_and_what_was_written_before_it(
    examples: list[Example], packing: Packing, most: int
) -> None:
    expected = {
        which: [
            token
            for place in range(len(example.program))
            for token in [*example.prompt, *example.program[:place], -1]
        ]
        for which, example in enumerate(examples)
    }
    assert unpacked(examples, packing, most) == expected


def cells(examples: Sequence[Example], packing: Packing) -> int:
    batches = [lay_out(examples, rows, 0, "cpu") for rows in pack(examples, packing, most=999)]
    return sum(batch.input_ids.numel() for batch in batches)


def test_what_programs_of_a_task_begin_with_is_computed_once() -> None:
    group = [Example(list(range(40)), [50, 51, 52, place]) for place in range(8)]
    assert cells(group, Packing(trees=True, crowd=64)) == 40 + 3 + 8


@pytest.mark.parametrize("trees", [True, False])
def test_little_is_padding_when_lengths_differ_much(trees: bool) -> None:
    lengths = [*range(10, 90, 2), 300, 310, 600]
    spread = [Example([3], [4 + n % 50] * (n - 1)) for n in lengths]
    assert cells(spread, Packing(trees=trees, crowd=512)) < 1.25 * sum(lengths)
