"""Tiny random models of real configuration classes, and what `generate` makes of prompts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
import transformers

VOCABULARY = 60
PAD = 0
#: Several end tokens, and initialisations such that untrained models end at different steps.
ENDS = (1, 2, 3)

_LLAMA_LIKE = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "initializer_range": 0.3,
}
_GPT_LIKE = {
    "vocab_size": VOCABULARY,
    "n_embd": 32,
    "n_layer": 2,
    "n_head": 4,
    "n_positions": 128,
    "initializer_range": 0.05,
    "tie_word_embeddings": False,
}
_NO_ENDS = {"bos_token_id": None, "eos_token_id": None}
_MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("Llama", _LLAMA_LIKE),
    "qwen2": ("Qwen2", _LLAMA_LIKE),
    "gpt2": ("GPT2", _GPT_LIKE),
    "starcoder2": ("Starcoder2", _LLAMA_LIKE),
    "qwen3": ("Qwen3", {**_LLAMA_LIKE, "head_dim": 8}),
    "gpt_bigcode": ("GPTBigCode", _GPT_LIKE),
    "codegen": ("CodeGen", {**_GPT_LIKE, "n_ctx": 128, "rotary_dim": 4}),
    "phi": ("Phi", {**_LLAMA_LIKE, "num_key_value_heads": 4, "initializer_range": 0.15}),
    "mistral": ("Mistral", {**_LLAMA_LIKE, "sliding_window": 9}),
    "qwen2_sliding": (
        "Qwen2",
        {**_LLAMA_LIKE, "use_sliding_window": True, "sliding_window": 9, "max_window_layers": 1},
    ),
    "gemma2": (
        "Gemma2",
        {**_LLAMA_LIKE, "head_dim": 8, "sliding_window": 9, "tie_word_embeddings": False},
    ),
    "gpt_neo": (
        "GPTNeo",
        {
            "vocab_size": VOCABULARY,
            "hidden_size": 32,
            "num_layers": 2,
            "num_heads": 4,
            "max_position_embeddings": 128,
            "attention_types": [[["global", "local"], 1]],
            "window_size": 8,
            "initializer_range": 0.3,
            "tie_word_embeddings": False,
        },
    ),
}


@cache
def tiny_model(name: str) -> Any:
    """An untrained float32 model, the same every time; read it only."""
    kind, settings = _MODELS[name]
    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(**settings, **_NO_ENDS)
    classes = (f"{kind}ForCausalLM", f"{kind}LMHeadModel")
    found = next(getattr(transformers, name) for name in classes if hasattr(transformers, name))
    return found(config).eval()


def some_prompts(count: int, longest: int = 20, seed: int = 0) -> list[list[int]]:
    """Prompts of different lengths, of arbitrary tokens that are no ends."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, longest + 1, size=count)
    return [rng.integers(4, VOCABULARY, size=length).tolist() for length in lengths]


def generated(
    model: Any, prompts: Sequence[Sequence[int]], beams: int, max_new_tokens: int
) -> list[list[list[int]]]:
    """For each prompt the k sequences that `generate` finds, cut after their first end token."""
    longest = max(map(len, prompts))
    ids = [[PAD] * (longest - len(prompt)) + list(prompt) for prompt in prompts]
    real = [[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    how = {"length_penalty": 0.0, "early_stopping": "never"} if beams > 1 else {}
    output = model.generate(
        torch.tensor(ids),
        attention_mask=torch.tensor(real),
        num_beams=beams,
        num_return_sequences=beams,
        do_sample=False,
        max_new_tokens=max_new_tokens,
        eos_token_id=list(ENDS),
        pad_token_id=PAD,
        **how,
    )
    sequences = [_until_end(line) for line in output[:, longest:].tolist()]
    return [sequences[i : i + beams] for i in range(0, len(sequences), beams)]


def teacher_forced(model: Any, prompt: Sequence[int], tokens: Sequence[int]) -> np.ndarray:
    """Log-probability of each token, from one plain forward pass without padding or cache."""
    with torch.no_grad():
        logits = model(torch.tensor([[*prompt, *tokens]])).logits[0, len(prompt) - 1 : -1]
    logprobs = logits.log_softmax(-1).gather(1, torch.tensor(tokens)[:, None])
    return logprobs[:, 0].numpy()


def _until_end(tokens: list[int]) -> list[int]:
    ends = [position for position, token in enumerate(tokens) if token in ENDS]
    return tokens[: ends[0] + 1] if ends else tokens


def byte_tokenizer(end_token_id: int = 256) -> Any:
    """One token a byte, and an end token, by default one more."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: number for number, letter in enumerate([*alphabet, "<end>"])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    end = [*alphabet, "<end>"][end_token_id]
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=end)
