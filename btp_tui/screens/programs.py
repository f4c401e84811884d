"""The browser of stored programs: a filter, one page of rows, and the highlighted program."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input, Static

from btp_tui import engine
from btp_tui.completion import Names, may_become_key
from btp_tui.exporting import export_arguments
from btp_tui.filter_book import FilterFile
from btp_tui.panels.filter_bar import CompletionList, FilterBar
from btp_tui.panels.found import empty_text, found_line, position, problem_line
from btp_tui.panels.latest import browser_table
from btp_tui.panels.program import ProgramView
from btp_tui.panels.table import Table
from btp_tui.query import next_outcome, next_sort, reversed_sort, sorted_by
from btp_tui.screens.export import ExportDialog, free_place
from btp_tui.screens.live import LiveScreen
from btp_tui.screens.program_keys import PROGRAM_KEYS
from btp_tui.screens.saved_filters import Change, SavedFilters
from btp_tui.snapshot import PAGE, Page, ProgramCard, ProgramLine, Snapshot
from storage.errors import StorageError
from storage.query import QueryError, parse_query

if TYPE_CHECKING:
    from btp_tui.app import BtpApp

#: Seconds that a word which may become a key has to stand before it is searched for as text.
PAUSE_S = 0.4

EXAMPLE = 'press / to filter: pass:0.5..1 -outcome:timeout iter:>3 sort:-p2value "return"'


class ProgramsScreen(LiveScreen):
    """Filter, sort and page happen in the feed; this screen only asks and shows."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "slash",
            "edit_filter",
            "Filter",
            tooltip="Write a filter: tab completes, up recalls",
            id="programs.filter",
            priority=True,  # else what is typed right after it would go to the table
        ),
        Binding(
            "F", "saved_filters", "Saved", tooltip="Saved filters: apply, save", id="programs.saved"
        ),
        Binding("o", "next_sort", "Sort", tooltip="Sort by the next column", id="programs.sort"),
        Binding(
            "O",
            "reverse_sort",
            "Reverse",
            show=False,
            tooltip="Sort the other way round",
            id="programs.reverse",
        ),
        Binding(
            "f",
            "next_outcome",
            "Outcome",
            tooltip="Show only the next outcome",
            id="programs.outcome",
        ),
        Binding(
            "c",
            "clear_filter",
            "Clear",
            show=False,
            tooltip="Clear the filter",
            id="programs.clear",
        ),
        *PROGRAM_KEYS,
        Binding(
            "E",
            "export",
            "Export",
            tooltip="Write all programs that the filter finds to a file",
            id="programs.export",
        ),
        Binding(
            "greater_than_sign",
            "turn(1)",
            "Next page",
            show=False,
            tooltip="The next 500 rows",
            id="programs.next-page",
        ),
        Binding(
            "less_than_sign",
            "turn(-1)",
            "Previous page",
            show=False,
            tooltip="The 500 rows before",
            id="programs.previous-page",
        ),
        Binding(
            "escape", "leave", "Back", tooltip="Back to the table or dashboard", id="programs.back"
        ),
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
        self._page = Page("")  # the last one that was understood
        self._snapshot: Snapshot | None = None
        self._offset = 0  # of the page that was asked for last
        self._pause: Timer | None = None
        self._back_to = "dashboard"
        self._filters: FilterFile | None = None

    def compose_body(self) -> ComposeResult:
        """Filter, what it found, table and program."""
        yield FilterBar(placeholder=EXAMPLE, id="filter")
        yield Static(id="found")
        yield CompletionList(id="completions")
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
        self._ask(self._offset)
        self.highlighted()  # another program may have been looked at in between

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        """Whoever writes a filter needs no key to begin, and nothing is exported of no run."""
        if action == "edit_filter":
            return not self._bar.has_focus
        return action != "export" or self._page.total > 0

    def show(self, snapshot: Snapshot) -> None:
        """Takes over the runs for the completion, too."""
        self._snapshot = snapshot
        if self._filters is None:
            self._filters = FilterFile(Path(snapshot.workspace))
            self._bar.history = self._filters.read().history
        self._name_things()
        super().show(snapshot)

    def show_page(self, page: Page, held: bool) -> None:
        """Takes over a page, unless its filter has changed meanwhile.

        A held display takes answers to a new filter, but nothing that is only newer. Of a filter
        that was not understood only the sentence is shown, over the last good page.
        """
        before = self._page
        fresh = (page.query, page.offset) != (before.query, before.offset)
        if page.query != self.filter or (held and not fresh and not before.searching):
            return
        if page.problem:
            self._say_problem(page.problem)
            return
        row = self._table.row
        stays = row is not None and any(each.sample == row.sample for each in page.rows)
        pushed = page.total - before.total
        if row is not None and not (stays or fresh) and 0 < pushed >= PAGE - self._table.cursor:
            self._ask(self._offset + pushed)  # its program is that much further down now
            return
        self._page = page
        self._name_things()
        found = self.query_one("#found", Static)
        found.remove_class("-problem")
        found.update(found_line(page))
        other = page.query != before.query or not stays
        if (fresh and other) or (before.searching and self._table.cursor == 0):
            self._table.forget_row()
        self._table.show_empty(empty_text(page))
        self._table.show_rows(page.rows, (page.sort, page.descending))
        self._table.border_subtitle = position(page, self._table.cursor)
        if (before.total > 0) != (page.total > 0):
            self.refresh_bindings()
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
    def chosen(self) -> ProgramLine | None:
        """The program under the cursor."""
        return self._table.row

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
    def _table(self) -> Table[ProgramLine]:
        return self.query_one("#programs", Table)

    @property
    def _btp(self) -> BtpApp:
        from btp_tui.app import BtpApp

        assert isinstance(self.app, BtpApp)
        return self.app

    # The filter bar

    @on(Input.Changed, "#filter")
    def filter_changed(self) -> None:
        """Asks for what the filter finds; a word that may become a key waits a moment."""
        if self._pause is not None:
            self._pause.stop()
        bar = self._bar
        if bar.has_focus and may_become_key(bar.value, bar.cursor_position):
            self._pause = self.set_timer(PAUSE_S, self._ask)
        else:
            self._ask()

    @on(Input.Submitted, "#filter")
    def filter_submitted(self) -> None:
        """Enter goes on to the table."""
        self._ask()
        self._table.focus()

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
        text = self.filter.strip()
        try:
            parse_query(text)
        except QueryError:
            return
        if text and self._filters is not None and text != next(iter(self._bar.history), ""):
            self._remember(lambda book: book.used(text), said=False)

    # The table

    @on(Table.Opened, "#programs")
    async def open_program(self) -> None:
        """Shows the program over the whole window."""
        if self._table.row is not None:
            await self.app.run_action(f"open_program({self._table.row.sample})")

    @on(Table.Highlighted, "#programs")
    def highlighted(self) -> None:
        """Asks for the program under the cursor."""
        self._table.border_subtitle = position(self._page, self._table.cursor)
        if self._table.row is not None:
            self.post_message(self.Chosen(self._table.row.sample))

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
        if offset != self._offset and offset < self._page.total:
            self._ask(offset)

    def action_saved_filters(self) -> None:
        """Lists the saved filters; shows what the chosen one finds."""

        def chosen(text: str | None) -> None:
            if text is not None:
                self.filter = text
                self._remember(lambda book: book.used(text), said=False)
            self._table.focus()

        if self._filters is not None:
            book = self._filters.read()
            self.app.push_screen(SavedFilters(book, self.filter.strip(), self._remember), chosen)

    def action_export(self) -> None:
        """Asks for a file, and has another process write it."""
        page, watched = self._page, self._snapshot.watched if self._snapshot else None

        def chosen(place: Path | None) -> None:
            if place is None:
                return
            run = watched.line.name if watched else ""
            knobs = watched.knobs if watched else None
            self._export(export_arguments(page.query, run, knobs, place), place)

        what = found_line(page, brief=True)
        self.app.push_screen(ExportDialog(what, free_place(Path(), "programs")), chosen)

    async def action_leave(self) -> None:
        """From the filter to the table, from the table to where it was opened."""
        if self._table.has_focus:
            back_to, self._back_to = self._back_to, "dashboard"
            await self.app.run_action(f"show({back_to!r})")
        else:
            self._table.focus()

    def _ask(self, offset: int = 0) -> None:
        """Asks for a page, unless the filter can be seen to be wrong."""
        try:
            parse_query(self.filter)
        except QueryError as error:
            self._say_problem(str(error))
            return
        self._offset = offset
        self.post_message(self.Wanted(self.filter, offset))

    def _say_problem(self, sentence: str) -> None:
        found = self.query_one("#found", Static)
        found.add_class("-problem")
        found.update(Content(problem_line(sentence)))

    def _export(self, arguments: list[str], place: Path) -> None:
        """Has another process write a file; says what came of it, on whichever screen."""
        app = self._btp

        async def write() -> None:
            try:
                app.say(await engine.administer(app.workspace, *arguments, group="export"))
            except StorageError as error:
                app.say(trouble=str(error))

        app.say(f"Writing {place} …")
        app.run_worker(write(), group="exports")

    def _name_things(self) -> None:
        """Tells the completion which names there are."""
        runs = tuple(line.name for line in self._snapshot.runs) if self._snapshot else ()
        self._bar.names = Names(self._page.tasks, self._page.sources, runs)

    def _remember(self, change: Change, said: bool = True) -> None:
        """Changes the file of filters, out of the way of keys; `said` where a user waits for it."""
        filters = self._filters
        if filters is None:
            return

        async def write() -> None:
            try:
                book = await asyncio.to_thread(filters.change, change)
            except StorageError as error:
                if said:
                    self._btp.say(trouble=str(error))
            else:
                self._bar.history = book.history

        self.run_worker(write(), group="filters")
