"""Parts that several tests stand on: a tiny real model, and the real data where it lies."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.loopback import child_server, free_port

# As in core/cli.py: torch's threads would spin on the cores that the executor's tests need.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# pytest's own readline writes 80 and 24 into what its worker processes inherit, and every terminal
# that a test opens would take that for its size.
for _size in ("COLUMNS", "LINES"):
    os.environ.pop(_size, None)

# What a shell starts in the background ignores Ctrl-C, and so would every process of a test.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

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


@pytest.fixture(scope="session")
def transformers_serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a real `transformers serve` answers; it loads whatever folder is asked for."""
    for package in ("fastapi", "uvicorn", "accelerate"):
        if find_spec(package) is None:
            pytest.skip("transformers serve needs pip install 'transformers[serving]'")
    port = free_port()
    code = "from transformers.cli.transformers import main; main()"
    command = [sys.executable, "-c", code, "serve", "--host", "127.0.0.1", "--device", "cpu"]
    log = tmp_path_factory.mktemp("serve") / "log"
    with child_server([*command, "--port", str(port)], port, log) as url:
        yield url
