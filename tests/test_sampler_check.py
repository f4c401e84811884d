"""The start-up trial: which models are decoded as a tree, and what happens to the others."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from transformers import GenerationConfig, MambaConfig, MambaForCausalLM

from core.errors import CoreError
from core.sampler import Search, SearchSettings
from core.sampler.check import Check, check_tree_decoding
from core.sampler.fallback import GenerateDecoder
from tests.tiny_models import ENDS, PAD, VOCABULARY, generated, some_prompts, tiny_model

SETTINGS = SearchSettings(3, 12, 2, ENDS, PAD)


def check(model: Any) -> Check:
    return check_tree_decoding(model, SETTINGS)


def with_forward(change: Any) -> Any:
    """A Llama whose inputs are changed on their way in."""
    model = copy.deepcopy(tiny_model("llama"))

    def alter(_module: Any, arguments: Any, named: dict[str, Any]) -> Any:
        return arguments, change(dict(named))

    model.register_forward_pre_hook(alter, with_kwargs=True)
    return model


def ignore_positions(named: dict[str, Any]) -> dict[str, Any]:
    """Counts cache slots, as models without position_ids do."""
    return {**named, "position_ids": None}


def ignore_ancestry(named: dict[str, Any]) -> dict[str, Any]:
    """Lets every beam see the others' tokens."""
    mask = named["attention_mask"]
    if mask.ndim == 4 and mask.shape[2] != mask.shape[3]:
        named["attention_mask"] = mask.amax(2, keepdim=True).expand_as(mask)
    return named


def refuse_wide_masks(named: dict[str, Any]) -> dict[str, Any]:
    if named["attention_mask"].ndim == 4:
        raise ValueError("this model takes masks of two dimensions")
    return named


@pytest.mark.parametrize("change", [ignore_positions, ignore_ancestry])
def test_a_model_that_decodes_otherwise_as_a_tree_is_found_out(change: Any) -> None:
    found = check(with_forward(change))
    assert found.decoder == "generate"
    assert "other sequences" in found.reason


def test_a_model_that_refuses_the_mask_is_decoded_by_generate_and_says_why() -> None:
    found = check(with_forward(refuse_wide_masks))
    assert found.decoder == "generate"
    assert "takes masks of two dimensions" in found.reason


def test_a_state_space_model_is_decoded_by_generate() -> None:
    torch.manual_seed(0)
    config = MambaConfig(
        vocab_size=VOCABULARY, hidden_size=16, state_size=4, num_hidden_layers=1, eos_token_id=1
    )
    model = MambaForCausalLM(config).eval()
    searching = Search(model, replace(SETTINGS, beams=2, max_new_tokens=5))
    found = dict(searching.search(some_prompts(3)))
    assert searching.decoder == "generate"
    assert all(len(hypotheses) == 2 for hypotheses in found.values())


def test_the_fallback_ignores_the_models_own_generation_settings_and_leaves_them_alone() -> None:
    model = copy.deepcopy(tiny_model("llama"))
    prompts = some_prompts(3)
    wanted = generated(model, prompts, 3, 12)
    own = GenerationConfig(repetition_penalty=5.0, no_repeat_ngram_size=1, max_length=7)
    model.generation_config = own
    decoder = GenerateDecoder(model, SETTINGS)
    found = dict(decoder.search(prompts))
    assert [[h.token_ids.tolist() for h in found[i]] for i in range(3)] == wanted
    assert model.generation_config is own


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_rounding_in_half_precision_does_not_count_as_a_difference(dtype: torch.dtype) -> None:
    assert check(copy.deepcopy(tiny_model("llama")).to(dtype)).decoder == "tree"


def test_a_model_whose_weights_are_no_numbers_is_refused_in_one_sentence() -> None:
    model = copy.deepcopy(tiny_model("llama"))
    model.lm_head.weight.data.fill_(float("nan"))
    with pytest.raises(CoreError, match="log-probabilities are no numbers"):
        check(model)


def test_the_trial_is_short() -> None:
    model = copy.deepcopy(tiny_model("llama"))
    passes = 0

    def count(*_: object) -> None:
        nonlocal passes
        passes += 1

    model.register_forward_hook(count)
    assert check(model).decoder == "tree"
    assert 20 < passes < 50  # about 3 ms each with the embedded model
