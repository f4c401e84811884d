"""What was measured over a run's time: fine where it is recent, coarse where it is old, bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Generic, Protocol, TypeVar


class Dated(Protocol):
    """What was measured at one moment, in seconds since the epoch."""

    @property
    def at(self) -> float: ...


Moment = TypeVar("Moment", bound=Dated)

#: From an age in seconds on, only one moment in so many seconds is kept. Each width is a multiple
#: of the one before, so that what is put together once always stays together.
_WIDTHS = ((0.0, 1), (60.0, 2), (300.0, 4), (900.0, 16), (3600.0, 64))

#: Moments beyond the last of these ages; where there would be more, their width doubles.
_OLDEST = 240


class History(Generic[Moment]):
    """Moments in their order; `mean` puts several that lie close together into one."""

    def __init__(self, mean: Callable[[Sequence[Moment]], Moment]) -> None:
        self._mean = mean
        self._widest = _WIDTHS[-1][1]
        self.moments: tuple[Moment, ...] = ()

    def add(self, moments: Iterable[Moment]) -> None:
        """Takes in what came since, oldest first."""
        came = tuple(moments)
        if not came:
            return
        now = came[-1].at
        all_ = (*self.moments, *came)
        oldest = now - all_[0].at - _WIDTHS[-1][0]
        while oldest / self._widest > _OLDEST:
            self._widest *= 2
        groups = groupby(all_, key=lambda moment: self._bucket(moment.at, now))
        together = ([*group] for _, group in groups)
        self.moments = tuple(
            group[0] if len(group) == 1 else self._mean(group) for group in together
        )

    def clear(self) -> None:
        """Forgets everything."""
        self.moments = ()

    def _bucket(self, at: float, now: float) -> tuple[int, int]:
        """The widest stretch of time that lies behind its age as a whole, and its place."""
        for age, width in reversed(_WIDTHS[1:]):
            width = self._widest if width == _WIDTHS[-1][1] else width
            place = int(at // width)
            if (place + 1) * width <= now - age:
                return width, place
        return 1, int(at // 1)
