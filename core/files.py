"""Files and folders that appear only when all of them is written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import CoreError


@contextmanager
def written_beside(path: Path, folder: bool = False) -> Iterator[Path]:
    """Yields a free path beside `path`; what is written there is moved to `path` at the end.

    Where an error comes out of the block, what was written is gone and `path` as it was. A file is
    replaced; a folder is not, unless it is empty. Raises CoreError where `path` cannot be written.
    """
    if problem := _problem(path, folder):
        raise CoreError(f"Cannot write {path}: {problem}.")
    beside = _beside(path)
    try:
        yield beside
        with writing(path):
            beside.replace(path)
    finally:
        with writing(path):
            shutil.rmtree(beside) if beside.is_dir() else beside.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Raises CoreError where `written_beside` could write no file; to be asked before long work."""
    if problem := _problem(path, folder=False):
        raise CoreError(f"Cannot write {path}: {problem}.")
    with writing(path):
        _beside(path).touch()
        _beside(path).unlink()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raises CoreError, which says that `path` cannot be written and why, for an OSError inside.

    A pipe whose reader has gone is no error of ours: it is left to the command.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CoreError(f"Cannot write {path}: {error.strerror or error}.") from error


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def _problem(path: Path, folder: bool) -> str:
    with writing(path):
        if folder and path.exists() and not (path.is_dir() and not any(path.iterdir())):
            return "it is there already; name a new folder, or remove it first"
        if not folder and path.is_dir():
            return "it is a folder; name a file"
        if not folder and path.exists() and not path.is_file():
            return "it is no ordinary file; name another"
    return ""
