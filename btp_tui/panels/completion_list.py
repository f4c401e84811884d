"""The list of what the word at the cursor of a filter can become."""

from __future__ import annotations

from textual.app import RenderResult
from textual.content import Content
from textual.widget import Widget

from btp_tui import words
from btp_tui.filters.completion import Choices
from btp_tui.keys.names import key_of
from btp_tui.panels.panel import line, lines

#: Rows of the list.
_ROWS = 8

#: Columns before what a candidate means.
_NAME_WIDTH = 12


class CompletionList(Widget):
    """What the word at the cursor can become, under the filter bar, over the table."""

    ALLOW_SELECT = False

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self.display = False
        self._choices = Choices()
        self._chosen = -1

    def offer(self, choices: Choices, chosen: int, column: int, room: int) -> None:
        """Shows some candidates near a column of a window so many columns wide."""
        self._choices, self._chosen = choices, chosen
        self.display = bool(choices.candidates)
        if not self.display:
            return
        rows = [self._row(at) for at in range(len(choices.candidates))]
        width = min(max(row.cell_length for row in rows) + 1, room)
        self.styles.width = width
        self.styles.height = min(len(rows), _ROWS) + (len(rows) > _ROWS)
        # The candidates stand under the word that they complete.
        self.styles.offset = (max(0, min(column - 1, room - width)), 0)
        self.refresh()

    def render(self) -> RenderResult:
        """The rows around the chosen one, and how many there are."""
        count, width = len(self._choices.candidates), self.size.width
        first = max(0, min(self._chosen - _ROWS // 2, count - _ROWS))
        shown = [self._row(at, width) for at in range(first, min(count, first + _ROWS))]
        if count > _ROWS:
            where = f"{self._chosen + 1} of " if self._chosen >= 0 else ""
            goes_on = f"{key_of('filter.complete')} goes on"
            shown.append(line((f"  {where}{words.count(count)}: {goes_on}", "$dimmed")))
        return lines(shown)

    def _row(self, at: int, width: int = 0) -> Content:
        candidate = self._choices.candidates[at]
        name = candidate.text.ljust(_NAME_WIDTH if candidate.meaning else 0)
        sign, style = "  ", "$dimmed"
        if at == self._chosen:
            sign, style = "▸ ", "$block-cursor-foreground"
        row = line(f"{sign}{name} ", (candidate.meaning, style))
        if width:
            row = row.truncate(width, ellipsis=True, pad=True)
        if at == self._chosen:
            row = row.stylize("$block-cursor-foreground on $block-cursor-background")
        return row
