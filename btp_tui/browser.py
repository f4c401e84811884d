"""Pages of programs, out of the mirror; runs on the feed's thread."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from btp_tui.observer import Observer
from btp_tui.snapshot import PAGE, Knobs, Page
from core.candidates import possibilities
from core.priority import p2value
from storage.columns import Columns
from storage.query import QueryError, parse_query
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


def _p2value(columns: Columns, knobs: Knobs) -> NDArray[np.float64]:
    """P2Value of every row of the mirror."""
    pass_rate = columns.pass_rate.astype(np.float64)
    rows = np.arange(len(columns))
    return p2value(possibilities(columns, rows, knobs), pass_rate, knobs.alpha)
