"""Rebuilds the embedded default from a seed: `python -m core.nano.build --seed 0`.

The tasks come out byte for byte the same; the models within their accuracy bands, since float
arithmetic differs between machines. Exits with 1 where a model misses its band.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from core.config import ModelConfig, SamplerConfig
from core.evaluation.held_out import evaluate
from core.executor import Executor
from core.models import load_student
from core.nano.dense import NANO
from core.nano.families import FAMILIES
from core.nano.family import Family
from core.nano.habits import CAREFUL, SPARSE, STUDENT, TEACHER, TEXTS, WEAK_TEACHER, Habits
from core.nano.pretrain import Lesson, exercises, new_model, teach
from core.nano.sparse import NANO_SPARSE
from core.nano.splits import SIZES, Split, write_tasks
from core.nano.tokenizer import train_tokenizer
from core.nano.writing import write
from core.sampler import Sampler
from core.tasks.load import load_tasks

FOLDER = Path(__file__).parent
TOKENIZER_EXERCISES = 20_000

#: What every model is taught first.
BASE = Lesson(CAREFUL, programs=96_000, learning_rate=4e-3, embedding_rate=3e-3)
BASE_AGAIN = Lesson(CAREFUL, programs=48_000, learning_rate=2.5e-3, embedding_rate=2e-3)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Whose programs the base is shown last (None: nobody's), and the band of held-out accuracy."""

    habits: Habits | None
    family: Family
    band: tuple[float, float]

    @property
    def lesson(self) -> Lesson | None:
        """The last lesson, if there is one."""
        if self.habits is None:
            return None
        return Lesson(self.habits, programs=16_000, learning_rate=1.2e-3, embedding_rate=6e-4)


MODELS = {
    "nano": Recipe(STUDENT, NANO, (0.30, 0.40)),
    "nano-sparse": Recipe(SPARSE, NANO_SPARSE, (0.01, 0.04)),
    "nano-teacher-weak": Recipe(WEAK_TEACHER, NANO, (0.48, 0.57)),
    "nano-teacher": Recipe(TEACHER, NANO, (0.80, 0.89)),
    "nano-teacher-strong": Recipe(None, NANO, (0.91, 0.98)),
}


def main() -> int:
    """Builds tasks, tokenizer and models, and measures the models."""
    parser = argparse.ArgumentParser(prog="python -m core.nano.build", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random")
    parser.add_argument("--out", type=Path, default=FOLDER, help="where tasks/ and models/ go")
    options = parser.parse_args()
    begun = time.monotonic()

    def report(message: str) -> None:
        print(f"{time.monotonic() - begun:6.0f} s  {message}", flush=True)

    build_tasks(options.seed, options.out / "tasks")
    report("tasks written")
    tokenizer = build_tokenizer(options.seed)
    base = new_model(tokenizer, options.seed)
    teach(base, tokenizer, NANO, BASE, f"base {options.seed}", report)
    teach(base, tokenizer, NANO, BASE_AGAIN, f"base again {options.seed}", report)
    missed = False
    for name, recipe in MODELS.items():
        model = copy.deepcopy(base)
        if recipe.lesson:
            seed = f"{name} {options.seed}"
            teach(model, tokenizer, recipe.family, recipe.lesson, seed, report)
        folder = options.out / "models" / name
        model.to(torch.bfloat16).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        accuracy = measure(folder, options.out / "tasks" / recipe.family.name / "held-out.jsonl.gz")
        low, high = recipe.band
        report(f"{name}: held-out accuracy {accuracy:.3f}, expected {low} to {high}")
        missed |= not low <= accuracy <= high
    return int(missed)


def build_tasks(seed: int, folder: Path) -> None:
    """Writes the files of all splits of all families."""
    for family, (name, size) in itertools.product(FAMILIES.values(), SIZES.items()):
        split = Split(family, name, seed)
        write_tasks(split.records(size), folder / family.name / f"{name}.jsonl.gz")


def build_tokenizer(seed: int) -> Any:
    """The tokenizer of all models, trained on exercises and what careless authors wrote."""
    rng = random.Random(f"tokenizer {seed}")
    drawn = itertools.islice(exercises(NANO, f"tokenizer {seed}"), TOKENIZER_EXERCISES)
    texts = ((exercise.prompt, write(exercise, TEXTS.draw(exercise, rng))) for exercise in drawn)
    return train_tokenizer(itertools.chain.from_iterable(texts))


def measure(folder: Path, tasks: Path) -> float:
    """Strict accuracy of the most probable programs on the tasks of a file."""
    student = load_student(ModelConfig(path=str(folder), offline=True), torch.device("cpu"))
    with Executor() as executor:
        sampler = Sampler(student, SamplerConfig())
        return evaluate(sampler, executor, load_tasks(f"nano:{tasks}")).accuracy


if __name__ == "__main__":
    sys.exit(main())
