"""A small window over a screen that asks before something is done."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from btp_tui.keys.names import key_of


class Question(ModalScreen[bool]):
    """Asks before something that cannot be taken back at once; Enter is not enough to say yes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes", tooltip="Yes, do it", id="question.yes"),
        Binding("n,escape", "answer(False)", "No", tooltip="No, go back", id="question.no"),
    ]

    def __init__(self, question: str, consequence: str) -> None:
        super().__init__()
        self._question, self._consequence = question, consequence

    def compose(self) -> ComposeResult:
        """The question, what follows from a yes, and the two keys."""
        with Vertical(classes="dialog"):
            yield Static(f"[b]{self._question}[/b]\n\n{self._consequence}\n")
            yield Static(
                f"[b $footer-key-foreground]{key_of('question.yes')}[/] yes    "
                f"[b $footer-key-foreground]{key_of('question.no')}[/] no, go back"
            )

    def action_answer(self, answer: bool) -> None:
        """Closes with the answer."""
        self.dismiss(answer)
