"""Plots as SVG: lines, or stacked bars, over one axis, with ticks, units and a legend in words.

Colours stand in the elements (those of the light theme) and may be overridden by a style sheet: the
report's for light and dark, or that of `standing_alone`. Lines differ in their dashes, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual.theme import Theme

from btp_tui.report.markup import Markup, element, joined
from btp_tui.theme import DARK, LIGHT

WIDTH, HEIGHT = 600, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 28, 48, 56
_ROOM, _RISE = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM
_DASHES = (None, "7 4", "2 3", "9 3 2 3")

#: In place of a dash: the legend shows a block.
_BLOCK = "block"


def _value(theme: Theme, key: str) -> str:
    """A colour of a theme, without its opacity."""
    found = theme.variables.get(key) or getattr(theme, key)
    return str(found)[:7]


#: Colours of the page and of meanings, by class: (light, dark).
COLOURS = {
    name: (_value(LIGHT, key), _value(DARK, key))
    for name, key in (
        *(("ground", "background"), ("text", "foreground"), ("second", "secondary")),
        *(("third", "accent"), ("fourth", "denied")),
        *((name, name) for name in ("dimmed", "line", "passed", "failed", "errored")),
        *((name, name) for name in ("timeout", "denied", "unknown", "surface")),
    )
}

#: Width and height from which on a part of a bar has room for its sign.
_SIGN = 14

#: With more points than this the single ones are not marked.
_MANY = 60


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its name, the colour's, its points, and what each point says when pointed at."""

    name: str
    colour: str
    points: Sequence[tuple[float, float]]
    says: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Kind:
    """What a part of a bar stands for: its name, its colour's, and its sign beside the colour."""

    name: str
    colour: str
    sign: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One stacked bar: its label, and (kind, share of 1, what it says), from the bottom up."""

    label: str
    parts: Sequence[tuple[Kind, float, str]]


@dataclass(frozen=True, slots=True)
class Plot:
    """One finished plot: its name, its title in words, and the drawing."""

    name: str
    title: str
    drawing: Markup


def lines(
    name: str,
    title: str,
    shown: Sequence[Line],
    x_name: str,
    x_ticks: Sequence[tuple[float, str]],
    y_ticks: Sequence[tuple[float, str]],
) -> Plot:
    """Lines over numbers; the ticks say where the axes begin and end."""
    across = _scale([x for line in shown for x, _ in line.points] + [x for x, _ in x_ticks])
    low, high = min(y for y, _ in y_ticks), max(y for y, _ in y_ticks)

    def place(point: tuple[float, float]) -> tuple[float, float]:
        share = min(1.0, max(0.0, (point[1] - low) / ((high - low) or 1.0)))
        return _LEFT + across(point[0]) * _ROOM, _TOP + (1 - share) * _RISE

    parts = [_frame(x_name, [(place((x, low))[0], label) for x, label in x_ticks])]
    parts += [_level(place((0, y))[1], label) for y, label in y_ticks]
    dashes = [_DASHES[at % len(_DASHES)] for at in range(len(shown))]
    for line, dash in zip(shown, dashes, strict=True):
        places = [place(point) for point in line.points]
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        parts.append(_stroke(path, line.colour, dash))
        if len(places) <= _MANY:
            says = line.says or [""] * len(places)
            parts += [
                _dot(x, y, line.colour, said) for (x, y), said in zip(places, says, strict=True)
            ]
    entries = [(line.name, line.colour, dash) for line, dash in zip(shown, dashes, strict=True)]
    parts.append(_legend(entries))
    return Plot(name, title, _svg(title, parts))


def bars(name: str, title: str, shown: Sequence[Bar], x_name: str, legend: Sequence[Kind]) -> Plot:
    """Stacked bars from 0 to 100 %; `legend` from the bottom up."""
    step = _ROOM / max(1, len(shown))
    every = max(1, -(-len(shown) // 16))
    ticks = [
        (_LEFT + (at + 0.5) * step, bar.label) for at, bar in enumerate(shown) if at % every == 0
    ]
    parts = [_frame(x_name, ticks)]
    parts += [_level(_TOP + (1 - y) * _RISE, f"{100 * y:.0f} %") for y in (0, 0.25, 0.5, 0.75, 1)]
    for at, bar in enumerate(shown):
        floor = float(_TOP + _RISE)
        for kind, share, said in bar.parts:
            height = share * _RISE
            floor -= height
            left, width = _LEFT + (at + 0.08) * step, 0.84 * step
            drawn = max(0.4, height - 1)  # a gap tells neighbours of one colour apart
            parts.append(_block(left, floor, width, drawn, kind.colour, said))
            if height >= _SIGN and width >= _SIGN:
                middle = left + width / 2, floor + height / 2 + 4
                parts.append(_text(kind.sign, *middle, "middle", "ground"))
    entries = [(f"{kind.sign} {kind.name}", kind.colour, _BLOCK) for kind in legend]
    parts.append(_legend(entries))
    return Plot(name, title, _svg(title, parts))


def standing_alone(plot: Plot) -> str:
    """The plot as a file of its own, light or dark as its reader likes."""
    style = element("style", Markup(style_sheet()))
    ground = _block(0, 0, WIDTH, HEIGHT, "ground")
    head, _, body = plot.drawing.partition(">")
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{head} xmlns="http://www.w3.org/2000/svg" '
        f'width="{WIDTH}" height="{HEIGHT}" font-family="DejaVu Sans, Arial, sans-serif">'
        f"{style}{ground}{body}\n"
    )


def style_sheet() -> str:
    """The colours of the classes for readers who like it dark."""
    rules = "".join(
        f".s-{name}{{stroke:{dark}}}.f-{name}{{fill:{dark}}}" for name, (_, dark) in COLOURS.items()
    )
    return f"@media screen and (prefers-color-scheme: dark){{{rules}}}"


def _svg(title: str, parts: Sequence[Markup]) -> Markup:
    return element(
        "svg", element("title", title), *parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img"
    )


def _scale(values: Sequence[float]) -> Callable[[float], float]:
    low, high = min(values, default=0.0), max(values, default=1.0)
    return lambda value: (value - low) / (high - low) if high > low else 0.5


def _text(text: str, x: float, y: float, anchor: str, colour: str = "dimmed") -> Markup:
    return element(
        "text",
        text,
        x=f"{x:.1f}",
        y=f"{y:.1f}",
        text_anchor=anchor,
        font_size=13,
        class_=f"f-{colour}",
        fill=COLOURS[colour][0],
    )


def _frame(x_name: str, ticks: Sequence[tuple[float, str]]) -> Markup:
    bottom = _TOP + _RISE
    labels = []
    for x, label in ticks:
        rows = label.split("\n")
        labels += [_text(row, x, bottom + 17 + 14 * at, "middle") for at, row in enumerate(rows)]
    return joined(*labels, _text(x_name, WIDTH - _RIGHT, HEIGHT - 4, "end"))


def _level(y: float, label: str) -> Markup:
    line = _stroke(f"M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}", "line", width=1)
    return joined(line, _text(label, _LEFT - 8, y + 4, "end"))


def _dot(x: float, y: float, colour: str, said: str) -> Markup:
    return element(
        "circle",
        *([element("title", said)] if said else []),
        cx=f"{x:.1f}",
        cy=f"{y:.1f}",
        r=3,
        class_=f"f-{colour}",
        fill=COLOURS[colour][0],
    )


def _legend(entries: Sequence[tuple[str, str, str | None]]) -> Markup:
    """What the marks mean, in one row or two above the plot."""
    parts, x, y = [], float(_LEFT), 8
    for name, colour, dash in entries:
        width = 7.4 * len(name) + 40
        if x + width > WIDTH and x > _LEFT:
            x, y = float(_LEFT), y + 18
        if dash == _BLOCK:
            parts.append(_block(x, y, 12, 12, colour))
        else:
            parts.append(_stroke(f"M{x:.0f} {y + 6}h20", colour, dash))
        parts.append(_text(name, x + 26, y + 10, "start", "text"))
        x += width
    return joined(*parts)


def _block(x: float, y: float, width: float, height: float, colour: str, said: str = "") -> Markup:
    return element(
        "rect",
        *([element("title", said)] if said else []),
        x=f"{x:.1f}",
        y=f"{y:.1f}",
        width=f"{width:.1f}",
        height=f"{height:.1f}",
        class_=f"f-{colour}",
        fill=COLOURS[colour][0],
    )


def _stroke(path: str, colour: str, dash: str | None = None, width: float = 2) -> Markup:
    return element(
        "path",
        d=path,
        class_=f"s-{colour}",
        stroke=COLOURS[colour][0],
        stroke_width=width,
        stroke_dasharray=dash,
        fill="none",
    )
