"""Excluding programs from the replay and marking them: asked of an engine, or done by a process.

Where an engine is at work on the program's run it is asked by a command and answers between two
steps; else `python -m core programs` writes it down, and ends.
"""

from __future__ import annotations

from btp_tui.control import engine
from btp_tui.control.commands import Commands
from btp_tui.snapshot import ProgramCard, ProgramLine, RunLine
from btp_tui.watching import WatchingApp
from storage.errors import StorageError
from storage.schema import FLAG_COMMANDS, Flag

#: What an engine is asked, in words.
_ASKED = {
    "exclude": "never to draw it again",
    "include": "to draw it again",
    "mark": "to mark it",
    "unmark": "to take the mark away",
}


def possible(program: ProgramCard | ProgramLine | None) -> list[tuple[Flag, bool]]:
    """What can be said of a program now: each flag, or that it does not hold any more."""
    if program is None:
        return []
    return [
        (flag, raised)
        for flag, raised in FLAG_COMMANDS.values()
        if raised is not bool(getattr(program, flag))
    ]


class Flagging:
    """Says of one program that a flag holds, or does not any more."""

    def __init__(self, app: WatchingApp, commands: Commands) -> None:
        self._app = app
        self._commands = commands

    def say(self, flag: Flag, raised: bool, program: ProgramCard | ProgramLine) -> None:
        """Says it of a program, or takes it back."""
        name = next(name for name, said in FLAG_COMMANDS.items() if said == (flag, raised))
        run = next((run for run in self._app.snapshot.runs if run.id == program.run_id), None)
        if run is None:
            self._app.say(trouble="The run of this program is not in the store any more.")
        elif run.alive and run.trains:
            self._app.run_worker(self._ask(run, name, program.sample), group="commands")
        else:
            self._app.say(f"{run.name}: {name} program {program.sample} …")
            self._app.run_worker(self._do(run, name, program.sample), group="administration")

    async def _ask(self, run: RunLine, name: str, sample: int) -> None:
        try:
            await self._commands.flag(run.id, name, [sample])
        except StorageError as error:
            self._app.say(trouble=str(error))
        else:
            self._app.say(f"Asked the engine of {run.name} {_ASKED[name]}.")

    async def _do(self, run: RunLine, name: str, sample: int) -> None:
        try:
            said = await engine.administer(
                self._app.workspace, name, run.name, str(sample), group="programs"
            )
        except StorageError as error:
            self._app.say(trouble=str(error))
        else:
            self._app.wish()  # what has changed is read at once
            self._app.say(said)
