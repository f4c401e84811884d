"""One run of TRL's GRPOTrainer on the embedded model, measured by our own measurement.

    python -m tests.benchmarks.grpo_peer '{"seed": 0, "programs": 1152}'

Prints a JSON line at the start (seconds since the epoch) and one a measurement: programs written
and tested, seconds of training by the clock and of CPU, held-out accuracy. `bench_grpo` starts it;
the fields of PeerRun are what it can be told.

The model, the training tasks, the prompts' token ids (checked, task by task), the longest program,
the executor and the measurement are those of our runs. The reward is a program's pass rate, or with
"strict" whether it passes everything; a text that was judged before is not run again, as in our
runs. Seconds are those of `train()` without the measuring.

TRL's own defaults stand where nothing is said: no KL term, the loss of DAPO, temperature 1, bf16
(some 15 % faster than float32, also on a CPU), fused AdamW. Its default to compute activations
twice is off, as it trades time for memory; logging, checkpoints and progress bars are, too.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from core.config import Config

if TYPE_CHECKING:
    from core.executor import Executor
    from core.prompts.format import PromptFormat
    from core.tasks import Task


#: Programs that go through the model at once; more are no faster.
MICROBATCH = 32


@dataclass(frozen=True, slots=True)
class Settings:
    """What is tuned. One optimizer step learns from `batch` programs, `generations` of each task.

    The programs of `updates` steps are written at once (TRL's steps_per_generation): fewer and
    larger rounds of decoding, for programs that are a few steps old. `decay` is TRL's default, a
    step size that falls to nothing over the run; without it the step size stays.
    """

    learning_rate: float = 3e-4
    generations: int = 8
    batch: int = 64
    updates: int = 1
    reward: Literal["pass_rate", "strict"] = "pass_rate"
    decay: bool = False


@dataclass(frozen=True, slots=True)
class PeerRun:
    """One run: it ends after `programs`, or `seconds` of CPU, those of the measuring included.

    It ends earlier where it reaches the accuracy `stop_at` (0: never), or has fallen by `hopeless`
    below the best that it had. Held-out accuracy is measured every `grid` programs.
    """

    settings: Settings = field(default_factory=Settings)
    seed: int = 0
    programs: int = 15_360
    grid: int = 288
    held_out: str = "nano:held-out"
    stop_at: float = 0.0
    hopeless: float = 1.0
    seconds: float = 1e9

    def to_json(self) -> str:
        """As `from_json` reads it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> PeerRun:
        """What is not named keeps its default."""
        values = json.loads(text)
        return cls(**{**values, "settings": Settings(**values.get("settings", {}))})


class Reward:
    """TRL's reward function: runs programs with our executor. `programs` counts them."""

    def __init__(
        self, executor: Executor, prompts: PromptFormat, tasks: Sequence[Task], strict: bool
    ) -> None:
        self.__name__ = "strict" if strict else "pass_rate"
        self.programs = 0
        self._executor, self._prompts, self._tasks, self._strict = executor, prompts, tasks, strict
        self._known: dict[tuple[int, str], float] = {}

    def __call__(self, completions: list[str], task: list[int], **_: Any) -> list[float]:
        keys = [
            (index, self._prompts.program(self._tasks[index], text))
            for index, text in zip(task, completions, strict=True)
        ]
        self.programs += len(keys)
        new = list({key: None for key in keys if key not in self._known})
        for place, verdict in self._executor.run((self._tasks[i], text) for i, text in new):
            self._known[new[place]] = verdict.pass_rate or 0.0
        rates = [self._known[key] for key in keys]
        return [float(rate == 1.0) for rate in rates] if self._strict else rates


class Clock:
    """Seconds by some clock since it was made, without those for which it was stopped."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now, self._began, self._stopped = now, now(), 0.0

    @property
    def whole(self) -> float:
        """Those for which it was stopped included."""
        return self._now() - self._began

    @property
    def seconds(self) -> float:
        """Without them."""
        return self.whole - self._stopped

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Does not count what happens inside."""
        began = self._now()
        yield
        self._stopped += self._now() - began


class Course:
    """The measurements of one run, and the clock that stands still while they are made."""

    def __init__(self, run: PeerRun, reward: Reward, model: Any, executor: Executor) -> None:
        from core.models import load_student
        from core.sampler import Sampler
        from core.tasks.load import load_tasks

        self._run, self._reward, self._model, self._executor = run, reward, model, executor
        # A second copy: TRL puts a forward of its own into the one that it trains.
        self._student = load_student(Config().model, model.device)
        self._sampler = Sampler(self._student, Config().sampler, run.seed)
        self._held_out = load_tasks(run.held_out)
        self._due, self._best = 0, 0.0

    def begin(self) -> None:
        """Starts the clocks, and measures the untrained model."""
        self._say(began=time.time())
        self._clock, self._cpu = Clock(time.perf_counter), Clock(time.process_time)
        self.measure()

    def due(self) -> bool:
        """Whether as many programs were written as the next measurement waits for, or the end."""
        return self._reward.programs >= min(self._due, self._run.programs)

    def measure(self) -> bool:
        """Measures and prints; returns whether the run has come to its end."""
        from core.evaluation.held_out import evaluate

        run, programs = self._run, self._reward.programs
        with self._clock.stopped(), self._cpu.stopped():
            self._student.model.load_state_dict(self._model.state_dict())
            accuracy = evaluate(self._sampler, self._executor, self._held_out).accuracy
        seconds, cpu = self._clock.seconds, self._cpu.seconds
        self._say(programs=programs, seconds=seconds, cpu=cpu, accuracy=accuracy)
        self._due = (programs // run.grid + 1) * run.grid
        self._best = max(self._best, accuracy)
        return (
            programs >= run.programs
            or accuracy >= (run.stop_at or math.inf)
            or accuracy < self._best - run.hopeless
            or self._cpu.whole > run.seconds
        )

    def _say(self, **said: float) -> None:
        print(json.dumps(said), flush=True)


def train(run: PeerRun) -> None:
    """Trains until the run ends; raises SystemExit where TRL would see other prompts than we do."""
    import torch
    from datasets import Dataset
    from transformers import PrinterCallback, TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    from core.executor.configured import open_executor
    from core.models import load_student
    from core.prompts import prompt_format
    from core.run_tasks import load_run_tasks
    from core.sampler.search import context_tokens

    config, settings = Config(), run.settings
    rounds = math.ceil(run.programs / (settings.batch * settings.updates))
    at_once = min(settings.batch, MICROBATCH)
    tasks = load_run_tasks(config).train
    student = load_student(config.model, torch.device("cpu"))
    prompts = prompt_format(student, context_tokens(student.model), config.sampler)
    if any(student.tokenizer(t.prompt)["input_ids"] != prompts.prompt(t) for t in tasks):
        sys.exit("The prompts of some tasks are cut or framed: TRL would be asked something else.")
    rows = [{"prompt": task.prompt, "task": index} for index, task in enumerate(tasks)]

    class Measuring(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.global_step % settings.updates == 0 and course.due():
                control.should_training_stop = course.measure()

    with open_executor(config.executor) as executor, TemporaryDirectory() as folder:
        reward = Reward(executor, prompts, tasks, settings.reward == "strict")
        course = Course(run, reward, student.model, executor)
        trainer = GRPOTrainer(
            model=student.model,
            processing_class=student.tokenizer,
            reward_funcs=reward,
            train_dataset=Dataset.from_list(rows),
            callbacks=[Measuring()],
            args=GRPOConfig(
                output_dir=folder,
                use_cpu=True,
                seed=run.seed,
                max_steps=rounds * settings.updates,
                learning_rate=settings.learning_rate,
                lr_scheduler_type="linear" if settings.decay else "constant",
                num_generations=settings.generations,
                per_device_train_batch_size=at_once,
                gradient_accumulation_steps=settings.batch // at_once,
                steps_per_generation=settings.updates * settings.batch // at_once,
                max_completion_length=config.sampler.max_new_tokens,
                gradient_checkpointing=False,
                optim="adamw_torch_fused",
                dataloader_pin_memory=False,
                disable_tqdm=True,
                logging_strategy="no",
                save_strategy="no",
                report_to="none",
            ),
        )
        trainer.remove_callback(PrinterCallback)
        course.begin()
        trainer.train()


if __name__ == "__main__":
    train(PeerRun.from_json(sys.argv[1]))
