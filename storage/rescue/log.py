"""Reads the write-ahead log of a database without SQLite: which pages it holds, where it breaks.

The format is that of https://sqlite.org/fileformat2.html#walformat.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path

from storage.connection import log_of

_MAGIC = 0x377F0682  # one more where the checksums are over big-endian words
_HEADER, _FRAME = 32, 24


@dataclass(slots=True)
class Log:
    """What SQLite would read of a log; `pages` maps a page to the place of its newest content.

    `page_count` is that of the database after the newest transaction, 0 where there is none.
    `frames` were written since the log was last emptied; `lost` of them belong to transactions
    that were finished and cannot be reached any more.
    """

    size: int = 0  # bytes
    frames: int = 0
    page_count: int = 0
    page_size: int = 0  # bytes; 0 where the log does not say
    lost: int = 0
    destroyed: bool = False  # its header is none: nothing can be read
    pages: dict[int, int] = field(default_factory=dict)

    @property
    def problem(self) -> str:
        """What is wrong with the log in one sentence; "" where it is sound."""
        if self.destroyed:
            return (
                f"The log cannot be read ({self.size:,} bytes): what was written last, and had "
                "not moved to the database yet, is lost."
            )
        if self.lost:
            return (
                f"The log breaks off after {self.frames - self.lost:,} of {self.frames:,} pages: "
                "what was written after that is lost."
            )
        return ""


def read_log(database: Path) -> Log:
    """Reads what finished transactions left in the log; an empty Log where there is none."""
    file = log_of(database)
    content = file.read_bytes() if file.exists() else b""
    log = Log(len(content))
    if len(content) <= _HEADER:
        return log
    magic, _, page_size = struct.unpack_from(">3I", content)
    order = ">" if magic & 1 else "<"
    state = _checksum(content[:24], (0, 0), order)
    if magic & ~1 != _MAGIC or state != struct.unpack_from(">2I", content, 24):
        log.destroyed = True
        return log
    log.page_size = page_size
    _read_frames(log, content, page_size, state, order)
    return log


def _read_frames(
    log: Log, content: bytes, page_size: int, state: tuple[int, int], order: str
) -> None:
    """Takes transactions until a frame does not continue the chain of checksums."""
    salts = content[16:24]
    open_pages: dict[int, int] = {}  # of a transaction whose end was not seen yet
    whole, last, reachable = True, 0, 0
    places = range(_HEADER, len(content) - _FRAME - page_size + 1, _FRAME + page_size)
    for frame, place in enumerate(places, start=1):
        page, page_count = struct.unpack_from(">2I", content, place)
        if content[place + 8 : place + 16] == salts and page_count:
            last = frame
        if not whole:
            continue
        begin = place + _FRAME
        state = _checksum(content[place : place + 8], state, order)
        state = _checksum(content[begin : begin + page_size], state, order)
        whole = content[place + 8 : place + 16] == salts
        whole = whole and state == struct.unpack_from(">2I", content, place + 16)
        if whole:
            open_pages[page] = begin
        if whole and page_count:
            log.pages.update(open_pages)
            open_pages = {}
            log.page_count, reachable = page_count, frame
    # Frames of an earlier round of the log have other salts and are no loss.
    log.frames, log.lost = last, max(0, last - reachable)


def _checksum(content: bytes, state: tuple[int, int], order: str) -> tuple[int, int]:
    first, second = state
    words = struct.unpack(f"{order}{len(content) // 4}I", content)
    for one, other in zip(words[::2], words[1::2], strict=True):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + other + first) & 0xFFFFFFFF
    return first, second
