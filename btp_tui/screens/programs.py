"""The browser of stored programs: a filter, one page of rows, and the highlighted program."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message
from textual.widgets import Input

from btp_tui.control.exporting import Exporting
from btp_tui.filters.completion import Names
from btp_tui.filters.memory import FilterMemory
from btp_tui.filters.query import next_outcome, next_sort, reversed_sort, sorted_by
from btp_tui.keys.names import key_of
from btp_tui.panels.completion_list import CompletionList
from btp_tui.panels.filter_bar import FilterBar
from btp_tui.panels.found import FoundLine
from btp_tui.panels.program_browser import ProgramBrowser
from btp_tui.panels.table import Table
from btp_tui.screens.live import LiveScreen, reading
from btp_tui.screens.program_keys import LIST_KEYS
from btp_tui.screens.saved_filters import SavedFilters
from btp_tui.snapshot import PAGE, Page, ProgramCard, ProgramLine, Snapshot
from btp_tui.watching import WatchingApp
from storage.query import QueryError, parse_query

#: What a filter may look like.
EXAMPLE = 'pass:0.5..1 -outcome:timeout iter:>3 sort:-p2value "return"'


class ProgramsScreen(LiveScreen):
    """Filter, sort and page happen in the feed; this screen only asks and shows."""

    READS = frozenset(("page", "card"))
    BINDINGS: ClassVar[list[BindingType]] = [*LIST_KEYS]

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
        self._snapshot: Snapshot | None = None
        self._offset = 0  # of the page that was asked for last
        self._back_to = "dashboard"
        self._flags: tuple[bool, bool] | None = None  # of the program under the cursor
        self._memory: FilterMemory | None = None

    def compose_body(self) -> ComposeResult:
        """Filter, what it found, table and program."""
        yield FilterBar(
            placeholder=f"press {key_of('programs.filter')} to filter: {EXAMPLE}", id="filter"
        )
        yield FoundLine(id="found")
        yield CompletionList(id="completions")
        yield ProgramBrowser(id="browser")

    def on_mount(self) -> None:
        """Keys go to the table."""
        self._browser.table.focus()

    def on_screen_resume(self) -> None:
        """Asks again for what it showed; the first time for the newest programs."""
        super().on_screen_resume()
        self._ask(self._offset)
        self.highlighted()  # another program may have been looked at in between

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        """Whoever writes a filter needs no key to begin, and nothing is exported of no run."""
        if action == "edit_filter":
            return not self._bar.has_focus
        return action != "export" or self._browser.page.total > 0

    def show(self, snapshot: Snapshot) -> None:
        """Takes over the runs for the completion, too."""
        self._snapshot = snapshot
        if self._memory is None:
            workspace = Path(snapshot.workspace)
            self._memory = FilterMemory(
                self._bar, workspace, lambda said: self._watching.say(trouble=said)
            )
        self._name_things()
        self._browser.wait(reading(snapshot))
        super().show(snapshot)

    def show_page(self, page: Page, held: bool) -> None:
        """Takes over a page, unless its filter has changed meanwhile.

        A held display takes answers to a new filter, but nothing that is only newer. Of a filter
        that was not understood only the sentence is shown, over the last good page.
        """
        browser = self._browser
        if page.query != self.filter or not browser.wants(page, held):
            return
        if page.problem:
            self._found.say_problem(page.problem)
            return
        pushed = browser.pushed_off(page)
        if pushed:
            self._ask(self._offset + pushed)
            return
        some = browser.page.total > 0
        browser.show_page(page)
        self._found.show_page(page)
        self._name_things()
        if some != (page.total > 0):
            self.refresh_bindings()

    def show_card(self, card: ProgramCard | None) -> None:
        """Takes over what the feed has read of the highlighted program."""
        self._browser.show_card(card)

    def look_for(self, query: str, back_to: str) -> None:
        """Writes a filter and looks it up at once; escape leads back to the screen of a mode."""
        self.filter, self._back_to = query, back_to
        self._browser.table.focus()
        self._ask()

    @property
    def chosen(self) -> ProgramLine | None:
        """The program under the cursor."""
        return self._browser.row

    @property
    def filter(self) -> str:
        """The text of the filter bar."""
        return self._bar.value

    @filter.setter
    def filter(self, text: str) -> None:
        self._bar.value = text

    @property
    def _bar(self) -> FilterBar:
        return self.query_one("#filter", FilterBar)

    @property
    def _found(self) -> FoundLine:
        return self.query_one(FoundLine)

    @property
    def _browser(self) -> ProgramBrowser:
        return self.query_one(ProgramBrowser)

    @property
    def _watching(self) -> WatchingApp:
        assert isinstance(self.app, WatchingApp)
        return self.app

    # The filter bar

    @on(FilterBar.Settled)
    def filter_settled(self) -> None:
        """Asks for what the filter finds."""
        self._ask()

    @on(Input.Submitted, "#filter")
    def filter_submitted(self) -> None:
        """Enter goes on to the table."""
        self._ask()
        self._browser.table.focus()

    @on(FilterBar.Offered)
    def offered(self, message: FilterBar.Offered) -> None:
        """Shows the completions under the word that they complete."""
        message.stop()
        if self._bar.has_focus:
            self.query_one(CompletionList).offer(
                message.choices, message.chosen, message.column, self.size.width
            )
        else:
            self.query_one(CompletionList).display = False

    @on(FilterBar.Left)
    def filter_left(self) -> None:
        """A filter that was written and understood is remembered."""
        if self._memory is not None:
            self._memory.used(self.filter.strip())

    # The table

    @on(Table.Opened, "#programs")
    async def open_program(self) -> None:
        """Shows the program over the whole window."""
        if self._browser.row is not None:
            await self.app.run_action(f"open_program({self._browser.row.sample})")

    @on(Table.Highlighted, "#programs")
    def highlighted(self) -> None:
        """Asks for the program under the cursor."""
        row = self._browser.row
        flags = (row.excluded, row.marked) if row is not None else None
        if flags != self._flags:  # keys say what they would do to this one
            self._flags = flags
            self.refresh_bindings()
        if row is not None:
            self.post_message(self.Chosen(row.sample))

    @on(Table.HeaderPressed, "#programs")
    def header_pressed(self, message: Table.HeaderPressed) -> None:
        """Sorts by the column that was clicked, the other way round where it is sorted by it."""
        self.filter = sorted_by(self.filter, message.sort)

    # What keys do

    def action_edit_filter(self) -> None:
        """Keys go to the filter bar."""
        self.set_focus(self._bar)
        self._bar.cursor_position = len(self._bar.value)

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
        offset = max(0, self._offset + pages * PAGE)
        if offset != self._offset and offset < self._browser.page.total:
            self._ask(offset)

    def action_saved_filters(self) -> None:
        """Lists the saved filters; shows what the chosen one finds."""
        memory = self._memory
        if memory is None:
            return

        def chosen(text: str | None) -> None:
            if text is not None:
                self.filter = text
                memory.used(text)
            self._browser.table.focus()

        dialog = SavedFilters(memory.read(), self.filter.strip(), memory.change)
        self.app.push_screen(dialog, chosen)

    def action_export(self) -> None:
        """Asks for a file, and has another process write it."""
        Exporting(self._watching).ask(
            self._browser.page, self._snapshot.watched if self._snapshot else None
        )

    async def action_leave(self) -> None:
        """From the filter to the table, from the table to where it was opened."""
        if self._browser.table.has_focus:
            back_to, self._back_to = self._back_to, "dashboard"
            await self.app.run_action(f"show({back_to!r})")
        else:
            self._browser.table.focus()

    def _ask(self, offset: int = 0) -> None:
        """Asks for a page, unless the filter can be seen to be wrong."""
        try:
            parse_query(self.filter)
        except QueryError as error:
            self._found.say_problem(str(error))
            return
        self._offset = offset
        self.post_message(self.Wanted(self.filter, offset))

    def _name_things(self) -> None:
        """Tells the completion which names there are."""
        runs = tuple(line.name for line in self._snapshot.runs) if self._snapshot else ()
        self._bar.names = Names(self._browser.page.tasks, self._browser.page.sources, runs)
