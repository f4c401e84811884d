"""Samples as rows of a file for other tools, read a chunk at a time."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from storage.columns import Columns
from storage.programs import unpack_tokens
from storage.reader import Reader

#: The newest verdict on a text is the one that counts; json_each keeps the order that is asked for.
_ROWS = """SELECT s.id, r.name, t.task_id, t.dataset, s.iteration, s.rank, c.name, x.text,
s.logprob, s.n_tokens, k.tokens, o.name, v.pass_rate, v.partial, v.seconds, s.at
FROM json_each(?) wanted JOIN samples s ON s.id = wanted.value
JOIN runs r ON r.id = s.run JOIN tasks t ON t.id = s.task JOIN sources c ON c.id = s.source
JOIN texts x ON x.id = s.program LEFT JOIN tokens k ON k.id = s.id
LEFT JOIN verdicts v ON v.id = (SELECT max(id) FROM verdicts WHERE program = s.program)
LEFT JOIN outcomes o ON o.id = v.outcome ORDER BY wanted.key"""


@dataclass(frozen=True, slots=True, eq=False)
class ExportedSample:
    """One sample; the fields are the columns of an exported file, in this order.

    `iteration` and `rank` count from 0, `logprob` is in nats, `token_ids` (n_tokens,) int32 and
    `token_logprobs` (n_tokens,) float32 nats, `seconds` is what the tests took, `at` (seconds since
    the epoch) when the sample was stored; `excluded` (from the replay) and `marked` are what a user
    said of the program. None stands for what the source did not report, and for
    the verdict of a program that has none.
    """

    run: str
    task_id: str
    dataset: str
    iteration: int
    rank: int
    source: str
    program: str
    logprob: float | None
    n_tokens: int | None
    token_ids: NDArray[np.int32] | None
    token_logprobs: NDArray[np.float32] | None
    outcome: str | None
    pass_rate: float | None
    partial: bool | None
    seconds: float | None
    at: float
    replays: int
    excluded: bool
    marked: bool


def read_exported(
    reader: Reader, columns: Columns, rows: NDArray[np.int64]
) -> list[ExportedSample]:
    """The samples at some rows of the mirror, in their order, in one short read transaction."""
    samples = columns.sample[rows].tolist()
    figures = [each[rows].tolist() for each in (columns.replays, columns.excluded, columns.marked)]
    mirrored = dict(zip(samples, zip(*figures, strict=True), strict=True))
    exported = []
    for sample, *head, blob, outcome, pass_rate, partial, seconds, at in reader.query(
        _ROWS, (json.dumps(samples),)
    ):
        verdict = (outcome, pass_rate, None if partial is None else bool(partial), seconds)
        values = [*head, *unpack_tokens(blob), *verdict, at, *mirrored[sample]]
        exported.append(ExportedSample(*values))
    return exported
