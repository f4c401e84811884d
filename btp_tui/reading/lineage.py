"""Where a program stands among all that a run wrote for its task: how it came to be.

Light on purpose, like `btp_tui.snapshot`; `btp_tui.reading.cards` fills it in.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Predecessor:
    """The different program that the run wrote just before for the same task."""

    text: str
    iteration: int
    outcome: str | None
    pass_rate: float | None


@dataclass(frozen=True, slots=True)
class Lineage:
    """The different programs of a task in one run, each by the sample that was its first.

    `samples` are in the order of iteration and rank, `place` counts from 0; `before` is None for
    the first one.
    """

    samples: tuple[int, ...]
    place: int
    before: Predecessor | None = None

    @property
    def said(self) -> str:
        """Which of how many: 3 of 17."""
        return f"{self.place + 1:,} of {len(self.samples):,}"
