"""What an engine writes in an hour, but for programs, in a minute or so: see bench_screen.py."""

from __future__ import annotations

import random
import time
from pathlib import Path

from storage.reader import Reader
from storage.schema import EvaluationRecord, Progress, Telemetry, UpdateRecord
from storage.workspace import Workspace
from storage.writer import Writer

#: Rows of an hour, as the embedded model's engine writes them on two cores.
READINGS, UPDATES, LINES, MEASUREMENTS = 3600, 6000, 1200, 120

#: Held-out tasks of a measurement, programs of a minibatch.
TASKS, DRAWS = 100, 32


def progress(state: str, updates: int, step: int) -> Progress:
    """Where such a run stands."""
    return Progress(
        state=state,
        phase="replay" if state == "running" else "done",
        iteration=step // 24,
        sampled=96,
        sample_total=96,
        updated=step % 24,
        update_total=24,
        programs=100_000,
        updates=updates,
        tokens_per_s=1500.0 + step % 100,
        elapsed_s=float(step),
        device="cpu",
        heartbeat=time.time(),
    )


def write_an_hour(path: Path, seconds: float) -> None:
    """Writes the rows evenly within so many seconds, as the engine of the newest run."""
    workspace, random_ = Workspace(path), random.Random(0)
    with Reader(workspace) as reader:
        [newest, *_] = reader.runs()
    run, parts, began = newest.id, 20 * int(seconds), time.monotonic()
    before = newest.progress.updates if newest.progress else 0
    with Writer(workspace) as writer, workspace.engine_lock(newest.name):
        for part in range(parts):
            for _ in _due(READINGS, part, parts):
                used = random_.uniform(50, 100)
                writer.add_telemetry(run, Telemetry(used, 5 << 30, 16 << 30, 1 << 30, ()))
            for number in _due(UPDATES, part, parts):
                draws = tuple(random_.randrange(1, 100_000) for _ in range(DRAWS))
                loss = random_.random()
                writer.add_update(
                    run, UpdateRecord(0, before + number + 1, loss, 1.0, 900, 0.4, draws)
                )
            for number in _due(LINES, part, parts):
                writer.add_event(run, "info", f"Checkpoint after {number} updates.")
            for number in _due(MEASUREMENTS, part, parts):
                tasks = {f"made/{task}": random_.random() for task in range(TASKS)}
                accuracy, update = random_.random(), before + UPDATES * part // parts
                writer.add_evaluation(
                    run,
                    EvaluationRecord(number, update, "during", accuracy, accuracy, tasks, 2.0),
                )
            done = UPDATES * (part + 1) // parts
            writer.set_progress(run, progress("running", before + done, part))
            time.sleep(max(0.0, began + seconds * (part + 1) / parts - time.monotonic()))
        writer.set_progress(run, progress("stopped", before + UPDATES, parts))


def _due(rows: int, part: int, parts: int) -> range:
    """The numbers of the rows that fall into one part."""
    return range(rows * part // parts, rows * (part + 1) // parts)
