"""The input of the filter, with completion and history, and the list of what can be completed."""

from __future__ import annotations

from typing import ClassVar

from textual.app import RenderResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets import Input

from btp_tui import words
from btp_tui.completion import Choices, Names, find_choices
from btp_tui.panels.panel import line, lines

#: Rows of the list of completions.
_ROWS = 8

#: Columns of the list before what a candidate means.
_NAME_WIDTH = 12


class FilterBar(Input):
    """Takes a filter; its first completion is shown behind the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter",
            "submit",
            "To the table",
            tooltip="To the table with this filter",
            id="filter.submit",
        ),
        Binding(
            "tab",
            "complete(1)",
            "Complete",
            tooltip="The next completion; right takes the one behind the cursor",
            id="filter.complete",
        ),
        Binding(
            "shift+tab",
            "complete(-1)",
            "Complete back",
            show=False,
            tooltip="The completion before",
            id="filter.complete-back",
        ),
        Binding(
            "up",
            "recall(1)",
            "Earlier",
            tooltip="The filter that was written before this one",
            id="filter.earlier",
        ),
        Binding(
            "down",
            "recall(-1)",
            "Later",
            tooltip="The filter that was written after this one",
            id="filter.later",
        ),
        Binding("escape", "screen.leave", "Back", tooltip="Back to the table", id="filter.back"),
    ]

    class Left(Message):
        """Keys go elsewhere from now on."""

    class Offered(Message):
        """What can be completed has changed, or which of it is chosen."""

        def __init__(self, choices: Choices, chosen: int, column: int) -> None:
            super().__init__()
            self.choices, self.chosen, self.column = choices, chosen, column

    def __init__(self, placeholder: str, id: str) -> None:
        self._first = _First()
        super().__init__(
            placeholder=placeholder,
            id=id,
            suggester=self._first,
            compact=True,
            select_on_focus=False,
        )
        self.history: tuple[str, ...] = ()
        self._choices = Choices()
        self._chosen = -1
        self._recalled = -1  # place in the history, -1 for what is being written
        self._draft = ""

    @property
    def names(self) -> Names:
        """The names that can be completed."""
        return self._first.names

    @names.setter
    def names(self, names: Names) -> None:
        self._first.names = names

    def action_complete(self, step: int) -> None:
        """Puts the next or previous completion in the place of the word at the cursor."""
        if not self._choices.candidates:
            return
        count = len(self._choices.candidates)
        self._chosen = (self._chosen + step) % count if self._chosen >= 0 or step > 0 else count - 1
        self.value, self.cursor_position = self._choices.taken(self._chosen)
        if count == 1:
            self._look()
        else:
            self._tell()

    def action_recall(self, step: int) -> None:
        """Writes the filter that was written earlier, or later again."""
        place = self._recalled + step
        if not -1 <= place < len(self.history):
            return
        if self._recalled < 0:
            self._draft = self.value
        self._recalled = place
        self.value = self.history[place] if place >= 0 else self._draft
        self.cursor_position = len(self.value)
        self._choices, self._chosen = Choices(self.value), -1
        self._tell()

    def on_input_changed(self) -> None:
        """What is typed is completed anew; what a completion or the history wrote is not."""
        if self.value not in (self._written, self._recall):
            self._recalled = -1
            self._look()

    def on_focus(self) -> None:
        """Shows what a filter can be made of."""
        self._look()

    def on_blur(self) -> None:
        """Whoever has left needs no list."""
        self._recalled = -1
        self._choices, self._chosen = Choices(self.value), -1
        self._tell()
        self.post_message(self.Left())

    @property
    def _written(self) -> str | None:
        """What the chosen completion wrote."""
        return self._choices.taken(self._chosen)[0] if self._chosen >= 0 else None

    @property
    def _recall(self) -> str | None:
        """What the history wrote."""
        return self.history[self._recalled] if self._recalled >= 0 else None

    def _look(self) -> None:
        self._choices, self._chosen = find_choices(self.value, self.cursor_position, self.names), -1
        self._tell()

    def _tell(self) -> None:
        self.post_message(self.Offered(self._choices, self._chosen, self._choices.begin))


class _First(Suggester):
    """The first completion of the last word, to be shown behind the cursor."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self.names = Names()

    async def get_suggestion(self, value: str) -> str | None:
        """The whole filter with its last word completed; None where that is text."""
        choices = find_choices(value, len(value), self.names)
        if choices.begin == choices.end and not value.endswith((":", ",")):
            return None
        found = (choices.taken(at)[0] for at in range(len(choices.candidates)))
        return next((each for each in found if each.startswith(value)), None)


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
            shown.append(line((f"  {where}{words.count(count)}: tab goes on", "$dimmed")))
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
