"""What this machine has to offer a run: the memory of its device, and room on the disk."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Machine:
    """`kind` is "cpu" or "cuda"; `memory` is free on the device, `disk` beside the workspace."""

    kind: str
    name: str
    cores: int
    memory: int
    disk: int


def look(device: str, workspace: Path) -> Machine:
    """The device that `device` names, and the disk that the workspace is or will be on."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    disk = _free_disk(workspace)
    if device == "auto" or device.startswith("cuda"):
        number = int(device.partition(":")[2] or 0) if device.partition(":")[2].isdigit() else 0
        found = _gpu(number)
        if found is not None:
            return Machine("cuda", found[0], cores or 1, found[1], disk)
    import psutil

    memory = int(psutil.virtual_memory().available)
    return Machine("cpu", "this machine", cores or 1, memory, disk)


def _gpu(number: int) -> tuple[str, int] | None:
    """Name and free bytes of an NVIDIA device; None where there is none."""
    import pynvml

    with suppress(pynvml.NVMLError):
        pynvml.nvmlInit()
        try:
            handle = pynvml.nvmlDeviceGetHandleByIndex(number)
            name = pynvml.nvmlDeviceGetName(handle)
            free = int(pynvml.nvmlDeviceGetMemoryInfo(handle).free)
            return (name if isinstance(name, str) else name.decode()), free
        finally:
            pynvml.nvmlShutdown()
    return None


def _free_disk(folder: Path) -> int:
    """Free bytes where a folder is, or where the first of its parents is that exists."""
    for place in (folder.absolute(), *folder.absolute().parents):
        with suppress(OSError):
            return shutil.disk_usage(place).free
    return 0
