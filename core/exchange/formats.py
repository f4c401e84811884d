"""Writes exported samples as JSONL, parquet or a dataset, a chunk at a time.

pyarrow is imported where it is used: JSONL, and the help of the commands, need none of it.
"""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from core.errors import CoreError
from storage.exported import ExportedSample

Write = Callable[[Sequence[ExportedSample]], None]

#: Bytes of a parquet row group, before it is compressed: what a reader loads at once.
_ROW_GROUP_BYTES = 32 << 20


class Format(StrEnum):
    """What an export can be written as."""

    JSONL = "jsonl"
    PARQUET = "parquet"
    DATASET = "dataset"


#: What the name of a file says of its format.
_ENDINGS = {
    ".parquet": Format.PARQUET,
    ".jsonl": Format.JSONL,
    ".json": Format.JSONL,
    ".gz": Format.JSONL,
}

#: The columns of an exported file.
COLUMNS = tuple(field.name for field in fields(ExportedSample))

_encode = json.JSONEncoder(ensure_ascii=False).encode


class _Binary(Protocol):
    def write(self, data: bytes, /) -> object: ...


def format_of(out: Path, wanted: Format | None) -> Format:
    """The format that is asked for, else that of the file's name; JSONL where it says nothing.

    Raises CoreError where the two contradict each other: what reads the file goes by its name.
    """
    named = _ENDINGS.get(out.suffix)
    if wanted is not None and named is not None and wanted is not named:
        raise CoreError(f"{out} ends like {named} but --format is {wanted}; change one of the two.")
    return wanted or named or Format.JSONL


def write_lines(file: _Binary) -> Write:
    """Writes a JSON object a line."""

    def write(rows: Sequence[ExportedSample]) -> None:
        file.write(b"".join(map(_line, rows)))

    return write


@contextmanager
def open_writer(format: Format, path: Path, compressed: bool) -> Iterator[Write]:
    """What writes rows to a new file or folder at `path`; `compressed` makes JSONL a gzip file."""
    match format:
        case Format.JSONL:
            with path.open("wb") as file:
                if not compressed:
                    yield write_lines(file)
                    return
                # Without a name inside: that of the moment is not the file's own.
                with gzip.GzipFile("", "wb", fileobj=file) as packed:
                    yield write_lines(packed)
        case Format.PARQUET:
            with _open_parquet(path) as write:
                yield write
        case Format.DATASET:
            with _open_dataset(path) as write:
                yield write


def _line(row: ExportedSample) -> bytes:
    fields = (f'"{name}": {_json(getattr(row, name))}' for name in COLUMNS)
    return f"{{{', '.join(fields)}}}\n".encode()


def _json(value: Any) -> str:
    if not isinstance(value, np.ndarray):
        return _encode(value)
    numbers = value.tolist()
    plain = np.isfinite(value) & ((value != 0) | ~np.signbit(value))
    if value.dtype.kind != "f" or not plain.all():
        return _encode(numbers)
    # Nine digits tell any two float32 apart, in half the time of a float64's seventeen; only the
    # sign of -0.0 would be lost.
    return f"[{', '.join(['%.9g'] * len(numbers)) % tuple(numbers)}]"


@contextmanager
def _open_parquet(path: Path) -> Iterator[Write]:
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    schema = _schema()
    group: list[Any] = []

    with path.open("wb") as file, ParquetWriter(file, schema, compression="zstd") as writer:

        def flush() -> None:
            writer.write_table(pa.Table.from_batches(group, schema))
            group.clear()

        def write(rows: Sequence[ExportedSample]) -> None:
            group.append(_batch(rows, schema))
            if sum(batch.nbytes for batch in group) >= _ROW_GROUP_BYTES:
                flush()

        yield write
        if group:
            flush()


@contextmanager
def _open_dataset(folder: Path) -> Iterator[Write]:
    """What `datasets.load_from_disk` reads: one Arrow stream, and two files that describe it.

    `Dataset.save_to_disk` would need all rows in a file of its own first, and copy them.
    """
    import pyarrow as pa

    schema = _schema()
    folder.mkdir()
    data = "data-00000-of-00001.arrow"
    with (folder / data).open("wb") as file, pa.ipc.new_stream(file, schema) as writer:
        yield lambda rows: writer.write_batch(_batch(rows, schema))
    state: dict[str, object] = {
        "_data_files": [{"filename": data}],
        "_fingerprint": uuid.uuid4().hex[:16],  # what `datasets` names cached results after
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": None,
    }
    (folder / "state.json").write_text(json.dumps(state, indent=2), encoding="utf-8")
    (folder / "dataset_info.json").write_text("{}", encoding="utf-8")  # the stream has the types


def _schema() -> Any:
    import pyarrow as pa

    types = {
        "iteration": pa.int32(),
        "rank": pa.int32(),
        "logprob": pa.float64(),
        "n_tokens": pa.int32(),
        "token_ids": pa.list_(pa.int32()),
        "token_logprobs": pa.list_(pa.float32()),
        "pass_rate": pa.float64(),
        "partial": pa.bool_(),
        "seconds": pa.float64(),
        "at": pa.float64(),
        "replays": pa.int32(),
        "excluded": pa.bool_(),
        "marked": pa.bool_(),
    }
    return pa.schema([(name, types.get(name, pa.string())) for name in COLUMNS])


def _batch(rows: Sequence[ExportedSample], schema: Any) -> Any:
    import pyarrow as pa

    columns = {name: [getattr(row, name) for row in rows] for name in COLUMNS}
    return pa.RecordBatch.from_pydict(columns, schema)
