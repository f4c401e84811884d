"""The list of fields with the one line to type in, which lies over the value under the cursor."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.message import Message
from textual.widgets import Input

from btp_tui.panels.field_list import FieldList


class ValueInput(Input):
    """The one line to type in, laid over the value under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "leave(True)", "Take it", tooltip="Take what was typed", id="form.take"),
        Binding(
            "escape", "leave(False)", "Undo", tooltip="The value as it was before", id="form.undo"
        ),
        Binding(
            "up,shift+tab",
            "leave(True, -1)",
            "Take it, up",
            show=False,
            tooltip="Take what was typed, one row up",
            id="form.take-up",
        ),
        Binding(
            "down,tab",
            "leave(True, 1)",
            "Take it, down",
            show=False,
            tooltip="Take what was typed, one row down",
            id="form.take-down",
        ),
    ]

    class Left(Message):
        """Typing has ended: whether what was typed counts, and where the cursor goes."""

        def __init__(self, taken: bool, rows: int) -> None:
            super().__init__()
            self.taken, self.rows = taken, rows

    def action_leave(self, taken: bool, rows: int = 0) -> None:
        """Ends typing."""
        self.post_message(self.Left(taken, rows))

    def on_blur(self) -> None:
        """A click elsewhere takes what was typed."""
        if self.display:
            self.action_leave(True)


class Fields(Container):
    """The list with the line to type in over it."""

    class Typed(Message):
        """The text of the field under the cursor is another one."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def compose(self) -> ComposeResult:
        """Both; the line is out of sight until a field is edited."""
        yield FieldList()
        edit = ValueInput(id="edit", compact=True, select_on_focus=False)
        edit.display = False
        yield edit

    @property
    def editing(self) -> bool:
        """Whether a field is being typed into."""
        return bool(self.query_one(ValueInput).display)

    def edit(self, text: str) -> None:
        """Lays the line over the value under the cursor."""
        region = self.query_one(FieldList).value_region
        field = self.query_one(ValueInput)
        field.styles.offset = (region.x, region.y)
        with self.prevent(Input.Changed):
            field.value = text
        self.fit_edit()
        field.cursor_position = len(text)
        field.display = True
        field.focus()

    def fit_edit(self) -> None:
        """As wide as its text, so that what is wrong with it stays in sight behind it."""
        field = self.query_one(ValueInput)
        room = self.query_one(FieldList).value_region.width
        field.styles.width = max(2, min(room, cell_len(field.value) + 2))

    def end_edit(self) -> None:
        """Gives the keys back to the list."""
        self.query_one(ValueInput).display = False
        self.query_one(FieldList).focus()

    @on(Input.Changed, "#edit")
    def typed(self, message: Input.Changed) -> None:
        """Hands on what was typed."""
        message.stop()
        self.fit_edit()
        self.post_message(self.Typed(message.value))
