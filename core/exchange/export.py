"""Writes the stored programs that a filter lets through to a file for other tools.

What is filtered and sorted is the mirror; the rows follow a chunk at a time, each in a read
transaction of its own, so that memory stays bounded and an engine at work can go on writing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.candidates import possibilities
from core.config import ReplayConfig
from core.errors import CoreError
from core.exchange.formats import Format, Write, open_writer, write_lines
from core.files import writing, written_beside
from core.priority import p2value
from storage.columns import Columns
from storage.exported import read_exported
from storage.query import QueryError, parse_query
from storage.reader import Reader
from storage.search import Found
from storage.selection import Selection, find_selection, in_order
from storage.workspace import Workspace

#: Rows read in one transaction and held in memory.
CHUNK = 512

STDOUT = Path("-")


def export(
    workspace: Workspace,
    query: str,
    format: Format,
    out: Path,
    replay: ReplayConfig,
    on_progress: Callable[[int, int], None] = lambda *_: None,
) -> int:
    """Writes the samples that `query` asks for, of all runs unless it names one; returns how many.

    Oldest first unless the query sorts; `replay` says what P2Value is made of. `out` appears only
    when all rows are written; "-" is stdout. `on_progress` hears (done, total) rows.
    Raises CoreError or StorageError where the query, the workspace or `out` is wrong.
    """
    if out == STDOUT and format is not Format.JSONL:
        raise CoreError(f"Only jsonl can go to stdout; name a file or folder for {format}.")
    with Reader(workspace.open()) as reader, _destination(format, out) as write:
        columns = Columns(reader)
        columns.refresh()
        rows = select_rows(query, reader, columns, replay)
        for begin in range(0, len(rows), CHUNK):
            chunk = rows[begin : begin + CHUNK]
            write(read_exported(reader, columns, chunk))
            on_progress(begin + len(chunk), len(rows))
    return len(rows)


def select_rows(
    query: str, reader: Reader, columns: Columns, replay: ReplayConfig
) -> NDArray[np.int64]:
    """Rows of the mirror in the order of the query; raises CoreError where it cannot be read."""

    def value() -> NDArray[np.float64]:
        chance = possibilities(columns, np.arange(len(columns)), replay)
        return p2value(chance, columns.pass_rate.astype(np.float64), replay.alpha)

    try:
        wanted = parse_query(f"sort:newest {query}")  # a later sort takes the place of an earlier
        chosen = find_selection(wanted, {run.name: run.id for run in reader.runs()})
    except QueryError as error:
        raise CoreError(str(error)) from error
    keep = chosen.by_columns(columns, value)
    keep = chosen.by_words(columns, keep, _search(chosen, reader))
    return in_order(columns, keep, wanted, value)


def _search(chosen: Selection, reader: Reader) -> list[Found]:
    """What is found for each of the words, when all texts are indexed."""
    found = [reader.search(words) for words, _ in chosen.words]
    while any(each.left for each in found):
        found = [reader.search(words) for words, _ in chosen.words]
    return found


@contextmanager
def _destination(format: Format, out: Path) -> Iterator[Write]:
    if out == STDOUT:
        # A file of its own: Python would flush sys.stdout once more after a pipe has broken.
        with writing(Path("stdout")), os.fdopen(os.dup(sys.stdout.fileno()), "wb") as file:
            yield write_lines(file)
        return
    folder, compressed = format is Format.DATASET, out.name.endswith(".gz")
    with (
        written_beside(out, folder) as beside,
        writing(out),
        open_writer(format, beside, compressed) as write,
    ):
        yield write
