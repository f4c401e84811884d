"""Which programs of a run are kept from the replay, from which update on.

What a user says is stored with the number of updates made by then, and counts from the next one
on. A resumed run makes some updates once more: each draws without what was excluded before it, and
nothing else, so that it draws what it drew before.
"""

from __future__ import annotations

import heapq

from core.replay import ReplayBuffer
from storage.reader import Reader
from storage.schema import FlagRecord


class Exclusions:
    """Hands what was said of one run's programs to its buffer, each at its update."""

    def __init__(self, run: int, reader: Reader) -> None:
        self._run = run
        self._reader = reader
        self._read = 0  # the newest row that was read
        self._waiting: list[tuple[int, int, FlagRecord]] = []  # a heap, by update and id
        self._counts: dict[int, int] = {}  # by program: the id of the row that counts

    def read(self) -> None:
        """Takes in what was said since."""
        for said in self._reader.flags(self._run, "excluded", after=self._read):
            heapq.heappush(self._waiting, (said.update_number, said.id, said))
            self._read = said.id

    def apply(self, buffer: ReplayBuffer, number: int) -> None:
        """Makes the buffer as it has to be for the update of that number, or a later one."""
        changed: dict[int, bool] = {}
        while self._waiting and self._waiting[0][0] < number:
            _, row, said = heapq.heappop(self._waiting)
            # What was said later counts, though it may have been said after fewer updates.
            if row > self._counts.get(said.program, 0):
                self._counts[said.program] = row
                changed[said.program] = said.raised
        if changed:
            buffer.exclude(changed)
