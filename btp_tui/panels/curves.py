"""The two curves: is it learning (held-out accuracy), and how well does it fit (loss)."""

from __future__ import annotations

from itertools import pairwise

from textual.content import Content

from btp_tui import words
from btp_tui.panels.panel import Panel, line, lines
from btp_tui.panels.plot import Axis, Series, draw_plot, sparkline, time_step
from btp_tui.snapshot import Snapshot
from storage.schema import EvaluationRecord

Evaluations = tuple[float, tuple[EvaluationRecord, ...]]  # start of the run, measurements


class AccuracyPlot(Panel[Evaluations]):
    """Held-out accuracy and pass rate over time since the run began."""

    TITLE = "Held-out accuracy"

    def part(self, snapshot: Snapshot) -> Evaluations | None:
        """The measurements so far."""
        watched = snapshot.watched
        return (watched.line.at, watched.evaluations) if watched else None

    def captions(self, shown: Evaluations, width: int) -> tuple[str, str]:
        """Above: the newest figure. Below: which line is which."""
        evaluations = shown[1]
        if not evaluations:
            return self.TITLE, ""
        newest = evaluations[-1]
        title = f"Held-out accuracy [b]{words.percent(newest.accuracy)}[/b]"
        if len(evaluations) > 1:
            title += f" [$dimmed]from {words.percent(evaluations[0].accuracy)}[/]"
        tasks = words.plural(len(newest.tasks), "task")
        unit, other = (f", % of {tasks}", ", % of tests") if width >= 60 else (f" of {tasks}", "")
        return title, f"[$passed]━[/] accuracy{unit}  [$secondary]┅[/] pass rate{other}"

    def draw(self, shown: Evaluations, width: int, height: int) -> Content:
        """Both lines from 0 to 100 %, or what to wait for."""
        start, evaluations = shown
        if not evaluations:
            return line(("It is measured before the first update.", "$dimmed"))
        times = [max(0.0, evaluation.at - start) for evaluation in evaluations]
        accuracy = tuple((t, 100 * e.accuracy) for t, e in zip(times, evaluations, strict=True))
        pass_rate = tuple((t, 100 * e.pass_rate) for t, e in zip(times, evaluations, strict=True))
        x = Axis("min:s", words.stopwatch, low=0.0, high=max(times[-1], 10.0), step=time_step)
        y = Axis("%", lambda value: f"{value:.0f} %", low=0.0, high=100.0)
        series = [Series(pass_rate, "$secondary", dotted=True), Series(accuracy, "$passed")]
        return lines(draw_plot(series, x, y, width, height))


class LossPlot(Panel[tuple[tuple[int, float], ...]]):
    """Training loss by update: a curve where there is room, else its newest shape."""

    TITLE = "Loss"

    def part(self, snapshot: Snapshot) -> tuple[tuple[int, float], ...] | None:
        """(update number, nats a token)."""
        return snapshot.watched.losses if snapshot.watched else None

    def captions(self, shown: tuple[tuple[int, float], ...], _width: int) -> tuple[str, str]:
        """The newest figure with its unit."""
        if not shown:
            return self.TITLE, ""
        return f"Loss [b]{shown[-1][1]:.3f}[/b] [$dimmed]nats/token[/]", ""

    def draw(self, shown: tuple[tuple[int, float], ...], width: int, height: int) -> Content:
        """The curve over update numbers."""
        if not shown:
            return line(("No update yet.", "$dimmed"))
        losses = [loss for _, loss in shown]
        if height < 4:
            tail = f" {words.plural(shown[-1][0], 'update')}"
            room = width - len(tail)
            shape = sparkline(_means(losses, room), room, 0.0, max(losses))
            return line((shape, "$secondary"), (tail.rjust(width - len(shape)), "$dimmed"))
        x = Axis("updates", lambda value: f"{value:.0f}", low=0.0)
        y = Axis("nats", lambda value: f"{value:.2g}", low=0.0)
        points = tuple((float(number), loss) for number, loss in shown)
        return lines(draw_plot([Series(points, "$secondary")], x, y, width, height))


def _means(values: list[float], groups: int) -> list[float]:
    """Averages of equal stretches, so that a long history fits into few characters."""
    if len(values) <= groups or groups <= 0:
        return values
    edges = [i * len(values) // groups for i in range(groups + 1)]
    return [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]
