"""The thread between store and screen: it reads, and posts values that replace each other.

All reading happens here, so that nothing the store does can hold up a key. The screen leaves what
it wants to see in the feed (the newest wish replaces the one before), and gets messages back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from textual.message import Message

from btp_tui.messages import FeedEnded, SnapshotReady
from btp_tui.wishes import Wishes
from storage.workspace import Workspace

#: Seconds between two snapshots while an engine works, and while none does.
POLL_S = 0.25
IDLE_POLL_S = 1.0


class Feed(threading.Thread):
    """Reads the store for one screen until it is closed."""

    def __init__(self, workspace: Path, post: Callable[[Message], object]) -> None:
        super().__init__(name="feed", daemon=True)
        self._workspace = Workspace(workspace)
        self._post = post
        self._wishes = Wishes()
        self._woken = threading.Event()
        self._closed = False

    @property
    def wishes(self) -> Wishes:
        """What the screen last asked for."""
        return self._wishes

    def wish(self, wishes: Wishes) -> None:
        """Asks for something else; answered at once, not with the next poll."""
        self._wishes = wishes
        self._woken.set()

    def close(self) -> None:
        """Ends the thread after the read it may be in."""
        self._closed = True
        self._woken.set()

    def run(self) -> None:
        """Reads until closed; says so where it ends by a defect, for the screen would go stale."""
        try:
            self._read()
        finally:
            if not self._closed:
                self._post(FeedEnded())

    def _read(self) -> None:
        from btp_tui.answers import Answers
        from btp_tui.observer import Observer  # numpy: imported while the first frame is drawn

        with Observer(self._workspace) as observer:
            self._post(SnapshotReady(observer.first_look(self._wishes)))
            answers = Answers(observer)
            while not self._closed:
                self._woken.clear()
                wishes = self._wishes
                began = time.monotonic()
                snapshot = observer.snapshot(wishes)
                self._post(SnapshotReady(snapshot))
                for message in answers.to(wishes, snapshot):
                    self._post(message)
                took = time.monotonic() - began
                busy = any(line.alive for line in snapshot.runs)
                self._woken.wait(max(POLL_S if busy else IDLE_POLL_S, 4 * took))
