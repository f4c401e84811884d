"""The log stays short while a screen is open, however often it reads.

Here it moves to the database at 4 MiB instead of 32, so that a test fills it many times.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage.columns import Columns
from storage.connection import log_of
from storage.reader import Reader
from storage.workspace import Workspace
from storage.writer import Writer
from tests.stores import sample, task

_LENGTH = 4 << 20

#: Up to twice its usual length readers are not waited for, and on a busy machine they may be waited
#: for in vain a few times; a transaction may come on top.
BOUND = 6 * _LENGTH

_TEXT = "    value = value * 3 + 1\n" * 40  # 1 kB, as long as a program is
_BATCH = 500
_BATCHES = 60  # 30,000 programs


@pytest.fixture
def writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Writer]:
    for module in ("storage.connection", "storage.log_keeper"):
        monkeypatch.setattr(f"{module}.LOG_BYTES", _LENGTH)
    with Writer(Workspace(tmp_path).create()) as opened:
        opened.create_run("demo-1", "train", "", "nano", "")
        opened.add_tasks([task("a")])
        yield opened


def test_the_log_is_bounded_while_a_reader_stays_open_between_reads(writer: Writer) -> None:
    with Reader(writer.workspace) as reader:
        columns = Columns(reader)
        sizes = [_write(writer, batch, columns.refresh) for batch in range(_BATCHES)]
        assert len(columns) == _BATCH * _BATCHES
    assert max(sizes) < BOUND
    assert writer.workspace.database.stat().st_size > 1.3 * BOUND  # it went through the log


def test_the_log_is_bounded_while_readers_poll_as_fast_as_they_can(writer: Writer) -> None:
    with _polling(writer.workspace, threads=2) as reads:
        sizes = [_write(writer, batch) for batch in range(_BATCHES)]
    assert len(reads) > _BATCHES
    assert max(sizes) < BOUND


def test_after_a_long_read_the_log_is_soon_bounded_again(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.log_keeper._WAIT_S", 0.05)
    with Reader(writer.workspace) as reader:
        with reader.snapshot():
            reader.runs()
            during = [_write(writer, batch) for batch in range(30)]
        assert max(during) > BOUND  # nothing can begin anew under a reader
        after = [_write(writer, batch) for batch in range(30, 35)]
        reader.runs()
    assert after[-1] < BOUND


def _write(writer: Writer, batch: int, read: Callable[[], object] | None = None) -> int:
    """Stores a batch of programs, then reads; returns the bytes of the log."""
    texts = (f"{batch} {rank}\n{_TEXT}" for rank in range(_BATCH))
    records = [sample("a", text, rank, n_tokens=100) for rank, text in enumerate(texts)]
    writer.add_samples(1, batch, records)
    if read is not None:
        read()
    return log_of(writer.workspace.database).stat().st_size


@contextmanager
def _polling(workspace: Workspace, threads: int) -> Iterator[list[int]]:
    """Threads that read every text, again and again; yields what they counted."""
    reads: list[int] = []
    ended = threading.Event()

    def poll() -> None:
        with Reader(workspace) as reader:
            while not ended.is_set():
                reads.append(len(reader.query("SELECT max(length(text)) FROM texts")))

    readers = [threading.Thread(target=poll) for _ in range(threads)]
    for reader in readers:
        reader.start()
    try:
        yield reads
    finally:
        ended.set()
        for reader in readers:
            reader.join()
