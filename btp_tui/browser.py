"""Pages of programs and single programs, out of the mirror; runs on the feed's thread."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from btp_tui.observer import Observer
from btp_tui.snapshot import PAGE, Knobs, Page, ProgramCard, ShownTest
from core.candidates import possibilities
from core.priority import p2value
from storage.columns import Columns
from storage.programs import ProgramDetail
from storage.query import QueryError, parse_query
from storage.schema import VerdictRecord
from storage.selection import find_filter, in_order


def find_page(observer: Observer, run: str, knobs: Knobs, text: str, offset: int) -> Page:
    """The rows that a filter lets through, sorted, from an offset on."""
    columns = observer.mirror.columns
    try:
        query = parse_query(text)
        runs = {line.name: line.id for line in observer.runs}
        wanted = find_filter(query, observer.reader, runs, watched=run)
    except QueryError as error:
        return Page(text, problem=str(error))
    found = columns.select(wanted)
    ordered = in_order(columns, found, query, lambda: _p2value(columns, knobs), offset + PAGE)
    return Page(
        query=text,
        rows=observer.mirror.lines(ordered[offset:], knobs),
        offset=offset,
        total=int(np.count_nonzero(found)),
        of=len(columns) if wanted.run is None else int((columns.run == wanted.run).sum()),
        sort=query.sort,
        descending=query.descending,
        tasks=tuple(columns.tasks[:2000]),
        sources=tuple(columns.sources),
        unsearched=max((found.left for found in wanted.text), default=0),
    )


def find_card(observer: Observer, sample: int, knobs: Knobs) -> ProgramCard | None:
    """Everything about one sample; None where the store does not hold it."""
    detail = observer.reader.program(sample)
    if detail is None:
        return None
    columns = observer.mirror.columns
    row = int(np.searchsorted(columns.sample, sample))
    mirrored = row < len(columns) and int(columns.sample[row]) == sample
    return ProgramCard(
        sample=sample,
        run=next((line.name for line in observer.runs if line.id == detail.run), ""),
        task=detail.task.task_id,
        description=detail.task.description,
        prompt=detail.task.prompt,
        text=detail.text,
        iteration=detail.iteration + 1,
        rank=detail.rank + 1,
        source=detail.source,
        outcome=detail.verdict.outcome if detail.verdict else None,
        pass_rate=detail.verdict.pass_rate if detail.verdict else None,
        logprob=detail.logprob,
        n_tokens=detail.n_tokens,
        replays=int(columns.replays[row]) if mirrored else 0,
        copies=observer.mirror.copies(row) if mirrored else 1,
        student_logprob=observer.mirror.student_logprob(row) if mirrored else None,
        tests=_tests(detail),
        standing=observer.mirror.candidates(detail.run, knobs).standing(row) if mirrored else None,
    )


def _p2value(columns: Columns, knobs: Knobs) -> NDArray[np.float64]:
    """P2Value of every row of the mirror."""
    pass_rate = columns.pass_rate.astype(np.float64)
    rows = np.arange(len(columns))
    return p2value(possibilities(columns, rows, knobs), pass_rate, knobs.alpha)


def _tests(detail: ProgramDetail) -> tuple[ShownTest, ...]:
    """The task's tests beside what the program made of them."""
    verdict: VerdictRecord | None = detail.verdict
    results = verdict.tests if verdict else ()
    shown = []
    for place, (given, expected) in enumerate(detail.task.tests):
        if place >= len(results):
            shown.append(ShownTest(given, expected))
            continue
        result = results[place]
        shown.append(
            ShownTest(
                given=given,
                expected=expected,
                outcome=result.outcome,
                actual=result.actual,
                message=result.message,
                line=result.line,
                seconds=result.seconds,
            )
        )
    return tuple(shown)
