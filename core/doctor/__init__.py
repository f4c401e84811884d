"""`btp-tui doctor`: whether this machine can run everything, found out by trying.

Each part is attempted rather than looked up: a workspace is made in a temporary folder, the
embedded model is loaded, a sum is taken on the device, programs are judged in a real sandbox.
Nothing is written into the workspace. Not covered: hub models, which are only fetched by a run.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from core.config import Config
from core.doctor.check import Check
from core.doctor.devices import check_cpu, check_device, check_gpus
from core.doctor.isolation import check_isolation
from core.doctor.nvidia import check_cuda
from core.doctor.software import check_python, check_sqlite, check_torch, check_transformers
from core.doctor.terminal import check_terminal
from core.doctor.workspace import check_workspace

__all__ = ["Check", "examine"]


def examine(config: Config, workspace: Path) -> Iterator[Check]:
    """Every check, section by section, each made when it is asked for."""
    torch = check_torch()
    yield check_python()
    yield torch
    if not torch.fails:  # what stands on torch would only repeat why it is not there
        yield check_cuda()
        yield check_transformers()
    yield check_sqlite()
    yield check_cpu()
    yield from check_gpus()
    if not torch.fails:
        yield check_device(config.device)
    yield from check_isolation(config.executor)
    yield from check_workspace(workspace)
    yield from check_terminal()
