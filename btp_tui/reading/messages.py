"""What the feed tells the screen; of most kinds only the newest matters."""

from __future__ import annotations

from textual.message import Message

from btp_tui.snapshot import Page, ProgramCard, Snapshot
from btp_tui.tasks import TaskPage


class Replaceable(Message):
    """A message of which only the newest matters."""

    def can_replace(self, message: Message) -> bool:
        """A later one of the same kind takes the place of this one."""
        return type(message) is type(self)


class SnapshotReady(Replaceable):
    """The store was read."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self.snapshot = snapshot


class PageReady(Replaceable):
    """A page of programs was found."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page


class CardReady(Replaceable):
    """One program was read; None where it is not stored."""

    def __init__(self, card: ProgramCard | None) -> None:
        super().__init__()
        self.card = card


class TasksReady(Replaceable):
    """The tasks of the watched run were looked at."""

    def __init__(self, page: TaskPage) -> None:
        super().__init__()
        self.page = page


class FeedEnded(Message):
    """Nothing will be read any more."""
