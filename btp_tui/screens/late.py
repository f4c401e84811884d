"""The screens that are imported when the first frame has long been shown.

The form of a new run above all: it brings the configuration and pydantic, which take longer than a
key may.
"""

from __future__ import annotations

import gc
from importlib import import_module
from typing import Any

from textual.screen import Screen

from btp_tui.panels.table import Table
from btp_tui.screens.runs import RunsScreen
from btp_tui.watching import WatchingApp

#: Actions of the application that a letter meant for the form must not cause.
NOT_IN_THE_FORM = frozenset(
    {
        *("new_run", "start_demo", "pause_training", "resume_training", "resume_watched"),
        *("stop_training", "hold_display", "turn", "apply_knobs", "revert_knobs"),
    }
)

#: Seconds after the start when nobody waits for anything any more.
WARM_UP_S = 2.0


#: In the order in which they are likely to be asked for.
_LATE = ("programs", "program", "tasks", "key_help", "jump", "rerun", "new_run")


def warm_up() -> None:
    """Imports them, so that their keys show them at once; for a thread.

    What is there by now stays: to look through it for garbage again and again would hold up keys.
    """
    for name in _LATE:
        import_module(f"btp_tui.screens.{name}")
    if not gc.isenabled():  # open_screen put it off
        gc.freeze()
        gc.enable()


def programs_screen() -> Screen[Any]:
    """The browser of programs."""
    from btp_tui.screens.programs import ProgramsScreen

    return ProgramsScreen()


def tasks_screen() -> Screen[Any]:
    """The tasks of the run in sight."""
    from btp_tui.screens.tasks import TasksScreen

    return TasksScreen()


def new_run_screen() -> Screen[Any]:
    """The form, empty of changes."""
    from btp_tui.screens.new_run import NewRunScreen

    return NewRunScreen()


async def begin_new_run(app: WatchingApp) -> None:
    """Shows the form; from the list of runs it begins like the run under the cursor."""
    from btp_tui.screens.new_run import NewRunScreen

    before, back_to = app.screen, app.current_mode
    await app.action_show("new")
    form = app.screen
    if not isinstance(form, NewRunScreen):
        return
    form.back_to = back_to
    if isinstance(before, RunsScreen):
        run = before.query_one("#runs", Table).row
        if run is not None and run.trains:
            form.begin_like(run.name)
