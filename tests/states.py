"""The states that a workspace and its runs can be in, as snapshots for tests of the screen."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from btp_tui.comparison import Compared, Comparison
from btp_tui.snapshot import (
    Disk,
    Exclusion,
    IterationOutcomes,
    Page,
    ProgramCard,
    RunLine,
    SampledTokens,
    SeedBand,
    ShownTest,
    Snapshot,
    Standing,
    Watched,
)
from btp_tui.tasks import TaskPage, TaskWish
from storage.schema import EvaluationRecord, Progress, Telemetry
from tests.screens import (
    START,
    card,
    evaluations,
    histogram,
    page,
    program_line,
    progress,
    run_line,
    snapshot,
    task_line,
    telemetry,
)

MILLION = 1_000_000

EMPTY = Snapshot("btp-runs")
LOADING = Snapshot("btp-runs", loaded=False)

DAMAGED = Snapshot(
    "btp-runs",
    START,
    problem="btp-runs/btp.db is damaged; `btp-tui db check --workspace btp-runs` says what can "
    "still be read and how to get it out.",
    loaded=False,
)

#: Two things that call for somebody: a disk nearly full, and a weaker sandbox.
FULL = Disk(free=300 << 20, needed=200 << 20, lasts_s=700.0)
OPEN = "seccomp, rlimits; WITHOUT landlock"


def of_line(line: RunLine, **changes: Any) -> Snapshot:
    """A workspace with one run that has said nothing but what its line does."""
    return Snapshot("btp-runs", START + 4, (line,), replace(Watched(line), **changes))


def starting() -> Snapshot:
    """Its process was begun four seconds ago."""
    return of_line(RunLine("demo-1", "starting", "train", "", START))


def first_look() -> Snapshot:
    """Trains, but nothing is measured, tested or drawn yet."""
    said = Progress(
        state="running",
        phase="evaluate",
        iterations=10,
        evaluated=12,
        evaluate_total=200,
        device="cpu (2 threads)",
        elapsed_s=3.1,
        heartbeat=START + 4,
    )
    return of_line(RunLine("demo-1", "running", "train", "nano", START, said, id=1))


def told(state: str, message: str = "", **changes: Any) -> Snapshot:
    """A run that ended in a state, and what its engine said last."""
    now = snapshot(state, **changes)
    assert now.watched is not None
    line = replace(now.watched.line, progress=replace(progress(state, "done"), message=message))
    return replace(now, runs=(line, *now.runs[1:]), watched=replace(now.watched, line=line))


def locked() -> Snapshot:
    """The store cannot be read just now."""
    sentence = "btp-runs/btp.db stayed locked by another process for 10 s; end it and try again."
    return replace(snapshot(), problem=sentence)


def warned() -> Snapshot:
    """A run with two warnings."""
    return snapshot(disk=FULL, isolation=OPEN)


def band() -> SeedBand:
    """Held-out accuracy of three seeds, that of the watched run the best."""
    return SeedBand(3, tuple((one.at, one.accuracy - 0.1, one.accuracy) for one in evaluations()))


def machines(devices: int, cores: int = 8) -> tuple[Telemetry, ...]:
    """Readings of a machine whose fourth device is idle."""
    return tuple(
        replace(
            reading,
            cores=tuple(100 * abs(math.sin(place + core)) for core in range(cores)),
            devices=tuple(
                replace(device, utilization=5.0 if number == 3 else 90.0 - number)
                for number, device in enumerate(reading.devices)
            ),
        )
        for place, reading in enumerate(telemetry(devices))
    )


def imported() -> Snapshot:
    """A run that has only tested a file."""
    inputs = (("tasks", "nano:train"), ("programs", "theirs.parquet"), ("run", "demo-1"))
    now = snapshot("finished", inputs=inputs, evaluations=(), steps=(), log=())
    assert now.watched is not None
    line = replace(now.watched.line, kind="import", name="import-1")
    return replace(now, runs=(line, *now.runs[1:]), watched=replace(now.watched, line=line))


def million() -> Snapshot:
    """After 26 days and a million programs, every number is as long as it may become."""
    days = 86_400.0
    said = replace(
        progress(),
        iteration=1199,
        iterations=2400,
        sampled=187_240,
        sample_total=250_000,
        tested=1_498_011,
        test_total=2_000_000,
        update_total=150_000,
        programs=MILLION,
        updates=1_234_567,
        tokens_per_s=1_812_400.0,
        tests_per_s=113_000.0,
        eta_s=31 * days,
        elapsed_s=26.4 * days,
        device="cuda:0 (8 × NVIDIA H200)",
    )
    counts = (("passed", 512_345), ("wrong answer", 301_234), ("error", 120_000), ("timeout", 9))
    now = snapshot(
        line=run_line("llama-70b-lora", progress=said, model="Llama-3.1-70B-Instruct"),
        iterations=tuple(
            IterationOutcomes(place, counts, 0.45 + place / 10_000) for place in range(1, 1200)
        ),
        histogram=replace(histogram(), candidates=1_534_000),
        phase_left_s=2.2 * days,
        latest=tuple(
            replace(program_line(number), sample=MILLION - number, iteration=1199)
            for number in range(60)
        ),
    )
    assert now.watched is not None
    return replace(now, runs=(now.watched.line, *now.runs[1:]))


def million_page(query: str, offset: int) -> Page:
    """The last page of a million programs but one."""
    rows = tuple(
        replace(row, sample=row.sample + MILLION, iteration=1199, replays=12_345)
        for row in page().rows
    )
    return replace(page(query), rows=rows, offset=MILLION - 1000, total=MILLION, of=MILLION)


def flagged_page(query: str, offset: int) -> Page:
    """A page with a program that is kept from the replay and two that are marked."""
    flags = [(False, False), (True, False), (False, True), (True, True)]
    rows = [
        replace(row, excluded=excluded, marked=marked)
        for row, (excluded, marked) in zip(page().rows, flags, strict=False)
    ]
    return replace(page(query, offset), rows=(*rows, *page().rows[4:]))


def nothing_found(query: str, offset: int) -> Page:
    """Of 1,632 programs none."""
    return Page(query, of=1632, sort="newest", descending=True)


def searching(query: str, offset: int) -> Page:
    """The newest hits of a text, while the rest is searched for."""
    return Page(query, rows=page().rows[:7], of=1632, sort="newest", searching=True)


def million_tasks(wish: TaskWish) -> TaskPage:
    """A page of a million tasks."""
    rows = tuple(
        replace(task_line(number), task=f"apps/competition/{MILLION - number}", programs=12_345)
        for number in range(500)
    )
    return TaskPage(
        wish,
        "llama-70b-lora",
        rows,
        MILLION,
        MILLION,
        solved=703_112,
        again=900_000,
        stretch=25,
        iterations=1200,
    )


def no_task(wish: TaskWish) -> TaskPage:
    """None of 1,296 tasks is called so."""
    return TaskPage(wish, "demo-1", (), 0, 1296, iterations=6)


def passed_card(sample: int) -> ProgramCard:
    """Everything passed, and it is drawn most often."""
    tests = tuple(ShownTest(f"make([{n}, 2])", f"[2, {n}]", "passed", f"[2, {n}]") for n in "13")
    shown = card(sample)
    assert shown.standing is not None
    standing = Standing(shown.standing.knobs, 0.94, 0.988, 0.0041, 1, 1534)
    return replace(shown, outcome="passed", pass_rate=1.0, tests=tests, standing=standing, copies=1)


def untested_card(sample: int) -> ProgramCard:
    """Just written: neither tested nor drawn."""
    tests = tuple(replace(test, outcome=None, actual="", message="") for test in card().tests)
    return replace(
        card(sample),
        outcome=None,
        pass_rate=None,
        tests=tuple(replace(test, line=None, seconds=0.0) for test in tests),
        standing=None,
        replays=0,
        draws=(),
        copies=1,
        student_logprob=None,
    )


def flagged_card(sample: int) -> ProgramCard:
    """Marked, and kept from the replay for a while."""
    return replace(card(sample), marked=True, excluded=Exclusion(START + 30, 118))


def first_card(sample: int) -> ProgramCard:
    """The first program that the run wrote for its task."""
    shown = card(sample)
    assert shown.lineage is not None
    lineage = replace(shown.lineage, place=0, before=None)
    return replace(shown, lineage=replace(lineage, samples=(sample, *lineage.samples[1:])))


def imported_card(sample: int) -> ProgramCard:
    """From a file, so nobody knows its tokens."""
    why = "This program came from a file, which holds no tokens."
    return replace(card(sample), source="file", tokens=SampledTokens(why_none=why), logprob=None)


def compared(name: str, rise: float, state: str = "finished") -> Compared:
    """A run that is measured six times, each time so much better."""
    line = run_line(name, state, initial=0.3, newest=0.3 + 5 * rise)
    measured = tuple(
        EvaluationRecord(
            step, 24 * step, "during", 0.3 + rise * step, 0.5, {}, 1.0, START + 9 * step
        )
        for step in range(6)
    )
    return Compared(line, measured)


def comparison(runs: int) -> Comparison:
    """Up to four runs that differ in three settings."""
    rises = (("demo-1", 0.12), ("rank-based", 0.08), ("all-possibility", 0.02), ("uniform", -0.01))
    differences = (
        ("replay.alpha", ("0.2", "0.2", "0.9", "0.5")),
        ("replay.exponent", ("4.0", "1.0", "4.0", "0.0")),
        ("replay.prioritization", ('"proportional"', '"rank"', '"proportional"', "–")),
    )
    return Comparison(
        tuple(compared(*rise) for rise in rises[:runs]),
        tuple((key, values[:runs]) for key, values in differences),
    )
