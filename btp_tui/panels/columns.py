"""The columns of a table: how each reads, and which of them fit into so many cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from textual.content import Content

from btp_tui import words
from btp_tui.panels.panel import Piece, line

Row = TypeVar("Row")

#: Cells below which a column that takes the rest is not worth showing.
_FLEXIBLE = 8


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """How one column reads: its title, its width in cells, and the text of a row.

    A width of 0 takes what the others leave. Where not all columns fit, those with the highest
    `optional` go first; 0 always stays. `sort` names the key that sorts by it, for the arrow. `cut`
    shortens a plain text to so many cells.
    """

    title: str
    width: int
    cell: Callable[[Row], Piece]
    right: bool = False
    optional: int = 0
    sort: str = ""
    cut: Callable[[str, int], str] = words.fit


def fitting(columns: Sequence[Column[Row]], width: int) -> Columns[Row]:
    """Those that fit into a table so many cells wide, the most optional ones dropped."""
    left = list(columns)
    while _least_width(left) > width and any(column.optional for column in left):
        left.remove(max(left, key=lambda column: column.optional))
    return Columns(left, width)


class Columns(Generic[Row]):
    """Columns side by side in so many cells: one without a width takes what the others leave."""

    def __init__(self, columns: Sequence[Column[Row]], width: int) -> None:
        taken = sum(column.width for column in columns) + 2 * (len(columns) - 1) + 2
        self._placed = [(column, column.width or max(4, width - taken)) for column in columns]

    @property
    def titles(self) -> list[str]:
        """What they are called, from the left."""
        return [column.title for column, _ in self._placed]

    def header(self, key: str, descending: bool) -> Content:
        """The titles, with an arrow at the one that the rows are sorted by."""
        arrow = "↓" if descending else "↑"
        return self._join(
            line(column.title + (arrow if column.sort and column.sort == key else ""))
            for column, _ in self._placed
        )

    def cells(self, row: Row) -> Content:
        """The cells of a row."""
        return self._join(column.cell(row) for column, _ in self._placed)

    def sort_at(self, x: int) -> str:
        """What the column at a cell of the header sorts by, "" where it does not."""
        end = 1
        for column, width in self._placed:
            end += width + 2
            if x < end - 1:
                return column.sort
        return ""

    def _join(self, cells: Iterator[Piece]) -> Content:
        parts = []
        for (column, room), cell in zip(self._placed, cells, strict=True):
            text = line(column.cut(cell, room) if isinstance(cell, str) else cell)
            text = text.truncate(room, ellipsis=True)
            pad = room - text.cell_length
            parts.append(text.pad_left(pad) if column.right else text.pad_right(pad))
        return Content(" ") + Content("  ").join(parts)


def _least_width(columns: Sequence[Column[Row]]) -> int:
    """Cells for the columns, the gaps between them and a margin; a flexible one needs a few."""
    return sum(column.width or _FLEXIBLE for column in columns) + 2 * len(columns)
