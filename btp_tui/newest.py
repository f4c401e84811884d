"""The newest that the feed has read of each kind, and the screen in sight that gets it.

A held display takes nothing that is only newer, but still answers to what was asked.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from textual.app import App
from textual.screen import Screen

from btp_tui.reading.wishes import Wishes
from btp_tui.screens.live import LiveScreen, Read
from btp_tui.snapshot import Page, ProgramCard, Snapshot
from btp_tui.tasks import TaskPage


class Newest:
    """Keeps a page, a card and a list of tasks, so that a screen that comes in sight has them."""

    def __init__(self, app: App[None]) -> None:
        self._app = app
        self.held = False
        self.card: ProgramCard | None = None
        self._card_was_read = False
        self._page: Page | None = None
        self._tasks: TaskPage | None = None

    def show(self, snapshot: Snapshot) -> None:
        """Hands a snapshot to the live screen in sight; dialogs lie over it."""
        for screen in reversed(self._app.screen_stack):
            if isinstance(screen, LiveScreen):
                screen.show(snapshot)
                break

    def show_page(self, page: Page) -> None:
        """Hands a page to whoever shows it."""
        self._page = page
        if isinstance(self._app.screen, LiveScreen):
            self._app.screen.show_page(page, held=self.held)

    def show_card(self, card: ProgramCard | None) -> None:
        """Hands one program to whoever shows it."""
        self.card, self._card_was_read = card, True
        if isinstance(self._app.screen, LiveScreen):
            self._app.screen.show_card(card)

    def show_tasks(self, tasks: TaskPage) -> None:
        """Hands the tasks to whoever shows them."""
        self._tasks = tasks
        if isinstance(self._app.screen, LiveScreen):
            self._app.screen.show_tasks(tasks, held=self.held)

    def forget_card_but(self, sample: int) -> None:
        """Another program is to be shown: what is known of this one would mislead."""
        if self.card is not None and self.card.sample != sample:
            self.card, self._card_was_read = None, False

    def came_in_sight(self, screen: Screen[Any]) -> None:
        """Gives a screen what was read while another one was in sight."""
        if not isinstance(screen, LiveScreen):
            return
        if self._page is not None:
            screen.show_page(self._page, held=self.held)
        if "tokens" in screen.READS and self._card_was_read:
            screen.show_card(self.card)
        if self._tasks is not None:
            screen.show_tasks(self._tasks, held=self.held)


def reads(screen: Screen[Any], what: Read) -> bool:
    """Whether a screen shows what the feed reads on request."""
    return isinstance(screen, LiveScreen) and what in screen.READS


def wishes_of(screen: Screen[Any], wishes: Wishes) -> Wishes:
    """The wishes without what the screen that has come in sight does not show."""
    return replace(
        wishes,
        page=wishes.page if reads(screen, "page") else None,
        sample=wishes.sample if reads(screen, "card") else None,
        tokens=wishes.tokens and reads(screen, "tokens"),
        tasks=wishes.tasks if reads(screen, "tasks") else None,
    )
