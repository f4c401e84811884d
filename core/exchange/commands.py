"""`btp-tui export` and `btp-tui import`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from core.command_line import (
    DEFAULT_WORKSPACE,
    ConfigOption,
    JsonOption,
    ProgramsArgument,
    SetOption,
    TasksArgument,
    WorkspaceOption,
    progress_bar,
)
from core.config_reading import load_config
from core.errors import CoreError
from core.exchange.formats import Format
from storage.workspace import Workspace


def export_programs(
    filters: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILTER", help="As in the screen's filter bar.", show_default=False),
    ] = None,
    *,
    out: Annotated[Path, typer.Option(help="File or folder to write; - is stdout (jsonl).")],
    format: Annotated[
        Format | None,
        typer.Option(help="A dataset is a folder; without it, what the name of PATH ends in."),
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    settings: SetOption = None,
) -> None:
    """Write stored programs to a file for other tools.

    FILTER is as on the screen: pass:1 'task:nano/*' outcome:timeout,error -outcome:passed 'iter:>3'
    source:self run:demo-1 sort:-logprob, or words of the program or its task. Without run: the
    programs of all runs, without sort: the oldest first; p2value goes by the defaults of
    replay.alpha and replay.possibility, or by --set. A name that ends in .gz compresses JSONL.
    """
    for part in filters or []:
        if part.startswith("--"):
            raise CoreError(f"There is no option {part}; `btp-tui export --help` lists them.")
    chosen = load_config(None, settings or [])

    from core.exchange.export import STDOUT, export
    from core.exchange.formats import format_of

    with progress_bar("export") as show:
        query = " ".join(filters or [])
        kind = format_of(out, format)
        count = export(Workspace(workspace), query, kind, out, chosen.replay, show)
    if out != STDOUT:
        print(f"{count:,} programs written to {out}.")


def import_programs(
    tasks: TasksArgument,
    programs: ProgramsArgument,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    config: ConfigOption = None,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take programs from a file into the store.

    PROGRAMS is what `btp-tui export` writes, or rows as `btp-tui score` takes them, optionally with
    run, iteration, rank, token_ids, token_logprobs, excluded, marked. They are tested anew and
    stored as runs of their own, one for each run that the rows name.
    """
    chosen = load_config(config, settings or [])

    from core.exchange.importing import import_file
    from core.executor.configured import open_executor

    with progress_bar("import") as show, open_executor(chosen.executor) as executor:
        customs = chosen.tasks.custom
        summary = import_file(tasks, programs, Workspace(workspace), executor, show, customs)
    if as_json:
        print(json.dumps(summary))
    else:
        print(
            f"{summary['programs']:,} programs stored as {', '.join(summary['runs'])}; "
            f"{summary['passed']:,} pass every test ({summary['seconds']:.1f} s)."
        )
