"""What `btp-tui eval` writes: a table, one JSON object, and a file of the programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.config import Config
from core.evaluation.bootstrap import RESAMPLES, Interval
from core.evaluation.decoding import Decoding
from core.evaluation.figures import Figures, Report
from core.evaluation.measure import Measured, OnProgram
from core.files import writing, written_beside
from core.program import Program
from core.tasks import Task, Verdict


@contextmanager
def written_to(out: Path | None) -> Iterator[OnProgram | None]:
    """What writes each program as a JSON line, or None; the file appears when all are in it."""
    if out is None:
        yield None
        return
    with written_beside(out) as beside, writing(out), beside.open("w", encoding="utf-8") as file:

        def write(task: Task, number: int, program: Program, verdict: Verdict) -> None:
            line = {
                "task_id": task.task_id,
                "dataset": task.dataset,
                "difficulty": task.difficulty,
                "index": number,
                "program": program.text,
                "logprob": program.logprob,
                "n_tokens": program.n_tokens,
                "outcome": str(verdict.outcome),
                "passed": verdict.passed,
                "pass_rate": verdict.pass_rate,
            }
            file.write(json.dumps(line, ensure_ascii=False) + "\n")

        yield write


def as_json_of(
    model: str, config: Config, decoding: Decoding, measured: Measured, found: Report
) -> dict[str, Any]:
    """Everything as JSON values; shares are of 1, intervals {mean, low, high}."""
    sampler = config.sampler
    drawn = {"temperature": sampler.temperature, "top_p": sampler.top_p}
    return {
        "model": model,
        "path": config.model.path,
        "decoding": decoding.name,
        "written": decoding.written,
        **(drawn if decoding.name == "sample" else {}),
        "max_new_tokens": sampler.max_new_tokens,
        "decoder": measured.decoder,
        **found.overall.as_json(),
        "by_dataset": {name: each.as_json() for name, each in found.by_dataset.items()},
        "by_difficulty": {name: each.as_json() for name, each in found.by_difficulty.items()},
        "programs": measured.programs,
        "outcomes": dict(measured.outcomes.most_common()),
        "inconclusive": measured.inconclusive,
        "skipped": measured.fit.skipped,
        "cut": measured.fit.cut,
        "tokens": measured.tokens,
        "seconds": measured.seconds,
        "seed": config.seed,
    }


def table(
    model: str, config: Config, decoding: Decoding, measured: Measured, found: Report
) -> Iterator[str]:
    """What is printed: how it was measured, the figures, and what to know of them."""
    decoders = ", ".join(measured.decoder)
    yield (
        f"{model}: {decoding.in_words(config.sampler)}, "
        f"{measured.programs:,} programs ({decoders} decoder) in {measured.seconds:.1f} s"
    )
    yield ""
    named = {"all": found.overall, **found.by_dataset, **found.by_difficulty}
    yield from _aligned(named, decoding.written)
    yield ""
    yield f"Per cent; in brackets, what 95 % of {RESAMPLES:,} resamples of the tasks lie within."
    if decoding.name == "sample":
        yield "Strict accuracy (so pass@1) and test-case average are means over all samples."
    if decoding.name == "sample" and any(found.overall.n_at_k):
        yield f"n@{decoding.written}: the n most probable of them are handed in."
    if said := measured.fit.sentence(measured.room, config.sampler):
        yield f"{said} What is skipped counts as not solved."
    if measured.inconclusive:
        yield f"Programs that could not be judged, counted as failed: {measured.inconclusive}."


def _aligned(named: dict[str, Figures], written: int) -> Iterator[str]:
    """A line of titles and one for each group, in columns."""
    lines = [("", *(title for title, _ in _columns(named["all"], written)))]
    for name, figures in named.items():
        shown = "".join(letter if letter.isprintable() else " " for letter in name)
        lines.append((shown, *(text for _, text in _columns(figures, written))))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for first, *others in lines:
        cells = (cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
        yield "  ".join((first.ljust(widths[0]), *cells))


def _columns(figures: Figures, written: int) -> Iterator[tuple[str, str]]:
    """Titles and figures of a line; `written` is the k of n@k."""
    yield "tasks", f"{figures.tasks:,}"
    yield "strict accuracy", _in_brackets(figures.accuracy)
    yield "test-case average", _in_brackets(figures.pass_rate)
    for k, interval in figures.pass_at_k.items():
        if k > 1:  # else it is the strict accuracy
            yield f"pass@{k}", _in_brackets(interval)
    for n, interval in figures.n_at_k.items():
        if n > 1 or figures.pass_at_k:
            yield f"{n}@{written}", _in_brackets(interval)


def _in_brackets(interval: Interval) -> str:
    low, high = 100 * interval.low, 100 * interval.high
    return f"{100 * interval.mean:.1f} ({low:.1f}-{high:.1f})"
