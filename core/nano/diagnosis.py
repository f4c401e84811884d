"""Says what is wrong with a model's failing programs: `python -m core.nano.diagnosis --model nano`.

Two questions: of which kinds are the errors, and could one textual replacement, applied to every
failing program, mend many of them at once? The second must be no for the student to have something
to learn.
"""

from __future__ import annotations

import argparse
import difflib
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from core.config import Config, ModelConfig
from core.executor import Executor
from core.models import load_student
from core.nano.exercise import Exercise
from core.nano.families import FAMILIES
from core.nano.family import Kind
from core.nano.habits import STRUCTURES, structural_places
from core.nano.splits import Split, exercises_of
from core.nano.writing import Writing, right_writing, write
from core.prompts import program_text
from core.sampler import Sampler
from core.tasks import Task
from core.tasks.load import load_tasks

TOKEN = re.compile(r"\w+|\s+|.")
CONTEXT = 2  # tokens left and right of a difference
LEAST_SOURCES = 2  # a replacement that only one program suggests cannot mend a tenth of all


@dataclass(frozen=True, slots=True)
class Failure:
    """A failing most probable program: what was written, and what should have been."""

    task: Task
    exercise: Exercise
    completion: str
    pass_rate: float

    @property
    def right(self) -> str:
        """The reference's completion."""
        return write(self.exercise, right_writing(self.exercise))


@dataclass(frozen=True, slots=True)
class Replacement:
    """A textual replacement and how many failing programs it mends."""

    old: str
    new: str
    mended: int


def failures(model: str, family: str, split: str = "held-out") -> tuple[list[Failure], int]:
    """The failing most probable programs of a model on an embedded split, and the task count."""
    tasks = load_tasks(f"{family}:{split}")
    drawn = Split(FAMILIES[family], split, 0)
    exercises = list(exercises_of(drawn, [task.prompt for task in tasks]))
    student = load_student(ModelConfig(path=model, offline=True), torch.device("cpu"))
    sampler = Sampler(student, Config().sampler)
    texts = {task.task_id: programs[0].text for task, programs in sampler.most_probable(tasks)}
    programs = [(task, texts[task.task_id]) for task in tasks]
    failing: list[Failure] = []
    with Executor() as executor:
        for at, verdict in executor.run(programs):
            task, text = programs[at]
            if not verdict.passed:
                completion = text.removeprefix(task.prompt) if task.completes_prompt else text
                rate = verdict.pass_rate or 0.0
                failing.append(Failure(task, exercises[at], completion, rate))
    return failing, len(tasks)


def kinds(failure: Failure) -> tuple[Kind, ...]:
    """The kinds of error in a failing program; empty where it is none the authors make."""
    for writing in _writings(failure.exercise):
        if write(failure.exercise, writing) == failure.completion:
            steps = zip(failure.exercise.steps, writing.slips, strict=True)
            found = [step.primitive.slips[slip].kind for step, slip in steps if slip is not None]
            return (*found, writing.structure) if writing.structure else tuple(found)
    return ()


def replacements(failing: list[Failure]) -> list[Replacement]:
    """Every replacement that two failing programs suggest, by how many programs it mends."""
    suggested = Counter(
        pair for failure in failing for pair in set(_suggestions(failure.completion, failure.right))
    )
    chosen = [pair for pair, sources in suggested.items() if sources >= LEAST_SOURCES]
    trials = [
        (pair, failure, failure.completion.replace(*pair))
        for pair in chosen
        for failure in failing
        if pair[0] in failure.completion
    ]
    mended: Counter[tuple[str, str]] = Counter(dict.fromkeys(chosen, 0))
    passing = _passing({(failure.task.task_id, text): failure.task for _, failure, text in trials})
    for pair, failure, text in trials:
        mended[pair] += (failure.task.task_id, text) in passing
    return [Replacement(old, new, count) for (old, new), count in mended.most_common()]


def _writings(exercise: Exercise) -> Iterator[Writing]:
    """All ways to write the exercise that its authors have."""
    ways = [(None, *range(len(step.primitive.slips))) for step in exercise.steps]
    for slips in itertools.product(*ways):
        yield Writing(slips)
        for structure in STRUCTURES:
            for place in structural_places(exercise, structure):
                yield Writing(slips, structure, place)


def _suggestions(wrong: str, right: str) -> Iterator[tuple[str, str]]:
    """Replacements that turn one difference into what is right, with more and less around it."""
    a, b = TOKEN.findall(wrong), TOKEN.findall(right)
    for tag, i, j, k, m in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        for left, after in itertools.product(range(CONTEXT + 1), repeat=2):
            if left <= min(i, k) and (i - left < j + after):
                old = "".join(a[i - left : j + after])
                yield old, "".join(b[k - left : m + after])


def _passing(programs: dict[tuple[str, str], Task]) -> set[tuple[str, str]]:
    """Those of the completions, each under its task's id, that pass every test."""
    listed = list(programs.items())
    with Executor() as executor:
        verdicts = executor.run((task, program_text(task, text)) for (_, text), task in listed)
        return {listed[at][0] for at, verdict in verdicts if verdict.passed}


def main() -> None:
    """Prints kinds of error and the best single replacements."""
    parser = argparse.ArgumentParser(prog="python -m core.nano.diagnosis", description=__doc__)
    parser.add_argument("--model", default="nano", help="an embedded model or a folder")
    parser.add_argument("--family", default="nano", choices=tuple(FAMILIES))
    options = parser.parse_args()
    failing, count = failures(options.model, options.family)
    accuracy = 1 - len(failing) / count
    print(f"{len(failing)} of {count} held-out tasks fail (accuracy {accuracy:.3f})")
    found = Counter(kind for failure in failing for kind in kinds(failure) or ("another",))
    for kind, times in found.most_common():
        print(f"  {times:4d}  {kind}")
    print("Single replacements that mend most of the failing programs:")
    for best in replacements(failing)[:8]:
        share = best.mended / len(failing)
        print(f"  {share:6.1%}  {best.old!r} -> {best.new!r}")


if __name__ == "__main__":
    main()
