"""Takes programs from a file into the store, as runs of their own, and tests them anew.

The file is read once to check all of it, so that nothing is written for a file with a wrong row,
and then once for each of the runs that its rows come from: most files hold few.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.config import CustomTasksConfig
from core.errors import CoreError
from core.executor import Executor
from core.records import task_record
from core.scoring import Tally, open_run
from core.submissions import Submission, read_submissions, tasks_by_any_id
from core.tasks import Task
from core.tasks.load import NO_CUSTOMS, load_tasks
from storage.workspace import Workspace
from storage.writer import Writer


def import_file(
    tasks: str,
    programs: Path,
    workspace: Workspace,
    executor: Executor,
    on_progress: Callable[[int, int], None] = lambda *_: None,
    customs: Mapping[str, CustomTasksConfig] = NO_CUSTOMS,
) -> dict[str, Any]:
    """Stores every program of the file `programs` and runs it against the dataset `tasks`.

    Rows of different runs become different runs of kind "import"; iteration, rank, source, logprob,
    n_tokens and tokens are kept, verdicts are made anew. A row that is there twice counts once.
    `on_progress` hears (done, total) programs. `customs` are the datasets that the configuration
    adds. Raises CoreError or StorageError before anything is written where an input is wrong.

    Returns runs (new name -> the name that the file gives, "" for none), tasks (those with
    programs), repeated (rows left out), seconds, isolation, and what Tally.summary holds.
    """
    started = time.monotonic()
    known = tasks_by_any_id(load_tasks(tasks, customs=customs))
    contents = _check(programs, known)
    total = sum(contents.runs.values())
    tally = Tally()
    runs: dict[str, str] = {}
    with Writer(workspace.create()) as writer:
        writer.add_tasks([task_record(task) for task in contents.tasks.values()])
        for origin, count in contents.runs.items():
            inputs = {"tasks": tasks, "programs": str(programs), "run": origin}
            with open_run("import", inputs, writer, executor, count) as run:
                runs[run.name] = origin
                for _, _, verdict in run.judge(contents.of_run(origin)):
                    tally.add(verdict)
                    on_progress(tally.done, total)
    return {
        "runs": runs,
        "tasks": len(contents.tasks),
        "repeated": int(contents.repeated.sum()),
        **tally.summary(),
        "seconds": time.monotonic() - started,
        "isolation": str(executor.isolation),
    }


@dataclass(frozen=True, slots=True, eq=False)
class _Contents:
    """A file without a wrong row.

    `runs` counts the programs of each run, `tasks` are those that have programs, `repeated` (rows,)
    says which rows another one before them says already.
    """

    path: Path
    known: Mapping[str, Task]
    runs: Mapping[str, int]
    tasks: Mapping[str, Task]
    repeated: NDArray[np.bool_]

    def of_run(self, run: str) -> Iterator[Submission]:
        """The programs of one run, in the order of the file."""
        for submission, repeated in zip(_read(self.path, self.known), self.repeated, strict=False):
            if submission.run == run and not repeated:
                yield submission


def _read(path: Path, known: Mapping[str, Task]) -> Iterator[Submission]:
    return read_submissions(path, known, origins=True)


def _check(path: Path, known: Mapping[str, Task]) -> _Contents:
    """Reads all of a file; raises CoreError where it holds nothing, or something wrong."""
    tasks: dict[str, Task] = {}
    codes: dict[str, int] = {}  # of the runs
    # By row, 24 bytes each: hashes stand for identities and texts.
    run, identity, text = array("q"), array("Q"), array("Q")
    for submission in _read(path, known):
        tasks[submission.task.task_id] = submission.task
        run.append(codes.setdefault(submission.run, len(codes)))
        identity.append(_hash(_identity(submission)))
        text.append(_hash(submission.record.text))
    if not tasks:
        raise CoreError(f"{path} holds no programs.")
    repeated, conflict = _compare(np.array(identity), np.array(text))
    if conflict:
        raise _conflict(path, known, *conflict)
    counts = np.bincount(np.array(run)[~repeated], minlength=len(codes)).tolist()
    return _Contents(path, known, dict(zip(codes, counts, strict=True)), tasks, repeated)


def _compare(
    identity: NDArray[np.uint64], text: NDArray[np.uint64]
) -> tuple[NDArray[np.bool_], tuple[int, int] | None]:
    """Which rows have identity and text of one before; and the first two that differ in text."""
    order = np.argsort(identity, kind="stable")
    earlier, later = order[:-1], order[1:]
    same = identity[earlier] == identity[later]
    repeated = np.zeros(len(identity), bool)
    repeated[later[same]] = True
    conflicts = np.flatnonzero(same & (text[earlier] != text[later]))
    if not len(conflicts):
        return repeated, None
    first = conflicts[np.argmin(later[conflicts])]
    return repeated, (int(earlier[first]), int(later[first]))


def _conflict(path: Path, known: Mapping[str, Task], earlier: int, later: int) -> CoreError:
    """The error for two rows, by their positions in the file."""
    rows = {earlier, later}
    found = [row for position, row in enumerate(_read(path, known)) if position in rows]
    first, second = found
    return CoreError(
        f"{second.place}: the same run, iteration, task, rank and source as in {first.place}, but "
        "another program; give it another run or rank."
    )


def _identity(submission: Submission) -> str:
    """What no two samples of a run may have in common."""
    record = submission.record
    origin = (submission.run, submission.iteration, record.task_id, record.rank, record.source)
    return repr(origin)


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
