"""Fine-tuning on replayed programs: minibatch -> loss -> step.

The loss is the causal-LM loss of the program's sampled token ids, the closing end-of-sequence
token included; the prompt's tokens are context only. Trained are the weights that ask for it: all
of them, or an adapter's. Not covered: other objectives.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from core.config import TrainerConfig
from core.errors import CoreError
from core.memory import is_out_of_memory, release_memory
from core.optimizers import make_optimizer


@dataclass(frozen=True, slots=True)
class Example:
    """One program to learn from: token ids of its prompt and of the program, and its weight."""

    prompt: Sequence[int]
    program: Sequence[int]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Update:
    """What one update did; `loss` in nats a program token, `grad_norm` before clipping."""

    loss: float
    grad_norm: float
    n_tokens: int
    seconds: float


class Trainer:
    """AdamW on what a causal language model has to train, one minibatch at a time.

    With gradient checkpointing a layer's activations are computed again when they are needed, in
    training only: sampling is not touched. Raises CoreError where the model cannot do so. When
    memory runs out, the microbatch is halved, `on_event` is told, and the update is made anew.
    """

    def __init__(
        self,
        model: Any,
        config: TrainerConfig,
        pad_token_id: int,
        on_event: Callable[[str, str], None] = lambda level, message: None,
    ) -> None:
        self.model = model
        self.config = config
        self.pad_token_id = pad_token_id
        self.microbatch = config.microbatch
        self._on_event = on_event
        self._weights = [weight for weight in model.parameters() if weight.requires_grad]
        self.optimizer = make_optimizer(self._weights, config, model.device)
        if config.gradient_checkpointing:
            _checkpoint_gradients(model)

    def update(self, minibatch: Sequence[Example], done: float = 0.0) -> Update:
        """Makes one AdamW step on the minibatch; the order of its programs does not matter.

        `done`, from 0 to 1, is the share of the run that lies behind: the step size follows it.
        Raises CoreError, the weights as they were, where loss or gradient are not finite.
        """
        started = time.perf_counter()
        while True:
            try:
                loss, n_tokens = self._accumulate(minibatch)
                break
            except (torch.OutOfMemoryError, RuntimeError) as error:
                if not is_out_of_memory(error) or self.microbatch == 1:
                    raise
            # Outside the handler, so that the traceback no longer holds the failed activations.
            self._halve_microbatch()
        norm = torch.nn.utils.clip_grad_norm_(self._weights, self.config.max_grad_norm)
        if not math.isfinite(loss) or not torch.isfinite(norm):
            raise CoreError(
                f"Training diverged: loss {loss:g}, gradient norm {float(norm):g}. The newest "
                "checkpoint is whole; start again with a smaller trainer.learning_rate."
            )
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate(done)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return Update(loss, float(norm), n_tokens, time.perf_counter() - started)

    def learning_rate(self, done: float) -> float:
        """The step size when a share of the run is done: linear, from whole to `decay_to`."""
        return self.config.learning_rate * (1 - min(done, 1.0) * (1 - self.config.decay_to))

    def _accumulate(self, minibatch: Sequence[Example]) -> tuple[float, int]:
        """Gradients of the token-mean loss, microbatch by microbatch; returns loss and tokens."""
        self.model.train()
        self.optimizer.zero_grad(set_to_none=True)
        # Longest first: a microbatch holds similar lengths, and memory peaks at once, not late.
        ordered = sorted(minibatch, key=lambda e: len(e.prompt) + len(e.program), reverse=True)
        n_tokens = sum(len(example.program) for example in ordered)
        total = 0.0
        for start in range(0, len(ordered), self.microbatch):
            batch = collate(ordered[start : start + self.microbatch], self.pad_token_id)
            with self._autocast():
                loss = program_loss(self.model, batch.to(self.model.device)) / n_tokens
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.item()
        return total, n_tokens

    def _autocast(self) -> AbstractContextManager[Any]:
        if self.model.device.type == "cuda" and torch.cuda.is_bf16_supported():
            return torch.autocast("cuda", dtype=torch.bfloat16)
        return nullcontext()

    def _halve_microbatch(self) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        release_memory(self.model.device)
        self.microbatch //= 2
        self._on_event("warning", f"Out of memory: microbatch halved to {self.microbatch}.")


@dataclass(frozen=True, slots=True)
class Batch:
    """Prompts padded on the left and programs on the right, so that the border is one column.

    `input_ids`, `attention_mask`, `position_ids` are (B, P+L) int64; `targets` (B, L) int64 holds
    the program's ids and -100 behind its end; `weights` (B,) float32.
    """

    input_ids: Tensor
    attention_mask: Tensor
    position_ids: Tensor
    targets: Tensor
    weights: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        return Batch(
            self.input_ids.to(device),
            self.attention_mask.to(device),
            self.position_ids.to(device),
            self.targets.to(device),
            self.weights.to(device),
        )


def collate(examples: Sequence[Example], pad_token_id: int) -> Batch:
    """Pads examples into one rectangular batch."""
    prompt_width = max(len(example.prompt) for example in examples)
    program_width = max(len(example.program) for example in examples)
    ids, mask, targets = [], [], []
    for example in examples:
        left = prompt_width - len(example.prompt)
        right = program_width - len(example.program)
        ids.append([pad_token_id] * left + [*example.prompt, *example.program])
        ids[-1] += [pad_token_id] * right
        mask.append([0] * left + [1] * (len(example.prompt) + len(example.program)) + [0] * right)
        targets.append([*example.program] + [-100] * right)
    attention_mask = torch.tensor(mask)
    return Batch(
        input_ids=torch.tensor(ids),
        attention_mask=attention_mask,
        position_ids=(attention_mask.cumsum(-1) - 1).clamp_(min=0),
        targets=torch.tensor(targets),
        weights=torch.tensor([example.weight for example in examples], dtype=torch.float32),
    )


def _checkpoint_gradients(model: Any) -> None:
    try:
        # Re-entrant checkpoints would lose the gradients of an adapter on frozen embeddings.
        model.activation_checkpointing_enable({"use_reentrant": False})
    except ValueError as error:
        raise CoreError(
            f"{type(model).__name__} cannot recompute its activations: "
            "set trainer.gradient_checkpointing to false."
        ) from error


def program_loss(model: Any, batch: Batch) -> Tensor:
    """Weighted sum over the batch's program tokens of -log p(token), in nats, as a scalar."""
    length = batch.targets.shape[1]
    logits = model(
        input_ids=batch.input_ids,
        attention_mask=batch.attention_mask,
        position_ids=batch.position_ids,
        logits_to_keep=length + 1,  # a full-length (B, T, V) is the largest tensor of training
        use_cache=False,
    ).logits[:, :-1]  # (B, L, V): column i predicts program token i
    losses = functional.cross_entropy(
        logits.float().flatten(0, 1), batch.targets.flatten(), ignore_index=-100, reduction="none"
    ).view_as(batch.targets)  # (B, L)
    return (losses.sum(-1) * batch.weights).sum()
