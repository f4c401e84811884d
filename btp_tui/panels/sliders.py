"""The two knobs of the replay as sliders: set by key or by mouse, old and new value beside."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content

from btp_tui.panels.panel import Piece, line
from btp_tui.snapshot import Knobs


@dataclass(frozen=True, slots=True)
class Scale:
    """One knob: its letter, its name among Knobs, its largest value and the step of its keys.

    A `bend` above 1 gives small values more of the slider's length.
    """

    letter: str
    knob: str
    most: float
    step: float
    bend: float

    def place(self, value: float, length: int) -> int:
        """The cell of a value on a slider of so many cells."""
        share: float = min(1.0, max(0.0, value / self.most)) ** (1 / self.bend)
        return round(share * (length - 1))

    def value(self, place: int, length: int) -> float:
        """The value of a cell, in whole steps."""
        share = min(1.0, max(0.0, place / max(1, length - 1)))
        steps: float = share**self.bend * self.most / self.step
        return round(round(steps) * self.step, 4)

    def said(self, value: float) -> str:
        """A value as it is written beside the slider."""
        return f"{value:.2f}" if self.most <= 1 else f"{value:.1f}"


#: The rows of the sliders, from above.
SCALES = (Scale("α", "alpha", 1.0, 0.05, 1.0), Scale("ω", "exponent", 20.0, 0.5, 2.0))

#: Cells before a slider, and behind it for "0.20 → 0.35".
_HEAD, _TAIL = 2, 13


def slider_length(width: int) -> int:
    """Cells of a slider in a row of a width."""
    return max(0, width - _HEAD - _TAIL)


def slider_row(scale: Scale, knobs: Knobs, in_force: Knobs, width: int) -> Content:
    """Letter, slider and value; a knob that is only turned shows where it was and will be."""
    new, old = getattr(knobs, scale.knob), getattr(in_force, scale.knob)
    length = slider_length(width)
    turned = new != old
    said = f"{scale.said(old)} → {scale.said(new)}" if turned else scale.said(new)
    text = (f"{said:>{_TAIL}}", "bold $timeout" if turned else "bold")
    if length < 3:
        return line((f"{scale.letter} ", "$dimmed"), text)
    at, was = scale.place(new, length), scale.place(old, length)
    knob = "$timeout" if turned else "$drawn"
    row = "━" * at + "─" * (length - at)
    old_mark = {was: ("○", "$dimmed")} if turned else {}
    marks = {**old_mark, at: ("●", knob)}
    pieces: list[Piece] = [(f"{scale.letter} ", "$dimmed")]
    begin = 0
    for place in [*sorted(marks), length]:  # few pieces: each costs the terminal its colours
        filled = min(max(at, begin), place)
        pieces += [(row[begin:filled], "$drawn"), (row[filled:place], "$track")]
        if place < length:
            pieces.append(marks[place])
        begin = place + 1
    return line(*pieces, text)


def knob_at(column: int, row: int, width: int) -> tuple[str, float] | None:
    """Which knob a cell of the panel sets, and to what; None where no slider is."""
    length = slider_length(width)
    if not 0 <= row < len(SCALES) or length < 3 or not _HEAD <= column < _HEAD + length:
        return None
    scale = SCALES[row]
    return scale.knob, scale.value(column - _HEAD, length)
