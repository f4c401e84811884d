"""What a filter has found, in words."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from btp_tui import words
from btp_tui.keys.names import key_of
from btp_tui.snapshot import Page
from storage.query import SORTS


class FoundLine(Static):
    """Says it under the filter bar, or what is wrong with the filter."""

    def show_page(self, page: Page) -> None:
        """What a page is a part of."""
        self.remove_class("-problem")
        self.update(found_line(page))

    def say_problem(self, sentence: str) -> None:
        """Why nothing was looked up, behind a sign."""
        self.add_class("-problem")
        self.update(Content(f"✗ {sentence}"))


def found_line(page: Page, brief: bool = False) -> str:
    """How many programs of how many, in which order; `brief` leaves out what only the list needs.

    While words are searched for, no number is known.
    """
    if page.searching:
        return "the newest hits · searching on for all of them, their number and order …"
    order = f"{SORTS[page.sort]}, {'descending' if page.descending else 'ascending'}"
    if page.sort == "newest":
        order = "newest first" if page.descending else "oldest first"
    some = f"{words.count(page.total)} of " if page.total != page.of else ""
    text = f"{some}{words.plural(page.of, 'program')} · {order}"
    if page.unsearched:
        text += f" · {words.count(page.unsearched)} not searched yet"
    if page.total > len(page.rows) > 0 and not brief:
        last = page.offset + len(page.rows)
        text += f" · rows {words.count(page.offset + 1)}–{words.count(last)}, > and < turn pages"
    return text


def position(page: Page, cursor: int) -> str:
    """Where the cursor stands: row 12 of 1,632."""
    if not page.rows or page.searching:
        return ""
    return f"row {words.count(page.offset + cursor + 1)} of {words.count(page.total)}"


def empty_text(page: Page) -> str:
    """What to do where nothing was found."""
    if not page.of:
        return (
            f"No program yet: {key_of('demo')} starts a demo, "
            f"{key_of('go.dashboard')} shows how training goes."
        )
    return (
        f"Nothing matches: {key_of('filter.back')}, then {key_of('programs.clear')} clears the "
        f"filter, {key_of('programs.filter')} changes it, {key_of('programs.saved')} has others."
    )
