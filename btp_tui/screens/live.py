"""What every screen over live figures has in common."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.events import Resize
from textual.message import Message
from textual.screen import Screen

from btp_tui.panels.keys import KeyLine
from btp_tui.panels.panel import READING, Panel
from btp_tui.panels.status import NowLine, TitleBar
from btp_tui.snapshot import Page, ProgramCard, Snapshot
from btp_tui.tasks import TaskPage

#: What the feed reads for a screen beside the snapshot.
Read = Literal["page", "card", "tokens", "tasks"]

#: Rows below which a window is lower than any terminal comes.
LOW = 20


class LiveScreen(Screen[None]):
    """A title bar and the sentence of the moment above, the keys below; panels between.

    `READS` says what else it wants of the feed, which comes in by the `show_` methods.
    """

    READS: ClassVar[frozenset[Read]] = frozenset()

    class Resumed(Message):
        """This screen has come in sight and wants the newest snapshot."""

    def on_screen_resume(self) -> None:
        """What happened while another screen was in sight is still to be shown."""
        self.post_message(self.Resumed())

    def compose(self) -> ComposeResult:
        """Puts the screen's own parts between the common rows."""
        yield TitleBar(id="title")
        yield NowLine(id="now")
        yield from self.compose_body()
        yield KeyLine(id="keys")

    @on(Resize)
    def leave_out(self, event: Resize) -> None:
        """In the lowest windows btp.tcss leaves out what there is no room for."""
        self.set_class(event.size.height < LOW, "-low")

    @abstractmethod
    def compose_body(self) -> ComposeResult:
        """The parts of this screen."""

    def show(self, snapshot: Snapshot) -> None:
        """Hands a snapshot to every panel; each redraws only what changed for it."""
        for panel in self.query(Panel):  # type: ignore[type-abstract]  # only as a filter
            panel.show(snapshot)

    def show_page(self, page: Page, held: bool) -> None:
        """Takes a page of programs; nothing to a screen without a list of them."""

    def show_card(self, card: ProgramCard | None) -> None:
        """Takes one program; nothing to a screen that shows none."""

    def show_tasks(self, page: TaskPage, held: bool) -> None:
        """Takes a list of tasks; nothing to a screen without one."""


def reading(snapshot: Snapshot | None) -> str:
    """What an empty list says until the workspace is read; nothing where the line above does."""
    return "" if snapshot is not None and snapshot.problem else READING
