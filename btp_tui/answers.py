"""Answers to what the screen asked for beside the snapshot: programs, one program, tasks."""

from __future__ import annotations

from collections.abc import Iterator

from textual.message import Message

from btp_tui.browser import find_page
from btp_tui.cards import find_card
from btp_tui.messages import CardReady, PageReady, TasksReady
from btp_tui.observer import Observer
from btp_tui.snapshot import Knobs, Page, RunLine, Snapshot
from btp_tui.task_history import find_tasks
from btp_tui.tasks import TaskPage, TaskWish
from btp_tui.token_texts import TokenTexts
from btp_tui.wishes import Wishes
from storage.errors import StorageError


class Answers:
    """Answers a new wish at once, and a standing one again when the store has moved on."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._texts = TokenTexts(observer.workspace)
        self._page: tuple[object, ...] = ()
        self._unsearched = 0
        self._card: tuple[object, ...] = ()
        self._tasks: tuple[object, ...] = ()
        self._seen = -1

    def to(self, wishes: Wishes, snapshot: Snapshot) -> Iterator[Message]:
        """The messages to post for the wishes of the moment."""
        watched = snapshot.watched
        run, knobs = (watched.line.name, watched.knobs) if watched else ("", Knobs())
        moved = self._moved()
        page, card = (wishes.page, run, knobs), (wishes.sample, knobs, wishes.tokens)
        if wishes.page is not None and (moved or page != self._page or self._unsearched):
            self._page = page
            found = self._find_page(run, knobs, *wishes.page)
            self._unsearched = found.unsearched  # it is asked again until all is indexed
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

    def _find_page(self, run: str, knobs: Knobs, text: str, offset: int) -> Page:
        try:
            return find_page(self._observer, run, knobs, text, offset)
        except StorageError as error:
            return Page(text, problem=str(error))
