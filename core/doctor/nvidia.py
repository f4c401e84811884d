"""Whether the CUDA that torch was built for fits the NVIDIA driver of this machine."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import pynvml

from core.doctor.check import Check, State, one_line


@dataclass(frozen=True, slots=True)
class Driver:
    """Version of an NVIDIA driver ("580.65.06") and the newest CUDA that it supports (13, 0)."""

    version: str
    cuda: tuple[int, int]


def read_driver() -> Driver | None:
    """The driver as NVML reports it, None where there is none.

    Raises pynvml.NVMLError where one is installed but does not answer.
    """
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError_LibraryNotFound:
        return None
    try:
        number = int(pynvml.nvmlSystemGetCudaDriverVersion_v2())  # 12040 is 12.4
        version = pynvml.nvmlSystemGetDriverVersion()
    finally:
        pynvml.nvmlShutdown()
    text = version if isinstance(version, str) else version.decode()
    return Driver(text, (number // 1000, number % 1000 // 10))


def check_cuda() -> Check:
    """The same as `judge_cuda`, on this machine; needs torch."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of an old driver in its own words
        available = torch.cuda.is_available()
    try:
        return judge_cuda(torch.version.cuda, read_driver(), available)
    except pynvml.NVMLError as error:
        advice = "See what nvidia-smi says; after an update of the driver, reboot."
        return _check("note", f"the NVIDIA driver does not answer: {one_line(error)}", advice)


def judge_cuda(build: str | None, driver: Driver | None, available: bool) -> Check:
    """What torch's CUDA ("12.8", None for a CPU build) and the driver come to.

    A driver runs every CUDA of its own major version and of older ones. `available` says whether
    torch finds a GPU in the end: compatibility packages can make it work against the rule.
    """
    built = f"torch is built for {f'CUDA {build}' if build else 'the CPU'}"
    if driver is None:
        if available:
            return _check("ok", f"{built} and finds a GPU; there is no NVIDIA driver to ask")
        return _check("ok", f"{built}; no NVIDIA driver here, so runs use no NVIDIA GPU")
    supports = f"{driver.cuda[0]}.{driver.cuda[1]}"
    found = f"{built}, driver {driver.version} supports up to CUDA {supports}"
    if available:
        return _check("ok", f"{found}, and torch finds a GPU")
    if build is None:
        advice = f"Install a torch that is built for CUDA {driver.cuda[0]} to use the GPU."
    elif int(build.split(".")[0]) > driver.cuda[0]:
        advice = f"Update the driver, or install a torch that is built for CUDA {driver.cuda[0]}."
    else:
        advice = "Check CUDA_VISIBLE_DEVICES and, in a container, that the GPU is passed in."
    return _check("note", f"{found}; torch finds no GPU", advice)


def _check(state: State, found: str, advice: str = "") -> Check:
    return Check("software", "CUDA", state, found, advice)
