"""Reads the records of a JSONL or parquet file, or of a dataset folder, whoever wrote it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.errors import CoreError
from core.tasks.jsonl import Record, read_records

_PARQUET_MAGIC = b"PAR1"

#: Rows turned into Python values at once.
_CHUNK = 256


def read_rows(path: Path) -> Iterator[Record]:
    """Yields the records of a file or folder in order, a chunk of them in memory.

    A folder is one that `datasets.load_from_disk` opens; parquet and gzip files are known by their
    content, whatever their name. Raises CoreError naming the file, and the line where it has lines.
    """
    if path.is_dir():
        return _numbered(path, _dataset_chunks(path))
    if path.suffix == ".parquet" or _begins_like_parquet(path):
        return _numbered(path, _parquet_chunks(path))
    return read_records(path)


def _numbered(path: Path, chunks: Iterator[Any]) -> Iterator[Record]:
    number = 0
    for chunk in chunks:
        for values in chunk.to_pylist():
            number += 1
            yield Record(f"{path}, row {number}", values)


def _begins_like_parquet(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_PARQUET_MAGIC)) == _PARQUET_MAGIC
    except OSError as error:
        raise CoreError(f"Cannot read {path}: {error.strerror or error}.") from error


def _parquet_chunks(path: Path) -> Iterator[Any]:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    try:
        # Without pre_buffer and with buffer_size, a large row group is not read whole.
        with ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
            yield from file.iter_batches(_CHUNK)
    except pa.ArrowException as error:
        raise CoreError(f"{path} is no parquet file that can be read ({_first(error)}).") from error
    except OSError as error:
        raise CoreError(f"Cannot read {path}: {error.strerror or _first(error)}.") from error


def _dataset_chunks(path: Path) -> Iterator[Any]:
    import datasets  # takes a second

    try:
        dataset = datasets.load_from_disk(str(path))
    except Exception as error:  # which errors there are depends on what the folder holds
        raise CoreError(
            f"{path} is a folder that datasets.load_from_disk cannot open ({_first(error)}); "
            "name a file, or a folder that btp-tui export or Dataset.save_to_disk wrote."
        ) from error
    if isinstance(dataset, datasets.DatasetDict):
        splits = ", ".join(dataset)
        raise CoreError(f"{path} holds several splits ({splits}); name the folder of one of them.")
    yield from dataset.with_format("arrow").iter(_CHUNK)


def _first(error: Exception) -> str:
    """The beginning of an error's text, on one line."""
    return " ".join(str(error).split())[:200]
