"""A teacher on this machine: another causal LM, there only while programs are written.

It is loaded before an iteration's programs are written and given back before the student trains on
them, so that the two need not fit side by side; `teacher.keep_loaded` keeps it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from core.config import SamplerConfig, TeacherConfig
from core.memory import release_memory
from core.models import load_student
from core.program import Program
from core.prompts.fitting import check_any, fitting_tasks
from core.sampler import Sampler
from core.sampler.check import Check
from core.tasks.task import Task
from core.teachers.teacher import Teacher


class LocalTeacher(Teacher):
    """The model at `config.model.path`, sampled as the student is.

    Loads it at once, so that a model that cannot be loaded is refused before a run begins, and so
    is one into whose context not one of the `tasks` fits. Raises CoreError.
    """

    def __init__(
        self,
        config: TeacherConfig,
        sampler: SamplerConfig,
        tasks: Sequence[Task],
        device: torch.device,
        seed: int,
    ) -> None:
        super().__init__(config.model.path)
        self._config = config
        self._sampler_config = sampler
        self._device = device
        self._seed = seed
        self._check: Check | None = None
        self._sampler: Sampler | None = None
        prompts = self._load().prompts
        fitting, fit = fitting_tasks(prompts, tasks)
        check_any(fitting, fit, prompts.room)
        self._to_tell = fit.sentence(prompts.room, sampler)

    def sample(
        self, tasks: Sequence[Task], iteration: int
    ) -> Iterator[tuple[Task, tuple[Program, ...]]]:
        sampler = self._load()
        sampler.on_event = self.on_event
        if self._to_tell:
            self.on_event("warning", f"For the teacher {self.name}: {self._to_tell}")
            self._to_tell = ""
        fitting = [task for task in tasks if sampler.prompts.suffices(sampler.prompts.fit(task))]
        yield from sampler.sample(fitting, iteration)

    def most_programs(self, task: Task) -> int:
        del task
        return self._sampler_config.beams

    def release(self) -> None:
        if self._config.keep_loaded:
            return
        self._sampler = None
        release_memory(self._device)

    def _load(self) -> Sampler:
        if self._sampler is None:
            teacher = load_student(self._config.model, self._device)
            name = f"teacher:{teacher.name}"
            self._sampler = Sampler(
                teacher, self._sampler_config, self._seed, name, check=self._check
            )
            self._check = self._sampler.check
        return self._sampler
