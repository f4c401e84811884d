"""The thread between store and screen: it reads, and posts values that replace each other.

All reading happens here, so that nothing the store does can hold up a key. The screen leaves what
it wants to see in the feed (the newest wish replaces the one before), and gets messages back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from textual.message import Message

from btp_tui.reading.messages import FeedEnded, SnapshotReady
from btp_tui.reading.wishes import Wishes
from btp_tui.snapshot import Snapshot
from storage.workspace import Workspace

#: Seconds between two snapshots while an engine works, and while none does.
POLL_S = 0.25
IDLE_POLL_S = 1.0

#: Seconds in which the first frame is drawn, and perhaps a first key answered.
FIRST_FRAME_S = 0.15

#: Seconds without a key after which whoever wrote a filter is taken to have ended; and seconds
#: after which a snapshot is due although keys still come.
QUIET_S, TYPING_S = 0.15, 3.0


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
        from btp_tui.reading.observer import Observer  # imported while the first frame is laid out

        with Observer(self._workspace) as observer:
            self._post(SnapshotReady(observer.first_look(self._wishes)))
            time.sleep(FIRST_FRAME_S)  # what follows brings numpy, and would hold up that frame
            from btp_tui.reading.answers import Answers

            answers = Answers(observer)
            snapshot: Snapshot | None = None
            read_at = 0.0
            while not self._closed:
                self._woken.clear()
                wishes = self._wishes
                superseded = partial(self._superseded, wishes)
                if snapshot is not None:
                    asked = answers.at_once(wishes, snapshot, self._post, superseded)
                    # Whoever types waits for nothing but the page.
                    fresh = time.monotonic() - read_at < TYPING_S
                    if asked and fresh and self._typed_on(superseded):
                        continue
                    wishes = self._wishes
                began = time.monotonic()
                snapshot = observer.snapshot(wishes)
                read_at = time.monotonic()
                self._post(SnapshotReady(snapshot))
                for message in answers.to(wishes, snapshot, superseded):
                    self._post(message)
                took = time.monotonic() - began
                busy = any(line.alive for line in snapshot.runs)
                self._woken.wait(max(POLL_S if busy else IDLE_POLL_S, 4 * took))

    def _typed_on(self, superseded: Callable[[], bool]) -> bool:
        """Waits a moment for another filter; whatever else is asked for meanwhile waits as well."""
        until = time.monotonic() + QUIET_S
        while not superseded() and (left := until - time.monotonic()) > 0:
            self._woken.wait(left)
            self._woken.clear()
        return superseded()

    def _superseded(self, wishes: Wishes) -> bool:
        """Whether nobody waits any more for the page of some wishes."""
        return self._closed or self._wishes.page != wishes.page
