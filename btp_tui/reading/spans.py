"""The time that the plots show: the whole run, or its last minutes. Light, as the snapshot is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time that ends now; 0 seconds stand for all of the run."""

    seconds: int
    name: str

    def begin(self, start: float, end: float) -> float:
        """The first moment shown of a run that has gone from `start` to `end`."""
        return max(start, end - self.seconds) if self.seconds else start

    def end(self, now: float, start: float) -> float:
        """Now, in steps that move a plot by a cell or two: one that shows the same stays still."""
        step = max(1.0, (self.seconds or now - start) // 120)
        return now // step * step


ALL = Span(0, "all")

#: In the order of the key: z goes on, Z goes back.
SPANS = (
    ALL,
    Span(3600, "last 60 min"),
    Span(900, "last 15 min"),
    Span(300, "last 5 min"),
    Span(60, "last 1 min"),
)


def next_span(span: Span, steps: int) -> Span:
    """The span so many steps further, round and round."""
    return SPANS[(SPANS.index(span) + steps) % len(SPANS)]


def resampled(
    moments: Sequence[tuple[float, float]], left: float, right: float, columns: int
) -> list[float | None]:
    """The mean of (time, value) in each of equal columns from `left` to `right`.

    A column without a value has that of the one before; None stands before the first value and
    after the last.
    """
    if columns <= 0 or right <= left:
        return []
    sums, counts = [0.0] * columns, [0] * columns
    for at, value in moments:
        if left <= at <= right:
            column = min(columns - 1, int((at - left) / (right - left) * columns))
            sums[column] += value
            counts[column] += 1
    means = [total / number if number else None for total, number in zip(sums, counts, strict=True)]
    known = [place for place, mean in enumerate(means) if mean is not None]
    for place in range(known[0], known[-1]) if known else ():
        if means[place] is None:
            means[place] = means[place - 1]
    return means
