"""One page of programs, and beside it the one under the cursor."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Container

from btp_tui.panels.found import empty_text, position
from btp_tui.panels.latest import browser_table
from btp_tui.panels.panel import READING
from btp_tui.panels.program import ProgramView
from btp_tui.panels.table import Table
from btp_tui.snapshot import PAGE, Page, ProgramCard, ProgramLine


class ProgramBrowser(Container):
    """Keeps to the program under the cursor while newer ones come, as long as it is found."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self.page = Page("")
        """The page in sight."""
        self._waits = True  # for the first one

    def compose(self) -> ComposeResult:
        """The table, and the program."""
        table = browser_table("programs")
        table.add_class("framed")
        table.border_title = "Programs"
        yield table
        view = ProgramView(id="program")
        view.add_class("framed")
        yield view

    @property
    def table(self) -> Table[ProgramLine]:
        """The rows."""
        return self.query_one("#programs", Table)

    @property
    def row(self) -> ProgramLine | None:
        """The program under the cursor."""
        return self.table.row

    def wait(self, said: str) -> None:
        """What stands in it until the first page comes."""
        if self._waits:
            self.table.show_empty(said)
            self._view.say_none(said)

    def wants(self, page: Page, held: bool) -> bool:
        """Whether a page is to be shown: while the display is held, nothing that is only newer."""
        return not held or self._other(page) or self.page.searching

    def pushed_off(self, page: Page) -> int:
        """How many rows further down the program under the cursor is, where a page lacks it.

        0 where it is there, where newer ones cannot have pushed it off, and for another page.
        """
        pushed = page.total - self.page.total
        gone = self.row is not None and not (self._holds_row(page) or self._other(page))
        return pushed if gone and 0 < pushed >= PAGE - self.table.cursor else 0

    def show_page(self, page: Page) -> None:
        """Takes over a page; one of another filter begins at its top."""
        before, table = self.page, self.table
        other = page.query != before.query or not self._holds_row(page)
        if (self._other(page) and other) or (before.searching and table.cursor == 0):
            table.forget_row()
        self.page, self._waits = page, False
        table.show_empty(empty_text(page))
        self._view.say_none(READING if page.rows else "No program chosen.")
        table.show_rows(page.rows, (page.sort, page.descending))
        self.tell_position()
        if not page.rows:
            self.show_card(None)

    def show_card(self, card: ProgramCard | None) -> None:
        """Takes over what was read of the program under the cursor."""
        if card is None or (self.row is not None and self.row.sample == card.sample):
            self._view.show_card(card)

    @on(Table.Highlighted, "#programs")
    def tell_position(self) -> None:
        """Says in the frame which row the cursor stands on."""
        self.table.caption(subtitle=position(self.page, self.table.cursor))

    @property
    def _view(self) -> ProgramView:
        return self.query_one(ProgramView)

    def _other(self, page: Page) -> bool:
        """Whether it is more than a newer state of what is in sight."""
        return (page.query, page.offset) != (self.page.query, self.page.offset)

    def _holds_row(self, page: Page) -> bool:
        row = self.row
        return row is not None and any(each.sample == row.sample for each in page.rows)
