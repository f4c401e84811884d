"""The saved filters of a workspace: apply one, save the one in sight, rename or drop others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from btp_tui.filters.book import BUILT_IN, Change, FilterBook
from btp_tui.keys.names import key_of
from btp_tui.panels.columns import Column
from btp_tui.panels.panel import line
from btp_tui.panels.table import Table
from btp_tui.screens.prompt import Prompt


@dataclass(frozen=True, slots=True)
class SavedFilter:
    """One row of the list; those that every workspace has cannot be changed."""

    name: str
    text: str
    built_in: bool


class SavedFilters(ModalScreen[str | None]):
    """Closes with the filter to show, or with None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "s", "save", "Save", tooltip="Save the filter in sight under a name", id="saved.save"
        ),
        Binding(
            "r", "rename", "Rename", tooltip="Give the saved filter another name", id="saved.rename"
        ),
        Binding("x,delete", "drop", "Delete", tooltip="Delete the saved filter", id="saved.delete"),
        Binding("escape,F,q", "dismiss(None)", "Close", id="saved.close"),
    ]

    def __init__(self, book: FilterBook, current: str, change: Callable[[Change], None]) -> None:
        super().__init__()
        self._book, self._current, self._change = book, current, change

    def compose(self) -> ComposeResult:
        """The list, what is in sight, and the keys."""
        columns: list[Column[SavedFilter]] = [
            Column("name", 22, lambda row: row.name),
            Column("filter", 0, lambda row: (row.text, "$dimmed" if row.built_in else "")),
            Column("", 8, lambda row: ("built in", "$dimmed") if row.built_in else "", optional=1),
        ]
        with Vertical(classes="dialog saved") as box:
            box.border_title = "Saved filters"
            yield Table(columns, key=lambda row: row.name, id="saved", pinned=True)
            yield Static(
                line(("In sight: ", "$dimmed"), self._current or "everything"), id="in-sight"
            )
            yield Static(id="saved-keys")

    def on_mount(self) -> None:
        """The cursor stands on the filter in sight where that is saved."""
        self._show_rows()
        texts = [row.text for row in self._table.rows]
        if self._current in texts:
            self._table.cursor = texts.index(self._current)
        self._table.focus()

    @property
    def _table(self) -> Table[SavedFilter]:
        return self.query_one("#saved", Table)

    @on(Table.Opened, "#saved")
    def apply(self) -> None:
        """Shows what the filter under the cursor finds."""
        if self._table.row is not None:
            self.dismiss(self._table.row.text)

    @on(Table.Highlighted, "#saved")
    def highlighted(self) -> None:
        """Built-in filters can neither be renamed nor deleted: the keys are not offered."""
        keys = [
            (key_of("table.open"), "applies"),
            (key_of("saved.save"), "saves this one"),
            (key_of("saved.close"), "closes"),
        ]
        if self._own is not None:
            keys += [(key_of("saved.rename"), "renames"), (key_of("saved.delete"), "deletes")]
        pieces = [
            piece
            for shown, what in keys
            for piece in ((shown, "bold $footer-key-foreground"), f" {what}  ")
        ]
        self.query_one("#saved-keys", Static).update(line(*pieces))

    @property
    def _own(self) -> SavedFilter | None:
        row = self._table.row
        return None if row is None or row.built_in else row

    def action_save(self) -> None:
        """Asks for the name of the filter in sight; another one of that name is replaced."""

        def named(name: str | None) -> None:
            if name in BUILT_IN:
                self.notify(f"{name} is a built-in filter: choose another name.")
            elif name:
                self._changed(lambda book: book.kept(name, self._current), name)

        hint = f"{self._current or 'everything'}\n\nA filter that has the name is replaced."
        self.app.push_screen(Prompt("Save this filter as", hint, ""), named)

    def action_rename(self) -> None:
        """Asks for another name."""
        own = self._own
        if own is None:
            return

        def named(name: str | None) -> None:
            if name in {row.name for row in self._table.rows}:
                self.notify(f"{name} is there already: choose another name.", markup=False)
            elif name:
                self._changed(lambda book: book.renamed(own.name, name), name)

        self.app.push_screen(Prompt("Rename this filter", own.text, own.name), named)

    def action_drop(self) -> None:
        """Deletes the filter under the cursor."""
        own = self._own
        if own is not None:
            self._changed(lambda book: book.dropped(own.name), own.name)

    def _changed(self, change: Change, name: str) -> None:
        self._book = change(self._book)
        self._change(change)
        self._show_rows()
        names = [row.name for row in self._table.rows]
        if name in names:
            self._table.cursor = names.index(name)

    def _show_rows(self) -> None:
        rows = [SavedFilter(name, text, False) for name, text in self._book.saved]
        rows += [SavedFilter(name, text, True) for name, text in BUILT_IN.items()]
        self._table.show_rows(rows)
        self.highlighted()
