"""Which teacher a configuration names."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from core.config import Config
from core.tasks.task import Task
from core.teachers.files import FileTeacher
from core.teachers.local import LocalTeacher
from core.teachers.remote import RemoteTeacher
from core.teachers.teacher import Teacher


def choose_teacher(config: Config, tasks: Sequence[Task], device: torch.device) -> Teacher | None:
    """The teacher of a run that trains on these tasks; None where there is none.

    Raises CoreError where it cannot be: a model that does not load, a broken file, wrong settings.
    """
    chosen = config.teacher
    if chosen.kind == "model":
        return LocalTeacher(chosen, config.sampler, device, config.seed)
    if chosen.kind == "endpoint":
        return RemoteTeacher(chosen.endpoint, config.sampler.beams, config.seed)
    if chosen.kind == "file":
        return FileTeacher(chosen.programs, tasks)
    return None
