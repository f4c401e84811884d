"""AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101), whole or with its moments in 8 bits."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from core.config import TrainerConfig
from core.models.quantized import check_bitsandbytes

_BETAS = (0.9, 0.98)


def check_optimizer(config: TrainerConfig, device: torch.device) -> None:
    """Raises CoreError where this machine has not what the optimizer needs."""
    if config.optimizer == "adamw_8bit":
        check_bitsandbytes('trainer.optimizer = "adamw_8bit"', device)


def make_optimizer(
    weights: Sequence[Tensor], config: TrainerConfig, device: torch.device
) -> torch.optim.Optimizer:
    """The optimizer of these weights, none of which it has moved yet; raises CoreError as above."""
    check_optimizer(config, device)
    rate, decay = config.learning_rate, config.weight_decay
    if config.optimizer == "adamw":
        fused = device.type in ("cpu", "cuda")
        return torch.optim.AdamW(weights, lr=rate, weight_decay=decay, betas=_BETAS, fused=fused)
    from bitsandbytes.optim import AdamW8bit

    optimizer: torch.optim.Optimizer = AdamW8bit(weights, lr=rate, weight_decay=decay, betas=_BETAS)
    return optimizer
