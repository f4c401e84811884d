"""`btp-tui db`: whether the database is sound, what takes its room, and what to do about either.

And what brings one of an older btp-tui up to date, without doing anything else to it.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.command_line import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption, steps
from core.words import percent
from storage.errors import StorageError
from storage.workspace import Workspace

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from storage.rescue.checkup import Checkup
    from storage.rescue.salvage import Salvaged
    from storage.upkeep import Stats

#: Lines of SQLite's own words that are shown; --json has more.
_SAID = 5

_PIPED_WIDTH = 160  # a pipe has no width; cut names would be of no use to what reads it

db_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@db_app.command("check")
def check(workspace: WorkspaceOption = DEFAULT_WORKSPACE, as_json: JsonOption = False) -> None:
    """Look for damage and broken promises.

    Only reads. Where the file is damaged it counts, table by table, what can still be read. Ends
    with exit code 0 when the database is sound, 1 when something was found.
    """
    from storage.rescue.checkup import check as examine

    database = _existing(workspace).database
    with steps() as on_step:
        checkup = examine(database, on_step)
    if as_json:
        print(json.dumps(_as_json(checkup)))
    else:
        _show_checkup(checkup, _console(), workspace)
    if not checkup.sound:
        raise typer.Exit(1)


@db_app.command("upgrade")
def upgrade(workspace: WorkspaceOption = DEFAULT_WORKSPACE, as_json: JsonOption = False) -> None:
    """Bring a workspace of an older btp-tui up to date.

    First lays a copy of the database beside it, which the older btp-tui can read. Does nothing to
    one that is up to date. Refused while an engine is at work.
    """
    from storage.connection import read_version
    from storage.migrations import copy_of

    found = _existing(workspace)
    before = read_version(found.database)
    with steps() as on_step:
        on_step("copying the database, and changing its tables")
        found.create()
    after = read_version(found.database)
    copy = copy_of(found.database, before) if 0 < before < after else None
    if as_json:
        print(json.dumps({"before": before, "after": after, "copy": copy and str(copy)}))
    elif copy:
        print(
            f"{found.database} is of version {after} now; as it was, of version {before}, it lies "
            f"in {copy}, which takes {_size(copy.stat().st_size)} and may be deleted."
        )
    else:
        print(f"{found.database} is up to date (version {after}); nothing was changed.")


@db_app.command("salvage")
def salvage(
    new_workspace: Annotated[Path, typer.Argument(help="A folder that does not exist yet.")],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Copy what can be read of a damaged workspace to a new one.

    The damaged one is only read. Rows keep their ids; what refers to lost rows is left out; run
    folders come along with their checkpoints.
    """
    from storage.rescue.salvage import salvage as copy

    with steps() as on_step:
        salvaged = copy(_existing(workspace), Workspace(new_workspace), on_step)
    if as_json:
        print(json.dumps(asdict(salvaged)))
    else:
        _show_salvaged(salvaged, _console(), new_workspace)


@db_app.command("vacuum")
def vacuum(workspace: WorkspaceOption = DEFAULT_WORKSPACE, as_json: JsonOption = False) -> None:
    """Give unused room back to the disk.

    Writes the database anew, which for a while needs twice the room that its content takes, and
    empties the log. Refused while an engine is at work.
    """
    from storage.removal import finish_deletions
    from storage.upkeep import room_for_vacuum
    from storage.upkeep import vacuum as rewrite

    opened = Workspace(workspace).open()
    with steps() as on_step:
        finish_deletions(opened, on_step)
        needed = _size(room_for_vacuum(opened))
        on_step(f"writing the database anew, which needs {needed} for a while")
        done = rewrite(opened)
    if as_json:
        print(json.dumps({**asdict(done), "gained": done.gained}))
        return
    print(
        f"{_size(done.before)} before, {_size(done.after)} now: {_gain(done.gained)}. "
        f"It needed {needed} for a while."
    )
    if done.log_kept:
        print("Another process is reading, so the log is still there; it goes with the next write.")


@db_app.command("stats")
def stats(workspace: WorkspaceOption = DEFAULT_WORKSPACE, as_json: JsonOption = False) -> None:
    """Show what takes the room, by table and by run."""
    from storage.upkeep import stats as count

    with steps() as on_step:
        on_step("every page")
        found = count(Workspace(workspace))
    if as_json:
        print(json.dumps(asdict(found)))
    else:
        _show_stats(found, _console())


def _existing(workspace: Path) -> Workspace:
    """A workspace whose database is there, in whatever state."""
    found = Workspace(workspace)
    if not found.exists:
        raise StorageError(
            f"There is no workspace in {workspace}; name another one with --workspace."
        )
    return found


def _as_json(checkup: Checkup) -> dict[str, Any]:
    figures = asdict(checkup)
    return {"sound": checkup.sound, **figures, "database": str(checkup.database)}


def _show_checkup(checkup: Checkup, console: Console, workspace: Path) -> None:
    sizes = f"{_size(checkup.database_bytes)}, its log {_size(checkup.log_bytes)}"
    console.print(f"{checkup.database}: {sizes}.")
    if checkup.sound:
        console.print("Sound: pages, indexes, references, texts and samples are as they should be.")
        return
    for problem in checkup.problems:
        console.print(problem, soft_wrap=True)
    if not checkup.damaged:
        return
    table = _table("table", ">rows that can be read", ">lost, about")
    for state in checkup.tables:
        lost = "unknown" if state.lost is None else f"{state.lost:,}"
        table.add_row(state.name, f"{state.readable:,}", lost)
    console.print(table)
    lines = [line for said in checkup.said for line in said.splitlines()]
    console.print("\n".join(f"SQLite: {line}" for line in lines[:_SAID]))
    console.print(
        f"Write nothing more to it. `btp-tui db salvage NEW_WORKSPACE --workspace {workspace}` "
        "copies what can be read; it leaves this one as it is.",
        soft_wrap=True,
    )


def _show_salvaged(salvaged: Salvaged, console: Console, new: Path) -> None:
    table = _table("table", ">copied", ">left out", ">lost, about", ">stand-ins")
    for name, copied in salvaged.copied.items():
        lost = salvaged.lost.get(name, 0)
        table.add_row(
            name,
            f"{copied:,}",
            f"{salvaged.left_out[name]:,}",
            "unknown" if lost is None else f"{lost:,}",
            f"{salvaged.stand_ins.get(name, 0):,}",
        )
    console.print(table)
    if any(salvaged.left_out.values()):
        console.print("Left out is what can be read but refers to a row or a text that is lost.")
    if any(salvaged.stand_ins.values()):
        console.print("Stand-ins are named lost-ID; what refers to them is there.")
    if salvaged.rebuilt:
        console.print(f"Rows of programs made anew from their texts: {salvaged.rebuilt:,}.")
    if salvaged.trimmed:
        console.print(f"Updates whose draws lack samples that are lost: {salvaged.trimmed:,}.")
    if salvaged.closed:
        console.print(f"Cannot be resumed, for tasks are lost: {', '.join(salvaged.closed)}.")
    console.print(f"Copied run folders, with their checkpoints: {', '.join(salvaged.runs) or '-'}.")
    if salvaged.unreadable:
        console.print(f"Files that cannot be read: {', '.join(salvaged.unreadable)}.")
    console.print(f"Look at it with `btp-tui --workspace {new}`.", soft_wrap=True)


def _show_stats(stats: Stats, console: Console) -> None:
    table = _table("table", ">rows", ">size")
    for each in stats.tables:
        table.add_row(each.name, f"{each.rows:,}", "–" if each.bytes is None else _size(each.bytes))
    console.print(table)
    console.print(
        f"\n{stats.samples:,} samples of {stats.programs:,} programs: {percent(stats.repeated)} "
        "repeat a text of their task.\n"
    )
    table = _table("outcome", ">verdicts")
    for outcome, count in stats.outcomes.items():
        table.add_row(outcome, f"{count:,}")
    if stats.outcomes:
        console.print(table)
        console.print()
    table = _table("run", "kind", ">samples", ">updates", ">evaluations", ">checkpoints")
    for run in stats.runs:
        counts = (f"{count:,}" for count in (run.samples, run.updates, run.evaluations))
        table.add_row(run.name, run.kind, *counts, _size(run.checkpoint_bytes))
    if stats.runs:
        console.print(table)
        console.print()
    table = _table("file", ">size")
    for name, size in (*stats.files.items(), ("checkpoints", stats.checkpoints)):
        table.add_row(name, _size(size))
    console.print(table)
    console.print(f"{_size(stats.free)} of the database are not in use.")


def _table(*titles: str) -> Table:
    """A table without lines; a title that begins with > is of numbers."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in titles:
        table.add_column(title.removeprefix(">"), justify="right" if title[0] == ">" else "left")
    return table


def _console() -> Console:
    from rich.console import Console

    width = None if sys.stdout.isatty() else _PIPED_WIDTH
    return Console(width=width, highlight=False, markup=False)


def _gain(size: int) -> str:
    return f"{_size(size)} gained" if size > 0 else "nothing gained"


def _size(size: float) -> str:
    """A size in the biggest unit that fits: 512 B, 5.2 MB."""
    for unit in ("B", "KB", "MB", "GB"):
        if abs(size) < 999.5:
            return (
                f"{size:.0f} {unit}" if unit == "B" or abs(size) >= 99.95 else f"{size:.1f} {unit}"
            )
        size /= 1024
    return f"{size:.1f} TB"
