"""What a filter bar remembers: its file is read at once, and written out of the way of keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from btp_tui.filters.book import Change, FilterBook, FilterFile
from btp_tui.panels.filter_bar import FilterBar
from storage.errors import StorageError
from storage.query import QueryError, parse_query


class FilterMemory:
    """The filters of a workspace, as the history of a bar and as what is saved.

    `complain` hears why a change could not be written, where a user waits for it.
    """

    def __init__(self, bar: FilterBar, workspace: Path, complain: Callable[[str], None]) -> None:
        self._bar = bar
        self._file = FilterFile(workspace)
        self._complain = complain
        bar.history = self.read().history

    def read(self) -> FilterBook:
        """What the file says now."""
        return self._file.read()

    def used(self, text: str) -> None:
        """Remembers a filter as the newest, where it can be understood and is not there already."""
        try:
            parse_query(text)
        except QueryError:
            return
        if text and text != next(iter(self._bar.history), ""):
            self._write(lambda book: book.used(text), lambda _: None)

    def change(self, change: Change) -> None:
        """Changes what is saved."""
        self._write(change, self._complain)

    def _write(self, change: Change, complain: Callable[[str], None]) -> None:
        async def write() -> None:
            try:
                book = await asyncio.to_thread(self._file.change, change)
            except StorageError as error:
                complain(str(error))
            else:
                self._bar.history = book.history

        self._bar.run_worker(write(), group="filters")
