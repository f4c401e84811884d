"""Reads the pages of a database without SQLite, which gives up on a tree with one broken page.

The format is that of https://sqlite.org/fileformat2.html. Only tables are read, no indexes: those
are made anew from their tables. Not covered, for the store makes none: text that is not UTF-8, and
pages of another size than 4,096 or 8,192 bytes where the header that says so is destroyed.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import TracebackType

from storage.connection import log_of
from storage.rescue.log import read_log

MAGIC = b"SQLite format 3\0"
_INTERIOR, _LEAF = 0x05, 0x0D
_KINDS = (0x02, 0x05, 0x0A, 0x0D)  # the first two lead on, those of even number are of indexes
_SMALL_PAGE, _LARGE_PAGE = 4096, 8192
_PROBED = 64 << 20  # bytes
_HEADER_SIZE = 100  # of the database, at the begin of page 1

Value = int | float | str | bytes | None


class Broken(Exception):
    """What was to be read is not what the format demands."""


@dataclass(frozen=True, slots=True)
class Interior:
    """A page that leads on: `children` are (page, largest rowid in it), the last one without."""

    children: tuple[tuple[int, int | None], ...]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A page of rows: where each of its cells begins."""

    content: bytes
    cells: tuple[int, ...]


class Pages:
    """The pages of a database, each as the log has it or else the file; nothing is written."""

    def __init__(self, database: Path) -> None:
        self.log = read_log(database)
        self._file = os.open(database, os.O_RDONLY | os.O_CLOEXEC)
        self._log_file = None
        if self.log.pages:
            self._log_file = os.open(log_of(database), os.O_RDONLY | os.O_CLOEXEC)
        head = os.pread(self._file, _HEADER_SIZE, 0)
        self.has_header = head.startswith(MAGIC)
        #: Of the tables, as the header says; 0 where it is destroyed.
        self.version = int.from_bytes(head[60:64], "big") if self.has_header else 0
        self.page_size = (
            (self.has_header and _stated_size(head))
            or self.log.page_size
            or _likely_size(self._file)
        )
        self.count = max(os.fstat(self._file).st_size // self.page_size, self.log.page_count)
        # A file that was cut off says how many pages it had: what leads there is not broken.
        self._once = max(self.count, int.from_bytes(head[28:32], "big") if self.has_header else 0)

    def __enter__(self) -> Pages:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._file)
        if self._log_file is not None:
            os.close(self._log_file)

    def read(self, number: int) -> bytes:
        """The content of a page, counted from 1; raises Broken where there is none."""
        place = self.log.pages.get(number)
        try:
            if place is not None and self._log_file is not None:
                content = os.pread(self._log_file, self.page_size, place)
            elif 1 <= number <= self.count:
                content = os.pread(self._file, self.page_size, (number - 1) * self.page_size)
            else:
                raise Broken
        except OSError:  # the disk itself cannot read it
            raise Broken from None
        if len(content) < self.page_size:
            raise Broken
        return content

    def node(self, number: int) -> Interior | Leaf:
        """A page of a table's tree; raises Broken where it is none."""
        content = self.read(number)
        begin = _HEADER_SIZE if number == 1 else 0
        kind = content[begin]
        cells_begin = begin + (12 if kind == _INTERIOR else 8)
        (count,) = struct.unpack_from(">H", content, begin + 3)
        end = cells_begin + 2 * count
        if kind not in (_INTERIOR, _LEAF) or end > self.page_size:
            raise Broken
        cells = struct.unpack_from(f">{count}H", content, cells_begin)
        if kind == _LEAF:
            return Leaf(content, cells)
        if not count or min(cells) < end or max(cells) > self.page_size - 5:
            raise Broken
        return self._interior(content, begin, cells)

    def _interior(self, content: bytes, begin: int, cells: tuple[int, ...]) -> Interior:
        keys = [_varint(content, cell + 4)[0] for cell in cells]
        pages = [int.from_bytes(content[cell : cell + 4], "big") for cell in (*cells, begin + 8)]
        rising = all(low < high for low, high in pairwise(keys))
        if (
            not rising
            or len(set(pages)) < len(pages)
            or not all(1 < p <= self._once for p in pages)
        ):
            raise Broken
        return Interior(tuple(zip(pages, (*keys, None), strict=True)))

    def cell(self, leaf: Leaf, place: int) -> tuple[int, bytes]:
        """(rowid, record) of a cell; raises Broken."""
        try:
            size, at = _varint(leaf.content, place)
            rowid, at = _varint(leaf.content, at)
        except IndexError:
            raise Broken from None
        if place < 8 or size > self.count * self.page_size:
            raise Broken
        local = self._local_size(size)
        record = leaf.content[at : at + local]
        if len(record) < local:
            raise Broken
        if local < size:
            tail = leaf.content[at + local : at + local + 4]
            record += self._overflow(int.from_bytes(tail, "big"), size - local)
        return rowid, record

    def _local_size(self, size: int) -> int:
        """How much of a record lies in its leaf; the rest is in a chain of overflow pages."""
        usable = self.page_size
        if size <= usable - 35:
            return size
        least = (usable - 12) * 32 // 255 - 23
        most = least + (size - least) % (usable - 4)
        return most if most <= usable - 35 else least

    def _overflow(self, number: int, size: int) -> bytes:
        parts = []
        while size > 0:
            content = self.read(number)
            number = int.from_bytes(content[:4], "big")
            parts.append(content[4 : 4 + size])
            size -= len(parts[-1])
        if number:  # the last page of a chain leads nowhere
            raise Broken
        return b"".join(parts)

    def free(self) -> set[int]:
        """The pages that hold nothing, as far as their list can be read."""
        found: set[int] = set()
        try:
            number = int.from_bytes(self.read(1)[32:36], "big") if self.has_header else 0
            while number and number not in found:
                found.add(number)
                content = self.read(number)
                number, count = struct.unpack_from(">2I", content)
                if count > self.page_size // 4 - 2:
                    break
                found.update(struct.unpack_from(f">{count}I", content, 8))
        except Broken:
            pass
        return found


def _stated_size(head: bytes) -> int:
    """What the header says of the page size; 0 where it says nothing that can be."""
    stated = int.from_bytes(head[16:18], "big")
    stated = 1 << 16 if stated == 1 else stated
    return stated if stated.bit_count() == 1 and stated >= 512 else 0


def _likely_size(file: int) -> int:
    """The page size as the file has it: in the middle of a page, none begins."""
    looks = [0, 0]  # like the begin of a page, at even and at odd multiples of the smaller size
    for place in range(0, min(os.fstat(file).st_size, _PROBED), _SMALL_PAGE):
        content = os.pread(file, 10, place)
        kind, cells, first = content[0], content[3:5], int.from_bytes(content[8:], "big")
        plausible = kind in _KINDS and 0 < int.from_bytes(cells, "big") < _SMALL_PAGE // 4
        looks[place // _SMALL_PAGE % 2] += plausible and 8 < first < _LARGE_PAGE
    return _LARGE_PAGE if 4 * looks[1] < looks[0] else _SMALL_PAGE


def record_values(record: bytes) -> Iterator[Value]:
    """The values of a row as they are stored; raises Broken."""
    try:
        size, at = _varint(record, 0)
        kinds = []
        while at < size:
            kind, at = _varint(record, at)
            kinds.append(kind)
    except IndexError:
        raise Broken from None
    if at != size:
        raise Broken
    for kind in kinds:
        width = _WIDTHS[kind] if kind < 12 else (kind - 12) // 2
        content = record[at : at + width]
        at += width
        if len(content) < width:
            raise Broken
        yield _value(kind, content)
    if at != len(record):
        raise Broken


#: Bytes of a value by its kind; 10 and 11 are never stored.
_WIDTHS = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 1 << 62, 1 << 62)


def _value(kind: int, content: bytes) -> Value:
    if 1 <= kind <= 6:
        return int.from_bytes(content, "big", signed=True)
    if kind >= 12:
        if kind % 2 == 0:
            return content
        try:
            return content.decode()
        except UnicodeDecodeError:
            raise Broken from None
    if kind == 7:
        (number,) = struct.unpack(">d", content)
        return float(number)
    return kind - 8 if kind else None


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """(value, where the next one begins); raises IndexError past the end."""
    value = content[at]
    if value < 0x80:
        return value, at + 1
    value &= 0x7F
    for place in range(at + 1, at + 8):
        byte = content[place]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place + 1
    value = value << 8 | content[at + 8]
    return value - (1 << 64) if value >> 63 else value, at + 9
