"""Fine-tuning on replayed programs: minibatch -> loss -> step.

The loss is the objective's, of the program's sampled token ids, the closing end-of-sequence token
included; the prompt's tokens are context only. Trained are the weights that ask for it: all of
them, or an adapter's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from core.config import TrainerConfig
from core.errors import CoreError
from core.memory import is_out_of_memory, release_memory
from core.optimizers import make_optimizer
from core.training.batch import lay_out
from core.training.example import Example
from core.training.forward import last_mlp, packing_of, program_logits
from core.training.packing import pack
from core.training.rates import learning_rate
from core.training.stability import Stability
from core.training.tokens import Tokens, tokens_of

if TYPE_CHECKING:
    from core.objectives.objective import Objective


@dataclass(frozen=True, slots=True)
class Update:
    """What one update did; `loss` in nats a program token, `grad_norm` before clipping.

    `logprobs` holds, in the minibatch's order, log P(program | prompt) in nats under the weights
    that the step started from (with a model's dropout, as that left them). `skipped` says why no
    step was made: weights and moments are as they were then.
    """

    loss: float
    grad_norm: float
    n_tokens: int
    seconds: float
    logprobs: tuple[float, ...]
    skipped: str = ""


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
        objective: Objective,
        pad_token_id: int,
        on_event: Callable[[str, str], None] = lambda level, message: None,
    ) -> None:
        self.model = model
        self.config = config
        self.objective = objective
        self.pad_token_id = pad_token_id
        self.microbatch = config.microbatch
        self.stability = Stability()
        self._on_event = on_event
        self._weights = [weight for weight in model.parameters() if weight.requires_grad]
        self.optimizer = make_optimizer(self._weights, config, model.device)
        if config.gradient_checkpointing:
            _checkpoint_gradients(model)
        with self._autocast():
            self.packing = packing_of(model)
            self._last_mlp = last_mlp(model)

    def update(self, minibatch: Sequence[Example], done: float = 0.0, made: int = 0) -> Update:
        """Makes one AdamW step on the minibatch; the order of its programs does not matter.

        The step size follows `made`, the updates before it, and `done`, the share of the run
        (0 to 1) that lies behind. Where loss or gradient are not finite, or the gradient explodes,
        the step is skipped.
        """
        started = time.perf_counter()
        while True:
            try:
                loss, logprobs = self._accumulate(minibatch)
                break
            except (torch.OutOfMemoryError, RuntimeError) as error:
                if not is_out_of_memory(error) or self.microbatch == 1:
                    raise
            # Outside the handler, so that the traceback no longer holds the failed activations.
            self._halve_microbatch()
        gradients = [weight.grad for weight in self._weights if weight.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        skipped = self.stability.refusal(loss, float(norm))
        if not skipped:
            self._step(norm, learning_rate(self.config, made, done))
        self.optimizer.zero_grad(set_to_none=True)
        n_tokens = sum(len(example.program) for example in minibatch)
        seconds = time.perf_counter() - started
        return Update(loss, float(norm), n_tokens, seconds, logprobs, skipped)

    def _step(self, norm: Tensor, rate: float) -> None:
        torch.nn.utils.clip_grads_with_norm_(self._weights, self.config.max_grad_norm, norm)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()

    def _accumulate(self, minibatch: Sequence[Example]) -> tuple[float, tuple[float, ...]]:
        """Gradients of the token-mean loss, call by call; returns the loss and the logprobs."""
        self.model.train()
        self.optimizer.zero_grad(set_to_none=True)
        device = self.model.device
        n_tokens = sum(len(example.program) for example in minibatch)
        total, logprobs = torch.zeros((), device=device), torch.empty(len(minibatch), device=device)
        for rows in pack(minibatch, self.packing, self.microbatch):
            batch = lay_out(minibatch, rows, self.pad_token_id, device)
            tokens = tokens_of([minibatch[which] for which in batch.members], device)
            with self._autocast():
                logits = program_logits(self.model, batch, self._last_mlp)
            loss = self.objective.loss(logits, tokens) / n_tokens
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
            logprobs[list(batch.members)] = _logprobs(logits, tokens, len(batch.members))
        return total.item(), tuple(logprobs.tolist())

    def _autocast(self) -> AbstractContextManager[Any]:
        if self.model.device.type == "cuda" and torch.cuda.is_bf16_supported():
            return torch.autocast("cuda", dtype=torch.bfloat16)
        return nullcontext()

    def _halve_microbatch(self) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        release_memory(self.model.device)
        self.microbatch //= 2
        self._on_event("warning", f"Out of memory: microbatch halved to {self.microbatch}.")


def _checkpoint_gradients(model: Any) -> None:
    try:
        # Re-entrant checkpoints would lose the gradients of an adapter on frozen embeddings.
        model.activation_checkpointing_enable({"use_reentrant": False})
    except ValueError as error:
        raise CoreError(
            f"{type(model).__name__} cannot recompute its activations: "
            "set trainer.gradient_checkpointing to false."
        ) from error


@torch.no_grad()
def _logprobs(logits: Tensor, tokens: Tokens, n_examples: int) -> Tensor:
    """log P(program | prompt) of each example (n_examples,), in nats."""
    own = logits.gather(-1, tokens.ids[:, None])[:, 0] - logits.logsumexp(-1)
    return own.new_zeros(n_examples).index_add_(0, tokens.example, own)
