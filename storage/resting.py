"""Runs that no engine is at work on: renamed, put away, or held for another change."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack, closing

from storage.connection import connect_writer, explained
from storage.errors import StorageError
from storage.moves import move_run
from storage.workspace import Workspace


def rename_run(workspace: Workspace, name: str, new_name: str) -> None:
    """Gives a run and its folder another name; raises StorageError, with nothing changed."""
    workspace.run_folder(new_name)  # refuses what would be no name
    with ExitStack() as stack:
        connection, run = resting(workspace, name, stack)
        heirs = needed_by(connection, name)
        if heirs:
            raise StorageError(
                f"{heirs[0]} was configured with a file in the folder of {name}, which would "
                "not be found under another name; nothing was changed."
            )
        taken = connection.execute("SELECT 1 FROM runs WHERE name = ?", (new_name,)).fetchone()
        if taken:
            raise StorageError(f"There is a run {new_name} already; choose another name.")

        def change() -> None:
            connection.execute("UPDATE runs SET name = ? WHERE id = ?", (new_name, run))

        move_run(connection, workspace.path, run, (name, new_name), change)


def archive_run(workspace: Workspace, name: str, archived: bool) -> None:
    """Puts a run away, or takes it out again; raises StorageError where an engine is at work."""
    with ExitStack() as stack:
        resting(workspace, name, stack)
        mark = workspace.archive_mark(name)
        if archived:
            mark.touch()
        else:
            mark.unlink(missing_ok=True)


def resting(workspace: Workspace, name: str, stack: ExitStack) -> tuple[sqlite3.Connection, int]:
    """Keeps engines off a run for as long as the stack lasts; a connection, and the run's id."""
    workspace.open()
    stack.enter_context(explained(workspace.database))
    connection = stack.enter_context(closing(connect_writer(workspace.database)))
    row = connection.execute("SELECT id FROM runs WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise StorageError(
            f"There is no run {name} in {workspace.path}; `btp-tui runs` lists them."
        )
    if workspace.engine_alive(name):
        raise StorageError(
            f"An engine is at work on {name}; stop it first (s on the screen), or wait until it "
            "ends. Nothing was changed."
        )
    stack.enter_context(workspace.engine_lock(name))
    return connection, int(row[0])


def needed_by(connection: sqlite3.Connection, name: str) -> tuple[str, ...]:
    """Other runs whose configuration names a file in a run's folder."""
    rows = connection.execute(
        "SELECT name FROM runs WHERE name <> ? AND instr(config, ?) ORDER BY id",
        (name, f"runs/{name}/"),
    )
    return tuple(other for (other,) in rows)
