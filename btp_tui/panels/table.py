"""A table of one page of rows, of which only those in sight are drawn."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

from btp_tui.panels.columns import Column, Columns, fitting
from btp_tui.panels.frame import Framed
from btp_tui.panels.panel import line

Row = TypeVar("Row")


class Table(ScrollView, Framed, Generic[Row], can_focus=True):
    """Rows with a cursor, which stays on its row when the page is replaced.

    Unless `pinned`, a cursor on the first row stays on the first row: it follows what is newest.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"table--header", "table--cursor", "table--cursor-dim"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Row up", show=False, tooltip="One row up", id="table.up"),
        Binding(
            "down,j", "move(1)", "Row down", show=False, tooltip="One row down", id="table.down"
        ),
        Binding(
            "pageup,ctrl+b",
            "move_page(-1)",
            "Page up",
            show=False,
            tooltip="A window up",
            id="table.page-up",
        ),
        Binding(
            "pagedown,ctrl+f",
            "move_page(1)",
            "Page down",
            show=False,
            tooltip="A window down",
            id="table.page-down",
        ),
        Binding(
            "home,g",
            "move_to(0)",
            "First row",
            show=False,
            tooltip="To the first row",
            id="table.first",
        ),
        Binding(
            "end,G",
            "move_to(-1)",
            "Last row",
            show=False,
            tooltip="To the last row",
            id="table.last",
        ),
        Binding(
            "enter",
            "open",
            "Open",
            show=False,
            tooltip="Open the row under the cursor",
            id="table.open",
        ),
    ]
    ALLOW_SELECT = False
    cursor: reactive[int] = reactive(0, repaint=False)  # the rows it left and reached are

    class About(Message):
        """Something that happened in a table."""

        def __init__(self, table: Table[Any]) -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> Table[Any]:
            """The table, so that handlers can select by its id."""
            return self.table

    class Highlighted(About):
        """The cursor stands on another row now; one message stands for a flood of them."""

        def can_replace(self, message: Message) -> bool:
            """A newer place of the same cursor makes this one irrelevant."""
            return isinstance(message, Table.Highlighted) and message.table is self.table

    class Opened(About):
        """The row under the cursor was chosen by Enter or a double click."""

    class HeaderPressed(About):
        """The title of a column that can be sorted by was clicked; `sort` is its key."""

        def __init__(self, table: Table[Any], sort: str) -> None:
            super().__init__(table)
            self.sort = sort

    def __init__(
        self,
        columns: Sequence[Column[Row]],
        key: Callable[[Row], Hashable],
        empty: str = "",
        id: str | None = None,
        pinned: bool = False,
    ) -> None:
        super().__init__(id=id)
        self._pinned = pinned
        self._columns = tuple(columns)
        self._key = key
        self._rows: tuple[Row, ...] = ()
        self._sorted_by: tuple[str, bool] = ("", False)
        self._followed = True
        self.empty = empty

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows of the page."""
        return self._rows

    @property
    def row(self) -> Row | None:
        """The row under the cursor."""
        return self._rows[self.cursor] if self.cursor < len(self._rows) else None

    def show_rows(self, rows: Sequence[Row], sorted_by: tuple[str, bool] = ("", False)) -> None:
        """Replaces the page; `sorted_by` is the sort key and whether it descends."""
        rows = tuple(rows)
        if rows == self._rows and sorted_by == self._sorted_by:
            self._followed = True
            return
        before = self.row
        self._rows, self._sorted_by = rows, sorted_by
        self.virtual_size = Size(0, len(rows) + 1)
        self._follow(before)
        self.refresh()

    def forget_row(self) -> None:
        """The next page begins at its top: it is another one."""
        self.set_reactive(Table.cursor, 0)
        self._followed = False

    def show_empty(self, text: str) -> None:
        """Says what to do while there are no rows."""
        if text != self.empty:
            self.empty = text
            self.refresh()

    def fitting(self, width: int) -> Columns[Row]:
        """The columns that there is room for."""
        return fitting(self._columns, width)

    def render_line(self, y: int) -> Strip:
        """The header at the top, then the rows in sight."""
        width = self.size.width
        columns = self.fitting(width)
        if y == 0:
            return self._strip(columns.header(*self._sorted_by), "table--header")
        index = y - 1 + self.scroll_offset.y
        if index >= len(self._rows):
            text = self.empty if not self._rows and y == 2 else ""
            return self._strip(line((f" {text}", "$dimmed")), None)
        cells = columns.cells(self._rows[index])
        if index != self.cursor:
            return self._strip(cells, None)
        cells = line("›") + cells[1:]  # the row is not told by its colour alone
        return self._strip(cells, "table--cursor" if self.has_focus else "table--cursor-dim")

    def action_move(self, rows: int) -> None:
        """Moves the cursor by so many rows."""
        self.cursor = self.cursor + rows

    def action_move_page(self, pages: int) -> None:
        """Moves the cursor by what is in sight."""
        self.cursor = self.cursor + pages * max(1, self.size.height - 2)

    def action_move_to(self, index: int) -> None:
        """Moves the cursor to a row, counted from the end where negative."""
        self.cursor = index if index >= 0 else len(self._rows) + index

    def action_open(self) -> None:
        """Opens the row under the cursor."""
        if self.row is not None:
            self.post_message(self.Opened(self))

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor, a second one opens the row; one on a title sorts by it."""
        place = event.get_content_offset_capture(self)
        index = place.y - 1 + self.scroll_offset.y
        if place.y == 0:
            sort = self.fitting(self.size.width).sort_at(place.x)
            if sort:
                self.post_message(self.HeaderPressed(self, sort))
        elif place.y >= 1 and index < len(self._rows):
            if index == self.cursor and event.chain > 1:
                self.action_open()
            self.cursor = index

    def validate_cursor(self, cursor: int) -> int:
        """Keeps the cursor on the page."""
        return max(0, min(cursor, len(self._rows) - 1))

    def watch_cursor(self, before: int, cursor: int) -> None:
        """Draws the two rows that changed, and tells who shows the highlighted one."""
        scroll = self.scroll_offset.y
        for index in (before, cursor):
            self.refresh(Region(0, index + 1 - scroll, self.size.width, 1))
        self._scroll_to_cursor()
        self.post_message(self.Highlighted(self))

    def on_focus(self) -> None:
        """The cursor's colour says where keys go."""
        self.refresh()

    def on_blur(self) -> None:
        """The cursor's colour says where keys go."""
        self.refresh()

    def on_resize(self) -> None:
        """Another height may hide the cursor."""
        self._scroll_to_cursor()

    def _follow(self, before: Row | None) -> None:
        """Puts the cursor on the row it was on, where that one is still there."""
        place = self.cursor
        follows, self._followed = self._followed, True
        if before is not None and follows and (self._pinned or self.cursor > 0):
            key = self._key(before)
            place = next((i for i, row in enumerate(self._rows) if self._key(row) == key), place)
        self.set_reactive(Table.cursor, self.validate_cursor(place))
        self._scroll_to_cursor()
        row = self.row
        if (row is None) != (before is None) or row != before:
            self.post_message(self.Highlighted(self))

    def _scroll_to_cursor(self) -> None:
        inside = max(1, self.size.height - 1)
        top = self.scroll_offset.y
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, immediate=True)
        elif self.cursor >= top + inside:
            self.scroll_to(y=self.cursor - inside + 1, animate=False, immediate=True)

    def _strip(self, content: Content, component: str | None) -> Strip:
        width = self.size.width
        style = self.get_visual_style(component) if component else self.visual_style
        content = content.truncate(width, pad=True)
        [strip] = Visual.to_strips(self, content, width, 1, style, apply_selection=False, pad=True)
        return strip
