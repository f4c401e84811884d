"""When a device has no memory left: how it says so, and giving back what was reserved."""

from __future__ import annotations

import torch


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the device has no memory left."""
    # The CPU's allocator reports it as a plain RuntimeError.
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def release_memory(device: torch.device) -> None:
    """Gives back what the allocator keeps for later; call it when nothing holds the failed try."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
