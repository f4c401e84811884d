"""What keys do with the program in sight: flag it, run it again, copy it."""

from __future__ import annotations

import os

from btp_tui.control.flagging import Flagging, possible
from btp_tui.personal.clipboard import copy_out
from btp_tui.snapshot import LIMIT_S, ProgramCard, ProgramLine
from btp_tui.watching import WatchingApp
from storage.errors import StorageError
from storage.schema import Flag


class ChosenProgram:
    """The program that is shown, or that is under the cursor of the list in sight."""

    def __init__(self, app: WatchingApp, flagging: Flagging) -> None:
        self._app = app
        self._flagging = flagging

    def can(self, action: str, *said: object) -> bool | None:
        """Whether an action of a key does something now; None for one that is not of here."""
        match action:
            case "flag":  # said: the flag, and whether it is raised or taken back
                return said in possible(self._program)
            case "rerun":
                return self._program is not None
            case "copy_program":
                return self._app.newest.card is not None
            case _:
                return None

    def flag(self, flag: Flag, raised: bool) -> None:
        """Excludes or marks it, or takes that back."""
        program = self._program
        if program is not None:
            self._flagging.say(flag, raised, program)

    def run_again(self) -> None:
        """Asks with which limit to run it again."""
        from btp_tui.screens.rerun import RerunDialog

        program, card = self._program, self._app.newest.card
        if program is None:
            return
        limit_s = card.limit_s if card and card.sample == program.sample else LIMIT_S
        workspace = self._app.workspace
        self._app.push_screen(RerunDialog(workspace, program.sample, program.task, limit_s))

    def copy(self) -> None:
        """Copies its text, or writes it to a file and says where."""
        card = self._app.newest.card
        if card is None:
            return
        file = self._app.workspace.path / "copied" / f"program-{card.sample}.py"
        try:
            self._app.say(copy_out(card.text, file, os.environ, self._app.copy_to_clipboard))
        except StorageError as error:
            self._app.say(trouble=str(error))

    @property
    def _program(self) -> ProgramCard | ProgramLine | None:
        from btp_tui.screens.program import ProgramScreen
        from btp_tui.screens.programs import ProgramsScreen

        for screen in reversed(self._app.screen_stack):  # the palette lies over it
            if isinstance(screen, ProgramScreen | ProgramsScreen):
                return screen.chosen
        return None
