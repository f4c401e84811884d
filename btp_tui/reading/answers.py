"""Answers to what the screen asked for beside the snapshot: programs, one program, tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

from textual.message import Message

from btp_tui.reading.browser import Pages, PageWish, SupersededError
from btp_tui.reading.cards import find_card
from btp_tui.reading.messages import CardReady, PageReady, TasksReady
from btp_tui.reading.observer import Observer
from btp_tui.reading.task_history import find_tasks
from btp_tui.reading.token_texts import TokenTexts
from btp_tui.reading.wishes import Wishes
from btp_tui.snapshot import Knobs, Page, RunLine, Snapshot
from btp_tui.tasks import TaskPage, TaskWish
from storage.errors import StorageError


class Answers:
    """Answers a new wish at once, and a standing one again when the store has moved on."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._texts = TokenTexts(observer.workspace)
        self._pages = Pages(observer)
        self._page: PageWish | None = None
        self._unsearched = 0
        self._card: tuple[object, ...] = ()
        self._tasks: tuple[object, ...] = ()
        self._seen = -1

    def at_once(
        self,
        wishes: Wishes,
        snapshot: Snapshot,
        post: Callable[[Message], object],
        superseded: Callable[[], bool],
    ) -> bool:
        """Posts a page that was not asked for before, from its top on; whether there was one.

        Given up where it is superseded, to be asked for again.
        """
        page = _page_wish(wishes, snapshot)
        if page is None or page == self._page:
            return False
        try:
            found = self._find_page(page, lambda top: post(PageReady(top)), superseded)
        except SupersededError:
            return True
        self._page, self._unsearched = page, found.unsearched
        post(PageReady(found))
        return True

    def to(
        self, wishes: Wishes, snapshot: Snapshot, superseded: Callable[[], bool] = lambda: False
    ) -> Iterator[Message]:
        """The messages to post for the wishes of the moment; a page only if not superseded."""
        watched = snapshot.watched
        run, knobs = (watched.line.name, watched.knobs) if watched else ("", Knobs())
        moved = self._moved()
        page, card = _page_wish(wishes, snapshot), (wishes.sample, knobs, wishes.tokens)
        if page is not None and (moved or page != self._page or self._unsearched):
            with suppress(SupersededError):
                found = self._find_page(page, superseded=superseded)
                # It is asked again until all is indexed.
                self._page, self._unsearched = page, found.unsearched
                yield PageReady(found)
        if wishes.sample is not None and (moved or card != self._card):
            self._card = card
            texts = self._texts if wishes.tokens else None
            yield CardReady(find_card(self._observer, wishes.sample, knobs, texts))
        tasks = (wishes.tasks, run)
        if wishes.tasks is not None and (moved or tasks != self._tasks):
            yield TasksReady(self._find_tasks(watched.line if watched else None, wishes.tasks))
        self._tasks = tasks

    def _moved(self) -> bool:
        """Whether the mirror has changed since the last answer."""
        before, self._seen = self._seen, self._observer.mirror.changes
        return before != self._seen

    def _find_tasks(self, run: RunLine | None, wish: TaskWish) -> TaskPage:
        if run is None:
            return TaskPage(wish)
        observer = self._observer
        try:
            return find_tasks(observer.mirror.columns, observer.reader, run.id, run.name, wish)
        except StorageError as error:
            return TaskPage(wish, run.name, problem=str(error))

    def _find_page(
        self,
        page: PageWish,
        post: Callable[[Page], object] | None = None,
        superseded: Callable[[], bool] = lambda: False,
    ) -> Page:
        try:
            return self._pages.find(page, post, superseded)
        except StorageError as error:
            return Page(page.text, problem=str(error))


def _page_wish(wishes: Wishes, snapshot: Snapshot) -> PageWish | None:
    if wishes.page is None:
        return None
    watched = snapshot.watched
    run, knobs = (watched.line.name, watched.knobs) if watched else ("", Knobs())
    return PageWish(*wishes.page, run, knobs)
