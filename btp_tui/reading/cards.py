"""Everything about one program, out of the mirror and the store; runs on the feed's thread."""

from __future__ import annotations

import tomllib
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from btp_tui.reading.lineage import Lineage, Predecessor
from btp_tui.reading.observer import Observer
from btp_tui.reading.token_texts import TokenTexts
from btp_tui.snapshot import LIMIT_S, Exclusion, Knobs, ProgramCard, ShownTest
from core.candidates import by_age
from storage.columns import Columns
from storage.programs import ProgramDetail
from storage.reader import Reader
from storage.schema import VerdictRecord

#: Updates that are searched for draws of a program, and those of them that are named.
_SEARCHED, _NAMED = 1000, 5


def find_card(
    observer: Observer, sample: int, knobs: Knobs, texts: TokenTexts | None = None
) -> ProgramCard | None:
    """Everything about one sample, its tokens by `texts`; None where the store does not hold it."""
    detail = observer.reader.program(sample)
    if detail is None:
        return None
    mirror, columns = observer.mirror, observer.mirror.columns
    run = next((line for line in observer.runs if line.id == detail.run), None)
    name, model = (run.name, run.model) if run else ("", "")
    said = observer.reader.raised(detail.run, detail.program)
    excluded = said.get("excluded")
    row = int(np.searchsorted(columns.sample, sample))
    card = ProgramCard(
        sample=sample,
        run=name,
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
        tests=_tests(detail),
        tokens=texts.of(detail, name, model) if texts else None,
        run_id=detail.run,
        excluded=Exclusion(excluded.at, excluded.update_number) if excluded else None,
        marked="marked" in said,
        limit_s=_limit_s(observer.reader, name),
    )
    if row >= len(columns) or int(columns.sample[row]) != sample:
        return card  # stored a moment ago: the mirror does not know it yet
    copies = _copies(columns, row)
    replays = int(columns.replays[copies].sum())
    return replace(
        card,
        replays=replays,
        draws=observer.reader.newest_draws(detail.run, columns.sample[copies], last=_SEARCHED)[
            :_NAMED
        ]
        if replays
        else (),
        copies=len(copies),
        student_logprob=mirror.student_logprob(row),
        standing=mirror.candidates(detail.run, knobs).standing(row),
        lineage=_lineage(observer.reader, columns, row),
    )


def _limit_s(reader: Reader, name: str) -> float:
    """CPU seconds that a run gives each test; the default where its configuration says nothing."""
    run = reader.run(name)
    settings = tomllib.loads(run.config) if run is not None and run.kind == "train" else {}
    return float(settings.get("executor", {}).get("time_limit_s", LIMIT_S))


def _copies(columns: Columns, row: int) -> NDArray[np.int64]:
    """The rows with the text of a row, in its run."""
    same = columns.program == columns.program[row]
    return np.flatnonzero(same & (columns.run == columns.run[row]))


def _lineage(reader: Reader, columns: Columns, row: int) -> Lineage:
    same = (columns.task == columns.task[row]) & (columns.run == columns.run[row])
    rows = by_age(columns, np.flatnonzero(same))
    _, first = np.unique(columns.program.take(rows), return_index=True)
    rows = rows[np.sort(first)]  # of each program where it was sampled first
    place = int(np.flatnonzero(columns.program.take(rows) == columns.program[row])[0])
    samples = tuple(columns.sample.take(rows).tolist())
    return Lineage(samples, place, _predecessor(reader, samples[place - 1]) if place else None)


def _predecessor(reader: Reader, sample: int) -> Predecessor | None:
    detail = reader.program(sample)
    if detail is None:
        return None
    outcome = detail.verdict.outcome if detail.verdict else None
    pass_rate = detail.verdict.pass_rate if detail.verdict else None
    return Predecessor(detail.text, detail.iteration + 1, outcome, pass_rate)


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
