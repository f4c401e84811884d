"""The two curves: is it learning (held-out accuracy), and how well does it fit (loss)."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content

from btp_tui import words
from btp_tui.panels.canvas import SHADE
from btp_tui.panels.panel import Panel, hint, line, lines
from btp_tui.panels.plot import Axis, Band, Series, draw_plot, sparkline_of
from btp_tui.panels.timed import Time, time_of
from btp_tui.snapshot import SeedBand, Snapshot
from storage.schema import EvaluationRecord, UpdateFigures


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What the plot of the held-out accuracy shows."""

    time: Time
    evaluations: tuple[EvaluationRecord, ...]
    band: SeedBand | None


class AccuracyPlot(Panel[Accuracy]):
    """Held-out accuracy and pass rate over time, and how far other seeds came."""

    TITLE = "Held-out accuracy"

    def part(self, snapshot: Snapshot) -> Accuracy | None:
        """The measurements so far."""
        watched = snapshot.watched
        if watched is None:
            return None
        measured = watched.evaluations
        time = time_of(snapshot, measured[-1].at if measured else watched.line.at)
        return Accuracy(time, measured, watched.band)

    def captions(self, shown: Accuracy, width: int) -> tuple[str, str]:
        """Above: the newest figure and the time shown. Below: which line is which."""
        if not shown.evaluations:
            return self.TITLE, ""
        newest, first = shown.evaluations[-1], shown.evaluations[0]
        title = f"{self.TITLE} [b]{words.percent(newest.accuracy)}[/b]"
        if len(shown.evaluations) > 1 and not (not shown.time.whole and width < 52):
            title += f" [$dimmed]from {words.percent(first.accuracy)}[/]"
        return f"{title}{shown.time.caption}", _legend(shown, width)

    def draw(self, shown: Accuracy, width: int, height: int) -> Content:
        """Both lines from 0 to 100 %, or what to wait for."""
        if not shown.evaluations:
            return line(("It is measured before the first update.", "$dimmed"))
        time = shown.time
        accuracy = [(one.at, 100 * one.accuracy) for one in shown.evaluations]
        pass_rate = [(one.at, 100 * one.pass_rate) for one in shown.evaluations]
        series = [
            Series(time.points(pass_rate), "$secondary", dotted=True),
            Series(time.points(accuracy), "$passed"),
        ]
        y = Axis("%", lambda value: f"{value:.0f} %", low=0.0, high=100.0)
        return lines(draw_plot(series, time.axis, y, width, height, _band(shown)))


def _legend(shown: Accuracy, width: int) -> str:
    """Which line is which, in as many words as fit the border."""
    tasks = words.plural(len(shown.evaluations[-1].tasks), "task")
    band = shown.band
    seeds = f"  [$dimmed]{SHADE}[/] {band.runs} seeds" if band else ""
    for unit, other, ends in (
        (f", % of {tasks}", ", % of tests", ", lowest to highest"),
        (f", % of {tasks}", ", % of tests", ""),
        (f" of {tasks}", "", ", lowest to highest"),
        (f" of {tasks}", "", ""),
        ("", "", ""),
    ):
        legend = f"[$passed]━[/] accuracy{unit}  [$secondary]┅[/] pass rate{other}{seeds}"
        legend += ends if band else ""
        if Content.from_markup(legend).cell_length <= width - 2:
            break
    return legend


def _band(shown: Accuracy) -> Band | None:
    if shown.band is None:
        return None
    inside = [
        (shown.time.place(at), 100 * low, 100 * high)
        for at, low, high in shown.band.points
        if at >= shown.time.begin
    ]
    return Band(tuple(inside), "$dimmed") if inside else None


@dataclass(frozen=True, slots=True)
class Losses:
    """What the plot of the loss shows."""

    time: Time
    steps: tuple[UpdateFigures, ...]


class LossPlot(Panel[Losses]):
    """Training loss over time: a curve where there is room, else its shape in one row."""

    TITLE = "Loss"

    def part(self, snapshot: Snapshot) -> Losses | None:
        """The updates so far."""
        watched = snapshot.watched
        if watched is None:
            return None
        newest = watched.steps[-1].at if watched.steps else watched.line.at
        return Losses(time_of(snapshot, newest), watched.steps)

    def captions(self, shown: Losses, width: int) -> tuple[str, str]:
        """The newest figure with its unit, and how many updates were made."""
        if not shown.steps:
            return self.TITLE, ""
        newest = shown.steps[-1]
        title = f"{self.TITLE} [b]{newest.loss:.3f}[/b] [$dimmed]nats/token[/]"
        made = words.plural(newest.number, "update")
        if width >= 52:
            title += f" [$dimmed]after {made}[/]"
        return f"{title}{shown.time.caption}", ""

    def draw(self, shown: Losses, width: int, height: int) -> Content:
        """The curve over time, or one row of it."""
        if not shown.steps:
            sentence = "No update yet: programs are written and tested first."
            return hint(sentence, "No update yet.", width)
        time = shown.time
        losses = [(step.at, step.loss) for step in shown.steps]
        if height < 4:
            tail = f" {words.plural(shown.steps[-1].number, 'update')}"
            room = width - len(tail)
            means = time.columns(losses, room)
            top = max((value for value in means if value is not None), default=1.0)
            shape = sparkline_of(means, 0.0, top)
            return line((shape, "$secondary"), (tail.rjust(width - len(shape)), "$dimmed"))
        y = Axis("nats", lambda value: f"{value:.2g}", low=0.0)
        series = [Series(time.points(losses), "$secondary")]
        return lines(draw_plot(series, time.axis, y, width, height))
