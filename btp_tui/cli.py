"""The entry point of `btp-tui`: answers Ctrl-C before the libraries of the commands are loaded."""

from __future__ import annotations

import os
import sys
from functools import partial

from core.loading import end_on_ctrl_c


def main() -> None:
    """Runs the command that the arguments name, and ends the process."""
    end_on_ctrl_c()
    from btp_tui.opening import open_screen, screen_options
    from core.entry import run, run_command

    plain = screen_options(sys.argv[1:], os.environ)
    if plain is not None and sys.stdout.isatty():
        run(partial(open_screen, *plain))
    else:
        from btp_tui.command_line import app

        run_command(app)
