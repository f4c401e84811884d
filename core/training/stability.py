"""Which gradients are followed: not those that are no numbers, nor those that explode."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Iterable

#: A norm above so many times the median of the newest ones explodes. Within a run norms differ by
#: far less: a factor of ten where a minibatch is unlike all before.
EXPLODES = 100.0
#: The newest norms that the median is of, and how few say nothing yet.
REMEMBERED, ENOUGH = 64, 8


class Stability:
    """The norms of the newest gradients that were followed, and how many in a row were not."""

    def __init__(self) -> None:
        self.skipped_in_a_row = 0
        self._norms: deque[float] = deque(maxlen=REMEMBERED)

    def remember(self, norms: Iterable[float]) -> None:
        """Takes in norms that were followed, oldest first; of zero nothing can be a multiple."""
        self._norms.extend(norm for norm in norms if norm > 0)

    def refusal(self, loss: float, norm: float) -> str:
        """Why a gradient is not to be followed, in words, or nothing; counts those in a row."""
        why = self._why(loss, norm)
        if why:
            self.skipped_in_a_row += 1
        else:
            self.skipped_in_a_row = 0
            self.remember([norm])
        return why

    def _why(self, loss: float, norm: float) -> str:
        if not math.isfinite(loss) or not math.isfinite(norm):
            return f"loss {loss:g}, gradient norm {norm:g}"
        if len(self._norms) < ENOUGH:
            return ""
        usual = statistics.median(self._norms)
        return f"gradient norm {norm:g}, usually {usual:.2g}" if norm > EXPLODES * usual else ""
