"""A line to look for something in a list by a part of its name."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Input

#: Seconds without a key after which what is written is looked up.
DEBOUNCE_S = 0.12


class FindBar(Input):
    """An input whose keys lead back to the list; the footer shows them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "To the table", tooltip="To what was found", id="find.submit"),
        Binding("escape", "screen.leave", "Back", tooltip="Back to the table", id="find.back"),
    ]
