"""The step size over a run: warmed up, then falling by a schedule."""

from __future__ import annotations

import math

from core.config import TrainerConfig


def learning_rate(config: TrainerConfig, made: int, done: float) -> float:
    """The step size after so many updates, when a share `done` (0 to 1) of the run lies behind.

    It rises linearly over the first `warmup_updates`; "linear" and "cosine" (Loshchilov & Hutter
    2017, arXiv 1608.03983, eq. 5, without restarts) end at `decay_to`.
    """
    share = min(max(done, 0.0), 1.0)
    if config.schedule == "cosine":
        left = (1 + math.cos(math.pi * share)) / 2
    else:
        left = 1.0 - share if config.schedule == "linear" else 1.0
    warm = min(1.0, (made + 1) / config.warmup_updates) if config.warmup_updates else 1.0
    return config.learning_rate * warm * (config.decay_to + (1 - config.decay_to) * left)
