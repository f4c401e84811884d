"""An event loop in a thread of its own, so that requests go on while the caller does other work."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

_Result = TypeVar("_Result")


class Background:
    """Runs coroutines on one thread; `close` cancels those that still run, and ends it."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def start(self, work: Coroutine[Any, Any, _Result]) -> Future[_Result]:
        """Begins some work; its future can be waited for, and cancelled."""
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def call(self, function: Callable[[], object]) -> None:
        """Has something done on the thread, soon."""
        self.loop.call_soon_threadsafe(function)

    def close(self) -> None:
        """Returns when the thread has ended."""
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            running = asyncio.all_tasks(self.loop)
            for task in running:
                task.cancel()
            self.loop.run_until_complete(asyncio.gather(*running, return_exceptions=True))
            self.loop.close()
