"""The application: takes keys, hands snapshots to the screen in sight, and asks the engine.

It only watches: quitting it, or losing it, leaves the engine at work.
"""

from __future__ import annotations

import asyncio
import math
import os
import signal
import time
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from textual.app import App, SystemCommand
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer

from btp_tui import engine
from btp_tui.bindings import KEYS
from btp_tui.clipboard import copy_out, in_tmux, osc52, passed_through
from btp_tui.commands import Commands
from btp_tui.feed import Feed
from btp_tui.messages import CardReady, PageReady, SnapshotReady, TasksReady
from btp_tui.screens.dashboard import DashboardScreen
from btp_tui.screens.dialogs import KeyHelp, Question
from btp_tui.screens.live import LiveScreen
from btp_tui.screens.program import ProgramScreen
from btp_tui.screens.programs import ProgramsScreen
from btp_tui.screens.runs import RunsScreen, resumable
from btp_tui.screens.tasks import TasksScreen
from btp_tui.snapshot import Knobs, Page, ProgramCard, RunLine, Snapshot
from btp_tui.tasks import TaskPage
from btp_tui.theme import THEMES
from storage.errors import StorageError
from storage.workspace import Workspace

#: The layouts of btp.tcss, from so many columns and rows on.
WIDTHS = [(0, "-narrow"), (100, "-medium"), (150, "-wide")]
HEIGHTS = [(0, "-short"), (32, "-tall")]

#: Seconds that the answer to a key stays in sight, and that of one that could not be done.
SAID_S, TROUBLE_S = 2.5, 12.0


class BtpApp(App[None]):
    """Watches and steers the runs of one workspace."""

    TITLE = "btp-tui"
    CSS_PATH = "btp.tcss"
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {
        "dashboard": DashboardScreen,
        "programs": ProgramsScreen,
        "runs": RunsScreen,
        "tasks": TasksScreen,
    }
    DEFAULT_MODE = "dashboard"
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS = KEYS

    def __init__(
        self,
        workspace: Path,
        run: str | None = None,
        start_demo: bool = False,
        feed: Callable[[Path, Callable[[Message], object]], Feed] = Feed,
    ) -> None:
        super().__init__()
        self.workspace = Workspace(workspace)
        self.snapshot = Snapshot(workspace=str(workspace), loaded=False)
        self.display_held = False
        self._start_demo = start_demo
        self._card: ProgramCard | None = None
        self._page: Page | None = None
        self._tasks: TaskPage | None = None
        self._said = self._trouble = ""
        self._asked_at = 0.0  # when the engine was last asked to turn a knob
        self._silence: Timer | None = None
        self._commands = Commands(workspace)
        self._feed = feed(workspace, self.post_message)
        self._feed.wish(replace(self._feed.wishes, watch=run))
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name

    async def on_mount(self) -> None:
        """Begins to read, and to train where that was asked for."""
        # Where whoever started it ignores hang-ups, it would read from a terminal that is gone.
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, os._exit, 0)
        if self._start_demo:
            await self.action_start_demo()
        self._feed.start()

    def on_unmount(self) -> None:
        """Ends the reading; engines stay."""
        self._feed.close()

    # What the feed says

    def on_snapshot_ready(self, message: SnapshotReady) -> None:
        """Shows a snapshot, unless the display is held."""
        watched = message.snapshot.watched
        answered = watched and watched.line.alive and not watched.asked
        if self._feed.wishes.turned and answered and message.snapshot.at > self._asked_at:
            self._wish(turned=())  # what is in force now counts, whoever has asked for it
        if not self.display_held:
            self._show(message.snapshot)

    def on_page_ready(self, message: PageReady) -> None:
        """Hands a page to the browser; a held display only takes answers to a new filter."""
        self._page = message.page
        if isinstance(self.screen, ProgramsScreen):
            self.screen.show_page(message.page, held=self.display_held)

    def on_card_ready(self, message: CardReady) -> None:
        """Hands one program to whoever shows it."""
        self._card = message.card
        if isinstance(self.screen, ProgramsScreen | ProgramScreen):
            self.screen.show_card(message.card)

    def on_tasks_ready(self, message: TasksReady) -> None:
        """Hands the tasks to their screen; a held display only takes answers to a new wish."""
        self._tasks = message.page
        if isinstance(self.screen, TasksScreen):
            self.screen.show_tasks(message.page, held=self.display_held)

    def on_feed_ended(self) -> None:
        """A defect of this program: nothing on the screen is true from now on."""
        sentence = "A defect ended the reading. Training is not affected: quit (q), open it again."
        self._show(replace(self.snapshot, problem=sentence))

    def on_live_screen_resumed(self) -> None:
        """Another screen is in sight: it gets the newest snapshot, the feed its wishes."""
        wishes, screen = self._feed.wishes, self.screen
        one = isinstance(screen, ProgramScreen)
        programs = one or isinstance(screen, ProgramsScreen)
        self._wish(
            page=wishes.page if programs else None,
            sample=wishes.sample if programs else None,
            tokens=wishes.tokens and one,
            tasks=wishes.tasks if isinstance(screen, TasksScreen) else None,
        )
        if isinstance(screen, ProgramScreen):
            screen.show_card(self._card)
        elif isinstance(screen, ProgramsScreen) and self._page is not None:
            screen.show_page(self._page, held=self.display_held)
        elif isinstance(screen, TasksScreen) and self._tasks is not None:
            screen.show_tasks(self._tasks, held=self.display_held)
        self._show(self.snapshot)

    def on_programs_screen_wanted(self, message: ProgramsScreen.Wanted) -> None:
        """The browser asks for a page."""
        self._wish(page=(message.query, message.offset))

    def on_programs_screen_chosen(self, message: ProgramsScreen.Chosen) -> None:
        """The browser shows the program under its cursor."""
        self._wish(sample=message.sample)

    def on_program_screen_wanted(self, message: ProgramScreen.Wanted) -> None:
        """Another program of the same task is asked for."""
        if isinstance(self.screen, ProgramScreen):  # it may have gone out of sight since
            self._wish(sample=message.sample)

    def on_program_screen_tokens(self, message: ProgramScreen.Tokens) -> None:
        """The tokens of the program in sight are asked for, or not any more."""
        self._wish(tokens=message.wanted and isinstance(self.screen, ProgramScreen))

    def on_tasks_screen_wanted(self, message: TasksScreen.Wanted) -> None:
        """The list of tasks is asked for."""
        if isinstance(self.screen, TasksScreen):  # it may have gone out of sight since
            self._wish(tasks=message.wish)

    # What keys do

    async def action_start_demo(self) -> None:
        """Starts the demo in a new run and watches it."""
        await self._launch(lambda: engine.start(self.workspace, "demo"))

    async def action_resume_run(self, name: str) -> None:
        """Goes on with a run that stopped or died, and watches it."""
        await self._launch(lambda: engine.resume(self.workspace, name))

    async def action_resume_watched(self) -> None:
        """Goes on with the run in sight."""
        if self._run is not None:
            await self.action_resume_run(self._run.name)

    def administer(self, action: str, run: str, *arguments: str) -> None:
        """Has `python -m core runs` do something to a run that no engine works on."""

        async def ask() -> None:
            try:
                said = await engine.administer(self.workspace, action, run, *arguments)
            except StorageError as error:
                self.say(trouble=str(error))
                return
            watched = self._feed.wishes.watch
            if watched == run and action in ("rename", "delete"):
                watched = arguments[0] if action == "rename" else None
            self._wish(watch=watched)
            self.say(said)

        self.say(f"{run}: {action} …")
        self.run_worker(ask(), group="administration")

    async def action_watch_run(self, name: str) -> None:
        """Watches another run, on the dashboard."""
        self._wish(watch=name, turned=())
        await self.action_show("dashboard")

    def action_pause_training(self) -> None:
        """Asks the engine to pause."""
        self._ask(self._commands.pause, "Asked the engine to pause after its current step.")

    def action_resume_training(self) -> None:
        """Asks a paused engine to go on."""
        self._ask(self._commands.resume, "Asked the engine to go on.")

    def action_stop_training(self) -> None:
        """Asks first: stopping ends the engine's process."""
        if self._run is None:
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._ask(self._commands.stop, "Asked the engine to save a checkpoint and stop.")

        self.push_screen(
            Question(
                f"Stop training {self._run.name}?",
                "It saves a checkpoint and ends; r resumes it later. "
                "To take a breath, p pauses instead.",
            ),
            answered,
        )

    def action_hold_display(self) -> None:
        """Holds the display still, or lets it follow again; training is not touched."""
        self.display_held = not self.display_held
        self._feed.wish(self._feed.wishes)
        self._show(self.snapshot)

    def action_turn(self, knob: str, steps: int) -> None:
        """Shows the histogram of other knobs at once, and asks a live engine to use them."""
        value = getattr(self._knobs.turned(knob, steps), knob)
        self._wish(turned=tuple({**dict(self._feed.wishes.turned), knob: value}.items()))
        run = self._run
        if run is not None and run.trains and run.state in ("running", "paused"):
            self._asked_at = math.inf

            async def ask(run: int) -> None:
                try:
                    await self._commands.set_knob(run, f"replay.{knob}", value)
                finally:
                    self._asked_at = time.time()

            self._ask(ask, "")

    def action_revert_knobs(self) -> None:
        """Forgets a preview."""
        self._wish(turned=())

    def action_open_program(self, sample: int) -> None:
        """Shows one program over the whole window."""
        if self._card is not None and self._card.sample != sample:
            self._card = None
        self._wish(sample=sample)
        self.push_screen(ProgramScreen())

    async def action_show(self, mode: str) -> None:
        """Goes to the dashboard, the programs, the runs or the tasks."""
        if isinstance(self.screen, ProgramScreen):
            await self.pop_screen()
        await self.switch_mode(mode)

    async def action_filter_programs(self, query: str) -> None:
        """Shows the programs that a filter finds; escape leads back to the screen in sight."""
        back_to = self.current_mode
        await self.action_show("programs")
        if isinstance(self.screen, ProgramsScreen):
            self.screen.look_for(query, back_to)

    def action_close_program(self) -> None:
        """Back to the list it was opened from."""
        self.pop_screen()

    def action_copy_program(self) -> None:
        """Copies the program in sight, or writes it to a file and says where."""
        if self._card is None:
            return
        file = self.workspace.path / "copied" / f"program-{self._card.sample}.py"
        try:
            self._say(copy_out(self._card.text, file, os.environ, self.copy_to_clipboard))
        except StorageError as error:
            self._say(trouble=str(error))

    def copy_to_clipboard(self, text: str) -> None:
        """Copies as Textual does; where tmux would keep it to itself, also past it."""
        super().copy_to_clipboard(text)
        if self._driver is not None and in_tmux(os.environ):
            self._driver.write(passed_through(osc52(text)))

    def action_keys(self) -> None:
        """Lists every key of the screen in sight."""
        self.push_screen(KeyHelp(self.screen))

    async def action_quit(self) -> None:
        """Closes the screen and says what goes on without it."""
        alive = [run.name for run in self.snapshot.runs if run.alive]
        goes_on = "".join(f"{name} goes on training. " for name in alive)
        self.exit(message=f"{goes_on}Watch again with: btp-tui --workspace {self.workspace.path}")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only keys that do something now are shown and taken."""
        run = self._run
        alive = run is not None and run.alive
        match action:
            case "start_demo":
                return not alive
            case "pause_training":
                return run is not None and run.trains and run.state == "running"
            case "resume_training":
                return run is not None and run.trains and run.state == "paused"
            case "stop_training":
                return run is not None and run.trains and run.state in ("running", "paused")
            case "resume_watched":
                return run is not None and resumable(run)
            case "show":
                return parameters != (self.current_mode,) or isinstance(self.screen, ProgramScreen)
            case _:
                return True

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The command palette lists every key's action, then what Textual offers."""
        for active in screen.active_bindings.values():
            binding = active.binding
            if binding.description and not binding.system and active.enabled:
                key = self.get_key_display(binding)
                yield SystemCommand(
                    f"{binding.description} ({key})",
                    binding.tooltip or binding.description,
                    lambda key=binding.key: self.simulate_key(key),
                )
        yield from super().get_system_commands(screen)

    # Inside

    @property
    def _run(self) -> RunLine | None:
        return self.snapshot.watched.line if self.snapshot.watched else None

    @property
    def _knobs(self) -> Knobs:
        in_force = self.snapshot.watched.in_force if self.snapshot.watched else Knobs()
        turned: dict[str, Any] = dict(self._feed.wishes.turned)
        return replace(in_force, **turned)

    def _wish(self, **changes: Any) -> None:
        self._feed.wish(replace(self._feed.wishes, **changes))

    async def _launch(self, launch: Callable[[], engine.Launch]) -> None:
        try:
            started = launch()
        except StorageError as error:
            self._say(trouble=str(error))
            return
        self._wish(launch=started, watch=started.run, turned=())
        await self.action_show("dashboard")

    def _ask(self, command: Callable[[int], Coroutine[Any, Any, None]], said: str) -> None:
        """Writes a command; says what was asked, or why it could not be."""
        if self._run is None:
            return

        async def ask(run: int) -> None:
            try:
                await command(run)
            except StorageError as error:
                self._say(trouble=str(error))
            else:
                self._say(said)

        self.run_worker(ask(self._run.id), group="commands")

    def _show(self, snapshot: Snapshot) -> None:
        before, self.snapshot = self._run, snapshot
        problem = snapshot.problem or self._trouble
        shown = replace(snapshot, held=self.display_held, said=self._said, problem=problem)
        for screen in reversed(self.screen_stack):  # dialogs lie over a live screen
            if isinstance(screen, LiveScreen):
                screen.show(shown)
                break
        if before is None or self._run is None or before.state != self._run.state:
            self.screen.refresh_bindings()

    def say(self, said: str = "", trouble: str = "") -> None:
        """Answers a key: what was done, or why it could not be."""
        self._say(said, trouble)

    def _say(self, said: str = "", trouble: str = "") -> None:
        """Answers a key in the place of what the engine does, for a moment."""
        if self._silence is not None:
            self._silence.stop()
        self._said, self._trouble = said, trouble
        self._show(self.snapshot)
        if said or trouble:
            self._silence = self.set_timer(TROUBLE_S if trouble else SAID_S, self._say)
