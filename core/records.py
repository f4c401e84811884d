"""Tasks, programs and verdicts as the store takes them."""

from __future__ import annotations

import numpy as np

from core.program import Program
from core.tasks.describe import describe_tests
from core.tasks.task import Task
from core.tasks.verdict import Verdict
from storage.programs import pack_tokens
from storage.schema import SampleRecord, TaskRecord, TestRecord, VerdictRecord

#: Longest text of a test's input or expected output that is stored, in characters.
SHOWN_CHARACTERS = 4000


def task_record(task: Task) -> TaskRecord:
    """The task as the screen shows it; the texts of very long tests are cut."""
    tests = tuple((_cut(given), _cut(expected)) for given, expected in describe_tests(task))
    return TaskRecord(
        task_id=task.task_id,
        dataset=task.dataset,
        description=task.description,
        prompt=task.prompt,
        difficulty=task.difficulty,
        tests=tests,
    )


def sample_record(program: Program) -> SampleRecord:
    """The program with its tokens packed as `samples.tokens` documents it."""
    return SampleRecord(
        task_id=program.task_id,
        rank=program.rank,
        source=program.source,
        text=program.text,
        logprob=program.logprob,
        n_tokens=program.n_tokens,
        tokens=_pack(program),
    )


def verdict_record(program_id: int, verdict: Verdict) -> VerdictRecord:
    """The verdict on the stored text `program_id`."""
    tests = tuple(
        TestRecord(
            outcome=str(test.outcome),
            message=test.message,
            line=test.line,
            actual=test.actual,
            rule=test.rule,
            seconds=test.seconds,
        )
        for test in verdict.tests
    )
    return VerdictRecord(
        program=program_id,
        pass_rate=verdict.pass_rate,
        outcome=str(verdict.outcome),
        tests=tests,
        path=verdict.path,
        seconds=verdict.seconds,
        partial=verdict.partial,
    )


def _pack(program: Program) -> bytes | None:
    if program.token_ids is None or program.token_logprobs is None:
        return None
    return pack_tokens(np.asarray(program.token_ids), np.asarray(program.token_logprobs))


def _cut(text: str) -> str:
    if len(text) <= SHOWN_CHARACTERS:
        return text
    return f"{text[:SHOWN_CHARACTERS]}… ({len(text):,} characters)"
