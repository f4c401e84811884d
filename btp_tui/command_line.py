"""`btp-tui`: the screen, and a door to the commands that run in `python -m core`.

Commands that need torch or the executor are handed over whole, `--help` included, so that each is
described in one place and starting the screen never imports them.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from btp_tui.opening import DEFAULT_WORKSPACE, open_screen
from core.errors import CoreError
from core.loading import hold_ctrl_c, raise_on_ctrl_c

#: Handed over to `python -m core`, with the line that `btp-tui --help` shows.
HANDED_OVER = {
    "train": "Train without the screen (default: the demo).",
    "presets": "List the configurations to begin with.",
    "resume": "Go on with a run that stopped or died.",
    "experiment": "Answer the paper's questions with many runs, and intervals.",
    "sample": "Print a model's programs and their verdicts.",
    "eval": "Measure a model on tasks, with intervals.",
    "merge": "Write what a run learned as one ordinary model.",
    "score": "Run existing programs against tests.",
    "import": "Take programs from a file into the store.",
    "export": "Write stored programs to a file for other tools.",
    "doctor": "Try whether this machine can run everything.",
    "programs": "Exclude, mark or re-run stored programs.",
    "tasks": "Check tasks, or give them more tests.",
    "db": "Check, upgrade, salvage, shrink or measure the database.",
}
#: The same, below `btp-tui runs`.
ADMINISTRATION = {
    "rename": "Give a run and its folder another name.",
    "archive": "Leave a run out of the list.",
    "restore": "Bring an archived run back to the list.",
    "delete": "Delete a run for ever.",
}

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

runs_app = typer.Typer(rich_markup_mode=None)
app.add_typer(runs_app, name="runs")

WorkspaceOption = Annotated[
    Path,
    typer.Option("--workspace", envvar="BTP_WORKSPACE", help="Folder of runs and programs."),
]
ThemeOption = Annotated[
    str | None,
    typer.Option("--theme", help="btp-dark, btp-light or btp-high-contrast; ctrl+t changes it."),
]


@app.callback(invoke_without_command=True)
def screen(
    context: typer.Context,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    theme: ThemeOption = None,
) -> None:
    """Watch a code language model learn from its own programs, good and failed.

    Without a command: the screen. Where stdout is no terminal: the demo, with progress bars.
    """
    os.environ["BTP_WORKSPACE"] = str(workspace)  # for the commands handed over
    if context.invoked_subcommand not in HANDED_OVER:
        raise_on_ctrl_c()
    if context.invoked_subcommand is None:
        _open_screen(workspace, theme, start_demo=False)


@app.command()
def demo(workspace: WorkspaceOption = DEFAULT_WORKSPACE, theme: ThemeOption = None) -> None:
    """Open the screen and start the demo at once."""
    _open_screen(workspace, theme, start_demo=True)


@app.command()
def keys(
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object an action.")] = False,
) -> None:
    """List all keys of the screen with the ids by which a configuration changes them."""
    from btp_tui.keys.table import print_keys

    print_keys(as_json)


@runs_app.callback(invoke_without_command=True)
def runs(
    context: typer.Context,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    archived: Annotated[bool, typer.Option("--archived", help="Those put away, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object a run.")] = False,
) -> None:
    """List the runs of the workspace, or rename, archive, restore or delete one."""
    os.environ["BTP_WORKSPACE"] = str(workspace)
    if context.invoked_subcommand is None:
        from btp_tui.reading.runs import print_runs

        print_runs(workspace, archived, as_json)


@app.command()
def report(
    run: Annotated[str, typer.Argument(help="Name of the run, as `btp-tui runs` shows it.")],
    out: Annotated[Path | None, typer.Option(help="File to write; default: RUN.html.")] = None,
    plot: Annotated[
        str, typer.Option(help="Only one plot, as .svg or .png: accuracy, loss, pass or outcomes.")
    ] = "",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
) -> None:
    """Write a run as one HTML file to send to a colleague.

    It needs no network and no script: curves, configuration, tables, and programs with what they
    taught. Only reads, so a run may be going on.
    """
    from btp_tui.report.write import write_plot, write_report

    print(write_plot(workspace, run, plot, out) if plot else write_report(workspace, run, out))


@app.command()
def serve(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on loopback.")] = 8000,
) -> None:
    """Open the screen in a browser on this machine, by a link with a token.

    Closing the tab leaves training going. From elsewhere: ssh -L 8000:127.0.0.1:8000 HOST.
    """
    if find_spec("textual_serve") is None:
        raise CoreError("textual-serve is not installed: pip install 'btp-tui[serve]'.")
    from btp_tui.serve import serve as serve_screen

    serve_screen(workspace, port)


def _open_screen(workspace: Path, theme: str | None, start_demo: bool) -> None:
    if not sys.stdout.isatty():
        _hand_over("train", ["--workspace", str(workspace)])
    open_screen(workspace, theme, start_demo)


def _hand_over(command: str, arguments: list[str]) -> None:
    hold_ctrl_c()  # while Python starts once more
    # -P: a folder named core in the working directory must not be taken for ours.
    os.execv(sys.executable, [sys.executable, "-P", "-m", "core", command, *arguments])


def _register(group: typer.Typer, path: tuple[str, ...], help_line: str) -> None:
    settings = {"allow_extra_args": True, "ignore_unknown_options": True}

    @group.command(path[-1], help=help_line, context_settings=settings, add_help_option=False)
    def command(context: typer.Context) -> None:
        _hand_over(path[0], [*path[1:], *context.args])


for _name, _help_line in HANDED_OVER.items():
    _register(app, (_name,), _help_line)
for _name, _help_line in ADMINISTRATION.items():
    _register(runs_app, ("runs", _name), _help_line)
