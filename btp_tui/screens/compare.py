"""Up to four runs over each other: their curves, their last figures, what differs in settings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from btp_tui import words
from btp_tui.comparison import Compared, Comparison
from btp_tui.panels.panel import Piece, line, lines
from btp_tui.panels.plot import Axis, Point, Series, draw_plot, time_step, whole_step
from btp_tui.screens.live import LiveScreen
from btp_tui.theme import COMPARED, STATES
from storage.errors import StorageError

#: Seconds between two readings while one of the runs is going on.
_RELOAD_S = 3.0

_STYLES = ("$passed", "$secondary", "$accent", "$denied")

#: Widths of the table's columns: what a row is called, and the least of a run's.
_NAME, _LEAST = 26, 10


class Curves(Widget):
    """Held-out accuracy of all runs; each line's letter stands at the height where it ends."""

    def __init__(self, comparison: Comparison) -> None:
        super().__init__(id="curves", classes="framed")
        self.border_title = "Held-out accuracy"
        self._comparison = comparison
        self._over_time = False

    def show(self, comparison: Comparison) -> None:
        """Takes over newer measurements."""
        self._comparison = comparison
        self.refresh()

    def turn(self) -> None:
        """Over updates, or over the time since each run began."""
        self._over_time = not self._over_time
        self.refresh()

    def render(self) -> Content:
        """Lines from 0 to 100 %, and the letters at the right."""
        width, height = self.size
        runs = self._comparison.runs
        if not any(run.evaluations for run in runs):
            return line(("None of these runs was measured.", "$dimmed"))
        series = [
            Series(self._points(run), style, dotted=at % 2 == 1)
            for at, (run, style) in enumerate(zip(runs, _STYLES, strict=False))
        ]
        y = Axis("%", lambda value: f"{value:.0f} %", low=0.0, high=100.0)
        if self._over_time:
            x = Axis("min:s", words.stopwatch, low=0.0, step=time_step)
        else:
            x = Axis("updates", lambda value: f"{value:.0f}", low=0.0, step=whole_step)
        rows = draw_plot(series, x, y, max(10, width - 2 - len(runs)), height)
        return lines([row + end for row, end in zip(rows, self._ends(height), strict=False)])

    def _points(self, run: Compared) -> tuple[Point, ...]:
        begin = run.line.at
        return tuple(
            (max(0.0, one.at - begin) if self._over_time else one.update_number, 100 * one.accuracy)
            for one in run.evaluations
        )

    def _ends(self, height: int) -> list[Content]:
        """By row of the plot the letters of the runs whose line ends there."""
        rows = max(1, height - 1)
        ends: list[list[Piece]] = [[] for _ in range(height)]
        for at, run in enumerate(self._comparison.runs):
            if run.evaluations:
                last = run.evaluations[-1].accuracy
                ends[round((1 - last) * (rows * 4 - 1)) // 4].append((COMPARED[at], _STYLES[at]))
        return [line(" ", *letters) for letters in ends]


class CompareScreen(LiveScreen):
    """The runs that were marked in the list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "t",
            "turn",
            "Updates/time",
            tooltip="Curves over updates, or over time",
            id="compare.axis",
        ),
        Binding("escape,v", "close", "Back", tooltip="Back to the list of runs", id="compare.back"),
    ]

    def __init__(
        self, comparison: Comparison, again: Callable[[], Comparison] | None = None
    ) -> None:
        super().__init__()
        self._comparison = comparison
        self._again = again

    def compose_body(self) -> ComposeResult:
        """The curves, and the two tables below or beside them."""
        with Container(id="compare"):
            yield Curves(self._comparison)
            with VerticalScroll(id="figures", classes="framed") as box:
                box.border_title = "Figures, and settings that differ"
                yield Static(id="compared")

    def on_mount(self) -> None:
        """Keys scroll the tables; runs that go on are read again and again."""
        self.query_one("#figures").focus()
        if self._again is not None and any(run.line.alive for run in self._comparison.runs):
            self.set_interval(_RELOAD_S, self._reload)

    def on_resize(self) -> None:
        """The tables take the width there is."""
        self.call_after_refresh(self._write)

    def action_turn(self) -> None:
        """Draws the curves over the other axis."""
        self.query_one(Curves).turn()

    def action_close(self) -> None:
        """Back to the list of runs."""
        self.dismiss()

    async def _reload(self) -> None:
        assert self._again is not None
        try:
            self._comparison = await asyncio.to_thread(self._again)
        except StorageError:
            return  # the line of the moment says so
        self.query_one(Curves).show(self._comparison)
        self._write()

    def _write(self) -> None:
        width = self.query_one("#figures").size.width - 2
        self.query_one("#compared", Static).update(tables(self._comparison, width))


def tables(comparison: Comparison, width: int) -> Content:
    """What the runs came to, and what differs in their settings, in columns of equal width."""
    runs = comparison.runs
    room = max(_LEAST, (width - _NAME) // max(1, len(runs)) - 2)
    rows: list[Content] = []

    def add(name: str, cells: list[Piece], style: str = "$dimmed") -> None:
        padded = [
            line("  ")
            + line(cell)
            .truncate(room, ellipsis=True)
            .pad_right(max(0, room - line(cell).cell_length))
            for cell in cells
        ]
        title = line((words.fit(name, _NAME).ljust(_NAME), style))
        rows.append(Content("").join([title, *padded]))

    signs = zip(COMPARED, _STYLES, runs, strict=False)
    add("", [line((f"{sign} {run.line.name}", f"bold {style}")) for sign, style, run in signs])
    add("state", [_state(run) for run in runs])
    add("held-out, first", [words.percent(run.line.initial) for run in runs])
    add("held-out, newest", [words.percent(run.line.newest) for run in runs])
    add("held-out, best", [words.percent(run.best) for run in runs])
    add("programs", [_figure(run, "programs") for run in runs])
    add("updates", [_figure(run, "updates") for run in runs])
    add("took", [_took(run) for run in runs])
    add("model", [run.line.model or "–" for run in runs])
    rows.append(Content(""))
    if not comparison.differences:
        rows.append(line(("No setting differs.", "$dimmed")))
    for key, values in comparison.differences:
        add(key, [*values], "$foreground")
    return lines(rows)


def _state(run: Compared) -> Piece:
    sign = STATES[run.line.state]
    return line((f"{sign.mark} {run.line.state}", sign.style))


def _figure(run: Compared, name: str) -> str:
    return words.count(getattr(run.line.progress, name)) if run.line.progress else "–"


def _took(run: Compared) -> str:
    return words.duration(run.line.progress.elapsed_s) if run.line.progress else "–"
