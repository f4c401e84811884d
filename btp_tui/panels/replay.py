"""What it learns from: the priority histogram, and what the new programs came to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby

from textual.content import Content
from textual.events import MouseDown, MouseEvent, MouseMove
from textual.message import Message

from btp_tui import words
from btp_tui.keys.names import key_of
from btp_tui.panels.imported import outcome_row
from btp_tui.panels.panel import READING, Panel, hint, line, lines
from btp_tui.panels.plot import Axis, Series, draw_plot, sparkline, whole_step
from btp_tui.panels.sliders import SCALES, knob_at, slider_length, slider_row
from btp_tui.snapshot import Histogram, IterationOutcomes, Knobs, Snapshot
from btp_tui.theme import outcome_sign

_BLOCKS = " ▁▂▃▄▅▆▇█"


#: Rows below which the sliders leave the histogram their room.
_ROOM_FOR_SLIDERS = 5


@dataclass(frozen=True, slots=True)
class Replay:
    """The knobs shown and those in force; what they make of the programs, once those were read."""

    knobs: Knobs
    in_force: Knobs
    histogram: Histogram | None
    whole: bool = True

    @property
    def preview(self) -> bool:
        """Whether other knobs are shown than those in force."""
        return self.knobs != self.in_force


class PriorityHistogram(Panel[Replay]):
    """Programs by P2Value beside the share of draws they get (eq. 6-8), for the knobs shown."""

    TITLE = "Learns from"

    class Set(Message):
        """A slider was set by mouse."""

        def __init__(self, knob: str, value: float) -> None:
            super().__init__()
            self.knob, self.value = knob, value

        def can_replace(self, message: Message) -> bool:
            """While it is dragged only the newest place matters."""
            return isinstance(message, PriorityHistogram.Set) and message.knob == self.knob

    _dragged: int | None = None  # the row of the slider

    def part(self, snapshot: Snapshot) -> Replay | None:
        """Knobs as wished and in force, and the histogram under those wished."""
        watched = snapshot.watched
        if watched is None:
            return None
        return Replay(watched.knobs, watched.in_force, watched.histogram, watched.whole)

    def captions(self, shown: Replay, width: int) -> tuple[str, str]:
        """Above: how priorities follow. Below: which bar is which, or what to do with a preview."""
        if shown.preview:
            apply, revert = key_of("dashboard.apply"), key_of("dashboard.revert")
            how = f"{apply} applies, {revert} reverts" if width >= 26 else f"{apply} · {revert}"
            return f"[b $timeout]Preview[/] {_kinds(shown, width)}", f"[$timeout]{how}[/]"
        legend = "[$stored]█[/] stored [$drawn]█[/] drawn"
        if width >= 44:
            legend += _never_drawn(shown.histogram, width)
        return f"{self.TITLE} [$dimmed]{_kinds(shown, width)}[/]", legend

    def draw(self, shown: Replay, width: int, height: int) -> Content:
        """The sliders; below two bars a bin, scaled to the biggest share, P2Value along them."""
        sliders: list[Content] = []
        if height >= _ROOM_FOR_SLIDERS:
            sliders = [slider_row(scale, shown.knobs, shown.in_force, width) for scale in SCALES]
        histogram = shown.histogram
        if histogram is None or not histogram.candidates:
            said = "Fills with the first tested programs." if shown.whole else READING
            return lines([*sliders, line((said, "$dimmed"))])
        height -= len(sliders)
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
        axis = f"0{'P2Value':^{span - 2}}1"
        return lines([*sliders, *rows, line((" " * margin + axis, "$dimmed"))])

    def on_mouse_down(self, event: MouseDown) -> None:
        """A click sets a slider, and holds it."""
        if (place := self._place(event)) is None or knob_at(*place, self.size.width) is None:
            return
        self._dragged = place[1]
        self.capture_mouse()
        self._set(*place)

    def on_mouse_move(self, event: MouseMove) -> None:
        """What is held follows the mouse."""
        if self._dragged is not None and (place := self._place(event, outside=True)) is not None:
            self._set(place[0], self._dragged)

    def on_mouse_up(self) -> None:
        """Lets go."""
        if self._dragged is not None:
            self._dragged = None
            self.release_mouse()

    def _place(self, event: MouseEvent, outside: bool = False) -> tuple[int, int] | None:
        """The cell of the content under the mouse."""
        if self._shown is None or self.size.height < _ROOM_FOR_SLIDERS:
            return None
        found = (
            event.get_content_offset_capture(self) if outside else event.get_content_offset(self)
        )
        return (found.x, found.y) if found is not None else None

    def _set(self, column: int, row: int) -> None:
        length = slider_length(self.size.width)
        wanted = knob_at(min(max(column, 2), 1 + length), row, self.size.width)
        if wanted is None or self._shown is None:
            return
        if getattr(self._shown.knobs, wanted[0]) != wanted[1]:
            self.post_message(self.Set(*wanted))


def _kinds(shown: Replay, width: int) -> str:
    """The two knobs that are words: as they are, or what becomes of what."""
    pairs = [
        (shown.in_force.prioritization, shown.knobs.prioritization),
        tuple(
            "joint P" if knobs.possibility == "joint" else "P/token"
            for knobs in (shown.in_force, shown.knobs)
        ),
    ]
    if width < 44:  # what has changed, else what says most
        changed = [f"→ {new}" for old, new in pairs if old != new]
        return changed[0] if changed else pairs[0][1]
    return ", ".join(new if old == new else f"{old} → {new}" for old, new in pairs)


class NewPrograms(Panel[tuple[IterationOutcomes, ...]]):
    """What the newest iteration's programs came to, and the pass rate of each iteration."""

    TITLE = "New programs"

    def part(self, snapshot: Snapshot) -> tuple[IterationOutcomes, ...] | None:
        """Outcomes by iteration; nothing is claimed before they were read."""
        watched = snapshot.watched
        return watched.iterations if watched is not None and watched.whole else None

    def captions(self, shown: tuple[IterationOutcomes, ...], width: int) -> tuple[str, str]:
        """The newest pass rate."""
        rated = [one for one in shown if one.pass_rate is not None]
        if not rated:
            return self.TITLE, ""
        newest = rated[-1]
        figure = f"[b]{words.percent(newest.pass_rate, 0)}[/b]"
        if width < 26:
            return f"{self.TITLE} {figure}", ""
        where = f"pass rate in iteration {newest.iteration}" if width >= 44 else "pass"
        return f"{self.TITLE} {figure} [$dimmed]{where}[/]", ""

    def draw(self, shown: tuple[IterationOutcomes, ...], width: int, height: int) -> Content:
        """One row: the pass rate's history. More: the outcomes, and a curve where it fits."""
        if not shown:
            sentence = "Nothing written yet: outcomes come with the first tests."
            return hint(sentence, "Nothing written yet.", width)
        newest = shown[-1]
        if height <= 2:
            return _history_row(shown, width)
        rows = [outcome_row(*one, newest.programs, width) for one in newest.outcomes]
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
