"""The time axis that all plots of a run have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from btp_tui import words
from btp_tui.panels.plot import Axis, Point, time_step
from btp_tui.reading.spans import Span, resampled
from btp_tui.snapshot import Snapshot

#: Seconds that a time axis shows at least.
_SHORTEST_S = 10.0


@dataclass(frozen=True, slots=True)
class Time:
    """What of a run's time is shown: it began at `start`, the plots end at `end`."""

    span: Span
    start: float
    end: float

    @property
    def begin(self) -> float:
        """The left end of the plots."""
        return self.span.begin(self.start, self.end)

    @property
    def whole(self) -> bool:
        """Whether all of the run is shown."""
        return self.span.seconds == 0

    @property
    def caption(self) -> str:
        """How a title says it, as markup; nothing where all is shown."""
        return "" if self.whole else f" [$dimmed]{self.span.name}[/]"

    @property
    def axis(self) -> Axis:
        """Minutes and seconds since the run began, or ago where only its last are shown."""
        shown = max(self.end - self.begin, _SHORTEST_S)
        if self.whole:
            return Axis("min:s", words.stopwatch, low=0.0, high=shown, step=time_step)

        def ago(value: float) -> str:
            return words.stopwatch(-value)

        return Axis("min:s ago", ago, low=-shown, high=0.0, step=time_step)

    def place(self, at: float) -> float:
        """Where a moment lies on the axis."""
        return at - (self.start if self.whole else self.end)

    def points(self, moments: Sequence[Point]) -> tuple[Point, ...]:
        """Those of (seconds since the epoch, value) that are shown, at their places on the axis.

        A line that comes from further left begins at the left end.
        """
        inside = [(at, value) for at, value in moments if at >= self.begin]
        before = [value for at, value in moments if at < self.begin]
        if before:
            inside.insert(0, (self.begin, before[-1]))
        return tuple((max(self.place(at), self.place(self.begin)), value) for at, value in inside)

    def columns(self, moments: Sequence[Point], room: int) -> list[float | None]:
        """The same as means in columns of equal time, at most so many; the newest at the right.

        Where all is shown there is no more than a column a moment.
        """
        if not moments:
            return []
        if self.whole:
            begin = moments[0][0]
            return resampled(moments, begin, max(self.end, begin + 1), min(room, len(moments)))
        return resampled(moments, self.begin, max(self.end, self.begin + 1), room)


def time_of(snapshot: Snapshot, newest: float) -> Time:
    """The time to show; `newest` is the moment of the newest figure of a plot.

    All plots of a run end together, but for what a step of Span.end is worth.
    """
    assert snapshot.watched is not None
    watched, run = snapshot.watched, snapshot.watched.line
    if snapshot.span.seconds:
        now = snapshot.at if run.alive else run.progress.heartbeat if run.progress else newest
    else:
        now = watched.telemetry[-1].at if watched.telemetry else newest
    end = snapshot.span.end(now, run.at)
    return Time(snapshot.span, run.at, max(newest, end))
