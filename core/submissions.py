"""Programs from a file, as `btp-tui score` and `btp-tui import` take them."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np

from core.errors import CoreError
from core.exchange.reading import read_rows
from core.prompts import program_text
from core.tasks.jsonl import Record
from core.tasks.task import Task
from storage.programs import pack_tokens
from storage.schema import Flag, SampleRecord

#: Largest numbers that the mirror of the store holds.
_LARGEST, _LARGEST_RANK = np.iinfo(np.int32).max, np.iinfo(np.int16).max

#: Log-probabilities of tokens are stored as float32, and this rounds to the least of them.
_LEAST_OF_A_TOKEN = -3.4028235e38


@dataclass(frozen=True, slots=True)
class Submission:
    """One program of the file: the `index`-th (from 0) of its run and task.

    `place` is where it stands, in words. `identifier` is the task's id as the file writes it (a
    text, or a whole number). `run` and `iteration` are what the file says of where it came from,
    `flags` what a user said of it there.
    """

    place: str
    identifier: str | int
    index: int
    task: Task
    record: SampleRecord
    run: str = ""
    iteration: int = 0
    flags: frozenset[Flag] = frozenset()


def tasks_by_any_id(tasks: Sequence[Task]) -> dict[str, Task]:
    """The tasks under their own id ("mbpp/11") and under the one their dataset gives ("11")."""
    ours = {task.task_id: task for task in tasks}
    theirs = {task.task_id.removeprefix(f"{task.dataset}/"): task for task in tasks}
    return theirs | ours


def read_submissions(
    path: Path, tasks: Mapping[str, Task], origins: bool = False, skip_unknown: bool = False
) -> Iterator[Submission]:
    """Yields the programs of a file in order, few of them in memory at a time.

    A row holds `task_id` (or `problem_id`) and `program` (a whole file) or `completion` (what
    follows the prompt), optionally `logprob`, `n_tokens` and `source`. With `origins` also `run`,
    `iteration`, `rank`, `token_ids`, `token_logprobs`, `excluded` and `marked` are read; without,
    or where they are missing, the rank is the index. Raises CoreError naming the line and the field
    that is wrong; with `skip_unknown` rows of other tasks are passed over.
    """
    seen: Counter[tuple[str, str]] = Counter()
    for record in read_rows(path):
        if skip_unknown and record.identifier("task_id", "problem_id") not in tasks:
            continue
        task = _task(record, tasks)
        run = (record.optional_text("run") or "") if origins else ""
        index = seen[run, task.task_id]
        seen[run, task.task_id] += 1
        sample = SampleRecord(
            task_id=task.task_id,
            rank=index,
            source=record.optional_text("source") or f"import:{path.name}",
            text=_text(record, task),
            logprob=_logprob(record),
            n_tokens=_whole(record, "n_tokens", 1, _LARGEST),
            tokens=None,
        )
        name = "task_id" if "task_id" in record.values else "problem_id"
        submission = Submission(record.place, record.values[name], index, task, sample)
        yield _with_origin(submission, record, run) if origins else submission


def _with_origin(submission: Submission, record: Record, run: str) -> Submission:
    """The submission with what the file says of where and how it was sampled."""
    sample = submission.record
    rank = _whole(record, "rank", 0, _LARGEST_RANK)
    if rank is not None:
        sample = replace(sample, rank=rank)
    if tokens := _tokens(record):
        sample = _with_tokens(sample, record, *tokens)
    iteration = _whole(record, "iteration", 0, _LARGEST) or 0
    flags = frozenset(flag for flag in get_args(Flag) if _holds(record, flag))
    return replace(submission, record=sample, run=run, iteration=iteration, flags=flags)


def _with_tokens(
    sample: SampleRecord, record: Record, ids: list[int], logprobs: list[float]
) -> SampleRecord:
    """The sample with its tokens, which say what the file does not say of their sum and number."""
    if sample.n_tokens not in (None, len(ids)):
        raise record.wrong("n_tokens", f"{len(ids)}, the number of 'token_ids'")
    stored = np.array(logprobs, np.float32)
    total = float(stored.sum(dtype=np.float64))
    return replace(
        sample,
        n_tokens=len(ids),
        logprob=total if sample.logprob is None else sample.logprob,
        tokens=pack_tokens(np.array(ids, np.int32), stored),
    )


def _task(record: Record, tasks: Mapping[str, Task]) -> Task:
    identifier = record.identifier("task_id", "problem_id")
    if identifier not in tasks:
        example = next(iter(tasks))
        raise CoreError(
            f"{record.place}: there is no task {identifier!r} in the dataset; "
            f"its ids look like {example!r}."
        )
    return tasks[identifier]


def _text(record: Record, task: Task) -> str:
    if record.values.get("program") is not None:
        return record.text("program")
    if record.values.get("completion") is not None:
        return program_text(task, record.text("completion"))
    raise CoreError(
        f"{record.place}: neither 'program' (a whole file) nor 'completion' "
        "(what follows the prompt) is there."
    )


def _logprob(record: Record) -> float | None:
    value = record.values.get("logprob")
    if value is None:
        return None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and -sys.float_info.max <= value <= 0):
        raise record.wrong("logprob", "a log-probability in nats, at most 0")
    return float(value)


def _whole(record: Record, name: str, least: int, most: int) -> int | None:
    """The whole number in a field; None where it is missing or null."""
    value = record.values.get(name)
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # as pandas writes a column of whole numbers with gaps
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise record.wrong(name, f"a whole number from {least} to {most}")
    return value


def _holds(record: Record, name: str) -> bool:
    """Whether a field is true; it is not where it is missing or null."""
    value = record.values.get(name)
    if value is not None and not isinstance(value, bool):
        raise record.wrong(name, "true or false")
    return bool(value)


def _tokens(record: Record) -> tuple[list[int], list[float]] | None:
    """The sampled token ids and their log-probabilities, of one length."""
    ids, logprobs = (record.values.get(name) for name in ("token_ids", "token_logprobs"))
    if ids is None and logprobs is None:
        return None
    if ids is None or logprobs is None:
        raise CoreError(f"{record.place}: of 'token_ids' and 'token_logprobs' one is missing.")
    if not _all_between(ids, {int}, 0, _LARGEST):
        raise record.wrong("token_ids", "a list of whole numbers from 0")
    if not _all_between(logprobs, {int, float}, _LEAST_OF_A_TOKEN, 0):
        raise record.wrong("token_logprobs", "a list of log-probabilities in nats, at most 0")
    if len(ids) != len(logprobs):
        raise CoreError(
            f"{record.place}: there are {len(ids)} 'token_ids' and {len(logprobs)} "
            "'token_logprobs'; each token needs one of both."
        )
    return ids, logprobs


def _all_between(values: Any, types: set[type], least: float, most: float) -> bool:
    """Whether this is a list, not empty, of numbers in a range; True and False are none."""
    if not (isinstance(values, list) and values and set(map(type, values)) <= types):
        return False
    return all(least <= value <= most for value in values)
