"""What the screen shows of a run's tasks: one row a task, and what can be asked of them.

Light on purpose, like `btp_tui.snapshot`; `btp_tui.reading.task_history` works it out.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Order -> what it says of the first row: its pass rate now is the lowest, has risen most since
#: the first programs, or has fallen most since its best; or the name.
TASK_SORTS = {
    "hardest": "hardest first",
    "improved": "most improved first",
    "regressed": "most regressed first",
    "name": "by name",
}

#: The same, turned round.
TURNED_ROUND = {
    "hardest": "easiest first",
    "improved": "least improved first",
    "regressed": "least regressed first",
    "name": "by name, backwards",
}


@dataclass(frozen=True, slots=True)
class TaskWish:
    """Which of the watched run's tasks to show: a part of the name or a pattern, and an order."""

    text: str = ""
    sort: str = "hardest"
    turned_round: bool = False
    offset: int = 0


@dataclass(frozen=True, slots=True)
class TaskLine:
    """One task in a run; rates are mean pass rates in [0, 1], None where nothing was tested.

    `history` has one entry a stretch of iterations, the same stretches for every task. `first`,
    `newest` and `peak` are of the stretches with tested programs. `solved` is the first iteration,
    counted from 1, with a program that passed all tests.
    """

    task: str
    history: tuple[float | None, ...]
    first: float | None
    newest: float | None
    peak: float | None
    programs: int
    best: float | None
    solved: int | None
    text: str = ""

    @property
    def again(self) -> bool:
        """Whether it was tested in more than one stretch: only then is there a change."""
        return sum(rate is not None for rate in self.history) > 1

    @property
    def change(self) -> float | None:
        """From the first to the newest."""
        if self.first is None or self.newest is None or not self.again:
            return None
        return self.newest - self.first

    @property
    def lost(self) -> float | None:
        """From the best stretch to the newest, 0 or less."""
        if self.peak is None or self.newest is None or not self.again:
            return None
        return self.newest - self.peak


@dataclass(frozen=True, slots=True)
class TaskPage:
    """One page of tasks; `total` match what was asked for, `of` were sampled in the run.

    `again` of those that match were tested in more than one stretch, so that they have a history.
    `stretch` is the number of iterations behind one entry of a history, `iterations` of all;
    `problem` says why nothing could be read.
    """

    wish: TaskWish
    run: str = ""
    rows: tuple[TaskLine, ...] = ()
    total: int = 0
    of: int = 0
    solved: int = 0
    again: int = 0
    stretch: int = 1
    iterations: int = 0
    problem: str = ""
