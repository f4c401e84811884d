"""The plots of a run: held-out accuracy, loss, pass rate of new programs, outcomes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from btp_tui import words
from btp_tui.report.material import Material
from btp_tui.report.svg import Bar, Kind, Line, Plot, bars, lines
from btp_tui.snapshot import IterationOutcomes
from btp_tui.theme import NOT_TESTED, OUTCOMES
from core.errors import CoreError

#: Most points of a line and bars of a plot: more could not be told apart.
_POINTS, _BARS = 400, 60

_PERCENT = tuple((step / 4, f"{25 * step} %") for step in range(5))


def accuracy(material: Material) -> Plot | None:
    """Held-out accuracy and pass rate over updates, the programs until then below."""
    measured = material.held_out
    if not measured:
        return None
    tasks = words.plural(len(measured[-1].tasks), "task")

    programs = [words.count(material.programs_before(one.iteration)) for one in measured]
    shown = []
    for name, colour, values in (
        (f"accuracy, of {tasks}", "passed", [one.accuracy for one in measured]),
        ("pass rate, of their tests", "second", [one.pass_rate for one in measured]),
    ):
        points = [
            (float(one.update_number), value) for one, value in zip(measured, values, strict=True)
        ]
        says = [
            f"{words.percent(value)} ({one.label}) after {one.update_number} updates and "
            f"{written} programs"
            for one, value, written in zip(measured, values, programs, strict=True)
        ]
        shown.append(Line(name, colour, points, says))
    every = max(1, math.ceil(len(measured) / 8))
    ticks = {
        float(one.update_number): f"{one.update_number}\n{written}"
        for one, written in list(zip(measured, programs, strict=True))[::-1][::every]
    }
    title = "Held-out accuracy"
    name = "updates, and programs until then"
    return lines("accuracy", title, shown, name, _apart(ticks), _PERCENT)


def loss(material: Material) -> Plot | None:
    """Training loss by update."""
    if not material.steps:
        return None
    points = [
        (float(step.number), step.loss) for step in material.steps if math.isfinite(step.loss)
    ]
    points = _thinned(points)
    step = _round_step(max((y for _, y in points), default=1.0) / 4)
    top = max(1, math.ceil(max((y for _, y in points), default=1.0) / step - 1e-9))
    y_ticks = [(at * step, f"{at * step:.3g}") for at in range(top + 1)]
    last = material.steps[-1].number
    x_ticks = [(round(last * at / 5), f"{round(last * at / 5)}") for at in range(6)]
    shown = [Line("loss, nats a token", "second", points)]
    return lines("loss", "Training loss", shown, "updates", _apart(dict(x_ticks)), y_ticks)


def passed(material: Material) -> Plot | None:
    """How well the new programs of each iteration do."""
    rated = [one for one in material.iterations if one.pass_rate is not None]
    if not rated:
        return None
    means = [(float(one.iteration), one.pass_rate or 0.0) for one in rated]
    whole = [(float(one.iteration), share_passed(one)) for one in rated]
    shown = [
        Line("mean pass rate", "second", _thinned(means)),
        Line("programs that pass every test", "passed", _thinned(whole)),
    ]
    every = max(1, math.ceil(len(rated) / 12))
    ticks = {float(one.iteration): str(one.iteration) for one in rated[::every]}
    return lines("pass", "New programs", shown, "iteration", _apart(ticks), _PERCENT)


def outcomes(material: Material) -> Plot | None:
    """What the programs of each iteration came to, as shares."""
    if not material.iterations:
        return None
    names = [
        name
        for name in [*OUTCOMES, ""]
        if any(name in dict(one.outcomes) for one in material.iterations)
    ]
    size = math.ceil(len(material.iterations) / _BARS)
    groups = [
        material.iterations[at : at + size] for at in range(0, len(material.iterations), size)
    ]
    shown = [Bar(str(group[0].iteration), _parts(group, names)) for group in groups]
    legend = [_kind(name) for name in names]
    unit = "iteration" if size == 1 else f"iterations, {size} a bar"
    return bars("outcomes", "Outcomes of new programs", shown, unit, legend)


PLOTS: dict[str, Callable[[Material], Plot | None]] = {
    "accuracy": accuracy,
    "loss": loss,
    "pass": passed,
    "outcomes": outcomes,
}


def plot(material: Material, name: str) -> Plot:
    """One of the plots; raises CoreError where there is none of the name, or nothing to show."""
    if name not in PLOTS:
        raise CoreError(f"There is no plot {name!r}; there are: {', '.join(PLOTS)}.")
    drawn = PLOTS[name](material)
    if drawn is None:
        raise CoreError(f"{material.run.name} has nothing to plot for {name} yet.")
    return drawn


def share_passed(iteration: IterationOutcomes) -> float:
    """The share of an iteration's programs that pass every test."""
    return dict(iteration.outcomes).get("passed", 0) / max(1, iteration.programs)


def _parts(
    group: Sequence[IterationOutcomes], names: Sequence[str]
) -> list[tuple[Kind, float, str]]:
    total = sum(one.programs for one in group)
    counts = {name: sum(dict(one.outcomes).get(name, 0) for one in group) for name in names}
    return [
        (
            _kind(name),
            count / max(1, total),
            f"{name or 'not tested'}: {count} of {total} programs ({words.percent(count / total)})",
        )
        for name, count in counts.items()
        if count
    ]


def _kind(name: str) -> Kind:
    sign = OUTCOMES.get(name, NOT_TESTED)
    return Kind(name or "not tested", sign.style.removeprefix("$"), sign.mark)


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Means of equal stretches, where there are more points than can be told apart."""
    if len(points) <= _POINTS:
        return points
    edges = [at * len(points) // _POINTS for at in range(_POINTS + 1)]
    return [
        (
            sum(x for x, _ in points[a:b]) / (b - a),
            sum(y for _, y in points[a:b]) / (b - a),
        )
        for a, b in pairwise(edges)
    ]


def _apart(ticks: dict[float, str]) -> list[tuple[float, str]]:
    """The labels that do not lie over each other: the first and the last always stay."""
    span = (max(ticks) - min(ticks)) or 1.0
    kept: list[tuple[float, str]] = []
    for x, label in sorted(ticks.items()):
        if not kept or (x - kept[-1][0]) / span >= 0.07:
            kept.append((x, label))
        elif x == max(ticks):
            kept[-1:] = [(x, label)] if len(kept) > 1 else [kept[0], (x, label)]
    return kept


def _round_step(raw: float) -> float:
    magnitude = 10.0 ** math.floor(math.log10(max(raw, 1e-9)))
    return next(step * magnitude for step in (1, 2, 5, 10) if step * magnitude >= raw * 0.999)
