"""The upper rows: which run, what it is doing in words, and how far its three phases are."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content

from btp_tui import words
from btp_tui.panels.panel import Panel, line, lines, spread
from btp_tui.snapshot import Snapshot, Watched
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
            return Title("", "", snapshot.workspace, snapshot.held)
        run = snapshot.watched.line
        return Title(run.name, run.state, _machine(run.model, run.progress), snapshot.held)

    def draw(self, shown: Title, width: int, _height: int) -> Content:
        """Left: run and state. Right: what it trains on, for how long."""
        left = line((" btp-tui ", "bold $background on $primary"))
        if shown.run:
            state = STATES[shown.state]
            left += line((f" {shown.run} ", "bold"), (f"{state.mark} {shown.state}", state.style))
        else:
            left += line((" no run yet", "$dimmed"))
        if shown.held:
            goes_on = ", training goes on" if shown.state == "running" else ""
            left += line("  ", (f" ‖ display held{goes_on} ", "bold $background on $timeout"))
        right = line((f"{shown.right} ", "$dimmed"))
        if left.cell_length + right.cell_length >= width:
            right = Content("")
        return spread(left, right, width)


class NowLine(Panel[tuple[Sign, str, str]]):
    """One sentence: what the engine does and how long it will take."""

    def part(self, snapshot: Snapshot) -> tuple[Sign, str, str] | None:
        """Sign, sentence and style; a problem goes first, it is what the reader must act on."""
        if snapshot.problem:
            return STATES["failed"], snapshot.problem, "$failed"
        if snapshot.said:
            return Sign("›", "$primary"), snapshot.said, "$primary"
        if snapshot.watched is None:
            return None
        return STATES[snapshot.watched.line.state], *now_in_words(snapshot.watched)

    def show(self, snapshot: Snapshot) -> None:
        """A problem may take several rows: it must be readable in full."""
        super().show(snapshot)
        self.set_class(bool(snapshot.problem), "-problem")

    def draw(self, shown: tuple[Sign, str, str], _width: int, _height: int) -> Content:
        """The sign of the state, and the sentence."""
        sign, sentence, style = shown
        return line((f"{sign.mark} ", sign.style), (sentence, style))


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
        phases = (
            ("sample", now.sampled, now.sample_total, "tasks", now.tokens_per_s, "tokens"),
            ("test", now.tested, now.test_total, "programs", now.tests_per_s, "tests"),
            ("replay", now.updated, now.update_total, "updates", now.updates_per_s, "updates"),
        )
        live = run.state == "running"
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


def now_in_words(watched: Watched) -> tuple[str, str]:
    """What the engine is doing and how long it will take, and the style to say it in."""
    run, progress = watched.line, watched.line.progress
    if run.state == "died":
        return (
            "The engine died. Its results are safe; r goes on from the last checkpoint.",
            "$failed",
        )
    if run.state == "starting" or progress is None:
        return "Starting the engine: loading the model takes a few seconds.", ""
    if run.state == "failed":
        return f"Training failed: {_last_error(watched)}", "$failed"
    if run.state == "finished":
        return f"Finished in {words.duration(progress.elapsed_s)}: {_result(watched)}", ""
    if not run.trains:
        return f"Testing {words.plural(progress.test_total, 'program')} of a file.", ""
    if run.state == "stopped":
        return f"Stopped: {_result(watched)}{' Press r to resume.' if run.trains else ''}", ""
    if run.state == "paused" and progress.message:
        return f"Training is paused. {progress.message}", "$timeout"
    if run.state == "paused":
        return "Training is paused, nothing is lost: press p to go on.", "$timeout"
    return f"{_doing(progress)}{_left(progress)}", ""


def _doing(progress: Progress) -> str:
    turn = f"iteration {progress.iteration + 1}"  # the store counts what is done
    if progress.iterations:
        turn += f" of {progress.iterations}"
    sentences = {
        "starting": "Loading the model and its tasks",
        "evaluate": f"Measuring on held-out tasks: {progress.evaluated} of "
        f"{progress.evaluate_total}",
        "sample": f"{_writing(progress)}, {turn}{_unfitting(progress)}{_spent(progress)}",
        "test": f"Testing programs, {turn}",
        "replay": f"Learning from replayed programs, {turn}",
        "checkpoint": f"Saving a checkpoint, {turn}",
        "done": "Done",
    }
    return sentences.get(progress.phase, progress.phase)


def _writing(progress: Progress) -> str:
    return f"{progress.teacher} writes programs" if progress.teacher else "Writing programs"


def _spent(progress: Progress) -> str:
    """What a teacher behind a server cost so far."""
    if not progress.teacher_requests:
        return ""
    requests = words.plural(progress.teacher_requests, "request")
    cost = f", {progress.teacher_cost:,.2f} spent" if progress.teacher_cost else ""
    return f" ({requests}, {words.count(progress.teacher_tokens)} tokens{cost})"


def _unfitting(progress: Progress) -> str:
    """How many prompts are longer than the model's context; nothing where all of them fit."""
    if not (progress.cut_tasks or progress.skipped_tasks):
        return ""
    cut = words.plural(progress.cut_tasks, "prompt")
    return f" ({cut} cut, {words.count(progress.skipped_tasks)} skipped)"


def _left(progress: Progress) -> str:
    if progress.eta_s is None:
        return "."
    return f"; about {words.duration(progress.eta_s)} left."


def _result(watched: Watched) -> str:
    run = watched.line
    if run.progress is not None and not run.trains:
        return f"{words.plural(run.progress.tested, 'program')} tested."
    initial, newest = run.initial, run.newest
    if initial is None or newest is None:
        return "no held-out measurement yet."
    return f"held-out accuracy {words.percent(initial)} → {words.percent(newest)}."


def _last_error(watched: Watched) -> str:
    newest = watched.log[-1].message if watched.log else "the engine's log says why."
    progress = watched.line.progress
    return progress.message if progress and progress.message else newest


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
