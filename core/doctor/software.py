"""Python, torch, transformers and SQLite: not only there, but at work."""

from __future__ import annotations

import platform
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from core.config import ModelConfig
from core.doctor.check import Check, State, one_line
from core.errors import CoreError
from storage.connection import connect_reader
from storage.errors import StorageError

_INSTALL = "Install the packages again into the environment of this Python: pip install -e ."


def check_python() -> Check:
    """Which Python this is; one that is too old would not have come so far."""
    system = f"{platform.system()} {platform.machine()}"
    return _check("Python", "ok", f"{platform.python_version()} on {system}, {sys.executable}")


def check_torch() -> Check:
    """Whether torch can be imported; a wheel for another machine or library raises OSError."""
    try:
        import torch
    except (ImportError, OSError) as error:
        return _check("torch", "fails", f"cannot be imported: {one_line(error)}", _INSTALL)
    return _check("torch", "ok", f"{torch.__version__}, {torch.get_num_threads()} threads")


def check_transformers() -> Check:
    """Whether it loads the model that comes with this package."""
    try:
        import torch
        import transformers

        from core.models import load_student

        load_student(ModelConfig(), torch.device("cpu"))
    except (ImportError, OSError, CoreError) as error:
        return _check("transformers", "fails", one_line(error), _INSTALL)
    found = f"{transformers.__version__}, loads the embedded model"
    return _check("transformers", "ok", found)


def check_sqlite() -> Check:
    """Whether it makes a workspace's tables, in a temporary folder, and keeps them in WAL."""
    version = sqlite3.sqlite_version
    try:
        from storage.migrations import migrate  # slow to import: see there

        with TemporaryDirectory(prefix="btp-doctor-") as folder:
            database = Path(folder) / "btp.db"
            migrate(database)
            with closing(connect_reader(database)) as connection:
                (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    except (ImportError, OSError, sqlite3.Error, StorageError) as error:
        advice = "Check that the folder for temporary files can be written to (TMPDIR)."
        return _check("SQLite", "fails", f"{version} makes no workspace: {one_line(error)}", advice)
    if mode != "wal":
        advice = "Set TMPDIR to a folder on a local disk; a network file system has none."
        return _check("SQLite", "fails", f"{version} has no write-ahead log here: {mode}", advice)
    return _check("SQLite", "ok", f"{version}, makes a workspace with a write-ahead log")


def _check(name: str, state: State, found: str, advice: str = "") -> Check:
    return Check("software", name, state, found, advice)
