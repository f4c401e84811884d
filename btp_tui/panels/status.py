"""The upper rows: which run, what it is doing in words, and how far its three phases are."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content

from btp_tui import words
from btp_tui.now import Now, now_in_words
from btp_tui.panels.panel import Panel, line, lines, spread
from btp_tui.snapshot import Snapshot
from btp_tui.theme import STATES, Sign
from storage.schema import Progress

#: Which bars move in which phase: programs are tested while others are still being written.
_AT_WORK = {"sample": ("sample", "test"), "test": ("test",), "replay": ("replay",)}


@dataclass(frozen=True, slots=True)
class Title:
    """What the title bar says."""

    run: str
    state: str
    right: str
    held: bool


class TitleBar(Panel[Title]):
    """One row: the run, its state in a word, the machine, and whether the display is held."""

    def part(self, snapshot: Snapshot) -> Title:
        """Only what this row names."""
        if snapshot.watched is None:
            none = "no run shown" if snapshot.runs else "no run yet" if snapshot.loaded else ""
            none = none or ("not readable" if snapshot.problem else "")
            return Title("", none, snapshot.workspace, snapshot.held)
        run = snapshot.watched.line
        return Title(run.name, run.state, _machine(run.model, run.progress), snapshot.held)

    def draw(self, shown: Title, width: int, _height: int) -> Content:
        """Left: run and state. Right: what it trains on, for how long."""
        left = line((" btp-tui ", "bold $background on $primary"))
        if shown.run:
            state = STATES[shown.state]
            left += line((f" {shown.run} ", "bold"), (f"{state.mark} {shown.state}", state.style))
        else:
            left += line((f" {shown.state}", "$dimmed"))
        if shown.held:
            goes_on = ", training goes on" if shown.state == "running" else ""
            left += line("  ", (f" ‖ display held{goes_on} ", "bold $background on $timeout"))
        right = line((f"{shown.right} ", "$dimmed"))
        if left.cell_length + right.cell_length >= width:
            right = Content("")
        return spread(left, right, width)


class NowLine(Panel[tuple[Sign, Now]]):
    """One sentence: what the engine does and how long it will take."""

    def part(self, snapshot: Snapshot) -> tuple[Sign, Now] | None:
        """Sign and sentence; a problem goes first, it is what the reader must act on."""
        if snapshot.problem:
            return STATES["failed"], Now(snapshot.problem.removesuffix("."), style="$failed")
        if snapshot.said:
            return Sign("›", "$primary"), Now(snapshot.said.removesuffix("."), style="$primary")
        if snapshot.watched is None:
            return None if snapshot.loaded else (STATES["starting"], Now("Reading the workspace"))
        return STATES[snapshot.watched.line.state], now_in_words(snapshot.watched, snapshot.at)

    def show(self, snapshot: Snapshot) -> None:
        """What went wrong may take several rows: it must be readable in full."""
        super().show(snapshot)
        self.set_class(self._shown is not None and self._shown[1].style == "$failed", "-problem")
        self.set_class(bool(snapshot.said), "-said")

    def draw(self, shown: tuple[Sign, Now], width: int, _height: int) -> Content:
        """The sign of the state, and as much of the sentence as fits."""
        sign, now = shown
        room = 10_000 if now.style == "$failed" else width - 2
        return line((f"{sign.mark} ", sign.style), (now.fitted(room), now.style))


@dataclass(frozen=True, slots=True)
class Bar:
    """One phase of the iteration; `speed` is empty while it does not move."""

    name: str
    done: int
    total: int
    unit: str
    speed: str
    at_work: bool


class PhaseBars(Panel[tuple[Bar, ...]]):
    """Sample, test, replay: how much of this iteration is done, and how fast it goes."""

    def part(self, snapshot: Snapshot) -> tuple[Bar, ...] | None:
        """The three phases of the watched run."""
        run = snapshot.watched.line if snapshot.watched else None
        if run is None or run.progress is None:
            return None
        now = run.progress
        phases: tuple[tuple[str, int, int, str, float, str], ...] = (
            ("sample", now.sampled, now.sample_total, "tasks", now.tokens_per_s, "tokens"),
            ("test", now.tested, now.test_total, "programs", now.tests_per_s, "tests"),
            ("replay", now.updated, now.update_total, "updates", now.updates_per_s, "updates"),
        )
        live = run.state == "running"
        if not run.trains:
            phases = phases[1:2]
        return tuple(
            Bar(
                name=name,
                done=done,
                total=total,
                unit=unit,
                speed=words.rate(speed, of) if live and speed > 0 else "",
                at_work=live and name in _AT_WORK.get(now.phase, ()),
            )
            for name, done, total, unit, speed, of in phases
        )

    def draw(self, shown: tuple[Bar, ...], width: int, _height: int) -> Content:
        """Three rows, the phase at work in full colour."""
        return lines([_bar_row(bar, width) for bar in shown])


def _machine(model: str, progress: Progress | None) -> str:
    if progress is None:
        return model
    parts = [model] if model else []
    if progress.device:
        parts.append(f"on {progress.device}")
    if progress.elapsed_s:
        parts.append(f"{'· ' if parts else ''}{words.duration(progress.elapsed_s)}")
    return " ".join(parts)


def _bar_row(bar: Bar, width: int) -> Content:
    amount = f"{words.count(bar.done)} / {words.count(bar.total)} {bar.unit}" if bar.total else "–"
    mark, style = ("▸", "bold") if bar.at_work else (" ", "$dimmed")
    head = line((f" {mark} {bar.name:<7}", style))
    tail = line(f" {amount:>22}", (f" {bar.speed:>16} ", "" if bar.at_work else "$dimmed"))
    room = max(4, width - head.cell_length - tail.cell_length)
    fraction = bar.done / bar.total if bar.total else 0.0
    return head + _meter(fraction, room, "$primary" if bar.at_work else "$stored") + tail


def _meter(fraction: float, width: int, style: str) -> Content:
    """A thin bar, filled to a fraction in half cells."""
    halves = round(max(0.0, min(1.0, fraction)) * width * 2)
    full, half = divmod(halves, 2)
    filled = "━" * full + ("╸" if half else "")
    return line((filled, style), ("━" * (width - len(filled)), "$track"))
