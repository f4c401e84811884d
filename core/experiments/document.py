"""Puts the tables of experiments into a hand-written document, between marks that name them.

The marks are HTML comments, which Markdown does not show:

    <!-- tables of c3 -->
    ... replaced ...
    <!-- end of c3 -->
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from core.errors import CoreError
from core.files import writing, written_beside


def check_document(file: Path, names: Sequence[str]) -> None:
    """Raises CoreError where the document, or the place of an experiment in it, is not there."""
    text = _read(file)
    for name in names:
        _split(text, name, file)


def write_document(file: Path, bodies: Mapping[str, str], plots: Sequence[Path]) -> None:
    """Puts each experiment's tables into its place, and copies the plots beside the document."""
    text = _read(file)
    for name, body in bodies.items():
        before, after = _split(text, name, file)
        text = f"{before}\n\n{body.strip()}\n\n{after}"
    folder = plots_folder(file)
    with writing(folder):
        folder.mkdir(exist_ok=True)
        for plot in plots:
            shutil.copyfile(plot, folder / plot.name)
    with written_beside(file) as beside:
        beside.write_text(text, encoding="utf-8")


def plots_folder(file: Path) -> Path:
    """Where the plots of a document lie: docs/experiments/ for docs/experiments.md."""
    return file.with_suffix("")


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CoreError(f"Cannot read the document {file}: {error}.") from error


def _split(text: str, name: str, file: Path) -> tuple[str, str]:
    """What stands before and after the tables of an experiment, the marks included."""
    begin, end = f"<!-- tables of {name} -->", f"<!-- end of {name} -->"
    before, found, rest = text.partition(begin)
    _, also_found, after = rest.partition(end)
    if not found or not also_found:
        raise CoreError(f"{file} has no place for {name}: add the lines {begin} and {end}.")
    return before + begin, end + after
