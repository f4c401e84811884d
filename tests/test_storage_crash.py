"""kill -9 of a writing engine: what it was told is stored is there, once, and the file is sound."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from storage.columns import Columns
from storage.reader import Reader
from storage.workspace import Workspace
from storage.writer import Writer
from tests.stores import task

#: Writes iteration after iteration from where the store says, and acknowledges each on stdout.
ENGINE = """
import os, sys
from storage.reader import Reader
from storage.workspace import Workspace
from storage.writer import Writer
from tests.stores import sample, update, verdict
workspace = Workspace(sys.argv[1])
writer, reader = Writer(workspace), Reader(workspace)
run = reader.run("demo-1").id
begin = len(reader.updates(run)) + 1
writer.add_verdicts(run, [verdict(program, 0.5) for program, _, _ in reader.unjudged(run)])
os.write(1, b"ready\\n")
for number in range(begin, begin + 10_000):
    records = [sample("a", f"text {number} {rank}" * 40, rank) for rank in range(20)]
    records.append(sample("b", "always the same", 0))
    stored = writer.add_samples(run, number, records)
    writer.add_verdicts(run, [verdict(s.program, 0.5) for s in stored if not s.judged])
    with writer.durable():
        writer.add_update(run, update(number, [s.sample for s in stored], number))
    os.write(1, b"%d\\n" % number)
"""

A_ROUND = 21  # samples an iteration


def test_a_dozen_kills_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    _kill_again_and_again(tmp_path, kills=12)


@pytest.mark.soak
def test_two_hundred_kills_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    _kill_again_and_again(tmp_path, kills=200)


def _kill_again_and_again(folder: Path, kills: int) -> None:
    workspace = Workspace(folder).create()
    with Writer(workspace) as writer:
        writer.create_run("demo-1", "train", "", "nano", "")
        writer.add_tasks([task("a"), task("b")])
    moments = random.Random(0)
    stored = 0
    for _ in range(kills):
        acknowledged = _killed_engine(workspace, moments.uniform(0.0, 0.08))
        stored = _check(workspace, at_least=max(stored, acknowledged))
    assert stored > kills


def _killed_engine(workspace: Workspace, after_s: float) -> int:
    """Runs an engine, kills it so long after it began to write; returns what it acknowledged."""
    command = [sys.executable, "-c", ENGINE, str(workspace.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as engine:
        assert engine.stdout is not None
        assert engine.stdout.readline() == b"ready\n"
        time.sleep(after_s)
        engine.send_signal(signal.SIGKILL)
        lines = engine.stdout.read().split(b"\n")[:-1]
    assert engine.returncode == -signal.SIGKILL
    return int(lines[-1]) if lines else 0


def _check(workspace: Workspace, at_least: int) -> int:
    """Asserts that the store is whole; returns the number of its updates."""
    connection = sqlite3.connect(workspace.database)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
    with Reader(workspace) as reader:
        keys = reader.query("SELECT iteration, task, rank, source FROM samples")
        assert len(keys) == len(set(keys))
        updates = [number for (number,) in reader.query("SELECT number FROM updates ORDER BY id")]
        assert updates == [*range(1, len(updates) + 1)]
        assert len(updates) >= at_least
        # What was killed may have stored the samples of one more iteration.
        assert len(keys) in (len(updates) * A_ROUND, (len(updates) + 1) * A_ROUND)
        texts = reader.query("SELECT count(*), count(DISTINCT text) FROM texts")
        assert texts[0][0] == texts[0][1]
        verdicts = reader.query("SELECT count(*), count(DISTINCT program) FROM verdicts")
        assert verdicts[0][0] == verdicts[0][1]
        columns = Columns(reader)
        columns.refresh()
        assert int(columns.replays.sum()) == len(updates) * A_ROUND
    return len(updates)
