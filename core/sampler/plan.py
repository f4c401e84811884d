"""How many tasks fit side by side on a device: its free memory over what a task takes."""

from __future__ import annotations

import psutil
import torch

#: Share of the free memory that a search may take; the rest is for what the model computes.
SHARE = {"cuda": 0.7, "cpu": 0.25}

#: More side by side bring nothing on a CPU: its cores are busy, and its caches full.
MOST_ON_CPU = 48
MOST = 1024


def rows_that_fit(device: torch.device, row_bytes: int) -> int:
    """Tasks that can be decoded side by side when each takes so many bytes, at least one."""
    if device.type == "cpu":
        return _within(MOST_ON_CPU, psutil.virtual_memory().available * SHARE["cpu"], row_bytes)
    if device.type != "cuda":
        return MOST_ON_CPU
    free, _ = torch.cuda.mem_get_info(device)
    idle = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return _within(MOST, (free + idle) * SHARE["cuda"], row_bytes)


def _within(most: int, room: float, row_bytes: int) -> int:
    return max(1, min(most, int(room // max(row_bytes, 1))))


def row_bytes(columns: int, column_bytes: int, beams: int, vocabulary: int) -> int:
    """Bytes of a task: its keys and values, its masks, and its logits with what is made of them."""
    masks = columns * (beams * 8 + 8)
    logits = beams * vocabulary * 12
    return columns * column_bytes + masks + logits
