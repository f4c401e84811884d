"""Small windows over a screen: a question to answer, and the list of keys."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from btp_tui.panels.panel import line, lines


class Question(ModalScreen[bool]):
    """Asks before something that cannot be taken back at once; Enter is not enough to say yes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n,escape", "answer(False)", "No"),
    ]

    def __init__(self, question: str, consequence: str) -> None:
        super().__init__()
        self._question, self._consequence = question, consequence

    def compose(self) -> ComposeResult:
        """The question, what follows from a yes, and the two keys."""
        with Vertical(classes="dialog"):
            yield Static(f"[b]{self._question}[/b]\n\n{self._consequence}\n")
            yield Static(
                "[b $footer-key-foreground]y[/] yes    [b $footer-key-foreground]n[/] no, go back"
            )

    def action_answer(self, answer: bool) -> None:
        """Closes with the answer."""
        self.dismiss(answer)


class KeyHelp(ModalScreen[None]):
    """Every key that does something on the screen below, with what it does."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q", "dismiss", "Close"),
    ]

    def __init__(self, screen: Screen[Any]) -> None:
        super().__init__()
        self._keys = key_list(screen)

    def compose(self) -> ComposeResult:
        """The list, which scrolls where it is longer than the window."""
        with VerticalScroll(classes="dialog keys") as box:
            box.border_title = "Keys"
            box.border_subtitle = "esc closes"
            yield Static(self._keys)


def key_list(screen: Screen[Any]) -> Content:
    """One row an action: all of its keys, and what it does in a sentence."""
    actions: dict[str, tuple[list[str], str]] = {}
    for active in screen.active_bindings.values():
        binding = active.binding
        if not binding.tooltip:
            continue  # Textual's own, for its own widgets
        keys, _ = actions.get(binding.action, ([], ""))
        display = screen.app.get_key_display(binding)
        actions[binding.action] = ([*keys, display], binding.tooltip)
    return lines(
        [
            line((f"{'  '.join(keys):>14}  ", "bold $footer-key-foreground"), text)
            for keys, text in actions.values()
        ]
    )
