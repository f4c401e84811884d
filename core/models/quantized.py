"""Weights in 8 or 4 bits through bitsandbytes: for a frozen teacher, or beneath an adapter."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import torch

from core.config import ModelConfig
from core.errors import CoreError


def check_bitsandbytes(setting: str, device: torch.device) -> None:
    """Raises CoreError where a setting asks for bitsandbytes and there is no GPU or no package."""
    if device.type != "cuda":
        raise CoreError(f"{setting} needs a CUDA GPU, and device is {device}: leave it out.")
    if find_spec("bitsandbytes") is None:
        raise CoreError(
            f"{setting} needs a package that is not installed: pip install 'btp-tui[quantized]'."
        )


def quantization_config(config: ModelConfig) -> Any:
    """What transformers is told: 8-bit integers, or 4-bit normal floats computed in bfloat16."""
    from transformers import BitsAndBytesConfig

    if config.quantization == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
