"""The tasks of a family to train on, to choose settings by and to report, and the lines between.

Which split a composition belongs to depends on its signature alone, so that everything that draws
exercises (tasks, tokenizer, pretraining) keeps to the lines without knowing the others.
"""

from __future__ import annotations

import gzip
import itertools
import json
import random
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import CoreError
from core.nano.difficulty import difficulty
from core.nano.drawing import draw_exercise
from core.nano.exercise import Exercise, Form
from core.nano.family import Family, Signature
from core.nano.inputs import stdin_of
from core.nano.suite import Case, choose_cases
from core.nano.writing import right_writing, write

TASKS = Path(__file__).parent / "tasks"
SIZES = {"train": 2400, "validation": 300, "held-out": 300}
#: Exercises looked at, at most, for each task wanted, so many at a time.
DRAWS, CHUNK = 40, 256
PATIENCE = 20_000


def split_of(composition: Signature) -> str:
    """Of compositions of several steps one in five is held out, another is for validation."""
    rest = zlib.crc32(" ".join(composition).encode()) % 5 if len(composition) > 1 else None
    return "held-out" if rest == 0 else "validation" if rest == 1 else "train"


@dataclass(frozen=True, slots=True)
class Split:
    """Which exercises a split draws, from which seed."""

    family: Family
    name: str
    seed: int

    def exercises(self) -> Iterator[tuple[int, Exercise]]:
        """Yields (seed for its tests, exercise), no two alike but for constants and names.

        Ends where PATIENCE draws in a row bring nothing new: the family is spent.
        """
        rng = random.Random(f"{self.family.name} {self.name} {self.seed}")
        seen: set[str] = set()
        idle = 0
        while idle < PATIENCE:
            exercise = draw_exercise(self.family, rng)
            idle += 1
            if split_of(exercise.signature) == self.name and exercise.wording not in seen:
                seen.add(exercise.wording)
                idle = 0
                yield rng.getrandbits(48), exercise

    def records(self, count: int, processes: int = 2) -> list[dict[str, object]]:
        """The first so many worthwhile exercises as tasks, ready to be written as JSON.

        Those that are only measured on have a composition each. Raises CoreError where the family
        has too few.
        """
        records: list[dict[str, object]] = []
        used: set[Signature] = set()
        drawn = self.exercises()
        with ProcessPoolExecutor(processes) as pool:
            for _ in range(DRAWS * count // CHUNK + 1):
                chunk = [
                    (seed, exercise)
                    for seed, exercise in itertools.islice(drawn, CHUNK)
                    if exercise.signature not in used
                ]
                suites = pool.map(self.suite, chunk, chunksize=16)
                for (_, exercise), cases in zip(chunk, suites, strict=True):
                    if cases is None or exercise.signature in used:
                        continue
                    identity = f"{self.family.name}/{self.name}/{len(records)}"
                    records.append(task_record(identity, self.family, exercise, cases))
                    if self.name != "train":
                        used.add(exercise.signature)
                    if len(records) == count:
                        return records
        raise CoreError(f"The family {self.family.name} has too few compositions for {self.name}.")

    def suite(self, drawn: tuple[int, Exercise]) -> tuple[Case, ...] | None:
        """The tests of what was drawn; None for a poor exercise."""
        seed, exercise = drawn
        return choose_cases(exercise, random.Random(seed), self.family.graded)

    @property
    def file(self) -> Path:
        """Where its tasks lie in this package."""
        return TASKS / self.family.name / f"{self.name}.jsonl.gz"


def read_records(file: Path) -> list[dict[str, Any]]:
    """The lines of a task file as they were written."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def exercises_of(split: Split, prompts: Iterable[str]) -> Iterator[Exercise]:
    """The exercises behind the prompts of a task file, in its order."""
    drawn = split.exercises()
    for prompt in prompts:
        yield next(exercise for _, exercise in drawn if exercise.prompt == prompt)


def task_record(
    identity: str, family: Family, exercise: Exercise, cases: tuple[Case, ...]
) -> dict[str, object]:
    """One line of a task file: the fields of a Task, and the composition."""
    completion = write(exercise, right_writing(exercise))
    completes = exercise.form == Form.FUNCTIONS
    return {
        "task_id": identity,
        "dataset": family.name,
        "description": exercise.description,
        "prompt": exercise.prompt,
        "tests": [_test_record(exercise, case) for case in cases],
        "entry_point": None if exercise.form == Form.STDIN else exercise.function,
        "completes_prompt": completes,
        "reference": exercise.prompt + completion if completes else completion,
        "difficulty": difficulty(exercise),
        "composition": list(exercise.signature),
    }


def write_tasks(records: list[dict[str, object]], file: Path) -> None:
    """Writes a task file, byte for byte the same for the same records."""
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as zipped:
        zipped.write(lines.encode())


def _test_record(exercise: Exercise, case: Case) -> dict[str, object]:
    value = case.expected[1]
    if exercise.form == Form.STDIN:
        return {"stdin": stdin_of(exercise, case.arguments), "accepted": [f"{value}\n"]}
    if exercise.form == Form.ASSERTS:
        return {"assert": exercise.assertion(case.arguments, value)}
    return {"arguments": list(case.arguments), "accepted": [value]}
