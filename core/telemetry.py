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
    """Reads CPU, memory and accelerators; a machine without NVML simply has no devices."""

    def __init__(self) -> None:
        self._process = psutil.Process(os.getpid())
        self._handles: list[object] = []
        with suppress(pynvml.NVMLError):
            pynvml.nvmlInit()
            count = pynvml.nvmlDeviceGetCount()
            self._handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(count)]
        psutil.cpu_percent()  # the first call only sets the reference point

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *_: object) -> None:
        if self._handles:
            with suppress(pynvml.NVMLError):
                pynvml.nvmlShutdown()
            self._handles = []

    def read(self) -> Telemetry:
        """One reading; `cpu` is the mean since the reading before."""
        memory = psutil.virtual_memory()
        return Telemetry(
            cpu=psutil.cpu_percent(),
            memory_used=memory.total - memory.available,
            memory_total=memory.total,
            engine_memory=self._process.memory_info().rss,
            devices=tuple(_read_device(handle) for handle in self._handles),
        )


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
