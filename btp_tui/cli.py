"""`btp-tui`: the screen, and a door to the commands that run in `python -m core`.

Commands that need torch or the executor are handed over whole, `--help` included, so that each is
described in one place and starting the screen never imports them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from core.entry import run_command

#: Handed over to `python -m core`, with the line that `btp-tui --help` shows.
HANDED_OVER = {
    "train": "Train without the screen (default: the demo).",
    "resume": "Go on with a run that stopped or died.",
    "sample": "Print a model's programs and their verdicts.",
    "merge": "Write what a run learned as one ordinary model.",
    "score": "Run existing programs against tests.",
    "import": "Take programs from a file into the store.",
    "export": "Write stored programs to a file for other tools.",
    "doctor": "Try whether this machine can run everything.",
    "tasks": "Check tasks, or give them more tests.",
    "db": "Check, salvage, shrink or measure the database.",
}
DEFAULT_WORKSPACE = Path("btp-runs")

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

WorkspaceOption = Annotated[
    Path,
    typer.Option("--workspace", envvar="BTP_WORKSPACE", help="Folder of runs and programs."),
]


@app.callback(invoke_without_command=True)
def screen(context: typer.Context, workspace: WorkspaceOption = DEFAULT_WORKSPACE) -> None:
    """Watch a code language model learn from its own programs, good and failed.

    Without a command: the screen. Where stdout is no terminal: the demo, with progress bars.
    """
    os.environ["BTP_WORKSPACE"] = str(workspace)  # for the commands handed over
    if context.invoked_subcommand is None:
        _open_screen(workspace, start_demo=False)


@app.command()
def demo(workspace: WorkspaceOption = DEFAULT_WORKSPACE) -> None:
    """Open the screen and start the demo at once."""
    _open_screen(workspace, start_demo=True)


@app.command()
def runs(workspace: WorkspaceOption = DEFAULT_WORKSPACE) -> None:
    """List the runs of the workspace."""
    from btp_tui.runs import print_runs

    print_runs(workspace)


def _open_screen(workspace: Path, start_demo: bool) -> None:
    if not sys.stdout.isatty():
        _hand_over("train", ["--workspace", str(workspace)])
    from btp_tui.app import BtpApp

    BtpApp(workspace, start_demo=start_demo).run()


def _hand_over(command: str, arguments: list[str]) -> None:
    # -P: a folder named core in the working directory must not be taken for ours.
    os.execv(sys.executable, [sys.executable, "-P", "-m", "core", command, *arguments])


def _register(name: str, help_line: str) -> None:
    settings = {"allow_extra_args": True, "ignore_unknown_options": True}

    @app.command(name, help=help_line, context_settings=settings, add_help_option=False)
    def command(context: typer.Context) -> None:
        _hand_over(name, context.args)


for _name, _help_line in HANDED_OVER.items():
    _register(_name, _help_line)


def main() -> None:
    """The entry point."""
    run_command(app)
