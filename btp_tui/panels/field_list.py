"""The fields of the form as one list, of which only the rows in sight are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

from btp_tui.form.rows import BaseRow, FieldRow, Row, SectionRow
from btp_tui.keys.names import key_of
from btp_tui.panels.panel import Piece, line

#: Cells of the sign and the name, and the most that a value takes beside a remark.
_NAME, _MOST_VALUE = 28, 40
#: Cells from which there is room for what a setting means beside its value.
_ROOMY = 90


class FieldList(ScrollView, can_focus=True):
    """Rows with a cursor; says what is asked of the row under it."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"fields--cursor", "fields--cursor-dim"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, tooltip="One row up", id="form.up"),
        Binding("down,j", "move(1)", "Down", show=False, tooltip="One row down", id="form.down"),
        Binding(
            "pageup,ctrl+b",
            "page(-1)",
            "Page up",
            show=False,
            tooltip="A window up",
            id="form.page-up",
        ),
        Binding(
            "pagedown,ctrl+f",
            "page(1)",
            "Page down",
            show=False,
            tooltip="A window down",
            id="form.page-down",
        ),
        Binding(
            "home,g", "move_to(0)", "First", show=False, tooltip="To the first row", id="form.first"
        ),
        Binding(
            "end,G", "move_to(-1)", "Last", show=False, tooltip="To the last row", id="form.last"
        ),
        Binding(
            "tab",
            "section(1)",
            "Next section",
            show=False,
            tooltip="To the next section",
            id="form.next-section",
        ),
        Binding(
            "shift+tab",
            "section(-1)",
            "Section before",
            show=False,
            tooltip="To the one before",
            id="form.section-before",
        ),
        Binding(
            "enter",
            "ask(0)",
            "Edit",
            tooltip="Edit the setting; of a section: open or close it",
            id="form.edit",
        ),
        Binding(
            "space,right,l",
            "ask(1)",
            "Next choice",
            show=False,
            tooltip="The next choice; of a section: open or close it",
            id="form.next-choice",
        ),
        Binding(
            "left,h",
            "ask(-1)",
            "Choice before",
            show=False,
            tooltip="The choice before",
            id="form.choice-before",
        ),
    ]
    ALLOW_SELECT = False
    cursor: reactive[int] = reactive(0)

    class Moved(Message):
        """The cursor stands on another row."""

        def can_replace(self, message: Message) -> bool:
            """A newer place makes this one irrelevant."""
            return isinstance(message, FieldList.Moved)

    class Asked(Message):
        """Something is to be done with the row: 0 edits it, 1 and -1 take another choice."""

        def __init__(self, row: Row, steps: int) -> None:
            super().__init__()
            self.row, self.steps = row, steps

    def __init__(self) -> None:
        super().__init__(id="field-list")
        self._rows: tuple[Row, ...] = ()
        self._base = ""

    @property
    def row(self) -> Row | None:
        """The row under the cursor."""
        return self._rows[self.cursor] if self.cursor < len(self._rows) else None

    @property
    def value_region(self) -> Region:
        """Where in this widget the value under the cursor stands."""
        return Region(
            _NAME,
            self.cursor - self.scroll_offset.y,
            self.scrollable_content_region.width - _NAME - 1,
            1,
        )

    def show_rows(self, rows: Sequence[Row], base: str) -> None:
        """Replaces the rows; the cursor stays on its row where that one is still there."""
        before = self.row
        self._rows, self._base = tuple(rows), base
        self.virtual_size = Size(0, len(self._rows))
        place = self.cursor
        if before is not None:
            same = (n for n, row in enumerate(self._rows) if _identity(row) == _identity(before))
            place = next(same, place)
        self.set_reactive(FieldList.cursor, self.validate_cursor(place))
        self._scroll_to_cursor()
        self.refresh()

    def first_named(self, words: str) -> str:
        """The key of the first field with these words in it, else of the first field at all."""
        keys = [row.field.key for row in self._rows if isinstance(row, FieldRow)]
        named = (key for key in keys if all(word in key for word in words.lower().split()))
        return next(named, keys[0] if keys else "")

    def place_cursor(self, key: str) -> None:
        """Puts the cursor on a field or a section, where it is in the list."""
        for number, row in enumerate(self._rows):
            if _identity(row) == key:
                self.cursor = number
                return

    def render_line(self, y: int) -> Strip:
        """One row."""
        index = y + self.scroll_offset.y
        if index >= len(self._rows):
            nothing = not self._rows and y == 1
            text = ""
            if nothing:
                text = f" No setting like this: {key_of('form.leave')} takes the filter away."
            return self._strip(line((text, "$dimmed")), None)
        component = None
        if index == self.cursor:
            component = "fields--cursor" if self.has_focus else "fields--cursor-dim"
        return self._strip(self._draw(self._rows[index]), component)

    def action_move(self, rows: int) -> None:
        """Moves the cursor by so many rows."""
        self.cursor = self.cursor + rows

    def action_page(self, pages: int) -> None:
        """Moves the cursor by what is in sight."""
        self.cursor = self.cursor + pages * max(1, self.size.height - 1)

    def action_move_to(self, index: int) -> None:
        """Moves the cursor to the first or the last row."""
        self.cursor = index if index >= 0 else len(self._rows) + index

    def action_section(self, steps: int) -> None:
        """Moves the cursor to the next section, or the one before."""
        starts = [n for n, row in enumerate(self._rows) if not isinstance(row, FieldRow)]
        if steps > 0:
            self.cursor = next((n for n in starts if n > self.cursor), self.cursor)
        else:
            self.cursor = next((n for n in reversed(starts) if n < self.cursor), 0)

    def action_ask(self, steps: int) -> None:
        """Asks for a change of the row under the cursor."""
        if self.row is not None:
            self.post_message(self.Asked(self.row, steps))

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor; one on the row under it edits, opens or takes the next."""
        index = event.get_content_offset_capture(self).y + self.scroll_offset.y
        if index >= len(self._rows):
            return
        if index == self.cursor or isinstance(self._rows[index], SectionRow):
            self.cursor = index
            self.action_ask(0)
        self.cursor = index

    def validate_cursor(self, cursor: int) -> int:
        """Keeps the cursor in the list."""
        return max(0, min(cursor, len(self._rows) - 1))

    def watch_cursor(self, before: int, cursor: int) -> None:
        """Draws the two rows that changed, and tells who describes the one under the cursor."""
        for index in (before, cursor):
            self.refresh(Region(0, index - self.scroll_offset.y, self.size.width, 1))
        self._scroll_to_cursor()
        self.post_message(self.Moved())

    def on_focus(self) -> None:
        """The cursor's colour says where keys go."""
        self.refresh()

    def on_blur(self) -> None:
        """The cursor's colour says where keys go."""
        self.refresh()

    def on_resize(self) -> None:
        """Another height may hide the cursor."""
        self._scroll_to_cursor()

    def _scroll_to_cursor(self) -> None:
        inside, top = max(1, self.size.height), self.scroll_offset.y
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, immediate=True)
        elif self.cursor >= top + inside:
            self.scroll_to(y=self.cursor - inside + 1, animate=False, immediate=True)

    def _draw(self, row: Row) -> Content:
        match row:
            case BaseRow():
                name = "begin with".ljust(_NAME - 3)
                return line("   ", (name, "bold"), (f"‹ {self._base} ›", "bold $accent"))
            case SectionRow():
                return _section(row)
            case FieldRow():
                return self._field(row)

    def _field(self, row: FieldRow) -> Content:
        sign: Piece = "   "
        if row.problem:
            sign = (" ✗ ", "bold $failed")
        elif row.before is not None:
            sign = (" • ", "bold $accent")
        name = line(f"  {row.field.name}").truncate(_NAME - 3, ellipsis=True, pad=True)
        room = max(0, self.scrollable_content_region.width - _NAME)
        remark = line("")
        if row.problem:
            remark = line((f"  {_short(row.problem)}", "$failed"))
        elif row.before is not None:
            remark = line((f"  before: {row.before or '(empty)'}", "$dimmed"))
        elif self.scrollable_content_region.width >= _ROOMY:
            return self._with_meaning(row, name)
        style = "bold $accent" if row.before is not None else "$foreground"
        value = line((_one_line(row.text) or '""', style if row.text else "$dimmed"))
        if row.field.choices:
            value = line(("‹ ", "$dimmed"), value, (" ›", "$dimmed"))
        if remark.cell_length:
            value = value.truncate(min(room, _MOST_VALUE), ellipsis=True)
        return line(sign, name, value.truncate(room, ellipsis=True), remark)

    def _with_meaning(self, row: FieldRow, name: Content) -> Content:
        """An unchanged field where there is room: its value, and what it means."""
        value = line(_one_line(row.text) or ('""', "$dimmed"))
        if row.field.choices:
            value = line(("‹ ", "$dimmed"), value, (" ›", "$dimmed"))
        value = value.truncate(_NAME - 2, ellipsis=True, pad=True)
        return line("   ", name, value, ("  " + row.field.meaning, "$dimmed"))

    def _strip(self, content: Content, component: str | None) -> Strip:
        width = self.scrollable_content_region.width
        style = self.get_visual_style(component) if component else self.visual_style
        content = content.truncate(width, ellipsis=True, pad=True)
        [strip] = Visual.to_strips(self, content, width, 1, style, apply_selection=False, pad=True)
        return strip


def _identity(row: Row) -> str:
    """What tells a row from others: its key or section."""
    match row:
        case FieldRow():
            return row.field.key
        case SectionRow():
            return f"[{row.name}]"
        case _:
            return ""


def _section(row: SectionRow) -> Content:
    said: list[Piece] = [
        (" ▾ " if row.open else " ▸ ", "$dimmed"),
        (row.name.ljust(_NAME - 3), "bold $primary"),
    ]
    if row.wrong:
        said.append((f"✗ {row.wrong} wrong  ", "bold $failed"))
    if row.changed:
        said.append((f"• {row.changed} changed  ", "bold $accent"))
    if not row.open:
        said.append((f"{row.fields} settings  ", "$dimmed"))
    if row.unused:
        said.append((f"not used: {row.unused}", "$dimmed"))
    return line(*said)


def _short(problem: str) -> str:
    """The part of a sentence that says why, for beside the field that it is about."""
    return problem.partition(" is wrong: ")[2] or problem.partition(": ")[2] or problem


def _one_line(text: str) -> str:
    return text.replace("\n", "⏎")
