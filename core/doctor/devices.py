"""Processors, memory and GPUs, and the device that a run would take."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from core.doctor.check import Check, State, one_line
from core.errors import CoreError
from core.executor.worker import available_cores
from core.telemetry import Machine

_GIB = 1 << 30
_ONES = 1024  # summed on the device; exact in every number format


def check_cpu() -> Check:
    """Cores that this process may use, and memory."""
    cores = available_cores() if sys.platform == "linux" else os.cpu_count() or 1
    with Machine() as machine:
        reading = machine.read()
    total, free = reading.memory_total, reading.memory_total - reading.memory_used
    found = f"{cores} of {os.cpu_count()} cores, {free / _GIB:.1f} of "
    return _check("CPU", "ok", f"{found}{total / _GIB:.1f} GiB memory free")


def check_gpus() -> Iterator[Check]:
    """Each NVIDIA GPU; none is fine."""
    with Machine() as machine:
        devices = machine.read().devices
    if not devices:
        yield _check("GPU", "ok", "no NVIDIA GPU")
    for number, device in enumerate(devices):
        free = (device.memory_total - device.memory_used) / _GIB
        memory = f"{free:.1f} of {device.memory_total / _GIB:.1f} GiB memory free"
        yield _check(f"GPU {number}", "ok", f"{device.name}, {memory}")


def check_device(text: str) -> Check:
    """Whether the device of a configuration is there and computes; needs torch."""
    import torch

    from core.models import choose_device

    try:
        device = choose_device(text)
        total = float(torch.ones(_ONES, device=device).sum())
    except CoreError as error:
        advice = "Take the device that is there with --set device=auto."
        return _check("device", "fails", one_line(error), advice)
    except RuntimeError as error:
        advice = "Compute on the CPU with --set device=cpu, or see what is said of CUDA above."
        return _check("device", "fails", f"{text} does not compute: {one_line(error)}", advice)
    if total != _ONES:
        advice = "This device computes wrongly: compute on another one with --set device=cpu."
        return _check("device", "fails", f"{device} sums {_ONES} ones to {total:g}", advice)
    taken = f"{text} takes {device}" if text == "auto" else str(device)
    return _check("device", "ok", f"{taken}; a sum on it came out right")


def _check(name: str, state: State, found: str, advice: str = "") -> Check:
    return Check("devices", name, state, found, advice)
