"""Readings of the machine: CPU and memory through psutil, NVIDIA devices through NVML."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress

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
    name = pynvml.nvmlDeviceGetName(handle)
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    milliwatts = _reported(lambda: pynvml.nvmlDeviceGetPowerUsage(handle))
    return DeviceReading(
        name=name if isinstance(name, str) else name.decode(),
        utilization=_reported(lambda: pynvml.nvmlDeviceGetUtilizationRates(handle).gpu),
        memory_used=int(memory.used),
        memory_total=int(memory.total),
        temperature=_reported(
            lambda: pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU)
        ),
        power=None if milliwatts is None else milliwatts / 1000,
    )


def _reported(read: Callable[[], float]) -> float | None:
    """A figure, or None where this device does not report it."""
    try:
        return float(read())
    except pynvml.NVMLError:
        return None
