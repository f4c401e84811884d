"""Prioritised draws against cpprb and torchrl in the same process, by turns.

    python tests/benchmarks/bench_replay.py [--quick] [--json]

Peers are measured where they are installed (`pip install cpprb torchrl`). Each figure is the median
of many turns, every turn with new random rows, so that no cache is warmer than in use. Sampling
means 256 row ids with their importance weights; updating, 256 new priorities, sums included.
Exclusions are measured against the same without them, one program in a hundred: drawing, beginning
a buffer, and opening a store, through SQL and with the copy that an earlier process left.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import statistics
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from core.config import ReplayConfig
from core.drawing import ProportionalDrawing
from core.priority import p2value
from core.replay import ReplayBuffer
from storage.columns import Columns
from storage.reader import Reader
from storage.schema import TaskRecord
from storage.workspace import Workspace
from storage.writer import Writer

MINIBATCH = 256
OMEGA, BETA = 0.6, 0.4

#: Columns of the mirror that nothing was said in.
SAID = ("excluded", "marked")

Contestants = dict[str, Callable[[int], object]]


class Mirror(Columns):
    """A mirror filled with made-up candidates instead of a database's."""

    def __init__(self, rows: int, rng: np.random.Generator) -> None:
        super().__init__(Reader(Workspace("no such folder")))
        numbers = np.arange(rows)
        filled = {
            "sample": numbers + 1,
            "program": numbers + 1,
            "logprob": -40 * rng.random(rows),
            "n_tokens": rng.integers(20, 400, rows),
            "pass_rate": rng.integers(0, 9, rows) / 8,
            "student_logprob": np.full(rows, np.nan),
        }
        for name, column in self._columns.items():
            column.extend(filled.get(name, np.ones(rows) if name not in SAID else np.zeros(rows)))
        self._publish()
        self.revision = 1


def by_turns(contestants: Contestants, turns: int) -> dict[str, float]:
    """Median seconds of each contestant."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(turns + 2):
        for name, act in contestants.items():
            begin = time.perf_counter()
            act(turn)
            if turn >= 2:  # the first ones warm up
                seconds[name].append(time.perf_counter() - begin)
    return {name: statistics.median(values) for name, values in seconds.items()}


def peers(rows: int, priorities: np.ndarray) -> tuple[dict[str, Any], dict[str, str]]:
    """The filled buffers of the other libraries, and why one is missing."""
    found: dict[str, Any] = {}
    missing: dict[str, str] = {}
    try:
        from cpprb import PrioritizedReplayBuffer

        buffer = PrioritizedReplayBuffer(rows, {"row": {"dtype": np.int64}}, alpha=OMEGA, eps=0.0)
        buffer.add(row=np.arange(rows), priorities=priorities)
        found["cpprb"] = buffer
    except ImportError as error:
        missing["cpprb"] = str(error)
    try:
        from torchrl.data.replay_buffers.samplers import PrioritizedSampler

        sampler = PrioritizedSampler(rows, alpha=OMEGA, beta=BETA, eps=0.0)
        sampler.extend(np.arange(rows))
        sampler.update_priority(np.arange(rows), priorities)
        found["torchrl"] = sampler
    except (ImportError, OSError, RuntimeError) as error:  # its compiled part may not load
        missing["torchrl"] = str(error).splitlines()[0]
    return found, missing


def measure(rows: int, turns: int) -> dict[str, Any]:
    """All figures at so many rows."""
    rng = np.random.default_rng(0)
    mirror = Mirror(rows, rng)
    config = ReplayConfig(exponent=OMEGA, beta=BETA)
    buffer = ReplayBuffer(mirror, 1, config)
    rivals, missing = peers(rows, buffer._p2value.values.copy())
    chosen = rng.integers(0, rows, (turns + 2, MINIBATCH))
    fresh = rng.random((turns + 2, MINIBATCH))
    drawing = ProportionalDrawing()
    values = buffer._p2value.values.copy()
    drawing.tune(values, OMEGA, config.floor)

    def update(turn: int) -> None:
        values[chosen[turn]] = fresh[turn]
        drawing.update(values, chosen[turn])

    sampling: Contestants = {"ours": lambda _: buffer.draw(MINIBATCH, rng)}
    updating: Contestants = {"ours": update}
    if "cpprb" in rivals:
        cpprb = rivals["cpprb"]
        sampling["cpprb"] = lambda _: cpprb.sample(MINIBATCH, beta=BETA)
        updating["cpprb"] = lambda turn: cpprb.update_priorities(chosen[turn], fresh[turn])
    if "torchrl" in rivals:
        torchrl = rivals["torchrl"]
        storage = range(rows)
        sampling["torchrl"] = lambda _: torchrl.sample(storage, MINIBATCH)
        updating["torchrl"] = lambda turn: torchrl.update_priority(chosen[turn], fresh[turn])
    sample, updated = by_turns(sampling, turns), by_turns(updating, turns)
    figures: dict[str, Any] = {
        "rows": rows,
        "sample_us": round(sample["ours"] * 1e6, 1),
        "update_us": round(updated["ours"] * 1e6, 1),
    }
    for name in rivals:
        figures[f"sample_vs_{name}"] = round(sample[name] / sample["ours"], 2)
        figures[f"update_vs_{name}"] = round(updated[name] / updated["ours"], 2)
    return (
        figures
        | measure_alpha(buffer, rivals.get("cpprb"), max(5, turns // 20))
        | {f"no_{name}": reason for name, reason in missing.items()}
    )


def measure_alpha(buffer: ReplayBuffer, cpprb: Any, turns: int) -> dict[str, float]:
    """A change of α over all rows, up to and with the next draw."""
    rng = np.random.default_rng(1)
    rows = np.arange(len(buffer))
    alphas = rng.random(turns + 2)
    chance, rate = buffer._possibility.values, buffer._pass_rate.values

    def ours(kind: str) -> Callable[[int], object]:
        def change(turn: int) -> object:
            knobs = ReplayConfig(alpha=alphas[turn], exponent=OMEGA, beta=BETA, prioritization=kind)
            buffer.configure(knobs)
            return buffer.draw(MINIBATCH, rng)

        return change

    figures: dict[str, float] = {}
    contestants: Contestants = {"proportional": ours("proportional")}
    if cpprb is not None:

        def theirs(turn: int) -> object:
            cpprb.update_priorities(rows, p2value(chance, rate, alphas[turn]))
            return cpprb.sample(MINIBATCH, beta=BETA)

        contestants["cpprb"] = theirs
    seconds = by_turns(contestants, turns)
    ranked = by_turns({"rank": ours("rank")}, turns)
    figures["alpha_proportional_ms"] = round(seconds["proportional"] * 1e3, 2)
    figures["alpha_rank_ms"] = round(ranked["rank"] * 1e3, 2)
    if cpprb is not None:
        figures["alpha_vs_cpprb"] = round(seconds["cpprb"] / seconds["proportional"], 2)
    return figures


def measure_exclusions(rows: int, turns: int) -> dict[str, float]:
    """Times with one program in a hundred excluded, as multiples of those without."""
    rng = np.random.default_rng(2)
    mirror = Mirror(rows, rng)
    excluded = dict.fromkeys((1 + rng.permutation(rows)[: rows // 100]).tolist(), True)
    config = ReplayConfig(exponent=OMEGA, beta=BETA)

    def begin(away: dict[int, bool]) -> ReplayBuffer:
        buffer = ReplayBuffer(mirror, 1, config)
        if away:
            buffer.exclude(away)
        return buffer

    buffers = {"without": begin({}), "with": begin(excluded)}
    alphas = rng.random(turns + 2)

    def change(buffer: ReplayBuffer, turn: int) -> None:
        buffer.configure(ReplayConfig(alpha=alphas[turn], exponent=OMEGA, beta=BETA))
        buffer.draw(MINIBATCH, rng)

    drawing = {name: lambda _, b=buffer: b.draw(MINIBATCH, rng) for name, buffer in buffers.items()}
    turning = {name: lambda turn, b=buffer: change(b, turn) for name, buffer in buffers.items()}
    beginning: Contestants = {"without": lambda _: begin({}), "with": lambda _: begin(excluded)}
    few = max(5, turns // 20)
    figures = {"excluded": float(len(excluded))}
    for name, contestants, number in (
        ("sample", drawing, turns),
        ("alpha", turning, few),
        ("begin", beginning, few),
    ):
        seconds = by_turns(contestants, number)
        figures[f"excluded_{name}_ms"] = round(seconds["with"] * 1e3, 3)
        figures[f"excluded_{name}_ratio"] = round(seconds["with"] / seconds["without"], 2)
    return figures | measure_opening(rows, [*excluded])


def measure_opening(rows: int, excluded: list[int]) -> dict[str, float]:
    """Opening a store of so many programs, with exclusions and as it was before them."""
    figures: dict[str, float] = {}
    with TemporaryDirectory() as folder:
        workspace = filled_store(Path(folder), rows)
        before = opened(workspace)
        with Writer(workspace) as writer:
            begin = time.perf_counter()
            writer.set_flag(1, "excluded", True, excluded)
            figures["exclude_ms"] = round((time.perf_counter() - begin) * 1e3, 1)
        after = opened(workspace)
        for way in before:
            figures[f"excluded_open_{way}_s"] = round(after[way], 3)
            figures[f"excluded_open_{way}_ratio"] = round(after[way] / before[way], 2)
    return figures


def opened(workspace: Workspace) -> dict[str, float]:
    """Median seconds until a mirror has all rows: through SQL, and with the copy of one before."""
    seconds: dict[str, list[float]] = {"sql": [], "copy": []}
    for _ in range(5):
        (workspace.path / "mirror.cache").unlink(missing_ok=True)
        for way in ("sql", "copy"):
            with Reader(workspace) as reader:
                columns = Columns(reader)
                begin = time.perf_counter()
                columns.refresh()
                seconds[way].append(time.perf_counter() - begin)
    return {way: statistics.median(values) for way, values in seconds.items()}


def filled_store(folder: Path, rows: int) -> Workspace:
    """Programs of one run and task, all judged, without texts."""
    workspace = Workspace(folder / "store").create()
    with Writer(workspace) as writer:
        writer.add_tasks([TaskRecord("a", "made", "", "", None, ())])
        writer.create_run("demo-1", "train", "", "nano", "")
    numbers = range(1, rows + 1)
    with closing(sqlite3.connect(workspace.database)) as connection, connection:
        connection.execute("INSERT INTO sources VALUES (1, 'self')")
        connection.execute("INSERT INTO outcomes VALUES (1, 'passed')")
        for table, row in (
            ("programs", "(?1, 1, ?1)"),
            ("samples", "(?1, 1, ?1 / 1000, 1, 0, 1, ?1, -1.5, 30, 0.0)"),
            ("verdicts", "(?1, ?1, 1, 0.5, 1, 'split', 0.1, 0.0, 0)"),
        ):
            connection.executemany(f"INSERT INTO {table} VALUES {row}", ((n,) for n in numbers))
    return workspace


def main() -> None:
    """Measures, and prints a table or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="100,000 rows instead of a million")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    rows = 100_000 if arguments.quick else 1_000_000
    figures = measure(rows, 200) | measure_exclusions(rows, 200)
    if arguments.json:
        print(json.dumps(figures))
        return
    for name, figure in figures.items():
        print(f"{name:24} {figure}")


if __name__ == "__main__":
    main()
