"""One program over the whole window."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from btp_tui.panels.program import ProgramView
from btp_tui.screens.live import LiveScreen
from btp_tui.snapshot import ProgramCard


class ProgramScreen(LiveScreen):
    """Everything about one program; escape goes back to where it was opened."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.close_program", "Back", tooltip="Go back to the list"),
    ]

    def compose_body(self) -> ComposeResult:
        """The view alone."""
        view = ProgramView(id="program")
        view.add_class("framed")
        yield view

    def on_mount(self) -> None:
        """Arrow keys scroll."""
        self.query_one(ProgramView).focus()

    def show_card(self, card: ProgramCard | None) -> None:
        """Takes over what the feed has read."""
        for view in self.query(ProgramView):  # none yet while the screen is being composed
            view.show_card(card)
