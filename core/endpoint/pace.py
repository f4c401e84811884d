"""How fast requests may leave: limits a minute, and what a busy server asked to wait."""

from __future__ import annotations

import asyncio
import time
from collections import deque

#: What the limits count over.
WINDOW_S = 60.0


class Pace:
    """Keeps every window of a minute within the limits, in requests and in tokens (0: no limit).

    A request larger than the limit of tokens goes out alone.
    """

    def __init__(self, requests: int, tokens: int, window_s: float = WINDOW_S) -> None:
        self._requests, self._tokens, self._window_s = requests, tokens, window_s
        self._sent: deque[tuple[float, int]] = deque()
        self._not_before = 0.0
        self._turn = asyncio.Lock()

    async def wait(self, tokens: int) -> None:
        """Returns when a request of so many tokens may leave, and counts it; first come, first."""
        async with self._turn:
            while (seconds := self._seconds_to_wait(tokens)) > 0:
                await asyncio.sleep(seconds)
            self._sent.append((time.monotonic(), tokens))

    def hold(self, seconds: float) -> bool:
        """Lets nothing leave for so long; False where that was so already, give or take 1 s."""
        until = time.monotonic() + seconds
        longer = until > self._not_before + 1.0
        self._not_before = max(self._not_before, until)
        return longer

    def _seconds_to_wait(self, tokens: int) -> float:
        now = time.monotonic()
        while self._sent and self._sent[0][0] <= now - self._window_s:
            self._sent.popleft()
        if now < self._not_before:
            return self._not_before - now
        busy = self._requests and len(self._sent) >= self._requests
        in_window = sum(sent for _, sent in self._sent)
        full = self._tokens and self._sent and in_window + tokens > self._tokens
        return self._sent[0][0] + self._window_s - now if busy or full else 0.0
