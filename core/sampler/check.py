"""Whether a model can be decoded as a tree: what its configuration says, and a trial run.

What the trial cannot show is read from the configuration: within a short prompt a local attention
window looks like full attention. The trial compares with `generate` on the very model.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch

from core.errors import CoreError
from core.sampler.fallback import GenerateDecoder
from core.sampler.hypothesis import Hypothesis
from core.sampler.settings import SearchSettings
from core.sampler.strategy import BeamSearch
from core.sampler.tree import TreeDecoder

#: Lengths of the trial's prompts, and steps: enough for padding, refill and a compaction.
TRIAL_PROMPTS = (11, 3, 17, 2, 6)
TRIAL_TOKENS = 7
TRIAL_ROWS = 2

#: Two sequences tie when their log-probabilities differ by less, per token; rounding decides then.
TIE = {torch.float32: 1e-5, torch.float64: 1e-9, torch.float16: 5e-3, torch.bfloat16: 5e-2}

#: What a model may raise that does not take such masks, positions or caches.
_REFUSALS = (TypeError, ValueError, RuntimeError, IndexError, KeyError, AttributeError)


@dataclass(frozen=True, slots=True)
class Check:
    """Which decoder fits a model, why, and up to how many tokens (prompt and program together).

    `reach` is None where there is no such limit. `column_bytes` is what a token takes in the cache
    of a tree.
    """

    decoder: Literal["tree", "generate"]
    reason: str
    reach: int | None = None
    column_bytes: int = 0


def check_tree_decoding(model: Any, settings: SearchSettings) -> Check:
    """Reads the configuration, then decodes a few prompts both ways.

    Raises CoreError for a model that says nothing about any token.
    """
    refusal = _refused_by_configuration(model)
    if refusal:
        return Check("generate", refusal)
    trial = replace(
        settings,
        beams=min(max(settings.beams, 2), 4),
        max_new_tokens=TRIAL_TOKENS,
        batch_tasks=TRIAL_ROWS,
        strategy=BeamSearch(),
        stops=None,
    )
    prompts = _trial_prompts(model, {*settings.eos_token_ids, settings.pad_token_id})
    try:
        decoder = TreeDecoder(model, trial)
        tree = dict(decoder.search(prompts))
    except torch.OutOfMemoryError:
        raise
    except _REFUSALS as error:
        return Check("generate", f"the model refuses tree masks ({type(error).__name__}: {error})")
    whole = replace(trial, batch_tasks=len(prompts))
    plain = dict(GenerateDecoder(model, whole).search(prompts))
    if not all(np.isfinite(one.logprobs).all() for found in plain.values() for one in found):
        raise CoreError(
            "The model's log-probabilities are no numbers: its weights are damaged, or "
            f"{str(model.dtype).removeprefix('torch.')} is too narrow for them (model.dtype)."
        )
    tolerance = TIE.get(model.dtype, 0.0)
    if all(_agree(tree[index], plain[index], tolerance) for index in range(len(prompts))):
        agreed = "same sequences as generate in the trial"
        return Check("tree", agreed, _reach(model.config), decoder.column_bytes)
    return Check("generate", "tree decoding gave other sequences than generate in the trial")


def _refused_by_configuration(model: Any) -> str:
    """Why no trial is needed, or nothing."""
    config = model.config.get_text_config()
    accepted = inspect.signature(model.forward).parameters
    missing = {"position_ids", "past_key_values", "logits_to_keep"} - set(accepted)
    if missing:
        return f"{config.model_type} takes no {' or '.join(sorted(missing))}"
    others = set(getattr(config, "layer_types", None) or ()) - _ATTENTION
    if others:
        return f"{config.model_type} has layers without attention ({', '.join(sorted(others))})"
    return ""


_CHUNKED = "chunked_attention"
_ATTENTION = {"full_attention", "sliding_attention", _CHUNKED}


def _reach(model_config: Any) -> int | None:
    """Tokens within which a layer that sees one chunk sees all; None where there is no such."""
    config = model_config.get_text_config()
    chunked = _CHUNKED in (getattr(config, "layer_types", None) or ())
    return config.attention_chunk_size if chunked else None


def _trial_prompts(model: Any, avoid: set[int]) -> list[list[int]]:
    """Arbitrary tokens, the same every time, short enough for the model's context."""
    config = model.config.get_text_config()
    context = getattr(config, "max_position_embeddings", None) or 1024
    reach = min(context, _reach(model.config) or context)
    tokens = np.setdiff1d(np.arange(config.vocab_size), list(avoid))
    rng = np.random.default_rng(0)
    lengths = [max(1, min(length, reach - TRIAL_TOKENS)) for length in TRIAL_PROMPTS]
    return [rng.choice(tokens, size=length).tolist() for length in lengths]


def _agree(ours: list[Hypothesis], theirs: list[Hypothesis], tolerance: float) -> bool:
    """Whether both found the same sequences, or as probable ones where rounding decides."""
    if len(ours) != len(theirs):
        return False
    for one, other in zip(ours, theirs, strict=True):
        if np.array_equal(one.token_ids, other.token_ids):
            tolerated = max(tolerance, 1e-4) * len(one.token_ids)
        else:
            tolerated = tolerance * max(len(one.token_ids), len(other.token_ids))
        if abs(one.logprob - other.logprob) > tolerated:
            return False
    return True
