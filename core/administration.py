"""`btp-tui runs rename, archive, restore, delete`: what is done to a run where no engine lives."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.command_line import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption, steps
from core.errors import CoreError
from storage.workspace import Workspace

if TYPE_CHECKING:
    from storage.removal import Losses

runs_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

RunArgument = Annotated[str, typer.Argument(help="Name of the run, as `btp-tui runs` shows it.")]


@runs_app.command("rename")
def rename(
    run: RunArgument,
    new_name: Annotated[str, typer.Argument(help="Letters, digits, '.', '_' and '-'.")],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Give a run and its folder another name.

    Refused while an engine is at work on it, and where another run was configured with a file in
    its folder.
    """
    from storage.resting import rename_run

    with _finishing(workspace) as opened:
        rename_run(opened, run, new_name)
    _say(f"{run} is {new_name} now.", {"run": new_name, "was": run}, as_json)


@runs_app.command("archive")
def archive(
    run: RunArgument,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Leave a run out of the list.

    Nothing is lost: `btp-tui runs --archived` shows it, `btp-tui runs restore` brings it back. The
    archive is the workspace's: the run is put away for everybody.
    """
    from storage.resting import archive_run

    with _finishing(workspace) as opened:
        archive_run(opened, run, archived=True)
    _say(f"{run} is archived: A, or --archived, shows it.", {"run": run, "archived": True}, as_json)


@runs_app.command("restore")
def restore(
    run: RunArgument,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Bring an archived run back to the list."""
    from storage.resting import archive_run

    with _finishing(workspace) as opened:
        archive_run(opened, run, archived=False)
    _say(f"{run} is in the list again.", {"run": run, "archived": False}, as_json)


@runs_app.command("delete")
def delete(
    run: RunArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Delete a run for ever: its programs, verdicts, updates, log and checkpoints.

    Programs that another run wrote, too, stay, and so do tasks. Killed in between, the next `runs`
    command finishes it. The room in the database is used again; `btp-tui db vacuum` gives it back
    to the disk.
    """
    from storage.removal import delete_run, losses

    with _finishing(workspace) as opened:
        lost = losses(opened, run)
        if not yes:
            _ask(run, lost)
        with steps() as on_step:
            delete_run(opened, run, on_step)
    sentence = f"{run} is deleted. `btp-tui db vacuum` gives its room in the database back."
    _say(sentence, {"run": run, "deleted": asdict(lost)}, as_json)


@contextmanager
def _finishing(folder: Path) -> Iterator[Workspace]:
    """The workspace, after what a killed process left half deleted was deleted to the end."""
    from storage.removal import finish_deletions

    workspace = Workspace(folder).open()
    with steps() as on_step:
        for name in finish_deletions(workspace, on_step):
            print(f"Finished deleting {name}, which was interrupted.", file=sys.stderr)
    yield workspace


def _ask(run: str, lost: Losses) -> None:
    sentence = (
        f"Delete {run}: {lost.samples:,} samples, {lost.programs:,} programs that no other run "
        f"wrote, {lost.updates:,} updates, {lost.evaluations:,} measurements, and its folder of "
        f"{lost.folder_bytes / 1e6:,.1f} MB with its checkpoints."
    )
    if lost.needed_by:
        sentence += f" Configured with its files: {', '.join(lost.needed_by)}."
    if not sys.stdin.isatty():
        raise CoreError(f"{sentence} Nothing was deleted: say --yes to do it.")
    print(sentence)
    if not typer.confirm("Delete it for ever?"):
        raise CoreError("Nothing was deleted.")


def _say(sentence: str, figures: dict[str, object], as_json: bool) -> None:
    print(json.dumps(figures) if as_json else sentence)
