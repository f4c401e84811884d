"""The application as far as it only watches: what is read, and which screen shows it.

The feed reads and posts; screens say what they want to see; a sentence answers a key. What keys do
and what is asked of engines is in btp_tui.app.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import App
from textual.message import Message

from btp_tui.keys.names import key_of
from btp_tui.newest import Newest, reads, wishes_of
from btp_tui.reading.feed import Feed
from btp_tui.reading.messages import CardReady, PageReady, SnapshotReady, TasksReady
from btp_tui.reading.wishes import Wishes
from btp_tui.snapshot import RunLine, Snapshot
from btp_tui.stylesheet import KeptStylesheet
from btp_tui.voice import Voice
from storage.workspace import Workspace

if TYPE_CHECKING:
    from btp_tui.screens.program import ProgramScreen
    from btp_tui.screens.programs import ProgramsScreen
    from btp_tui.screens.tasks import TasksScreen

#: Seconds between a change of screens and its picture, for the newest figures to be in it.
MASK_S = 0.01


class WatchingApp(App[None]):
    """Shows what the feed reads of one workspace on the screen in sight."""

    def __init__(
        self,
        workspace: Path,
        run: str | None = None,
        feed: Callable[[Path, Callable[[Message], object]], Feed] = Feed,
    ) -> None:
        super().__init__()
        self.stylesheet = KeptStylesheet(variables=self.get_css_variables())
        self.workspace = Workspace(workspace)
        self.snapshot = Snapshot(workspace=str(workspace), loaded=False)
        self.newest = Newest(self)
        self._voice = Voice(self, lambda: self._show(self.snapshot))
        self._feed = feed(workspace, self.post_message)
        self.wish(watch=run)

    def on_unmount(self) -> None:
        """Ends the reading; engines stay."""
        self._feed.close()

    def delay_update(self, delay: float = 0.05) -> None:
        """Textual's, which hides a change of screens; a shorter moment is enough for ours."""
        super().delay_update(min(delay, MASK_S))

    # What screens ask of it

    @property
    def wishes(self) -> Wishes:
        """What the feed is asked for."""
        return self._feed.wishes

    def wish(self, **changes: Any) -> None:
        """Asks the feed for something else; names are those of Wishes."""
        self._feed.wish(replace(self._feed.wishes, **changes))

    def say(self, said: str = "", trouble: str = "") -> None:
        """Answers a key: what was done, or why it could not be."""
        self._voice.say(said, trouble)

    @property
    def watched_run(self) -> RunLine | None:
        """The run on the dashboard."""
        return self.snapshot.watched.line if self.snapshot.watched else None

    @property
    def one_program_in_sight(self) -> bool:
        """Whether one program fills the window; it lies over the screen it was opened from."""
        return reads(self.screen, "tokens")

    async def action_show(self, mode: str) -> None:
        """Goes to the dashboard, the programs, the runs or the tasks."""
        if self.one_program_in_sight:
            await self.pop_screen()
        await self.switch_mode(mode)

    def hold_display(self) -> None:
        """Holds the display still, or lets it follow again; training is not touched."""
        self.newest.held = not self.newest.held
        self.wish()
        self._show(self.snapshot)

    # What the feed says

    def on_snapshot_ready(self, message: SnapshotReady) -> None:
        """Shows a snapshot, unless the display is held."""
        if not self.newest.held:
            self._show(message.snapshot)

    def on_page_ready(self, message: PageReady) -> None:
        """A page of programs was found."""
        self.newest.show_page(message.page)

    def on_card_ready(self, message: CardReady) -> None:
        """One program was read."""
        self.newest.show_card(message.card)

    def on_tasks_ready(self, message: TasksReady) -> None:
        """The tasks were looked at."""
        self.newest.show_tasks(message.page)

    def on_feed_ended(self) -> None:
        """A defect of this program: nothing on the screen is true from now on."""
        sentence = (
            "A defect ended the reading. Training is not affected: "
            f"quit ({key_of('quit')}), open it again."
        )
        self._show(replace(self.snapshot, problem=sentence))

    # What the screens say

    def on_live_screen_resumed(self) -> None:
        """Another screen is in sight: it gets the newest snapshot, the feed its wishes."""
        self._feed.wish(wishes_of(self.screen, self.wishes))
        self.newest.came_in_sight(self.screen)
        self._show(self.snapshot)
        self.screen.refresh_bindings()  # they may have changed while it was out of sight

    def on_programs_screen_wanted(self, message: ProgramsScreen.Wanted) -> None:
        """The browser asks for a page."""
        self.wish(page=(message.query, message.offset))

    def on_programs_screen_chosen(self, message: ProgramsScreen.Chosen) -> None:
        """The browser shows the program under its cursor."""
        self.wish(sample=message.sample)

    def on_program_screen_wanted(self, message: ProgramScreen.Wanted) -> None:
        """Another program of the same task is asked for."""
        if self.one_program_in_sight:  # it may have gone out of sight since
            self.wish(sample=message.sample)

    def on_program_screen_tokens(self, message: ProgramScreen.Tokens) -> None:
        """The tokens of the program in sight are asked for, or not any more."""
        self.wish(tokens=message.wanted and self.one_program_in_sight)

    def on_tasks_screen_wanted(self, message: TasksScreen.Wanted) -> None:
        """The list of tasks is asked for."""
        if reads(self.screen, "tasks"):  # it may have gone out of sight since
            self.wish(tasks=message.wish)

    def _show(self, snapshot: Snapshot) -> None:
        before, self.snapshot = _facts_of_keys(self.snapshot), snapshot
        problem = snapshot.problem or self._voice.trouble
        self.newest.show(
            replace(snapshot, held=self.newest.held, said=self._voice.said, problem=problem)
        )
        if _facts_of_keys(snapshot) != before:
            self.screen.refresh_bindings()


def _facts_of_keys(snapshot: Snapshot) -> tuple[object, ...]:
    """What decides which keys do something; the footer is drawn again where it changes."""
    run = snapshot.watched.line if snapshot.watched else None
    of_run = (run.name, run.state, run.trains) if run else None
    return of_run, snapshot.loaded, bool(snapshot.problem)
