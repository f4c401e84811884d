"""One plot as an SVG file: lines with bands over one axis, and a legend beside them.

The screen's report has its own drawings, which follow its themes; this one stands on white paper.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 760, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 190, 40, 48
_ROOM, _RISE = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM

#: Told apart by people who see colours differently, too (Okabe and Ito 2008, jfly.uni-koeln.de).
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#7f7f7f")
_DASHES = ("", "7 4", "2 3")


@dataclass(frozen=True, slots=True)
class Curve:
    """One line: its name, and (x, y, low, high) of each point; y are shares of 1."""

    name: str
    points: Sequence[tuple[float, float, float, float]]


def draw(title: str, x_name: str, curves: Sequence[Curve]) -> str:
    """The plot, its y axis in per cent from 0 to the first round figure above every band."""
    right = max((x for curve in curves for x, *_ in curve.points), default=1.0) or 1.0
    highest = max((high for curve in curves for *_, high in curve.points), default=1.0)
    top = next(step for step in (0.1, 0.2, 0.4, 0.6, 0.8, 1.0) if step >= min(highest, 1.0))

    def place(x: float, y: float) -> str:
        across, up = x / right, min(max(y / top, 0.0), 1.0)
        return f"{_LEFT + across * _ROOM:.1f} {_TOP + (1 - up) * _RISE:.1f}"

    parts = [_axes(top, right, x_name), _text(title, _LEFT, 22, size=15)]
    for number, curve in enumerate(curves):
        colour = _COLOURS[number % len(_COLOURS)]
        dash = _DASHES[number // len(_COLOURS) % len(_DASHES)]
        up = [place(x, high) for x, _, _, high in curve.points]
        down = [place(x, low) for x, _, low, _ in reversed(curve.points)]
        line = [place(x, y) for x, y, *_ in curve.points]
        parts.append(f'<path d="M{"L".join(up + down)}Z" fill="{colour}" fill-opacity="0.12"/>')
        parts.append(_stroke("M" + "L".join(line), colour, dash, 2))
        height = _TOP + 10 + 18 * number
        parts.append(_stroke(f"M{WIDTH - _RIGHT + 14} {height}h22", colour, dash, 3))
        parts.append(_text(curve.name, WIDTH - _RIGHT + 42, height + 4))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" font-family="DejaVu Sans, Arial, sans-serif" role="img">'
    )
    ground = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
    return "\n".join([head, f"<title>{escape(title)}</title>", ground, *parts, "</svg>"]) + "\n"


def _axes(top: float, right: float, x_name: str) -> str:
    parts = []
    for step in range(5):
        share = step / 4
        y = _TOP + (1 - share) * _RISE
        parts.append(_stroke(f"M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}", "#d0d0d0", "", 1))
        parts.append(_text(f"{100 * share * top:.3g} %", _LEFT - 8, y + 4, "end"))
    for x in _ticks(right):
        where = _LEFT + x / right * _ROOM
        parts.append(_text(f"{x:,.0f}", where, HEIGHT - _BOTTOM + 18, "middle"))
    parts.append(_text(x_name, _LEFT + _ROOM / 2, HEIGHT - 8, "middle"))
    return "\n".join(parts)


def _ticks(right: float) -> list[float]:
    """About five round numbers from 0 on."""
    magnitude = 10.0 ** math.floor(math.log10(right / 4))
    step = next(step * magnitude for step in (1, 2, 2.5, 5, 10) if 5 * step * magnitude >= right)
    return [step * at for at in range(int(right / step + 1e-9) + 1)]


def _text(text: str, x: float, y: float, anchor: str = "start", size: int = 12) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="#222222">'
        f"{escape(text)}</text>"
    )


def _stroke(path: str, colour: str, dash: str, width: int) -> str:
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width}"{dashed}/>'
