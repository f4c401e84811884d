"""The device that a student lives on."""

from __future__ import annotations

import torch

from core.errors import CoreError


def choose_device(text: str) -> torch.device:
    """The device behind "auto" (cuda, then mps, else cpu), "cpu", "cuda", "cuda:N" or "mps".

    Raises CoreError for a device that is not there.
    """
    if text == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", torch.cuda.current_device())
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(text)
    except RuntimeError:
        device = torch.device("meta")
    if device.type == "cuda":
        return _cuda_device(text, device)
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise CoreError('device = "mps": this machine has no Apple GPU; use "auto" or "cpu".')
    if device.type not in ("cpu", "mps"):
        raise CoreError(f'device = "{text}" is unknown: use auto, cpu, cuda, cuda:N or mps.')
    return device


def _cuda_device(text: str, device: torch.device) -> torch.device:
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not count:
        raise CoreError(f'device = "{text}": PyTorch finds no CUDA GPU here; use "auto" or "cpu".')
    if device.index is None:
        return torch.device("cuda", torch.cuda.current_device())
    if device.index >= count:
        raise CoreError(f'device = "{text}": this machine has cuda:0 to cuda:{count - 1}.')
    return device
