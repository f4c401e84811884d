"""Drawing with braille characters: 2 by 4 dots a cell, one style a cell.

Why not textual-plot: it spends ten columns and five rows on margins and a second frame, which
leaves nothing of a 48 by 10 panel, and needs 9 to 17 ms of CPU a redraw (2 cores, 2026).
"""

from __future__ import annotations

from itertools import groupby

from textual.content import Content

_BLANK = 0x2800
#: What a shaded cell is filled with, where no line runs through it.
SHADE = "░"
#: Bit of each dot of a braille character, by row and column.
_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


class Canvas:
    """A grid of cells to draw dots and lines on; (0, 0) is the upper left dot."""

    def __init__(self, width: int, height: int) -> None:
        self.width = max(0, width)
        self.height = max(0, height)
        self._dots = [[0] * self.width for _ in range(self.height)]
        self._styles = [[""] * self.width for _ in range(self.height)]
        self._shades: dict[tuple[int, int], str] = {}

    def dot(self, x: int, y: int, style: str) -> None:
        """Sets one dot; one outside of the canvas is left out."""
        column, row = x // 2, y // 4
        if 0 <= column < self.width and 0 <= row < self.height:
            self._dots[row][column] |= _BITS[y % 4][x % 2]
            self._styles[row][column] = style

    def line(self, start: tuple[int, int], end: tuple[int, int], style: str, step: int = 1) -> None:
        """A straight line of dots, or of every `step`-th one."""
        (x0, y0), (x1, y1) = start, end
        length = max(abs(x1 - x0), abs(y1 - y0), 1)
        for i in range(0, length + 1, step):
            self.dot(x0 + round(i * (x1 - x0) / length), y0 + round(i * (y1 - y0) / length), style)

    def shade(self, column: int, top: int, bottom: int, style: str) -> None:
        """Shades the cells of one column from a row to another, both included."""
        for row in range(top, bottom + 1):
            self._shades[column, row] = style

    def rows(self, grid: dict[int, str] | None = None) -> list[Content]:
        """The drawing, one content a row; `grid` fills the empty cells of some rows."""
        return [self._row(row, (grid or {}).get(row, " ")) for row in range(self.height)]

    def _row(self, row: int, empty: str) -> Content:
        cells = [
            self._cell(row, column, dots, empty) for column, dots in enumerate(self._dots[row])
        ]
        return Content.assemble(
            *(
                ("".join(character for character, _ in run), style)
                for style, run in groupby(cells, key=lambda cell: cell[1])
            )
        )

    def _cell(self, row: int, column: int, dots: int, empty: str) -> tuple[str, str]:
        if dots:
            return chr(_BLANK + dots), self._styles[row][column]
        shade = self._shades.get((column, row))
        return (SHADE, shade) if shade else (empty, "$line")
