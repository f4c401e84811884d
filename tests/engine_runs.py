"""Small real runs of the engine as a child process, for tests of crashes, commands and signals."""

from __future__ import annotations

import gzip
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from storage.reader import Reader
from storage.schema import Progress
from storage.workspace import Workspace

ITERATIONS, TASKS, BEAMS, UPDATES = 3, 8, 2, 4

_SETTINGS = {
    "max_iterations": ITERATIONS,
    "sampler.tasks_per_iteration": TASKS,
    "sampler.beams": BEAMS,
    "sampler.batch_tasks": 4,
    "trainer.updates_per_iteration": UPDATES,
    "trainer.minibatch": 4,
    "evaluation.every": 1,
    "executor.workers": 1,
    "tasks.limit": 40,
}


@dataclass
class EngineRun:
    """One run in one workspace; every method starts or watches real processes."""

    workspace: Workspace
    held_out: Path
    name: str = "small"
    settings: Mapping[str, object] = field(default_factory=dict)

    def start(self) -> subprocess.Popen[str]:
        """The engine, training."""
        settings = {**_SETTINGS, **self.settings}
        overrides = [f"--set={key}={value}" for key, value in settings.items()]
        overrides.append(f"--set=tasks.held_out=['nano:{self.held_out}']")
        return self._python("train", "--name", self.name, "--json", *overrides)

    def resume(self) -> subprocess.Popen[str]:
        """Another engine that goes on with the run."""
        return self._python("resume", self.name, "--json")

    def _python(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "core", *arguments]
        command += ["--workspace", str(self.workspace.path)]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
        )

    def rows(self) -> int:
        """How far the run is: rows of results in the store."""
        counts = Reader(self.workspace).query(
            "SELECT (SELECT count(*) FROM samples) + (SELECT count(*) FROM verdicts)"
            " + (SELECT count(*) FROM updates) + (SELECT count(*) FROM evaluations)"
        )
        return int(counts[0][0]) if counts else 0

    def has_reached(self, moment: int | str) -> bool:
        """Whether it has stored so many rows, or says to be in the phase of that name."""
        if isinstance(moment, int):
            return self.rows() >= moment
        progress = self.progress()
        return progress is not None and progress.phase == moment

    def progress(self) -> Progress | None:
        """What the engine said last."""
        run = Reader(self.workspace).run(self.name)
        return run.progress if run else None

    def samples(self) -> list[tuple[int, str, int]]:
        """(iteration, task, rank) of every stored sample, with repetitions if there are any."""
        return sorted(
            Reader(self.workspace).query(
                "SELECT iteration, task_id, rank FROM samples s JOIN tasks t ON t.id = s.task"
            )
        )


def small_held_out(folder: Path, tasks: int = 6) -> Path:
    """A file of the first few embedded held-out tasks."""
    source = Path(__file__).parents[1] / "core" / "nano" / "tasks" / "nano" / "held-out.jsonl.gz"
    folder.mkdir(exist_ok=True)
    file = folder / "held-out.jsonl"
    with gzip.open(source, "rt", encoding="utf-8") as lines:
        file.write_text("".join(next(lines) for _ in range(tasks)), encoding="utf-8")
    return file


def new_run(folder: Path) -> EngineRun:
    """A run in a fresh workspace."""
    return EngineRun(Workspace(folder / "workspace"), small_held_out(folder))


def wait_until(reached: Callable[[], bool], process: subprocess.Popen[str]) -> bool:
    """Polls until `reached`, False when the process ended before; fails after a minute."""
    deadline = time.monotonic() + 60
    while process.poll() is None:
        if reached():
            return True
        if time.monotonic() > deadline:
            process.kill()
            raise AssertionError("the engine got nowhere within a minute")
        time.sleep(0.002)
    return False


def finish(process: subprocess.Popen[str]) -> str:
    """Waits for a process that must succeed and returns its stdout."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out
