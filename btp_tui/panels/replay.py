"""What it learns from: the priority histogram, and what the new programs came to."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

from textual.content import Content

from btp_tui import words
from btp_tui.panels.panel import Panel, line, lines
from btp_tui.panels.plot import Axis, Series, draw_plot, sparkline, whole_step
from btp_tui.snapshot import Histogram, IterationOutcomes, Knobs, Snapshot
from btp_tui.theme import outcome_sign

_BLOCKS = " ▁▂▃▄▅▆▇█"


class PriorityHistogram(Panel[tuple[Knobs, bool, Histogram | None]]):
    """Programs by P2Value beside the share of draws they get (eq. 6-8), for the knobs shown."""

    TITLE = "Learns from"

    def part(self, snapshot: Snapshot) -> tuple[Knobs, bool, Histogram | None] | None:
        """Knobs (in force or as wished), whether they are only wished, and the histogram."""
        watched = snapshot.watched
        return (watched.knobs, watched.preview, watched.histogram) if watched else None

    def captions(self, shown: tuple[Knobs, bool, Histogram | None], width: int) -> tuple[str, str]:
        """Above: the knobs. Below: which bar is which, or that this is only a preview."""
        knobs, preview, histogram = shown
        title = f"α [b]{knobs.alpha:.2f}[/b] ω [b]{knobs.exponent:g}[/b] {knobs.prioritization}"
        legend = "[$stored]█[/] stored [$drawn]█[/] drawn"
        if width >= 44:
            title = f"{self.TITLE}  {title}"
            legend += _never_drawn(histogram, width)
        return title, f"[$timeout]preview[/]  {legend}" if preview else legend

    def draw(self, shown: tuple[Knobs, bool, Histogram | None], width: int, height: int) -> Content:
        """Two bars a bin, scaled to the biggest share; P2Value along the bottom."""
        knobs, _, histogram = shown
        if histogram is None or not histogram.candidates:
            return line(("No tested program yet.", "$dimmed"))
        margin = 5
        histogram = _fitted(histogram, width - margin)
        top = max(*histogram.stored, *histogram.drawn, 1e-9)
        bin_width = (width - margin) // len(histogram.stored)
        rows = [
            line((f"{words.percent(top, 0) if row == 0 else '':>{margin - 1}} ", "$dimmed"))
            + _histogram_row(histogram, top, row, height - 1, bin_width)
            for row in range(height - 1)
        ]
        span = bin_width * len(histogram.stored)
        kind = "P joint" if knobs.possibility == "joint" else "P/token"
        axis = f"0{f'P2Value, {kind}':^{span - 2}}1"
        return lines([*rows, line((" " * margin + axis, "$dimmed"))])


class NewPrograms(Panel[tuple[IterationOutcomes, ...]]):
    """What the newest iteration's programs came to, and the pass rate of each iteration."""

    TITLE = "New programs"

    def part(self, snapshot: Snapshot) -> tuple[IterationOutcomes, ...] | None:
        """Outcomes by iteration."""
        return snapshot.watched.iterations if snapshot.watched else None

    def captions(self, shown: tuple[IterationOutcomes, ...], width: int) -> tuple[str, str]:
        """The newest pass rate."""
        rated = [one for one in shown if one.pass_rate is not None]
        if not rated:
            return self.TITLE, ""
        newest = rated[-1]
        figure = f"[b]{words.percent(newest.pass_rate, 0)}[/b]"
        if width < 44:
            return f"{self.TITLE} {figure} [$dimmed]pass[/]", ""
        where = f"pass rate in iteration {newest.iteration}"
        return f"{self.TITLE} {figure} [$dimmed]{where}[/]", ""

    def draw(self, shown: tuple[IterationOutcomes, ...], width: int, height: int) -> Content:
        """One row: the pass rate's history. More: the outcomes, and a curve where it fits."""
        if not shown:
            return line(("Nothing written yet.", "$dimmed"))
        newest = shown[-1]
        if height <= 2:
            return _history_row(shown, width)
        rows = [_outcome_row(newest, *one, width) for one in newest.outcomes]
        left = height - len(rows) - 1
        if left < 5:
            return lines([_history_row(shown, width), *rows][:height])
        return lines([*rows, Content(""), *_pass_rate_plot(shown, width, left)])


def _history_row(shown: tuple[IterationOutcomes, ...], width: int) -> Content:
    rates = [one.pass_rate for one in shown if one.pass_rate is not None]
    passed = dict(shown[-1].outcomes).get("passed", 0)
    sign = outcome_sign("passed")
    tail = f"  {sign.mark} {words.count(passed)} of {words.count(shown[-1].programs)}"
    history = sparkline(rates, width - len(tail), 0.0, 1.0)
    return line((history, "$passed"), tail.rjust(width - len(history)))


def _pass_rate_plot(shown: tuple[IterationOutcomes, ...], width: int, height: int) -> list[Content]:
    """Mean pass rate of each iteration's programs."""
    points = tuple(
        (float(one.iteration), 100 * one.pass_rate) for one in shown if one.pass_rate is not None
    )
    last = max(shown[-1].iteration, 2.0)
    x = Axis("iteration", lambda value: f"{value:.0f}", low=1.0, high=last, step=whole_step)
    y = Axis("%", lambda value: f"{value:.0f} %", low=0.0, high=100.0)
    return draw_plot([Series(points, "$passed")], x, y, width, height)


def _never_drawn(histogram: Histogram | None, width: int) -> str:
    """How many programs there are, and the share of them that was never replayed."""
    if histogram is None or not histogram.candidates:
        return ", of no programs"
    share = words.percent(histogram.never, 0)
    if width < 58:
        return f", {share} of {words.count(histogram.candidates)} never"
    return f", of {words.plural(histogram.candidates, 'program')}, {share} never drawn"


def _fitted(histogram: Histogram, width: int) -> Histogram:
    """Neighbouring bins put together until each has two columns."""
    while len(histogram.stored) * 2 > width and len(histogram.stored) % 2 == 0:
        histogram = replace(
            histogram, stored=_pairs(histogram.stored), drawn=_pairs(histogram.drawn)
        )
    return histogram


def _pairs(shares: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(a + b for a, b in zip(shares[::2], shares[1::2], strict=True))


def _histogram_row(histogram: Histogram, top: float, row: int, rows: int, width: int) -> Content:
    """One row of all bins: the stored bar at the left of each, the drawn one beside it."""
    gap = 1 if width >= 5 else 0
    left = (width - gap) // 2
    right = width - gap - left
    cells: list[tuple[str, str]] = []
    for stored, drawn in zip(histogram.stored, histogram.drawn, strict=True):
        cells.append((_block(stored / top, row, rows) * left, "$stored"))
        cells.append((_block(drawn / top, row, rows) * right + " " * gap, "$drawn"))
    # What is blank needs no colour of its own: fewer bytes for the terminal.
    runs = groupby(cells, key=lambda cell: cell[1] if cell[0].strip() else "")
    return line(*(("".join(text for text, _ in run), style) for style, run in runs))


def _block(share: float, row: int, rows: int) -> str:
    """The character of one row (0 is the uppermost) of a bar; any share above 0 is visible."""
    eighths = round(share * rows * 8)
    if share > 0:
        eighths = max(1, eighths)
    return _BLOCKS[max(0, min(8, eighths - (rows - 1 - row) * 8))]


def _outcome_row(newest: IterationOutcomes, outcome: str, number: int, width: int) -> Content:
    sign = outcome_sign(outcome)
    share = number / max(1, newest.programs)
    head = f"{sign.mark} {outcome or 'not tested yet':<14} {words.percent(share, 0):>5} "
    return line((head, sign.style), ("━" * round(share * max(0, width - len(head))), sign.style))
