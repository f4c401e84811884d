"""Which samples a query means: a filter over the mirror, and an order of its rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.columns import Columns, Filter
from storage.query import ANY, Query, QueryError, Range
from storage.reader import Reader

_WORD = re.compile(r"\w")

_LAST_ITERATION = np.iinfo(np.int32).max

#: Column of the mirror that a sort goes by, where its name is another one.
_COLUMNS = {"newest": "sample", "pass": "pass_rate", "tokens": "n_tokens", "iter": "iteration"}


def find_filter(query: Query, reader: Reader, runs: Mapping[str, int], watched: str = "") -> Filter:
    """The store's filter; iterations count from 1 in a query and from 0 in the store.

    `runs` are the ids of the runs by name. `watched` is the run that is meant where the query names
    none, "" for all. Raises QueryError where there is no run of that name.
    """
    return Filter(
        run=_run_id(runs, query.run or watched),
        text=tuple(reader.search(part) for part in _with_words(query.text)),
        task=query.task or None,
        outcome=query.outcome or None,
        pass_rate=_bounded(query.pass_rate),
        source=query.source or None,
        iteration=_from_zero(query.iteration),
    )


def in_order(
    columns: Columns,
    keep: NDArray[np.bool_],
    query: Query,
    p2value: Callable[[], NDArray[np.float64]],
    limit: int | None = None,
) -> NDArray[np.int64]:
    """Rows of the mirror in the order that a query asks for, at most the first `limit` of them.

    `p2value` gives that of every row of the mirror; it is called only where the order needs it.
    """
    key: str | NDArray[Any] = _COLUMNS.get(query.sort, query.sort)
    if query.sort == "p2value":
        key = p2value()
    return columns.sort(keep, key, descending=query.descending, limit=limit)


def _with_words(text: tuple[str, ...]) -> list[str]:
    """The parts of a search that hold a word; signs alone are left out, as between words."""
    parts = [part for part in text if _WORD.search(part)]
    if text and not parts:
        raise QueryError(
            f"{' '.join(text)} holds no word: letters, digits and _ are searched, signs are not."
        )
    return parts


def _run_id(runs: Mapping[str, int], name: str) -> int | None:
    if name in ("", "*"):
        return None
    if name not in runs:
        raise QueryError(f"There is no run {name!r}. There are: {', '.join(runs)}.")
    return runs[name]


def _bounded(limits: Range) -> Range | None:
    return None if limits == ANY else (max(limits[0], 0.0), min(limits[1], 1.0))


def _from_zero(limits: Range) -> tuple[int, int] | None:
    """A range of iterations; an end that is open, or past what the store can hold, is its last."""
    if limits == ANY:
        return None
    low, high = limits
    return int(max(0, np.ceil(low) - 1)), int(min(_LAST_ITERATION, np.floor(high) - 1))
