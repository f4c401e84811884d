"""The application: takes keys, hands snapshots to the screen in sight, and asks the engine.

It only watches: quitting it, or losing it, leaves the engine at work.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from textual.app import SystemCommand
from textual.filter import LineFilter
from textual.message import Message
from textual.screen import Screen

from btp_tui.control.chosen import ChosenProgram
from btp_tui.control.steered import SteeredApp
from btp_tui.keys.bindings import KEYS
from btp_tui.keys.names import use_keys
from btp_tui.keys.palette import palette
from btp_tui.personal.clipboard import in_tmux, osc52, passed_through
from btp_tui.personal.end_notice import EndNotice
from btp_tui.personal.preferences import DEFAULTS, Preferences
from btp_tui.personal.remembered import remember_theme
from btp_tui.reading.feed import Feed
from btp_tui.reading.messages import SnapshotReady
from btp_tui.screens.dashboard import DashboardScreen
from btp_tui.screens.late import (
    NOT_IN_THE_FORM,
    WARM_UP_S,
    begin_new_run,
    new_run_screen,
    programs_screen,
    tasks_screen,
    warm_up,
)
from btp_tui.screens.runs import RunsScreen
from btp_tui.text_only import TextOnly
from btp_tui.theme import THEMES
from storage.schema import Flag

#: The layouts of btp.tcss, from so many columns and rows on.
WIDTHS = [(0, "-narrow"), (100, "-medium"), (150, "-wide")]
HEIGHTS = [(0, "-short"), (32, "-tall")]


class BtpApp(SteeredApp):
    """Watches and steers the runs of one workspace."""

    TITLE = "btp-tui"
    CSS_PATH = "btp.tcss"
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {
        "dashboard": DashboardScreen,
        "programs": programs_screen,
        "runs": RunsScreen,
        "tasks": tasks_screen,
        "new": new_run_screen,
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
        preferences: Preferences = DEFAULTS,
        theme_file: Path | None = None,
    ) -> None:
        """A theme that is picked is kept in `theme_file` for the next start."""
        super().__init__(workspace, run, feed)
        self._text_only = TextOnly()
        self._start_demo = start_demo
        self._chosen = ChosenProgram(self, self._steering.flagging)
        self._end_notice = EndNotice(preferences.when_run_ends, os.environ, self.write_out)
        self._theme_file = theme_file
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = preferences.theme or THEMES[0].name
        self.set_keymap(preferences.keys)
        use_keys(preferences.keys)

    async def on_mount(self) -> None:
        """Begins to read, and to train where that was asked for."""
        # Where whoever started it ignores hang-ups, it would read from a terminal that is gone.
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, os._exit, 0)
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # in the terminal it is a key
            loop.add_signal_handler(signal.SIGINT, self.call_later, self.action_quit)
        if self._start_demo:
            await self.action_start_demo()
        self._feed.start()
        self.set_timer(WARM_UP_S, lambda: self.run_worker(warm_up, thread=True, group="warm-up"))

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's, and what keeps texts from steering the terminal."""
        return [*super().get_line_filters(), self._text_only]

    def on_snapshot_ready(self, message: SnapshotReady) -> None:
        """Tells the end of a run; SteeredApp and WatchingApp see to the rest."""
        self._end_notice.heard(message.snapshot)

    # What keys do

    def action_hold_display(self) -> None:
        """Holds the display still, or lets it follow again; training is not touched."""
        self.hold_display()

    async def action_watch_run(self, name: str) -> None:
        """Watches another run, on the dashboard."""
        self.wish(watch=name, turned=())
        await self.action_show("dashboard")

    async def action_new_run(self) -> None:
        """Opens the form of a new run; from the list of runs, like the run under the cursor."""
        await begin_new_run(self)

    async def action_filter_programs(self, query: str) -> None:
        """Shows the programs that a filter finds; escape leads back to the screen in sight."""
        from btp_tui.screens.programs import ProgramsScreen

        back_to = self.current_mode
        await self.action_show("programs")
        if isinstance(self.screen, ProgramsScreen):
            self.screen.look_for(query, back_to)

    def action_open_program(self, sample: int) -> None:
        """Shows one program over the whole window."""
        from btp_tui.screens.program import ProgramScreen

        self.newest.forget_card_but(sample)
        self.wish(sample=sample)
        self.push_screen(ProgramScreen())

    def action_close_program(self) -> None:
        """Back to the list it was opened from."""
        self.pop_screen()

    def action_copy_program(self) -> None:
        """Copies the program in sight, or writes it to a file and says where."""
        self._chosen.copy()

    def action_flag(self, flag: Flag, raised: bool) -> None:
        """Excludes or marks the program in sight, or takes that back."""
        self._chosen.flag(flag, raised)

    def action_rerun(self) -> None:
        """Asks with which limit to run the program in sight again."""
        self._chosen.run_again()

    def copy_to_clipboard(self, text: str) -> None:
        """Copies as Textual does; where tmux would keep it to itself, also past it."""
        super().copy_to_clipboard(text)
        if in_tmux(os.environ):
            self.write_out(passed_through(osc52(text)))

    def write_out(self, sequence: str) -> None:
        """Writes to the terminal past the picture."""
        if self._driver is not None:
            self._driver.write(sequence)
            self._driver.flush()

    def action_keys(self) -> None:
        """Lists every key of the screen in sight."""
        from btp_tui.screens.key_help import KeyHelp

        self.push_screen(KeyHelp(self.screen))

    def action_jump(self) -> None:
        """Shows a letter at every place, and goes where one is pressed."""
        from btp_tui.screens.jump import JumpScreen, Target, targets

        def answered(target: Target | None) -> None:
            if target is not None:
                self.call_next(target.go)

        self.push_screen(JumpScreen(targets(self.screen)), answered)

    def action_next_theme(self) -> None:
        """Goes round the themes."""
        names = [theme.name for theme in THEMES]
        self.pick_theme(names[(names.index(self.theme) + 1) % len(names)])

    def pick_theme(self, name: str) -> None:
        """Changes the colours, now and for the next start."""
        self.theme = name
        if self._theme_file is not None:
            remember_theme(self._theme_file, name)
        self.say(f"Theme {name}.")

    async def action_quit(self) -> None:
        """Closes the screen and says what goes on without it."""
        alive = [run.name for run in self.snapshot.runs if run.alive]
        goes_on = "".join(f"{name} goes on training. " for name in alive)
        self.exit(message=f"{goes_on}Watch again with: btp-tui --workspace {self.workspace.path}")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only keys that do something now are shown and taken."""
        if action == "show":
            return parameters != (self.current_mode,) or self.one_program_in_sight
        can = self._chosen.can(action, *parameters)
        if can is not None:
            return can
        if self.current_mode == "new" and action in NOT_IN_THE_FORM:
            return False
        return super().check_action(action, parameters)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """What the command palette lists."""
        return palette(screen, self.pick_theme)
