"""What stands beside the form: what the field in focus is for, what the run takes, the sections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from btp_tui.form.rows import SectionRow
from btp_tui.panels.panel import Piece, line, lines, spread

if TYPE_CHECKING:
    from core.estimate import Estimate

#: Rows from which the estimate has a frame and a line for each figure.
_FRAMED = 3


class FieldHelp(Widget):
    """The sentence about the row under the cursor; what it takes; what is wrong."""

    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__(id="field-help", classes="framed")
        self._text = Content("")

    def show(self, title: str, rows: list[Content]) -> None:
        """Replaces the text."""
        self.border_title = title
        self._text = lines(rows)
        self.refresh()

    def render(self) -> Content:
        """The text of the moment."""
        return self._text


class EstimatePanel(Widget):
    """Time, memory and disk of the run as it stands; one line where there is no room."""

    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__(id="estimate", classes="framed")
        self.border_title = "It would take"
        self._estimate: Estimate | None = None
        self._waiting = "working it out …"

    @property
    def estimate(self) -> Estimate | None:
        """What is shown."""
        return self._estimate

    def show(self, estimate: Estimate | None, waiting: str = "") -> None:
        """Replaces the figures, or says why there are none."""
        self._estimate, self._waiting = estimate, waiting
        self.refresh()

    def render(self) -> Content:
        """All figures with a word each, or the first three in a line."""
        estimate, width = self._estimate, self.size.width
        start = line((" Start ^s ", "bold $primary @click=screen.start"))
        if estimate is None:
            waiting = line((self._waiting, "$dimmed"))
            if self.size.height < _FRAMED:
                return spread(waiting, start, width)
            return lines([waiting, line(""), start])
        trouble = [line(("✗ ", "bold $failed"), (said, "$failed")) for said in estimate.problems]
        notes = [line(("▲ ", "$timeout"), said) for said in estimate.notes]
        figures = estimate.lines()
        if self.size.height < _FRAMED:
            brief = line(" · ".join(text.removesuffix(" free") for _, text, _ in figures[:3]))
            first = [*trouble, *(notes if estimate.memory is None else []), brief]
            return spread(first[0], start, width)
        rows = []
        for name, text, remark in figures:
            rows.append(line((f"{name:<8}", "$dimmed"), text))
            rows += [line((f"{'':<8}{remark}", "$dimmed"))] if remark else []
        return lines([*rows, *trouble, *notes, line(""), start])


class SectionList(Widget):
    """The sections, where there is room beside the fields; a click goes to one."""

    ALLOW_SELECT = False

    class Chosen(Message):
        """A section was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self) -> None:
        super().__init__(id="sections", classes="framed")
        self.border_title = "Sections"
        self._rows: tuple[SectionRow, ...] = ()
        self._current = ""

    def show(self, rows: tuple[SectionRow, ...], current: str) -> None:
        """Replaces the list; `current` is the section that the cursor is in."""
        if (rows, current) != (self._rows, self._current):
            self._rows, self._current = rows, current
            self.refresh()

    def render(self) -> Content:
        """A row a section, with how many of its settings were changed or are wrong."""
        return lines([self._line(row) for row in self._rows])

    def on_click(self, event: events.Click) -> None:
        """Goes to the section under the mouse."""
        place = event.get_content_offset_capture(self).y
        if place < len(self._rows):
            self.post_message(self.Chosen(self._rows[place].name))

    def _line(self, row: SectionRow) -> Content:
        mark = "›" if row.name == self._current else " "
        style = "$dimmed" if row.unused else "bold" if mark == "›" else "$foreground"
        right: Piece = ""
        if row.wrong:
            right = (f"✗ {row.wrong}", "$failed")
        elif row.changed:
            right = (f"• {row.changed}", "$accent")
        return spread(line(f"{mark} ", (row.name, style)), line(right), self.size.width)
