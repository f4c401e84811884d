"""Whether the machine is well used: every accelerator, CPU and memory, now and over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual.content import Content

from btp_tui import words
from btp_tui.keys.names import key_of
from btp_tui.panels.panel import Panel, Piece, hint, line, lines
from btp_tui.panels.plot import Axis, Series, draw_plot, sparkline_of
from btp_tui.panels.timed import Time, time_of
from btp_tui.snapshot import Snapshot
from storage.schema import DeviceReading, Telemetry

#: Cells of a row's name, as in "cuda:0 ".
_NAME = 7

#: The narrowest that a device can be beside others: "0 ▇ 93 % 31G".
_CELL = 13


@dataclass(frozen=True, slots=True)
class Use:
    """The readings of a run's machine and the time shown of them."""

    time: Time
    readings: tuple[Telemetry, ...]
    trains: bool


class Machine(Panel[Use]):
    """Use and memory of each device with their history, then CPU, its cores, and memory."""

    TITLE = "Machine"

    def part(self, snapshot: Snapshot) -> Use | None:
        """The readings so far, oldest first."""
        watched = snapshot.watched
        if watched is None:
            return None
        newest = watched.telemetry[-1].at if watched.telemetry else watched.line.at
        return Use(time_of(snapshot, newest), watched.telemetry, watched.line.trains)

    def captions(self, shown: Use, width: int) -> tuple[str, str]:
        """Says so where there is no accelerator, and which time is shown."""
        said = ""
        if shown.readings and not shown.readings[-1].devices:
            where = ": it trains on the CPU" if shown.trains and width >= 58 else ""
            said = f" [$dimmed]no GPU{where}[/]"
        return f"{self.TITLE}{said}{shown.time.caption}", ""

    def draw(self, shown: Use, width: int, height: int) -> Content:
        """The richest of the layouts that fits, and a plot of the use where room is left."""
        if not shown.readings:
            return hint("The first reading comes with the engine.", "No reading yet.", width)
        if shown.readings[-1].at < shown.time.begin:
            other = f"{key_of('dashboard.span')} shows another"
            return line((f"Nothing was read in this time: {other}.", "$dimmed"))
        rows = _rows(shown, width, height)
        left = height - len(rows) - 1
        if left >= 4:
            rows += [Content(""), *_plot(shown, width, left)]
        return lines([row.truncate(width) for row in rows[:height]])


def _rows(shown: Use, width: int, height: int) -> list[Content]:
    """Two rows a device, or one, or several devices a row, or one row for all of them."""
    devices = len(shown.readings[-1].devices)
    base = _base_rows(shown, width)
    for a_device in (_two_rows, _one_row) if devices else ():
        rows = [row for place in range(devices) for row in a_device(shown, place, width)]
        for most in (len(base), 2, 1):
            if len(rows) + most <= height:
                return [*rows, *_fewer(base, most)]
    if not devices:
        return _fewer(base, height)
    for most in (2, 1):  # as few devices in a row as leave room for CPU and memory
        for abreast in range(2, width // _CELL + 1):
            count = -(-devices // abreast)
            if count + most <= height:
                rows = [
                    _abreast(shown, range(first, min(first + abreast, devices)), width // abreast)
                    for first in range(0, devices, abreast)
                ]
                return [*rows, *_fewer(base, height - count)]
    return [_all_devices(shown, width), *_fewer(base, height - 1)]


def _fewer(base: list[tuple[int, Content]], most: int) -> list[Content]:
    """The most important of the rows, in their order."""
    worth = sorted(importance for importance, _ in base)[:most]
    return [row for importance, row in base if importance in worth]


def _base_rows(shown: Use, width: int) -> list[tuple[int, Content]]:
    """CPU and memory with their history, each core, the engine's own memory; how important each."""
    newest, time = shown.readings[-1], shown.time
    total = max(1, newest.memory_total)
    cpu = [(one.at, one.cpu) for one in shown.readings]
    used = [(one.at, 100 * one.memory_used / total) for one in shown.readings]
    engine = [(one.at, 100 * one.engine_memory / total) for one in shown.readings]
    figure = words.memory_of(newest.memory_used, newest.memory_total)
    rows = [
        (0, _use_row("CPU", newest.cpu, cpu, time, width)),
        (1, _history_row("memory", f"{figure:<13}", used, time, width)),
        (
            3,
            _history_row(
                "engine", f"{words.memory(newest.engine_memory):<13}", engine, time, width
            ),
        ),
    ]
    if newest.cores:
        cores = _per_core(newest.cores, width - _NAME - 6)
        text = line(
            (f"{'cores':<{_NAME}}", "$dimmed"), f"{len(newest.cores):>3}   ", (cores, "$primary")
        )
        rows.insert(1, (2, text))
    return rows


def _two_rows(shown: Use, place: int, width: int) -> list[Content]:
    """Use and its history; memory, its history, temperature and power."""
    device = shown.readings[-1].devices[place]
    figures = [words.memory_of(device.memory_used, device.memory_total), *_heat(device)]
    name = f"cuda:{place}"
    used = _over_time(shown, place, lambda one: one.utilization or 0.0)
    memory = _over_time(shown, place, _memory_share)
    return [
        _use_row(name, device.utilization, used, shown.time, width),
        _history_row("", "  ".join(figures), memory, shown.time, width),
    ]


def _one_row(shown: Use, place: int, width: int) -> list[Content]:
    """Use with its history, memory, temperature and power."""
    device = shown.readings[-1].devices[place]
    memory = words.memory_of(device.memory_used, device.memory_total, digits=0, of="/")
    figures = [memory, *_heat(device)]
    while len(figures) > 1 and _NAME + 6 + 5 + len("  ".join(figures)) > width:
        figures.pop()
    text = "  ".join(figures)
    used = _over_time(shown, place, lambda one: one.utilization or 0.0)
    row = _use_row(f"cuda:{place}", device.utilization, used, shown.time, width - len(text) - 2)
    return [row + line("  ", text)]


def _abreast(shown: Use, places: range, width: int) -> Content:
    """Several devices in a row: number, use over time or as one bar, use, memory."""
    pieces: list[Piece] = []
    for place in places:
        device = shown.readings[-1].devices[place]
        text = f" {device.utilization or 0:>3.0f} % {device.memory_used / 1024**3:.0f}G"
        room = width - len(f"{place} ") - len(text) - 2
        if room >= 4:
            used = _over_time(shown, place, lambda one: one.utilization or 0.0)
            bar = sparkline_of(shown.time.columns(used, room), 0.0, 100.0)
        else:
            room, bar = 1, sparkline_of([device.utilization or 0.0], 0.0, 100.0)
        pad = " " * max(0, width - len(f"{place} ") - room - len(text))
        pieces += [(f"{place} ", "$dimmed"), (f"{bar:<{room}}", "$primary"), text, pad]
    return line(*pieces)


def _all_devices(shown: Use, width: int) -> Content:
    """One row for all devices: a bar each, so that an idle one is seen, their mean and memory."""
    devices = shown.readings[-1].devices
    uses = [device.utilization or 0.0 for device in devices]
    used = words.memory_of(
        sum(device.memory_used for device in devices),
        sum(device.memory_total for device in devices),
        digits=0,
        of="/",
    )
    head, tail = f"{len(devices)} GPUs ", f"{sum(uses) / len(uses):>3.0f} %"
    bars = sparkline_of(uses, 0.0, 100.0)
    if len(head) + len(bars) + len(tail) + len(used) + 3 <= width:
        tail += f"  {used}"
    room = width - len(head) - len(tail) - 1
    return line((head, "$dimmed"), (bars[:room], "$primary"), f" {tail}")


def _use_row(
    name: str, use: float | None, history: Sequence[tuple[float, float]], time: Time, width: int
) -> Content:
    """Name, newest use in per cent, and its history."""
    figure = "  – %" if use is None else f"{use:>3.0f} %"
    shape = sparkline_of(time.columns(history, width - _NAME - 6), 0.0, 100.0)
    pad = " " * max(0, width - _NAME - 6 - len(shape))
    return line((f"{name:<{_NAME}}", "$dimmed"), f"{figure} ", (shape, "$primary"), pad)


def _history_row(
    name: str, figure: str, history: Sequence[tuple[float, float]], time: Time, width: int
) -> Content:
    """Name, a figure in words, and its history in per cent where there is room."""
    room = width - _NAME - len(figure) - 1
    shape = sparkline_of(time.columns(history, room), 0.0, 100.0) if room >= 6 else ""
    return line((f"{name:<{_NAME}}", "$dimmed"), f"{figure} ", (shape, "$secondary"))


def _per_core(cores: Sequence[float], room: int) -> str:
    """One character a core, or for the mean of neighbours where there are many."""
    group = -(-len(cores) // max(1, room))
    means = [
        sum(cores[first : first + group]) / len(cores[first : first + group])
        for first in range(0, len(cores), group)
    ]
    return sparkline_of(means, 0.0, 100.0)


def _over_time(
    shown: Use, place: int, figure: Callable[[DeviceReading], float]
) -> list[tuple[float, float]]:
    return [
        (one.at, figure(one.devices[place])) for one in shown.readings if place < len(one.devices)
    ]


def _memory_share(device: DeviceReading) -> float:
    return 100 * device.memory_used / max(1, device.memory_total)


def _heat(device: DeviceReading) -> list[str]:
    """Temperature and power, where the device reports them."""
    figures = []
    if device.temperature is not None:
        figures.append(f"{device.temperature:.0f} °C")
    if device.power is not None:
        figures.append(f"{device.power:.0f} W")
    return figures


def _plot(shown: Use, width: int, height: int) -> list[Content]:
    """Use over time: every GPU, the CPU dotted."""
    time = shown.time
    cpu = [(one.at, one.cpu) for one in shown.readings]
    series = [Series(time.points(cpu), "$primary", dotted=True)]
    for place in range(len(shown.readings[-1].devices)):
        used = _over_time(shown, place, lambda one: one.utilization or 0.0)
        series.append(Series(time.points(used), "$accent"))
    y = Axis("%", lambda value: f"{value:.0f} %", low=0.0, high=100.0)
    return draw_plot(series, time.axis, y, width, height)
