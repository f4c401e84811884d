"""A workspace: a folder that holds one database and a folder for each run."""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from storage.connection import connect_reader, read_version
from storage.errors import StorageError
from storage.filesystem import refuse_network
from storage.moves import settle_moves
from storage.schema import SCHEMA_VERSION

_RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

#: In a run's folder: who holds it is at work on the run.
_LOCK = "engine.lock"

#: Seconds that an engine tries for its lock: whoever asks whether it lives holds it for an instant.
_LOCK_PATIENCE_S = 1.0


class Workspace:
    """The folder; `create` or `open` checks it, everything else only names what lies in it."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.database = self.path / "btp.db"

    def __repr__(self) -> str:
        return f"Workspace({str(self.path)!r})"

    @property
    def exists(self) -> bool:
        """Whether there is a database to read."""
        return self.database.is_file()

    def create(self) -> Workspace:
        """Makes folder and tables where they are missing, and brings older ones up to date.

        Raises StorageError where the folder cannot be made or written to, lies on a network file
        system, or holds the database of another program or of a newer btp-tui.
        """
        refuse_network(self.path)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"Cannot make the workspace {self.path}: {error.strerror}; "
                "choose another one with --workspace or BTP_WORKSPACE."
            ) from error
        with self._alone():
            version = read_version(self.database) if self.exists else 0
            if version < SCHEMA_VERSION:
                if version:
                    self._refuse_engines(version)

                from storage.migrations import migrate  # slow to import: see there

                migrate(self.database)
        settle_moves(self.path, self.database)
        return self

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keeps every other process that would make or change the tables waiting while inside."""
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _refuse_engines(self, version: int) -> None:
        alive = self.engines_alive()
        if alive:
            raise StorageError(
                f"{self.path} is of version {version} and would be brought up to date, but an "
                f"engine of that version is at work on {alive[0]}; stop it first, or wait."
            )

    def engines_alive(self) -> list[str]:
        """The runs that an engine holds the lock of."""
        folders = sorted((self.path / "runs").glob("*/engine.lock"))
        return [file.parent.name for file in folders if self.engine_alive(file.parent.name)]

    def open(self) -> Workspace:
        """Checks that there is a workspace of this version; raises StorageError where not."""
        if not self.exists:
            raise StorageError(
                f"There is no workspace in {self.path}; "
                "`btp-tui train` makes one, or name another with --workspace."
            )
        refuse_network(self.path)
        connect_reader(self.database).close()
        settle_moves(self.path, self.database)
        return self

    def run_folder(self, name: str) -> Path:
        """Where a run keeps config.toml, engine.log, metrics.jsonl and checkpoints/.

        Raises StorageError where the name would not do as the name of a folder.
        """
        if not _RUN_NAME.fullmatch(name):
            raise StorageError(
                f"{name!r} cannot name a run: use letters, digits, '.', '_' and '-', "
                "at most 100, beginning with a letter or digit."
            )
        return self.path / "runs" / name

    def archived(self, name: str) -> bool:
        """Whether a run was put away: it is listed only where that is asked for."""
        return self.archive_mark(name).exists()

    def archive_mark(self, name: str) -> Path:
        """The empty file in a run's folder that says so, to everybody who opens the workspace."""
        return self.run_folder(name) / "archived"

    @contextmanager
    def engine_lock(self, name: str) -> Iterator[None]:
        """Keeps every other engine off a run while inside; raises StorageError where one is there.

        The kernel drops the lock with the process, however it ends: no stale lock, no process id.
        """
        with ExitStack() as stack:
            try:
                stack.enter_context(folder_lock(self.run_folder(name), _LOCK_PATIENCE_S))
            except BlockingIOError as error:
                raise StorageError(
                    f"Another engine is at work on run {name} in {self.path}; "
                    "watch it with btp-tui, or stop it first."
                ) from error
            yield

    def engine_alive(self, name: str) -> bool:
        """Whether an engine holds the lock of a run."""
        try:
            descriptor = os.open(self.run_folder(name) / _LOCK, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False


@contextmanager
def folder_lock(folder: Path, patience_s: float = 0.0) -> Iterator[None]:
    """Holds the lock of a run's folder, also while it is moved; BlockingIOError where it is held.

    Tries for so many seconds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _acquire(descriptor, patience_s)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.01)
        else:
            return
