"""Which teacher a configuration names."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from core.config import Config, TeacherConfig
from core.errors import CoreError
from core.tasks.task import Task
from core.teachers.files import FileTeacher
from core.teachers.local import LocalTeacher
from core.teachers.remote import RemoteTeacher
from core.teachers.teacher import Teacher


def is_due(config: TeacherConfig, iteration: int) -> bool:
    """Whether a teacher, if there is one, writes the programs of an iteration."""
    return not config.iterations or iteration < config.iterations


def choose_teacher(config: Config, tasks: Sequence[Task], device: torch.device) -> Teacher | None:
    """The teacher of a run that trains on these tasks; None where there is none.

    Raises CoreError where it cannot be: a model that does not load, a broken file, wrong settings.
    """
    chosen = config.teacher
    if chosen.kind == "model":
        try:
            return LocalTeacher(chosen, config.sampler, tasks, device, config.seed)
        except CoreError as error:
            raise CoreError(f"teacher.model: {error}") from None
    if chosen.kind == "endpoint":
        return RemoteTeacher(chosen.endpoint, config.sampler.beams, config.seed)
    if chosen.kind == "file":
        return FileTeacher(chosen.programs, tasks)
    return None
