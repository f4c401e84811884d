"""Readings of the machine: CPU and memory through psutil, NVIDIA devices through NVML."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psutil
import pynvml

from storage.schema import DeviceReading, Telemetry


class Machine:
    """Reads CPU, memory and accelerators; a machine without NVML simply has no devices.

    Devices are those that CUDA_VISIBLE_DEVICES leaves in sight, in its order, so that the first one
    is cuda:0. Where it names devices in another way than NVML does, all of them are read.
    """

    def __init__(self) -> None:
        self._process = psutil.Process(os.getpid())
        self._handles: list[object] = []
        with suppress(pynvml.NVMLError):
            pynvml.nvmlInit()
            self._handles = _handles(os.environ.get("CUDA_VISIBLE_DEVICES"))
        psutil.cpu_percent(percpu=True)  # the first call only sets the reference point

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *_: object) -> None:
        if self._handles:
            with suppress(pynvml.NVMLError):
                pynvml.nvmlShutdown()
            self._handles = []

    def read(self) -> Telemetry:
        """One reading; `cpu` and `cores` are means since the reading before."""
        memory = psutil.virtual_memory()
        cores = tuple(psutil.cpu_percent(percpu=True))
        return Telemetry(
            cpu=round(sum(cores) / len(cores), 1),
            memory_used=memory.total - memory.available,
            memory_total=memory.total,
            engine_memory=self._process.memory_info().rss,
            devices=tuple(_read_device(handle) for handle in self._handles),
            cores=tuple(round(core) for core in cores),
        )


def _handles(visible: str | None) -> list[object]:
    """The devices in sight, as CUDA counts them: by number or by (the beginning of) their UUID."""
    count = pynvml.nvmlDeviceGetCount()
    all_ = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(count)]
    if visible is None:
        return all_
    found: list[object] = []
    for name in (part.strip() for part in visible.split(",")):
        if name.isdecimal() and int(name) < count:
            found.append(all_[int(name)])
        elif name.startswith("GPU-"):
            found += [one for one in all_ if _uuid(one).startswith(name)]
        elif name.startswith("MIG-"):
            return all_
        else:  # as CUDA does: what comes after one that is not there is not in sight
            break
    return found


def _uuid(handle: object) -> str:
    uuid = pynvml.nvmlDeviceGetUUID(handle)
    return uuid if isinstance(uuid, str) else str(uuid.decode())


def _read_device(handle: object) -> DeviceReading:
    name = _reported(lambda: pynvml.nvmlDeviceGetName(handle), "NVIDIA device")
    memory = _reported(lambda: pynvml.nvmlDeviceGetMemoryInfo(handle), None)
    return DeviceReading(
        name=name if isinstance(name, str) else name.decode(),
        utilization=_reported(
            lambda: float(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu), None
        ),
        memory_used=int(memory.used) if memory else 0,
        memory_total=int(memory.total) if memory else 0,
        temperature=_reported(
            lambda: float(pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU)),
            None,
        ),
        power=_reported(lambda: pynvml.nvmlDeviceGetPowerUsage(handle) / 1000, None),
    )


def _reported(read: Callable[[], Any], otherwise: Any) -> Any:
    """A figure, or what stands for it where this device does not report it."""
    try:
        return read()
    except pynvml.NVMLError:
        return otherwise
