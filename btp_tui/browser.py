"""Pages of programs and single programs, out of the mirror; runs on the feed's thread."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from btp_tui.candidates import possibilities
from btp_tui.observer import Observer
from btp_tui.query import ANY, Query, QueryError, Range, parse_query
from btp_tui.snapshot import Knobs, Page, ProgramCard, ShownTest
from core.priority import p2value
from storage.columns import Filter
from storage.programs import ProgramDetail
from storage.schema import VerdictRecord

PAGE = 500


def find_page(observer: Observer, run: str, knobs: Knobs, text: str, offset: int) -> Page:
    """The rows that a filter lets through, sorted, from an offset on."""
    columns = observer.mirror.columns
    try:
        query = parse_query(text)
        wanted = _filter(observer, query, run)
    except QueryError as error:
        return Page(text, problem=str(error))
    found = columns.select(wanted)
    ordered = _sorted(observer, found, query, knobs, offset + PAGE)
    return Page(
        query=text,
        rows=observer.mirror.lines(ordered[offset:], knobs),
        offset=offset,
        total=len(found),
        of=len(columns) if wanted.run is None else int((columns.run == wanted.run).sum()),
        sort=query.sort,
        descending=query.descending,
        tasks=tuple(columns.tasks[:2000]),
        sources=tuple(columns.sources),
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
        tests=_tests(detail),
        standing=observer.mirror.candidates(detail.run, knobs).standing(row) if mirrored else None,
    )


def _filter(observer: Observer, query: Query, watched: str) -> Filter:
    """The store's filter; iterations count from 1 on the screen and from 0 in the store."""
    programs: NDArray[np.int64] | None = None
    for part in query.text:
        found = observer.reader.search(part)
        programs = found if programs is None else np.intersect1d(programs, found)
    low, high = query.iteration
    last = np.iinfo(np.int32).max
    iteration = (int(max(0, np.ceil(low) - 1)), int(min(last, np.floor(high) - 1)))
    return Filter(
        run=_run_id(observer, query.run or watched),
        programs=programs,
        task=query.task or None,
        outcome=query.outcome or None,
        pass_rate=_bounded(query.pass_rate),
        source=query.source or None,
        iteration=None if query.iteration == ANY else iteration,
    )


def _run_id(observer: Observer, name: str) -> int | None:
    """None for all runs; raises QueryError where there is no run of that name."""
    if name in ("", "*"):
        return None
    known = {line.name: line.id for line in observer.runs}
    if name not in known:
        raise QueryError(f"There is no run {name!r}. There are: {', '.join(known)}.")
    return known[name]


def _bounded(limits: Range) -> Range | None:
    return None if limits == ANY else (max(limits[0], 0.0), min(limits[1], 1.0))


def _sorted(
    observer: Observer, rows: NDArray[np.int64], query: Query, knobs: Knobs, limit: int
) -> NDArray[np.int64]:
    columns = observer.mirror.columns
    if query.sort == "newest":
        return rows[::-1][:limit] if query.descending else rows[:limit]
    if query.sort == "p2value":
        pass_rate = columns.pass_rate.astype(np.float64)
        key: str | NDArray[Any] = p2value(possibilities(columns, knobs), pass_rate, knobs.alpha)
    else:
        names = {"pass": "pass_rate", "tokens": "n_tokens", "iter": "iteration"}
        key = names.get(query.sort, query.sort)
    return columns.sort(rows, key, descending=query.descending, limit=limit)


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
