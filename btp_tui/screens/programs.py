"""The browser of stored programs: a filter, one page of rows, and the highlighted program."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.message import Message
from textual.suggester import Suggester
from textual.timer import Timer
from textual.widgets import Input, Static

from btp_tui import words
from btp_tui.panels.latest import browser_table
from btp_tui.panels.program import ProgramView
from btp_tui.panels.table import Table
from btp_tui.query import complete_query, next_outcome, next_sort, reversed_sort
from btp_tui.screens.live import LiveScreen
from btp_tui.snapshot import PAGE, Page, ProgramCard, ProgramLine
from storage.query import SORTS

#: Seconds without a key after which a filter is looked up.
DEBOUNCE_S = 0.12

EXAMPLE = 'press / to filter: pass:0.5..1 outcome:timeout iter:>3 sort:-p2value "return"'


class FilterBar(Input):
    """The input of the filter; the footer shows what its keys do."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "To the table"),
        Binding("right", "cursor_right", "Complete"),
        Binding("escape", "screen.leave", "Back"),
    ]


class FilterSuggester(Suggester):
    """Completes the word under the cursor: keys, outcomes, tasks, sources and sort orders."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self.page = Page("")

    async def get_suggestion(self, value: str) -> str | None:
        """The whole filter with its last word completed."""
        return complete_query(value, self.page.tasks, self.page.sources)


class ProgramsScreen(LiveScreen):
    """Filter, sort and page happen in the feed; this screen only asks and shows."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "edit_filter", "Filter", tooltip="Write a filter; right arrow completes"),
        Binding("o", "next_sort", "Sort", tooltip="Sort by the next column"),
        Binding("O", "reverse_sort", "Reverse", show=False, tooltip="Sort the other way round"),
        Binding("f", "next_outcome", "Outcome", tooltip="Show only the next outcome"),
        Binding("c", "clear_filter", "Clear", show=False, tooltip="Clear the filter"),
        Binding(
            "greater_than_sign", "turn(1)", "Next page", show=False, tooltip="The next 500 rows"
        ),
        Binding(
            "less_than_sign", "turn(-1)", "Previous page", show=False, tooltip="The 500 rows before"
        ),
        Binding("escape", "leave", "Back", tooltip="Back to the table or dashboard"),
    ]

    class Chosen(Message):
        """A program is under the cursor."""

        def __init__(self, sample: int) -> None:
            super().__init__()
            self.sample = sample

    class Wanted(Message):
        """Another page of programs is asked for."""

        def __init__(self, query: str, offset: int) -> None:
            super().__init__()
            self.query, self.offset = query, offset

    def __init__(self) -> None:
        super().__init__()
        self._page = Page("")
        self._offset = 0  # of the page that was asked for last
        self._suggester = FilterSuggester()
        self._typing: Timer | None = None
        self._back_to = "dashboard"

    def compose_body(self) -> ComposeResult:
        """Filter, what it found, table and program."""
        yield FilterBar(placeholder=EXAMPLE, id="filter", suggester=self._suggester, compact=True)
        yield Static(id="found")
        with Container(id="browser"):
            table = browser_table("programs")
            table.add_class("framed")
            table.border_title = "Programs"
            yield table
            view = ProgramView(id="program")
            view.add_class("framed")
            yield view

    def on_mount(self) -> None:
        """Keys go to the table."""
        self._table.focus()

    def on_screen_resume(self) -> None:
        """Asks again for what it showed; the first time for the newest programs."""
        super().on_screen_resume()
        self.post_message(self.Wanted(self.filter, self._offset))
        self.highlighted()  # another program may have been looked at in between

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        """Whoever writes a filter needs no key to begin."""
        return action != "edit_filter" or not self.query_one(FilterBar).has_focus

    def show_page(self, page: Page, held: bool) -> None:
        """Takes over a page, unless its filter has changed meanwhile.

        A held display takes answers to a new filter, but nothing that is only newer.
        """
        fresh = (page.query, page.offset) != (self._page.query, self._page.offset)
        if page.query != self.filter or (held and not fresh):
            return
        self._suggester.page = self._page = page
        found = self.query_one("#found", Static)
        found.set_class(bool(page.problem), "-problem")
        if page.problem:
            found.update(f"✗ {page.problem}")
            return
        found.update(_found(page))
        if fresh:
            self._table.action_move_to(0)
        self._table.show_empty(
            "Nothing matches: esc, then c clears the filter." if page.query else "No program yet."
        )
        self._table.show_rows(page.rows, (page.sort, page.descending))
        if not page.rows:
            self.show_card(None)

    def show_card(self, card: ProgramCard | None) -> None:
        """Takes over what the feed has read of the highlighted program."""
        row = self._table.row
        if card is None or (row is not None and row.sample == card.sample):
            self.query_one(ProgramView).show_card(card)

    def look_for(self, query: str, back_to: str) -> None:
        """Writes a filter and looks it up at once; escape leads back to the screen of a mode."""
        self.filter, self._back_to = query, back_to
        self._table.focus()
        self._ask()

    @property
    def filter(self) -> str:
        """The text of the filter bar."""
        return self.query_one("#filter", Input).value

    @filter.setter
    def filter(self, text: str) -> None:
        self.query_one("#filter", Input).value = text

    @property
    def _table(self) -> Table[ProgramLine]:
        return self.query_one("#programs", Table)

    @on(Input.Changed, "#filter")
    def filter_changed(self) -> None:
        """Waits for the end of typing."""
        if self._typing is not None:
            self._typing.stop()
        self._typing = self.set_timer(DEBOUNCE_S, self._ask)

    @on(Input.Submitted, "#filter")
    def filter_submitted(self) -> None:
        """Enter goes on to the table."""
        self._table.focus()

    @on(Table.Opened, "#programs")
    async def open_program(self) -> None:
        """Shows the program over the whole window."""
        if self._table.row is not None:
            await self.app.run_action(f"open_program({self._table.row.sample})")

    @on(Table.Highlighted, "#programs")
    def highlighted(self) -> None:
        """Asks for the program under the cursor."""
        if self._table.row is not None:
            self.post_message(self.Chosen(self._table.row.sample))

    def action_edit_filter(self) -> None:
        """Keys go to the filter bar."""
        self.query_one("#filter", Input).focus()

    def action_next_sort(self) -> None:
        """Sorts by the next of the orders."""
        self.filter = next_sort(self.filter)

    def action_reverse_sort(self) -> None:
        """Sorts the other way round."""
        self.filter = reversed_sort(self.filter)

    def action_next_outcome(self) -> None:
        """Filters by the next outcome, after the last by none."""
        self.filter = next_outcome(self.filter)

    def action_clear_filter(self) -> None:
        """Shows everything again."""
        self.filter = ""

    def action_turn(self, pages: int) -> None:
        """Asks for another page of the same filter."""
        offset = self._offset + pages * PAGE
        if 0 <= offset < self._page.total:
            self._offset = offset
            self.post_message(self.Wanted(self.filter, offset))

    async def action_leave(self) -> None:
        """From the filter to the table, from the table to where it was opened."""
        if self._table.has_focus:
            back_to, self._back_to = self._back_to, "dashboard"
            await self.app.run_action(f"show({back_to!r})")
        else:
            self._table.focus()

    def _ask(self) -> None:
        self._offset = 0
        self.post_message(self.Wanted(self.filter, 0))


def _found(page: Page) -> str:
    order = f"{SORTS[page.sort]}, {'descending' if page.descending else 'ascending'}"
    if page.sort == "newest":
        order = "newest first" if page.descending else "oldest first"
    text = f"{words.count(page.total)} of {words.plural(page.of, 'program')} · {order}"
    if page.unsearched:
        text += f" · {words.count(page.unsearched)} not searched yet"
    if page.total > len(page.rows) > 0:
        last = page.offset + len(page.rows)
        text += f" · rows {words.count(page.offset + 1)}–{words.count(last)}, > and < turn pages"
    return text
