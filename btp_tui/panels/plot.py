"""Lines over a common axis, with ticks, units and as little frame as possible."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from textual.content import Content

from btp_tui.panels.canvas import Canvas
from btp_tui.panels.panel import line

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a plot; a dotted one stays apart from the others without colour."""

    points: tuple[Point, ...]
    style: str
    dotted: bool = False


@dataclass(frozen=True, slots=True)
class Band:
    """A shaded area behind the lines, from (x, low, high) to the next."""

    points: tuple[tuple[float, float, float], ...]
    style: str


def round_step(span: float, ticks: int) -> float:
    """The smallest step of 1, 2 or 5 times a power of ten that needs at most so many ticks."""
    raw = max(span, 1e-9) / max(1, ticks)
    magnitude = 10.0 ** math.floor(math.log10(raw))
    return next(step * magnitude for step in (1, 2, 5, 10) if step * magnitude >= raw * 0.999999)


def whole_step(span: float, ticks: int) -> float:
    """The same for what is counted."""
    return max(1.0, round_step(span, ticks))


def time_step(span: float, ticks: int) -> float:
    """The same for seconds: steps that a clock has."""
    raw = span / max(1, ticks)
    clock = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200)
    return next((step for step in clock if step >= raw), round_step(span, ticks))


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: its name (with the unit), how its ticks read, and its limits where fixed."""

    name: str
    tick: Callable[[float], str]
    low: float | None = None
    high: float | None = None
    step: Callable[[float, int], float] = round_step


def draw_plot(
    series: Sequence[Series], x: Axis, y: Axis, width: int, height: int, band: Band | None = None
) -> list[Content]:
    """The plot as rows of content: the lines, a row of ticks below, tick labels at the left."""
    points = [point for one in series for point in one.points]
    rows = height - 1
    left, right = _limits(x, [point[0] for point in points])
    low, high = _limits(y, [point[1] for point in points])
    step = y.step(high - low, max(2, min(5, rows // 2)))
    if y.high is None:
        high = math.ceil(high / step - 1e-9) * step  # the uppermost tick is at the top
    ticks = _y_ticks(y, low, high, step, rows)
    margin = max((len(label) for label in ticks.values()), default=0) + 1
    canvas = Canvas(width - margin, rows)

    def place(point: Point) -> tuple[int, int]:
        across = (point[0] - left) / (right - left) * (canvas.width * 2 - 1)
        down = (high - point[1]) / (high - low) * (rows * 4 - 1)
        return round(across), round(down)

    if band is not None:
        _shade(canvas, band, place)
    for one in series:
        _draw_series(canvas, one, place)
    drawing = canvas.rows(dict.fromkeys(ticks, "┈"))
    labelled = [
        line((f"{ticks.get(row, ''):>{margin - 1}} ", "$dimmed")) + content
        for row, content in enumerate(drawing)
    ]
    return [*labelled, _x_ticks(x, left, right, margin, width)]


def sparkline(values: Sequence[float], width: int, low: float, high: float) -> str:
    """The newest values as block characters, one each."""
    return sparkline_of(list(values)[-width:] if width > 0 else [], low, high)


def sparkline_of(values: Sequence[float | None], low: float, high: float) -> str:
    """Values as block characters, one each; a blank for what is not known."""
    marks = "▁▂▃▄▅▆▇█"
    span = (high - low) or 1.0
    return "".join(
        " " if value is None else marks[round(max(0, min(1, (value - low) / span)) * 7)]
        for value in values
    )


def _draw_series(canvas: Canvas, series: Series, place: Callable[[Point], tuple[int, int]]) -> None:
    places = [place(point) for point in series.points]
    step = 3 if series.dotted else 1
    for start, end in pairwise(places):
        canvas.line(start, end, series.style, step)
    if len(places) <= canvas.width // 4:  # few enough that each measurement can be seen
        for column, row in places:
            for place_ in ((column + 1, row), (column, row + 1), (column + 1, row + 1)):
                canvas.dot(*place_, series.style)


def _shade(canvas: Canvas, band: Band, place: Callable[[Point], tuple[int, int]]) -> None:
    """Fills each column of cells from the band's high to its low, between its points in a line."""
    # (column, upper row, lower row) in dots
    edges = [(*place((x, high)), place((x, low))[1]) for x, low, high in band.points]
    for (x0, top0, bottom0), (x1, top1, bottom1) in pairwise([*edges[:1], *edges]):
        for column in range(x0 // 2, x1 // 2 + 1):
            share = min(1.0, max(0.0, (column * 2 + 0.5 - x0) / max(1, x1 - x0)))
            top, bottom = top0 + share * (top1 - top0), bottom0 + share * (bottom1 - bottom0)
            canvas.shade(column, round(top) // 4, round(bottom) // 4, band.style)


def _limits(axis: Axis, values: Sequence[float]) -> tuple[float, float]:
    low = axis.low if axis.low is not None else min(values, default=0.0)
    high = axis.high if axis.high is not None else max(values, default=1.0)
    return low, high if high > low else low + 1.0


def _y_ticks(axis: Axis, low: float, high: float, step: float, rows: int) -> dict[int, str]:
    """Row -> label; rows that hold a grid line."""
    ticks: dict[int, str] = {}
    value = math.ceil(low / step) * step
    while rows > 0 and value <= high + step * 1e-6:
        row = int((high - value) / (high - low) * (rows * 4 - 1)) // 4
        ticks[min(rows - 1, max(0, row))] = axis.tick(value)
        value += step
    return ticks


def _x_ticks(axis: Axis, left: float, right: float, margin: int, width: int) -> Content:
    """The row below the plot: its ticks, and the axis' name at the right end."""
    cells = [" "] * width
    room = width - len(axis.name) - 2
    step = axis.step(right - left, max(1, (width - margin) // 9))
    value = math.ceil(left / step) * step
    while value <= right + step * 1e-6:
        label = axis.tick(value)
        at = margin + round((value - left) / (right - left) * (width - margin - 1))
        start = max(margin, at - len(label) // 2)
        if start + len(label) <= room and all(c == " " for c in cells[start - 1 : start]):
            cells[start : start + len(label)] = label
        value += step
    ticks = "".join(cells)[: max(0, width - len(axis.name))]
    return line((ticks, "$dimmed"), (axis.name, "$dimmed italic"))
