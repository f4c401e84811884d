"""The logits that the loss needs, no others: those of program tokens.

The model's own output layer is handed the chosen hidden states alone, so that whatever a model does
to its logits afterwards (scaling, capping) it does to them. A model that has no such layer, or does
not call it, gives all its logits, and those of program tokens are taken from them. Likewise with
what stands behind the last attention: of prompts nothing is needed there.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.sampler.windows import Windows
from core.training.batch import Batch, lay_out
from core.training.example import Example
from core.training.packing import Packing, Row

#: What a model may raise that does not take such masks or positions.
_REFUSALS = (TypeError, ValueError, RuntimeError, IndexError, KeyError, AttributeError)

#: Widths of the trial's prompt and programs.
_PROMPT, _PROGRAMS = 5, (4, 3, 6)


def program_logits(model: Any, batch: Batch, last: Any = None) -> Tensor:
    """Logits (N, V) float32 of a batch's program tokens, in the order of `batch.places`.

    `last` is what `last_mlp` found.
    """
    arguments: dict[str, Any] = {}
    if batch.sees is not None:
        arguments["attention_mask"] = _as_mask(model, batch.sees)
        arguments["position_ids"] = batch.positions
    with _only_at(last, batch.spots), _output_at(model, batch.places) as chosen:
        logits = model(input_ids=batch.input_ids, use_cache=False, **arguments).logits
    found: Tensor = logits[0] if chosen else logits.flatten(0, 1)[batch.places]
    return found.float()


def packing_of(model: Any) -> Packing:
    """How rows for this model may be filled: what its configuration says, and a trial run."""
    config = model.config.get_text_config()
    # Measured on a CPU; by operations alone it would be 6.
    crowd = 4 * config.hidden_size
    reach = _reach(model)
    trees = reach is None or reach >= _PROMPT + sum(_PROGRAMS)
    return Packing(trees and _takes_trees(model), crowd, reach)


@torch.no_grad()
def last_mlp(model: Any) -> Any:
    """The last layer's MLP where prompts need not go through it, or None; found by a trial run.

    With gradient checkpointing layers run again when nobody chooses for them any more, and dropout
    would draw other numbers with it than without.
    """
    stacks = [
        stack
        for stack in model.modules()
        if isinstance(stack, torch.nn.ModuleList) and len(stack) and hasattr(stack[-1], "mlp")
    ]
    if len(stacks) != 1 or getattr(model, "is_activation_checkpointing", False):
        return None
    mlp: Any = stacks[0][-1].mlp
    if any(isinstance(part, torch.nn.Dropout) and part.p for part in mlp.modules()):
        return None
    batch = _in_one_row(model, _trial(model, first=0)[:1])
    with _evaluating(model):
        plain = program_logits(model, batch)
        try:
            chosen = program_logits(model, batch, mlp)
        except torch.OutOfMemoryError:
            raise
        except _REFUSALS:
            return None
    return mlp if _agree(chosen, plain, model) else None


def _reach(model: Any) -> int | None:
    """The widest row in which every layer can see all of it and every position is known."""
    config = model.config.get_text_config()
    limits = [
        *Windows.of(model).sizes.values(),
        getattr(config, "attention_chunk_size", None),
        getattr(config, "max_position_embeddings", None),
    ]
    return min((limit for limit in limits if limit), default=None)


@torch.no_grad()
def _takes_trees(model: Any) -> bool:
    """Whether programs side by side are to the model what they are each alone.

    Nothing of one may reach another, to the last bit; and what is said of each must be, up to
    rounding, what is said of it by itself.
    """
    if "position_ids" not in inspect.signature(model.forward).parameters:
        return False
    one, other = _trial(model, first=0), _trial(model, first=1)
    with _evaluating(model):
        plain = [program_logits(model, _in_one_row(model, [example])) for example in one]
        try:
            tree = program_logits(model, _in_one_row(model, one))
            changed = program_logits(model, _in_one_row(model, other))
        except torch.OutOfMemoryError:
            raise
        except _REFUSALS:
            return False
    kept = slice(_PROGRAMS[0], None)  # all but the first program's, whose tokens were changed
    return torch.equal(tree[kept], changed[kept]) and _agree(tree, torch.cat(plain), model)


def _agree(one: Tensor, other: Tensor, model: Any) -> bool:
    """Whether logits are the same up to rounding."""
    rounding = 64 * torch.finfo(model.dtype).eps * float(other.abs().max())
    return torch.allclose(one, other, rtol=0.0, atol=rounding)


@contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


def _trial(model: Any, first: int) -> list[Example]:
    """Programs of one prompt and one of another; their tokens are arbitrary, `first` in the first.

    The order of the programs in a row does not depend on what is changed.
    """
    vocabulary = model.config.get_text_config().vocab_size
    tokens = iter(np.random.default_rng(0).integers(0, vocabulary, 64).tolist())
    prompt, another = [0, *islice(tokens, _PROMPT - 1)], [1, *islice(tokens, 2)]
    programs = [[place, *islice(tokens, n - 1)] for place, n in enumerate(_PROGRAMS)]
    programs[0][1:] = [(token + first) % vocabulary for token in programs[0][1:]]
    prompts = prompt, prompt, another
    return [Example(*pair) for pair in zip(prompts, programs, strict=True)]


def _in_one_row(model: Any, examples: Sequence[Example]) -> Batch:
    width = sum(len(example.prompt) + len(example.program) for example in examples)
    row = Row(width, list(range(len(examples))))
    return lay_out(examples, [row], pad_token_id=0, device=model.device)


def _as_mask(model: Any, sees: Tensor) -> Tensor:
    """The mask as the model's attention takes it: true and false, or something to add to scores."""
    if getattr(model.config, "_attn_implementation", "") == "sdpa":
        return sees
    lowest = torch.finfo(model.dtype).min
    return torch.zeros_like(sees, dtype=model.dtype).masked_fill_(~sees, lowest)


@contextmanager
def _only_at(layer: Any, spots: Tensor) -> Iterator[None]:
    """Lets a layer of the model see chosen columns only; for others it says nothing."""
    if layer is None:
        yield
        return
    shape: list[torch.Size] = []

    def choose(_layer: Any, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        shape.append(arguments[0].shape)
        return (arguments[0].flatten(0, 1)[spots][None], *arguments[1:])

    def put_back(_layer: Any, _arguments: Any, found: Tensor) -> Tensor:
        rows, columns, width = shape.pop()
        everywhere = found.new_zeros(rows * columns, width)
        return everywhere.index_copy(0, spots, found[0]).view(rows, columns, width)

    hooks = layer.register_forward_pre_hook(choose), layer.register_forward_hook(put_back)
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def _output_at(model: Any, places: Tensor) -> Iterator[list[bool]]:
    """Lets the output layer see chosen hidden states only; the list is empty where it saw none."""
    called: list[bool] = []

    def choose(_layer: Any, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        called.append(True)
        return (arguments[0].flatten(0, 1)[places][None], *arguments[1:])

    layer = model.get_output_embeddings()
    if layer is None:
        yield called
        return
    hook = layer.register_forward_pre_hook(choose)
    try:
        yield called
    finally:
        hook.remove()
