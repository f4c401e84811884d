"""Log-probabilities of given continuations under a model, in one pass (teacher forcing)."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

#: Most logits held at a time, as numbers: 256 MiB in float32.
LOGITS_AT_ONCE = 2**26


def score_tokens(
    model: Any, pairs: Sequence[tuple[Sequence[int], Sequence[int]]], pad_token_id: int
) -> Iterator[NDArray[np.float32]]:
    """Yields float32 nats (n,) of the n tokens of each continuation, given (prompt, continuation)s.

    Every continuation has at least one token, every prompt too.
    """
    vocabulary = model.config.get_text_config().vocab_size
    longest = max((len(continuation) for _, continuation in pairs), default=1)
    rows = max(1, LOGITS_AT_ONCE // (vocabulary * longest))
    for start in range(0, len(pairs), rows):
        yield from _score_batch(model, pairs[start : start + rows], pad_token_id)


@torch.inference_mode()
def _score_batch(
    model: Any, pairs: Sequence[tuple[Sequence[int], Sequence[int]]], pad_token_id: int
) -> list[NDArray[np.float32]]:
    """One forward pass; prompts are padded on the left, so that all continuations start at once."""
    left = max(len(prompt) for prompt, _ in pairs)
    right = max(len(continuation) for _, continuation in pairs)
    ids = np.full((len(pairs), left + right), pad_token_id)
    real = np.zeros_like(ids)
    for row, (prompt, continuation) in enumerate(pairs):
        tokens = [*prompt, *continuation]
        begin = left - len(prompt)
        ids[row, begin : begin + len(tokens)] = tokens
        real[row, begin : begin + len(tokens)] = 1
    input_ids = torch.from_numpy(ids).to(model.device)
    logits = _logits(model, input_ids, torch.from_numpy(real).to(model.device), keep=right + 1)
    logprobs = torch.log_softmax(logits[:, -right - 1 : -1].float(), dim=-1)
    chosen = logprobs.gather(2, input_ids[:, -right:, None]).squeeze(2).cpu().numpy()
    return [line[: len(pair[1])] for line, pair in zip(chosen, pairs, strict=True)]


def _logits(model: Any, ids: Tensor, attention_mask: Tensor, keep: int) -> Tensor:
    accepted = inspect.signature(model.forward).parameters
    arguments: dict[str, Any] = {"input_ids": ids, "attention_mask": attention_mask}
    if "position_ids" in accepted:
        arguments["position_ids"] = (attention_mask.cumsum(1) - 1).clamp(min=0)
    if "logits_to_keep" in accepted:
        arguments["logits_to_keep"] = keep
    logits: Tensor = model(**arguments).logits
    return logits
