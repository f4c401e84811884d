"""Parts that several tests stand on: a tiny real model, and the real data where it lies."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

# As in core/__main__.py: torch's threads would spin on the cores that the executor's tests need.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

REAL_DATA = Path(__file__).parents[2] / "shared" / "data"


def real_data(name: str) -> Path:
    """A file of real tasks or programs; skips the test where the folder is absent."""
    file = REAL_DATA / name
    if not file.exists():
        pytest.skip(f"the real data file {name} is not beside this checkout")
    return file


@pytest.fixture(scope="session")
def tiny_llama() -> Any:
    """A two-layer Llama with random weights and 64 tokens; read it, or copy it before training."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=128,
        bos_token_id=None,
        eos_token_id=1,
        pad_token_id=0,
    )
    return LlamaForCausalLM(config).eval()
