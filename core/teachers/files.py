"""A teacher that has written already: programs in files, as `btp-tui export` writes them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from core.errors import CoreError
from core.program import Program
from core.submissions import Submission, read_submissions, tasks_by_any_id
from core.tasks.task import Task
from core.teachers.teacher import Teacher


class FileTeacher(Teacher):
    """All programs that the files hold for a task; those for tasks not trained on are left out.

    A program keeps the log-probability that its file gives. The student's mark "self" becomes
    "import:FILE": its tokens were those of another run. Raises CoreError for a broken file, and
    where not one program is for a training task.
    """

    def __init__(self, paths: Sequence[str], tasks: Sequence[Task]) -> None:
        super().__init__(", ".join(Path(path).name for path in paths))
        self._programs: dict[str, list[Program]] = defaultdict(list)
        known = tasks_by_any_id(tasks)
        for path in map(Path, paths):
            for submission in read_submissions(path, known, origins=True, skip_unknown=True):
                programs = self._programs[submission.task.task_id]
                programs.append(_program(submission, path, len(programs)))
        if not self._programs:
            raise CoreError(
                f"{', '.join(paths)}: no program is for a task of tasks.train, whose ids look "
                f"like {tasks[0].task_id!r}."
            )

    def sample(
        self, tasks: Sequence[Task], iteration: int
    ) -> Iterator[tuple[Task, tuple[Program, ...]]]:
        del iteration  # a file has no more to say the second time
        for task in tasks:
            yield task, tuple(self._programs.get(task.task_id, ()))

    def most_programs(self, task: Task) -> int:
        return len(self._programs.get(task.task_id, ()))


def _program(submission: Submission, path: Path, rank: int) -> Program:
    record = submission.record
    return Program(
        task_id=record.task_id,
        rank=rank,
        text=record.text,
        source=f"import:{path.name}" if record.source == "self" else record.source,
        reported=None if record.logprob is None else (record.logprob, record.n_tokens),
    )
