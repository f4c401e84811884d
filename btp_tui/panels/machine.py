"""Whether the machine is well used: every accelerator, or CPU and memory where there is none."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from btp_tui import words
from btp_tui.panels.panel import Panel, line, lines
from btp_tui.panels.plot import Axis, Series, draw_plot, sparkline, time_step
from btp_tui.snapshot import Snapshot
from storage.schema import DeviceReading, Telemetry


class Machine(Panel[tuple[Telemetry, ...]]):
    """Utilisation, memory, temperature and power of each device, or the CPU's use and memory."""

    TITLE = "Machine"

    def part(self, snapshot: Snapshot) -> tuple[Telemetry, ...] | None:
        """The readings of the last minutes, oldest first."""
        return snapshot.watched.telemetry if snapshot.watched else None

    def captions(self, shown: tuple[Telemetry, ...], width: int) -> tuple[str, str]:
        """Says so where there is no accelerator."""
        if shown and not shown[-1].devices:
            words_ = "no GPU: it trains on the CPU" if width >= 44 else "no GPU, on CPU"
            return f"Machine [$dimmed]{words_}[/]", ""
        return f"{self.TITLE} [$dimmed]by GPU[/]" if shown else self.TITLE, ""

    def draw(self, shown: tuple[Telemetry, ...], width: int, height: int) -> Content:
        """A line or two for each device, then CPU and memory."""
        if not shown:
            return line(("No reading yet.", "$dimmed"))
        newest = shown[-1]
        if 2 * len(newest.devices) + 2 <= height:
            rows = _full_rows(shown, width)
        else:
            rows = _dense_rows(newest, width, height)
        left = height - len(rows) - 1
        if left >= 4:
            rows += [Content(""), *_history_plot(shown, width, left)]
        return lines(rows)


def _full_rows(shown: Sequence[Telemetry], width: int) -> list[Content]:
    """Each device with the history of its use, then CPU and memory."""
    newest = shown[-1]
    rows: list[Content] = []
    for index, device in enumerate(newest.devices):
        history = [
            reading.devices[index].utilization or 0.0
            for reading in shown
            if index < len(reading.devices)
        ]
        rows += _device_rows(index, device, history, width)
    rows.append(_meter("CPU", [reading.cpu for reading in shown], width))
    rows.append(_memory_row(newest, width))
    return rows


def _dense_rows(newest: Telemetry, width: int, height: int) -> list[Content]:
    """A row for each device, figures only, and one for the CPU where there is room."""
    devices = newest.devices
    rows = [_dense_row(index, device, width) for index, device in enumerate(devices)]
    if len(rows) > height:
        more = words.plural(len(rows) - height + 1, "GPU")
        return [*rows[: height - 1], line((f"… {more} more", "$dimmed"))]
    used = words.memory_of(newest.memory_used, newest.memory_total)
    return [*rows, line(("CPU ", "$dimmed"), f"{newest.cpu:.0f} %  {used}")][:height]


def _dense_row(index: int, device: DeviceReading, width: int) -> Content:
    figures = [f"{device.utilization or 0:.0f} %"]
    figures.append(words.memory_of(device.memory_used, device.memory_total, digits=0, of="/"))
    if device.temperature is not None:
        figures.append(f"{device.temperature:.0f} °C")
    if device.power is not None:
        figures.append(f"{device.power:.0f} W")
    text = " ".join(figures)
    name = f"GPU {index} " if len(text) + 6 <= width else f"{index} "
    return line((name, "$dimmed"), text)


def _history_plot(shown: tuple[Telemetry, ...], width: int, height: int) -> list[Content]:
    """Use over the last minutes: every GPU, the CPU dotted."""
    now = shown[-1].at
    series = [Series(tuple((r.at - now, r.cpu) for r in shown), "$primary", dotted=True)]
    for index, _ in enumerate(shown[-1].devices):
        used = tuple(
            (r.at - now, r.devices[index].utilization or 0.0)
            for r in shown
            if index < len(r.devices)
        )
        series.append(Series(used, "$accent"))
    x = Axis("s ago", lambda value: f"{-value:.0f}", high=0.0, step=time_step)
    y = Axis("%", lambda value: f"{value:.0f} %", low=0.0, high=100.0)
    return draw_plot(series, x, y, width, height)


def _meter(name: str, history: Sequence[float], width: int) -> Content:
    """Name, newest figure in per cent, and its history."""
    head = f"{name:<6} {history[-1]:>3.0f} % "
    shape = sparkline(history, max(0, width - len(head)), 0.0, 100.0)
    return line((f"{name:<6} ", "$dimmed"), f"{history[-1]:>3.0f} % ", (shape, "$primary"))


def _memory_row(newest: Telemetry, width: int) -> Content:
    used = words.memory_of(newest.memory_used, newest.memory_total)
    engine = f", engine {words.memory(newest.engine_memory)}"
    text = f"{used}{engine}"
    if 7 + len(text) > width:
        text = used
    return line((f"{'memory':<6} ", "$dimmed"), text)


def _device_rows(
    index: int, device: DeviceReading, history: Sequence[float], width: int
) -> list[Content]:
    """Use and its history, then memory, temperature and power; in one row where both fit."""
    figures = [words.memory_of(device.memory_used, device.memory_total)]
    if device.temperature is not None:
        figures.append(f"{device.temperature:.0f} °C")
    if device.power is not None:
        figures.append(f"{device.power:.0f} W")
    text = "  ".join(figures)
    name = f"GPU {index}"
    if width >= 64:
        return [_meter(name, history, width - len(text) - 2) + line("  ", text)]
    if 7 + len(text) > width:
        text = text.replace(" of ", "/").replace("  ", " ")
    return [_meter(name, history, width), line(" " * 7, text)]
