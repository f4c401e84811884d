"""What is read of one stored program: a line for a table, everything, or what training needs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from storage.schema import TaskRecord, VerdictRecord

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PREVIEW_LENGTH = 160

#: Little endian on every machine.
_IDS, _LOGPROBS = "<i4", "<f4"

#: Lines that look the same in every program of a task.
_HEADER = re.compile(r"(?:async )?def .*:$|class .*:$|import |from \S+ import |#|@")
_DOCSTRING = re.compile(r'^\s*[rR]?("""|\'\'\').*?\1\s*$', re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ProgramRow:
    """What a table shows of one sample, besides the mirror's; `preview` is its body in one line."""

    sample: int
    program: int
    task_id: str
    iteration: int
    rank: int
    source: str
    logprob: float | None
    n_tokens: int | None
    preview: str


@dataclass(frozen=True, slots=True, eq=False)
class ProgramDetail:
    """Everything stored about one sample.

    `verdict` is the newest one on its text, None while unjudged. `token_ids` (n_tokens,) int32 and
    `token_logprobs` (n_tokens,) float32 nats are None where the source reported none.
    """

    sample: int
    run: int
    iteration: int
    rank: int
    source: str
    program: int
    text: str
    logprob: float | None
    n_tokens: int | None
    at: float
    token_ids: NDArray[np.int32] | None
    token_logprobs: NDArray[np.float32] | None
    task: TaskRecord
    verdict: VerdictRecord | None


class SampledText(NamedTuple):
    """What the trainer needs of a sample; `tokens` is the blob of `tokens.tokens`."""

    sample: int
    task_id: str
    source: str
    text: str
    tokens: bytes | None

    @property
    def token_ids(self) -> NDArray[np.int32] | None:
        """As in ProgramDetail."""
        return unpack_tokens(self.tokens)[0]

    @property
    def token_logprobs(self) -> NDArray[np.float32] | None:
        """As in ProgramDetail."""
        return unpack_tokens(self.tokens)[1]


def pack_tokens(token_ids: NDArray[np.int32], token_logprobs: NDArray[np.float32]) -> bytes:
    """The blob of `tokens.tokens`: all ids, then all log-probabilities."""
    return token_ids.astype(_IDS).tobytes() + token_logprobs.astype(_LOGPROBS).tobytes()


def unpack_tokens(
    blob: bytes | None,
) -> tuple[NDArray[np.int32] | None, NDArray[np.float32] | None]:
    """The arrays of a blob, without a copy; (None, None) where nothing was stored."""
    if blob is None:
        return None, None
    import numpy as np

    count = len(blob) // 8
    return np.frombuffer(blob, _IDS, count), np.frombuffer(blob, _LOGPROBS, count, 4 * count)


def preview(text: str, prompt: str) -> str:
    """The lines of a program that tell it from others of its task, joined into one."""
    body = text.removeprefix(prompt)
    if '"""' in body or "'''" in body:
        body = _DOCSTRING.sub("", body)
    shown, last = "", ""
    for line in map(str.strip, body.splitlines()):
        if line and not _HEADER.match(line):
            shown += f" ⏎ {line}" if shown else line
            if len(shown) >= _PREVIEW_LENGTH:
                break
        last = line or last
    return (shown or last)[:_PREVIEW_LENGTH]
