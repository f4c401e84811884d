"""The screen in a pseudo-terminal: start, keys, CPU, memory and output, beside a training engine.

    python -m tests.benchmarks.bench_screen [--quick] [--json] [--folder DIR]

Every figure is one of the real `btp-tui` process, as a user has it: keys are written to its
terminal, and a key is answered when the last byte of what it had to show was read back. Starts are
measured from exec, by turns with a bare Textual application (one line of text, one key, Textual's
footer), while nothing else runs; all else beside an engine that trains the embedded model without
pause, with as many threads and workers as there are cores. The million programs are made once and
kept in --folder where one is given.

- start: to a frame with the run's name and its keys; then `3` is pressed: to the list of runs.
- key: each kind in turn, at random moments; a screen's first opening builds it and counts apart.
  So does escape, for which Textual waits 100 ms, since other keys begin with the same byte.
- CPU, output: while the dashboard is watched at 120x40 and nobody presses a key.
- memory: over 100,000 programs; then the rows of an hour (telemetry, log, updates, measurements,
  progress) are written within a minute, the screen polling as often as it can.
- latency: every byte under way for 50 ms in each direction, so 100 ms there and back.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import psutil

from storage.columns import Columns
from storage.migrations import MIGRATIONS
from storage.reader import Reader
from storage.workspace import Workspace
from storage.writer import Writer
from tests.benchmarks.an_hour import progress, write_an_hour
from tests.benchmarks.bench_store import Texts, fill
from tests.terminal import Picture, Terminal

SIZE = (120, 40)

#: Seconds from the terminal to the screen and as many back, as over SSH.
ONE_WAY_S = 0.05

_MAIN = "from btp_tui.cli import main; main()"
#: The same, reading the store as often as the thread can.
_HASTY = "import btp_tui.reading.feed as feed; feed.POLL_S = feed.IDLE_POLL_S = 0.01; " + _MAIN
_BARE = """
from textual.app import App
from textual.widgets import Footer, Static

class Bare(App):
    BINDINGS = [("3", "answer", "Answer")]

    def compose(self):
        yield Static("one line")
        yield Footer()

    def action_answer(self):
        self.query_one(Static).update("answered")

Bare().run()
"""

Seen = Callable[[Picture], object]


@dataclass
class Figure:
    """Measurements of one thing in one unit, and what was wanted of them, None where nothing."""

    name: str
    unit: str
    wanted: float | None = None
    of: str = "p95"
    values: list[float] = field(default_factory=list)

    def add(self, value: float) -> None:
        """Takes one more."""
        self.values.append(value)

    def at(self, share: float) -> float:
        """The smallest of the values that so large a share of them does not exceed."""
        ordered = sorted(self.values)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    @property
    def found(self) -> float:
        """The one that counts."""
        return {"p95": self.at(0.95), "median": statistics.median(self.values)}.get(
            self.of, max(self.values)
        )

    def row(self) -> str:
        """The line of the table."""
        wanted = f"{self.wanted:g}" if self.wanted is not None else "-"
        sign = "" if self.wanted is None or self.found <= self.wanted else "  misses"
        spread = [min(self.values), statistics.median(self.values), self.at(0.95), max(self.values)]
        numbers = "".join(f"{value:>9.4g}" for value in spread)
        return (
            f"{self.name:<44}{self.unit:>6}{wanted:>8} {self.of:>7}{self.found:>9.4g}"
            f"{numbers}{len(self.values):>6}{sign}"
        )


class Figures:
    """All figures in the order in which they were begun."""

    def __init__(self) -> None:
        self.all: dict[str, Figure] = {}

    def of(
        self, name: str, unit: str, wanted: float | None = None, counts: str = "median"
    ) -> Figure:
        """The figure of a name."""
        return self.all.setdefault(name, Figure(name, unit, wanted, counts))

    def summary(self) -> dict[str, dict[str, float | str | None]]:
        """All of them as plain values."""
        return {
            figure.name: {
                "unit": figure.unit,
                "wanted": figure.wanted,
                figure.of: figure.found,
                "min": min(figure.values),
                "max": max(figure.values),
                "n": len(figure.values),
            }
            for figure in self.all.values()
        }

    def table(self) -> str:
        """All of them, wanted beside found."""
        head = f"{'':<44}{'unit':>6}{'wanted':>8} {'by':>7}{'found':>9}"
        head += "".join(f"{title:>9}" for title in ("min", "median", "p95", "max"))
        return "\n".join([f"{head}{'n':>6}", *(figure.row() for figure in self.all.values())])


def screen(
    workspace: Path, size: tuple[int, int] = SIZE, code: str = _MAIN, delay_s: float = 0.0
) -> Terminal:
    """`btp-tui` on a workspace."""
    command = [sys.executable, "-P", "-c", code, "--workspace", str(workspace)]
    return Terminal(command, *size, delay_s=delay_s)


def cpu_s(process: int) -> float:
    """Seconds of CPU that a process has used."""
    times = psutil.Process(process).cpu_times()
    return float(times.user + times.system)


def measure_starts(
    figures: Figures, stores: dict[str, tuple[Path, float | None]], turns: int
) -> None:
    """Start to first frame and to an answered key, by turns with a bare application."""
    for turn in range(turns):
        kinds: list[str] = [*stores, "bare Textual"]
        for kind in random.Random(turn).sample(kinds, len(kinds)):
            if kind in stores:
                workspace, wanted = stores[kind]
                terminal, wanted_s = screen(workspace, (80, 24)), wanted
                frame: Seen = _first_frame
                answer: Seen = _list_of_runs
            else:
                terminal, wanted_s = Terminal([sys.executable, "-P", "-c", _BARE]), None
                frame, answer = _has("3 Answer"), _has("answered")
            with terminal:
                seconds = terminal.wait(frame) - terminal.began
                used = cpu_s(terminal.pid)
                terminal.type("3")
                answered = terminal.wait(answer) - terminal.began
            if turn == 0:  # files are not in the page cache yet
                continue
            figures.of(f"start, {kind}: first frame", "s").add(seconds)
            figures.of(f"start, {kind}: and a key answered", "s", wanted_s).add(answered)
            figures.of(f"start, {kind}: CPU to the first frame", "s").add(used)


def _has(*words: str) -> Seen:
    return lambda picture: all(each in picture.text for each in words)


def _first_frame(picture: Picture) -> bool:
    named = any(state in picture.row(0) for state in _STATES)
    return named and "? Keys" in picture.row(picture.height - 1)


def _list_of_runs(picture: Picture) -> bool:
    row = picture.row_of(" state ")
    return row > 0 and any(state in picture.row(row + 1) for state in _STATES)


#: Nothing completes it, so that each of its characters is seen when it was typed.
_TYPED = '"nowhere'

_STATES = ("running", "paused", "finished", "stopped", "died")


class Keys:
    """Presses keys on a screen and says how long each took to be answered."""

    def __init__(self, terminal: Terminal, figures: Figures, prefix: str) -> None:
        self.terminal, self._figures, self._prefix = terminal, figures, prefix
        self._random = random.Random(0)
        self._known: set[str] = set()

    def press(
        self, kind: str, keys: str, seen: Seen, wanted: bool = True, first: bool = False
    ) -> None:
        """One key; only `wanted` ones count among all, the `first` of a kind counts apart."""
        self.terminal.watch(self._random.uniform(0.05, 0.35))
        pressed = self.terminal.type(keys)
        took = (self.terminal.wait(seen) - pressed) * 1e3
        if first and kind not in self._known:
            self._known.add(kind)
            self._figures.of(f"{self._prefix}: first {kind}", "ms").add(took)
            return
        self._figures.of(f"{self._prefix}: {kind}", "ms", counts="p95").add(took)
        if keys == "\x1b":
            return
        limit = 50.0 + 1e3 * 2 * self.terminal.delay_s
        self._figures.of(f"{self._prefix}, all of these", "ms", limit, "p95").add(took)


def press_keys(terminal: Terminal, figures: Figures, prefix: str, turns: int) -> None:
    """Every kind of key so many times."""
    keys, picture = Keys(terminal, figures, prefix), terminal.picture
    terminal.wait(_has("Latest programs", "running"), 60)
    for _ in range(turns):
        keys.press("screen: tasks", "4", _has("╭─ Tasks"), first=True)
        keys.press("screen: runs", "3", _has("╭─ Runs"), first=True)
        keys.press("screen: dashboard", "1", _has("╭─ Latest programs"), first=True)
        keys.press("screen: programs", "b", _has("╭─ Programs"), first=True)
        terminal.type("/")
        terminal.wait(_without("/ Filter"))
        terminal.type("\x15")  # takes the filter of the turn before away
        terminal.wait(_without("iter:1 sort:task"))
        terminal.watch(0.5)  # Textual inserts what is typed at once before it deletes
        terminal.type(_TYPED[0])  # stands in the hint of an empty filter, too
        terminal.watch(0.3)
        for end in range(2, len(_TYPED) + 1):
            keys.press("typing a filter", _TYPED[end - 1], _has(f" {_TYPED[:end]}"))
        terminal.type("\x15")  # takes it away again
        terminal.wait(_without(_TYPED))
        terminal.type("iter:1 sort:task")
        terminal.wait(_has("task, ascending"))
        terminal.type("\r")
        terminal.wait(_has("/ Filter"))
        terminal.type("g")
        terminal.watch(0.5)
        top = picture.row_of("outcome   ") + 1
        for place in range(6):
            keys.press("cursor down", "j", _restyled(picture, 4, top + place + 1))
        for key in ("\x1b[6~", "\x1b[6~", "g"):
            keys.press("page", key, _rewritten(picture, top))
        keys.press("open a program", "\r", _without("╭─ Programs"), first=True)
        keys.press("close it (escape)", "\x1b", _has("╭─ Programs"))
        keys.press("list of keys", "?", _has("─ Keys"), first=True)
        keys.press("close it (escape)", "\x1b", _without("─ Keys"))


def _restyled(picture: Picture, x: int, y: int) -> Seen:
    before = picture.style(x, y)
    return lambda picture: picture.style(x, y) != before


def _rewritten(picture: Picture, y: int) -> Seen:
    before = [picture.row(row)[: picture.width // 2] for row in range(y, y + 3)]
    return lambda now: [now.row(row)[: now.width // 2] for row in range(y, y + 3)] != before


def _without(words: str) -> Seen:
    return lambda picture: words not in picture.text


def measure_watching(terminal: Terminal, figures: Figures, seconds: float) -> None:
    """CPU and output while nobody presses a key."""
    terminal.wait(_has("Latest programs", "running"), 60)
    terminal.watch(3.0)
    before, began, reads = cpu_s(terminal.pid), time.monotonic(), len(terminal.output)
    terminal.watch(seconds)
    took = time.monotonic() - began
    share = 100 * (cpu_s(terminal.pid) - before) / took
    figures.of("CPU while watching", "%", 6.0).add(share)
    by_second: Counter[int] = Counter()
    for at, size in terminal.output[reads:]:
        by_second[int(at - began)] += size
    output = figures.of("output while watching, each second", "kB/s", 20.0, "max")
    for second in range(int(took)):
        output.add(by_second[second] / 1e3)
    figures.of("output while watching, mean", "kB/s", 20.0).add(
        sum(by_second.values()) / took / 1e3
    )


def measure_memory(figures: Figures, workspace: Path, seconds: float) -> None:
    """Resident memory over 100,000 programs, and while the rows of an hour are written."""
    with screen(workspace, code=_HASTY) as terminal:
        terminal.wait(_has("Latest programs", "✓ passed"), 60)
        terminal.type("b")
        terminal.wait(_has("newest first"))
        terminal.type("1")
        terminal.wait(_has("╭─ Latest programs"))
        terminal.watch(3.0)
        process = psutil.Process(terminal.pid)
        resident = figures.of("memory, 100,000 programs", "MB", 150.0, "max")
        resident.add(process.memory_info().rss / 1e6)
        context = multiprocessing.get_context("spawn")
        writing = context.Process(target=write_an_hour, args=(workspace, seconds))
        writing.start()
        while writing.is_alive():
            terminal.watch(seconds / 8)
            resident.add(process.memory_info().rss / 1e6)
        writing.join()
        growth = statistics.median(resident.values[-3:]) - statistics.median(resident.values[1:4])
        figures.of("memory, growth over the hour", "MB", 5.0).add(growth)


@contextmanager
def training(workspace: Path) -> Iterator[None]:
    """An engine that trains the embedded model on all cores, from its first update on."""
    command = [sys.executable, "-P", "-m", "core", "train", "--workspace", str(workspace)]
    command += ["--name", "load", "--set=max_iterations=0", "--set=evaluation.every=1000"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as engine:
        try:
            with Reader(Workspace(workspace)) as reader:
                while not any(run.progress and run.progress.updates for run in reader.runs()):
                    assert engine.poll() is None, "the engine ended before its first update"
                    time.sleep(0.2)
            yield
        finally:
            engine.kill()


def filled(folder: Path, rows: int) -> Path:
    """A workspace with so many programs, made where it is not there yet."""
    place = folder / f"rows-{rows}-version-{len(MIGRATIONS)}"
    if not (place / "full" / "btp.db").exists():
        print(f"making {rows:,} programs", file=sys.stderr, flush=True)
        workspace, run = fill(place, Texts(0), rows)
        with Writer(workspace) as writer:
            writer.set_progress(run, progress("stopped", 0, 0))
        Columns(Reader(workspace)).refresh()  # leaves the copy that a screen opens from
    return place / "full"


def measure(folder: Path, kept: Path, quick: bool) -> Figures:
    """All figures."""
    figures = Figures()
    small = folder / "small"
    million = filled(kept, 100_000 if quick else 1_000_000)
    hundred = filled(kept, 100_000)
    train_small(small)
    stores = {"small": (small, 0.6), "100,000" if quick else "a million": (million, 1.0)}
    measure_starts(figures, stores, 3 if quick else 13)
    with training(folder / "load"):
        with screen(folder / "load") as terminal:
            press_keys(terminal, figures, "key", 2 if quick else 8)
        with screen(folder / "load", delay_s=ONE_WAY_S) as terminal:
            press_keys(terminal, figures, "100 ms away", 1 if quick else 3)
        with screen(folder / "load") as terminal:
            measure_watching(terminal, figures, 12.0 if quick else 60.0)
    if not quick:
        measure_memory(figures, hundred, 60.0)
    return figures


def train_small(workspace: Path) -> None:
    """A workspace with a run of one short iteration."""
    command = [sys.executable, "-P", "-m", "core", "train", "--workspace", str(workspace)]
    settings = ["max_iterations=1", "sampler.tasks_per_iteration=8", "evaluation.limit=4"]
    settings += ["trainer.updates_per_iteration=2", "tasks.limit=40"]
    for setting in settings:
        command += ["--set", setting]
    subprocess.run(command, check=True, capture_output=True)


def machine() -> str:
    """What it was measured on, and how busy that was."""
    model = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    return (
        f"{os.cpu_count()} cores of {model}, Python {platform.python_version()}, Textual "
        f"{version('textual')}, load {os.getloadavg()[0]:.1f} before"
    )


def main() -> None:
    """Measures, and prints a table or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer turns, 100,000 rows, no hour")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--folder", type=Path, help="where to keep the stores (1.3 GB)")
    arguments = parser.parse_args()
    measured_on = machine()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), arguments.folder or Path(folder), arguments.quick)
    if arguments.json:
        print(json.dumps({"machine": measured_on, "figures": figures.summary()}))
        return
    print(measured_on)
    print(figures.table())


if __name__ == "__main__":
    main()
