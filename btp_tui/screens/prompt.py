"""A small window over a screen that asks for one line of text."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from btp_tui.keys.names import key_of
from btp_tui.panels.panel import line


class Prompt(ModalScreen[str | None]):
    """Closes with the text, or with None where nothing is to be done."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Cancel", id="prompt.cancel")
    ]

    def __init__(self, question: str, hint: str, value: str) -> None:
        super().__init__()
        self._question, self._hint, self._value = question, hint, value

    def compose(self) -> ComposeResult:
        """The question, the line to edit, and the two keys."""
        with Vertical(classes="dialog"):
            yield Static(line((self._question, "bold"), f"\n\n{self._hint}\n"))
            yield Input(self._value, id="answer")
            yield Static(
                "[b $footer-key-foreground]enter[/] takes it    "
                f"[b $footer-key-foreground]{key_of('prompt.cancel')}[/] goes back"
            )

    @on(Input.Submitted)
    def answered(self, message: Input.Submitted) -> None:
        """Closes with what was typed."""
        text = message.value.strip()
        self.dismiss(text if text and text != self._value else None)
