"""Snapshots for tests of the screen, and a feed that shows them: no store, no thread, no clock."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from textual.message import Message

from btp_tui.app import BtpApp
from btp_tui.reading.feed import Feed
from btp_tui.reading.lineage import Lineage, Predecessor
from btp_tui.reading.messages import CardReady, PageReady, SnapshotReady, TasksReady
from btp_tui.reading.wishes import Wishes
from btp_tui.snapshot import (
    Histogram,
    IterationOutcomes,
    Knobs,
    Page,
    ProgramCard,
    ProgramLine,
    RunLine,
    SampledTokens,
    ShownTest,
    Snapshot,
    Standing,
    Watched,
)
from btp_tui.tasks import TaskLine, TaskPage, TaskWish
from storage.schema import (
    DeviceReading,
    EvaluationRecord,
    Event,
    Progress,
    Telemetry,
    UpdateFigures,
)

START = 1_770_000_000.0

PROGRAMS = (
    ("def make(values):\n    return sorted(values)[::-1]", "return sorted(values)[::-1]"),
    (
        "def make(values):\n    total = 0\n    for value in values:\n        total += value[0]\n"
        "    return total",
        "total = 0 ⏎ for value in values: ⏎ total += value[0] ⏎ return total",
    ),
    ("print(sum(int(word) for word in input().split()))", "print(sum(int(word) for word in ..."),
)
OUTCOMES = ("passed", "wrong answer", "passed", "error", "timeout", "passed", "denied")


def progress(state: str = "running", phase: str = "sample") -> Progress:
    """Iteration 6 of 10, 38 seconds in."""
    return Progress(
        state=state,
        phase=phase,
        iteration=5,
        iterations=10,
        sampled=64,
        sample_total=96,
        tested=171,
        test_total=192,
        updated=0,
        update_total=24,
        programs=1632,
        updates=120,
        tokens_per_s=1812.4,
        tests_per_s=1130.0,
        eta_s=31.0,
        elapsed_s=38.2,
        device="cpu (2 threads)",
        decoder="tree",
        knobs={"replay.alpha": 0.2, "replay.exponent": 2.0},
        heartbeat=START + 38.2,
    )


def run_line(name: str = "demo-1", state: str = "running", **changes: Any) -> RunLine:
    told = state if state in ("running", "paused", "finished", "stopped", "failed") else "running"
    phase = "sample" if told in ("running", "paused") else "done"
    line = RunLine(
        name=name,
        state=state,
        kind="train",
        model="nano",
        at=START,
        progress=progress(told, phase),
        initial=0.33,
        newest=0.865,
        id=1,
    )
    return replace(line, **changes)


def program_line(number: int) -> ProgramLine:
    outcome = OUTCOMES[number % len(OUTCOMES)]
    return ProgramLine(
        sample=1000 - number,
        task=f"nano/train/{17 + 31 * (number // 3)}",
        iteration=6 - number // 40,
        rank=number % 3 + 1,
        source="self",
        outcome=None if number == 0 else outcome,
        pass_rate=None if number == 0 else 1.0 if outcome == "passed" else (number % 6) / 6,
        logprob=-2.4 - number % 9,
        n_tokens=21 + number % 30,
        possibility=0.9 - 0.02 * (number % 20),
        p2value=0.95 - 0.01 * (number % 60),
        replays=number % 5,
        text=PROGRAMS[number % 3][1],
        partial=False,
        run_id=1,
    )


def histogram() -> Histogram:
    stored = [math.exp(-((place - 17) ** 2) / 9) + 0.08 for place in range(20)]
    drawn = [share * ((place + 1) / 20) ** 2 for place, share in enumerate(stored)]
    return Histogram(
        tuple(share / sum(stored) for share in stored),
        tuple(share / sum(drawn) for share in drawn),
        1534,
        never=0.38,
    )


def evaluations() -> tuple[EvaluationRecord, ...]:
    accuracies = (0.33, 0.545, 0.72, 0.865)
    return tuple(
        EvaluationRecord(
            iteration=2 * place,
            update_number=48 * place,
            label="during" if place else "initial",
            accuracy=accuracy,
            pass_rate=accuracy + 0.3 * (1 - accuracy),
            tasks={f"nano/held-out/{number}": 1.0 for number in range(200)},
            seconds=1.5,
            at=START + 2 + 11.5 * place,
        )
        for place, accuracy in enumerate(accuracies)
    )


def telemetry(gpus: int = 0) -> tuple[Telemetry, ...]:
    gib = 1024**3
    return tuple(
        Telemetry(
            cpu=80.0 + 15 * math.sin(second / 3),
            memory_used=int(5.1 * gib),
            memory_total=16 * gib,
            engine_memory=int(1.2 * gib),
            devices=tuple(
                DeviceReading("NVIDIA H200", 90.0 - 20 * gpu, 31 * gib, 140 * gib, 61.0, 412.0)
                for gpu in range(gpus)
            ),
            at=START + second,
        )
        for second in range(38)
    )


def log() -> tuple[Event, ...]:
    said = (
        ("info", "Held-out accuracy 33.0% (initial, after 0 updates), mean pass rate 53.1%."),
        ("info", "Checkpoint after 96 updates."),
        ("warning", "Out of memory: the microbatch is 16 programs now."),
        ("info", "Held-out accuracy 86.5% (during, after 96 updates), mean pass rate 90.5%."),
        ("info", "Checkpoint after 120 updates."),
    )
    return tuple(
        Event(level, message, START + 7 * place) for place, (level, message) in enumerate(said)
    )


def watched(state: str = "running", gpus: int = 0, **changes: Any) -> Watched:
    """A run in its sixth iteration."""
    counts = (("passed", 98), ("wrong answer", 41), ("error", 20), ("timeout", 7), ("denied", 2))
    full = Watched(
        line=run_line(state=state),
        isolation="seccomp, Landlock, rlimits, own uid",
        evaluations=evaluations(),
        steps=tuple(
            UpdateFigures(number, 0.1 + 0.9 * math.exp(-number / 40), 1.2, START + 2 + 0.3 * number)
            for number in range(1, 121)
        ),
        iterations=tuple(
            IterationOutcomes(place, counts, 0.43 + 0.05 * place) for place in range(1, 7)
        ),
        histogram=histogram(),
        telemetry=telemetry(gpus),
        log=log(),
        latest=tuple(program_line(number) for number in range(60)),
    )
    return replace(full, **changes)


def snapshot(state: str = "running", **changes: Any) -> Snapshot:
    """A workspace with the watched run and two older ones."""
    now = watched(state, **changes)
    older = run_line("demo-0", "finished", id=2), run_line("mine-1", "died", id=3, newest=0.412)
    return Snapshot("btp-runs", START + 38, (now.line, *older), now)


def page(query: str = "", offset: int = 0) -> Page:
    """What the still feed answers to any filter."""
    return Page(
        query=query,
        rows=tuple(program_line(number) for number in range(120)),
        offset=offset,
        total=1632,
        of=1632,
        sort="newest",
        descending=True,
        tasks=("nano/train/17", "nano/train/48"),
        sources=("self",),
    )


#: Of the second program, one of each level of sureness and more.
TOKENS = SampledTokens(
    (
        ("    total", -0.02),
        (" =", -0.01),
        (" 0\n    for", -0.2),
        (" value", -0.05),
        (" in", -0.01),
        (" values:\n        total", -0.4),
        (" += value", -1.2),
        ("[0]", -2.9),
        ("\n    return total\n", -0.03),
        ("<|end|>", -0.01),
    )
)


def lineage(sample: int) -> Lineage:
    """Of 17 programs of a task, one sample in three; without any, the third one's."""
    samples = tuple(range(991, 1042, 3))
    place = samples.index(sample) if sample in samples else 2
    before = PROGRAMS[1][0].replace("total += value[0]", "total += value").replace("= 0", "= 1")
    return Lineage(samples, place, Predecessor(before, 5, "error", 0.25) if place else None)


def card(sample: int = 997) -> ProgramCard:
    """A program that fails two of its four tests."""
    return ProgramCard(
        sample=sample,
        run="demo-1",
        task="nano/train/48",
        description="Add up the first entry of each value.",
        prompt="",
        text=PROGRAMS[1][0],
        iteration=6,
        rank=1,
        source="self",
        outcome="error",
        pass_rate=0.5,
        logprob=-4.2,
        n_tokens=34,
        replays=3,
        draws=((118, 1), (112, 2)),
        copies=7,
        student_logprob=-6.9,
        tests=(
            ShownTest("make([[1], [2]])", "3", "passed", "3"),
            ShownTest("make([[]])", "0", "error", "", "IndexError: list index out of range", 4),
            ShownTest("make([])", "0", "passed", "0"),
            ShownTest("make([[5, 1]])", "6", "wrong answer", "5", seconds=0.002),
        ),
        standing=Standing(Knobs(), 0.88, 0.576, 0.00031, 1204, 1534),
        lineage=lineage(sample),
        tokens=TOKENS,
        run_id=1,
    )


def task_line(number: int) -> TaskLine:
    """Some are learned at once, some by and by, some are forgotten again, some stay unsolved."""
    shapes: tuple[tuple[float | None, ...], ...] = (
        (0.0, 0.0, 0.0, 0.17, 0.17, 0.0),
        (0.17, 0.33, 0.33, 0.67, 0.83, 1.0),
        (0.33, 0.67, 1.0, 1.0, 0.67, 0.5),
        (0.5, None, 0.75, None, 1.0, 1.0),
        (None, None, None, None, None, None),
    )
    history = shapes[number % len(shapes)]
    known = [rate for rate in history if rate is not None]
    best = None if not known else 0.5 if number % len(shapes) == 0 else 1.0
    return TaskLine(
        task=f"nano/train/{17 + 31 * number}",
        history=history,
        first=known[0] if known else None,
        newest=known[-1] if known else None,
        peak=max(known, default=None),
        programs=2 * len(history) + 7 * (number % 3),
        best=best,
        solved=None if best != 1.0 else 2 + number % 4,
        text=PROGRAMS[number % 3][1],
    )


def task_page(wish: TaskWish) -> TaskPage:
    """What the still feed answers to any wish for tasks."""
    rows = tuple(task_line(number) for number in range(96))
    return TaskPage(
        wish, "demo-1", rows, 1296, 1296, solved=703, again=1100, stretch=1, iterations=6
    )


@dataclass(frozen=True, slots=True)
class Examples:
    """What the still feed answers to a wish for each; None where it has not read that yet."""

    page: Callable[[str, int], Page | None] = page
    card: Callable[[int], ProgramCard | None] = card
    tasks: Callable[[TaskWish], TaskPage | None] = task_page


EXAMPLES = Examples()


class StillFeed(Feed):
    """Shows one snapshot, and answers wishes at once, from examples where the run has begun."""

    def __init__(
        self,
        shown: Snapshot,
        workspace: Path,
        post: Callable[[Message], object],
        examples: Examples,
    ) -> None:
        super().__init__(workspace, post)
        self.shown = shown
        self._examples = examples if _has_begun(shown) else _NOTHING_YET
        if not shown.loaded:
            self._examples = _UNREAD

    def start(self) -> None:
        self._post(SnapshotReady(self.shown))

    def wish(self, wishes: Wishes) -> None:
        before, self._wishes = self.wishes, wishes
        known = self._examples
        if wishes.turned != before.turned and self.shown.watched is not None:
            watched = self.shown.watched
            knobs = replace(watched.in_force, **dict[str, Any](wishes.turned))
            self._post(SnapshotReady(replace(self.shown, watched=replace(watched, knobs=knobs))))
        if wishes.page is not None and wishes.page != before.page:
            page = known.page(*wishes.page)
            if page is not None:
                self._post(PageReady(page))
        if wishes.sample is not None and wishes.sample != before.sample:
            card = known.card(wishes.sample)
            if card is not None:
                self._post(CardReady(card))
        if wishes.tasks is not None and wishes.tasks != before.tasks:
            tasks = known.tasks(wishes.tasks)
            if tasks is not None:
                self._post(TasksReady(tasks))

    def show(self, shown: Snapshot) -> None:
        """Another snapshot comes from the store."""
        self.shown = shown
        self._post(SnapshotReady(shown))


def _has_begun(shown: Snapshot) -> bool:
    return shown.watched is not None and shown.watched.line.state != "starting"


_UNREAD = Examples(
    page=lambda query, offset: None, card=lambda sample: None, tasks=lambda wish: None
)
_NOTHING_YET = Examples(
    page=lambda query, offset: Page(query, offset=offset, sort="newest", descending=True),
    card=lambda sample: None,
    tasks=TaskPage,
)


def still_app(
    shown: Snapshot,
    workspace: Path = Path("btp-runs"),
    examples: Examples = EXAMPLES,
) -> BtpApp:
    """The application on a snapshot that does not change."""
    return BtpApp(workspace, feed=lambda place, post: StillFeed(shown, place, post, examples))
