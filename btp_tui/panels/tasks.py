"""How tasks look in a table: their pass rate over the iterations, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from btp_tui import words
from btp_tui.panels.columns import Column, Columns, fitting
from btp_tui.panels.latest import short_task
from btp_tui.panels.panel import Piece
from btp_tui.panels.plot import sparkline
from btp_tui.panels.table import Table
from btp_tui.tasks import TaskLine

#: Where no program of a task was tested in a stretch of iterations.
_GAP = "·"

#: Cells of a task's name where there is room for its best program, and of the shortest history.
_NAME, _SHORTEST = 24, 12

#: Cells that one stretch takes at most.
_WIDEST = 4


class TaskTable(Table[TaskLine]):
    """One row a task; the history takes as much of the width as the other columns leave."""

    def __init__(self, id: str) -> None:
        super().__init__((), key=lambda row: row.task, id=id, pinned=True)

    def fitting(self, width: int) -> Columns[TaskLine]:
        """The columns for a width, and for the order: what it goes by is always there."""
        return fitting(task_columns(width, self._sorted_by[0]), width)


#: Cells below which it would take the room of the names.
_ROOM_FOR_SOLVED = 64


def task_columns(width: int, sort: str) -> list[Column[TaskLine]]:
    """80, 120 and 200 columns each on purpose; see `btp_tui.tasks.TASK_SORTS` for the order."""
    medium, wide = width >= 98, width >= 148
    name = _NAME if wide else 0
    history = _SHORTEST
    if medium:  # what the other columns, the gaps, and the name or also a program leave
        history = min(48, width - 66 - _NAME - 20) if wide else min(32, width - 64 - 14)
    change: Column[TaskLine] = Column("change", 7, _change, right=True, sort="improved")
    lost: Column[TaskLine] = Column("lost", 7, _lost, right=True, sort="regressed")
    columns = [
        Column("task", name, lambda row: row.task, sort="name", cut=short_task),
        Column("pass rate", history, lambda row: (_spark(row.history, history), "$secondary")),
        Column("first → now", 12, _first_and_now, right=True, sort="hardest"),
        *([change, lost] if medium else [lost] if sort == "regressed" else [change]),
        Column("programs", 8, lambda row: words.count(row.programs), right=True, optional=2),
        Column("best", 5, _best, right=True, optional=1),
    ]
    if width >= _ROOM_FOR_SOLVED:
        columns.append(Column("solved in", 9, _solved))
    if wide:
        columns.append(Column("its best program", 0, lambda row: row.text))
    return columns


def _spark(history: Sequence[float | None], width: int) -> str:
    """The whole history however narrow; where there is room, a stretch takes several cells."""
    groups = min(width, len(history))
    if not groups:
        return ""
    cells = min(_WIDEST, width // groups)
    edges = [at * len(history) // groups for at in range(groups + 1)]
    marks = []
    for begin, end in pairwise(edges):
        known = [rate for rate in history[begin:end] if rate is not None]
        mark = sparkline([sum(known) / len(known)], 1, 0.0, 1.0) if known else _GAP
        marks.append(mark * cells)
    return "".join(marks)


def _first_and_now(row: TaskLine) -> Piece:
    if row.first is None or row.newest is None:
        return ("–", "$dimmed")
    if not row.again:
        return f"{100 * row.newest:.0f} %"
    return f"{100 * row.first:.0f} → {100 * row.newest:>3.0f} %"


def _change(row: TaskLine) -> Piece:
    return _points(row.change)


def _lost(row: TaskLine) -> Piece:
    return _points(row.lost)


def _points(change: float | None) -> Piece:
    """A difference of two rates in percentage points, with its sign."""
    if change is None:
        return ("–", "$dimmed")
    points = round(100 * change)
    if points == 0:
        return ("0 pt", "$dimmed")
    return (f"{'+' if points > 0 else '−'}{abs(points)} pt", "$passed" if points > 0 else "$failed")


def _best(row: TaskLine) -> Piece:
    return ("–", "$dimmed") if row.best is None else f"{100 * row.best:.0f} %"


def _solved(row: TaskLine) -> Piece:
    """The sign and the iteration of the first program that passed all tests."""
    return ("not yet", "$dimmed") if row.solved is None else (f"✓ iter {row.solved}", "$passed")
