"""Finds the program that holds a text, so that each text of a task is stored once.

An index in memory over digests of all texts: an index in the database would cost several times the
insert itself, because digests arrive in no order.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import chain

import numpy as np
import xxhash
from numpy.typing import NDArray

#: New digests gather in a dictionary until so many are there, then join the sorted arrays.
_MERGE_AT = 1 << 16

_LARGEST = (1 << 63) - 1


def digest(task: int, text: str) -> int:
    """63 bits of XXH3 over a text, seeded with its task; a tenth of the cost of a secure hash.

    That two texts share one costs a comparison and nothing else: see `Texts`.
    """
    return xxhash.xxh3_64_intdigest(text.encode(), task) >> 1


def next_digest(taken: int) -> int:
    """What a text takes where another one has taken its digest (in one store of 10 million)."""
    return taken + 1 if taken < _LARGEST else 0


def free_digest(number: int, taken: set[int]) -> int:
    """A text's digest, or the next that is free, which is taken now."""
    while number in taken:
        number = next_digest(number)
    taken.add(number)
    return number


class Texts:
    """Which program has which digest, 12 bytes a program; no two have the same.

    Whoever looks for a text has to compare it with that of the program found, and to go on with
    `next_digest` where it is another one.
    """

    def __init__(self) -> None:
        self.last = 0
        """The newest program that is known here."""
        self._digests: NDArray[np.int64] = np.empty(0, np.int64)  # sorted
        self._programs: NDArray[np.int32] = np.empty(0, np.int32)  # of the same order
        self._recent: dict[int, int] = {}

    def extend(self, connection: sqlite3.Connection) -> None:
        """Takes in the programs that were stored since, whoever stored them."""
        rows = connection.execute(
            "SELECT digest, id FROM programs WHERE id > ? ORDER BY id", (self.last,)
        )
        found = np.fromiter(chain.from_iterable(rows), np.int64).reshape(-1, 2)
        if len(found) < _MERGE_AT:
            self.add(dict(zip(*found.T.tolist(), strict=True)))
        else:
            self._merge(found[:, 0], found[:, 1])

    def add(self, stored: dict[int, int]) -> None:
        """Takes in the programs, by digest, that this process stored."""
        self._recent.update(stored)
        self.last = max(self.last, *stored.values(), 0)
        if len(self._recent) >= _MERGE_AT:
            digests = np.fromiter(self._recent, np.int64)
            programs = np.fromiter(self._recent.values(), np.int64)
            self._recent = {}
            self._merge(digests, programs)

    def find(self, digests: Sequence[int]) -> dict[int, int]:
        """Maps each of the digests that is known to its program."""
        found = {one: self._recent[one] for one in digests if one in self._recent}
        if len(self._digests):
            wanted = np.array(digests, np.int64)
            places = np.minimum(np.searchsorted(self._digests, wanted), len(self._digests) - 1)
            for place in np.flatnonzero(self._digests[places] == wanted).tolist():
                found.setdefault(digests[place], int(self._programs[places[place]]))
        return found

    def _merge(self, digests: NDArray[np.int64], programs: NDArray[np.int64]) -> None:
        self.last = max(self.last, int(programs.max()))
        # Of two with a digest one is deleted: the newer one goes first, and is found.
        everything = np.concatenate((digests, self._digests))
        order = np.argsort(everything, kind="stable")
        self._digests = everything[order]
        self._programs = np.concatenate((programs.astype(np.int32), self._programs))[order]
