"""Answers to what the screen asked for beside the snapshot: a page of programs, one program."""

from __future__ import annotations

from collections.abc import Iterator

from textual.message import Message

from btp_tui.browser import find_card, find_page
from btp_tui.messages import CardReady, PageReady
from btp_tui.observer import Observer
from btp_tui.snapshot import Knobs, Page, Snapshot
from btp_tui.wishes import Wishes
from storage.errors import StorageError


class Answers:
    """Answers a new wish at once, and a standing one again when the store has moved on."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._page: tuple[object, ...] = ()
        self._unsearched = 0
        self._card: tuple[object, ...] = ()
        self._seen = -1

    def to(self, wishes: Wishes, snapshot: Snapshot) -> Iterator[Message]:
        """The messages to post for the wishes of the moment."""
        watched = snapshot.watched
        run, knobs = (watched.line.name, watched.knobs) if watched else ("", Knobs())
        moved = self._moved()
        page, card = (wishes.page, run, knobs), (wishes.sample, knobs)
        if wishes.page is not None and (moved or page != self._page or self._unsearched):
            self._page = page
            found = self._find_page(run, knobs, *wishes.page)
            self._unsearched = found.unsearched  # it is asked again until all is indexed
            yield PageReady(found)
        if wishes.sample is not None and (moved or card != self._card):
            self._card = card
            yield CardReady(find_card(self._observer, wishes.sample, knobs))

    def _moved(self) -> bool:
        """Whether the mirror has changed since the last answer."""
        before, self._seen = self._seen, self._observer.mirror.changes
        return before != self._seen

    def _find_page(self, run: str, knobs: Knobs, text: str, offset: int) -> Page:
        try:
            return find_page(self._observer, run, knobs, text, offset)
        except StorageError as error:
            return Page(text, problem=str(error))
