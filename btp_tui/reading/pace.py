"""How long the phase at work will take, from how fast it went so far."""

from __future__ import annotations

from collections import deque

from storage.schema import Progress

#: Which two figures of the progress a phase moves.
FIGURES = {
    "evaluate": ("evaluated", "evaluate_total"),
    "sample": ("sampled", "sample_total"),
    "test": ("tested", "test_total"),
    "replay": ("updated", "update_total"),
}

#: Changes of the figure that a speed is taken over.
_CHANGES = 20


class Pace:
    """Watches one run: hears of its progress at every look, and says how long its phase takes."""

    def __init__(self) -> None:
        self._phase: tuple[object, ...] = ()
        self._changes: deque[tuple[float, int]] = deque(maxlen=_CHANGES)

    def left(self, progress: Progress) -> float | None:
        """Seconds until the phase is done; None while that is unknown."""
        if progress.phase not in FIGURES or progress.state != "running":
            self._phase = ()
            return None
        done, total = (int(getattr(progress, name)) for name in FIGURES[progress.phase])
        phase = (progress.phase, progress.iteration)
        if phase != self._phase or (self._changes and done < self._changes[-1][1]):
            self._phase = phase
            self._changes.clear()
        if not self._changes or done > self._changes[-1][1]:
            self._changes.append((progress.heartbeat, done))
        (then, before), (now, after) = self._changes[0], self._changes[-1]
        if after == before or now <= then:
            return None
        a_step = (now - then) / (after - before)
        since = progress.heartbeat - now  # of the step that is at work
        return max(0.0, a_step * (total - after) - min(since, a_step))
