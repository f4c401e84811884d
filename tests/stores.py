"""Small stores for tests: records with as little in them as a test cares about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from storage.columns import Columns
from storage.programs import pack_tokens
from storage.reader import Reader
from storage.schema import (
    EvaluationRecord,
    SampleRecord,
    TaskRecord,
    TestRecord,
    UpdateRecord,
    VerdictRecord,
)
from storage.workspace import Workspace
from storage.writer import Writer


def task(task_id: str, prompt: str = "", tests: Sequence[tuple[str, str]] = ()) -> TaskRecord:
    return TaskRecord(task_id, "made", f"Do {task_id}.", prompt, None, tuple(tests))


def sample(
    task_id: str,
    text: str,
    rank: int = 0,
    source: str = "self",
    logprob: float | None = -1.0,
    n_tokens: int | None = 4,
) -> SampleRecord:
    tokens = None
    if logprob is not None and n_tokens is not None:
        logprobs = np.full(n_tokens, logprob / n_tokens, np.float32)
        tokens = pack_tokens(np.arange(n_tokens, dtype=np.int32), logprobs)
    return SampleRecord(task_id, rank, source, text, logprob, n_tokens, tokens)


def verdict(
    program: int, pass_rate: float | None, outcome: str = "wrong answer", tests: int = 1
) -> VerdictRecord:
    report = TestRecord(outcome, "IndexError: out of range", 3, "[1]", "exact", 0.01)
    return VerdictRecord(program, pass_rate, outcome, (report,) * tests, "split", 0.02)


def update(number: int, draws: Sequence[int], iteration: int = 1) -> UpdateRecord:
    return UpdateRecord(iteration, number, 0.5, 1.0, 100, 0.1, tuple(draws))


def evaluation(label: str, update_number: int = 0, iteration: int = 0) -> EvaluationRecord:
    tasks = {"a": 1.0, "b": 0.5}
    return EvaluationRecord(iteration, update_number, label, 0.5, 0.75, tasks, 2.0)


class Store:
    """A workspace with one run and the tasks "a", "b" and "c", its writer and its readers."""

    def __init__(self, folder: Path) -> None:
        self.workspace = Workspace(folder / "workspace").create()
        self.writer = Writer(self.workspace)
        self.writer.add_tasks([task("a"), task("b"), task("c")])
        self.run = self.writer.create_run("demo-1", "train", "seed = 0\n", "nano", "all")
        self.reader = Reader(self.workspace)
        self.columns = Columns(self.reader)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.writer.close()
        self.reader.close()

    def sampled(self, *texts: str, iteration: int = 1, logprob: float | None = -1.0) -> list[int]:
        """Samples programs for task "a" and returns the ids of their programs."""
        records = [sample("a", text, rank, logprob=logprob) for rank, text in enumerate(texts)]
        stored = self.writer.add_samples(self.run, iteration, records)
        return [each.program for each in stored]

    def judged(self, pass_rates: dict[int, float | None]) -> None:
        """Stores a verdict on each of the programs."""
        records = [verdict(program, rate) for program, rate in pass_rates.items()]
        self.writer.add_verdicts(self.run, records)
