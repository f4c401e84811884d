"""The input of the filter: completes words, recalls what was written, says when to look it up."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.suggester import Suggester
from textual.timer import Timer
from textual.widgets import Input

from btp_tui.filters.completion import Choices, Names, find_choices, may_become_key

#: Seconds that a word which may become a key has to stand before it is searched for as text.
PAUSE_S = 0.4


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

    class Settled(Message):
        """What is written now is to be looked up."""

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
        self._pause: Timer | None = None

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
        self._settle()

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

    def _settle(self) -> None:
        """At once, but for a word that may become a key: that one waits a moment."""
        if self._pause is not None:
            self._pause.stop()
        if self.has_focus and may_become_key(self.value, self.cursor_position):
            self._pause = self.set_timer(PAUSE_S, lambda: self.post_message(self.Settled()))
        else:
            self.post_message(self.Settled())

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
