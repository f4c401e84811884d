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
from pathlib import Path
from typing import Any

import torch

from core.config import ModelConfig, SamplerConfig
from core.evaluate import evaluate
from core.executor import Executor
from core.models import load_student
from core.nano.dense import NANO
from core.nano.habits import CAREFUL, STUDENT, TEACHER, TEXTS
from core.nano.pretrain import Lesson, exercises, new_model, teach
from core.nano.splits import SIZES, Split, write_tasks
from core.nano.tokenizer import train_tokenizer
from core.nano.writing import write
from core.sampler import Sampler
from core.tasks.load import load_tasks

FOLDER = Path(__file__).parent
TOKENIZER_EXERCISES = 20_000

BASE = Lesson(CAREFUL, programs=80_000, learning_rate=4e-3, embedding_rate=3e-3)

#: Per model: its second lesson, and the band of its held-out strict accuracy.
MODELS: dict[str, tuple[Lesson, tuple[float, float]]] = {
    "nano": (
        Lesson(STUDENT, programs=16_000, learning_rate=1.2e-3, embedding_rate=6e-4),
        (0.25, 0.40),
    ),
    "nano-teacher": (
        Lesson(TEACHER, programs=16_000, learning_rate=1.2e-3, embedding_rate=6e-4),
        (0.70, 0.92),
    ),
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
    missed = False
    for name, (lesson, band) in MODELS.items():
        model = copy.deepcopy(base)
        teach(model, tokenizer, NANO, lesson, f"{name} {options.seed}", report)
        folder = options.out / "models" / name
        model.to(torch.bfloat16).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        accuracy = measure(folder, options.out / "tasks" / "held-out.jsonl.gz")
        report(f"{name}: held-out accuracy {accuracy:.3f}, expected {band[0]} to {band[1]}")
        missed |= not band[0] <= accuracy <= band[1]
    return int(missed)


def build_tasks(seed: int, folder: Path) -> None:
    """Writes the files of all splits."""
    for name, size in SIZES.items():
        write_tasks(Split(NANO, name, seed).records(size), folder / f"{name}.jsonl.gz")


def build_tokenizer(seed: int) -> Any:
    """The tokenizer of both models, trained on exercises and what careless authors wrote."""
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
