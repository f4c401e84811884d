"""Which samples a query means: a filter over the mirror, and an order of its rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.columns import Columns, Filter
from storage.query import NOT_TESTED, Query, QueryError, Range, Term
from storage.search import Found

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]

_WORD = re.compile(r"\w")

_LAST = np.iinfo(np.int32).max

#: Column of the mirror that a sort goes by, where its name is another one.
_COLUMNS = {"newest": "sample", "pass": "pass_rate", "tokens": "n_tokens", "iter": "iteration"}


@dataclass(frozen=True, slots=True)
class Condition:
    """One part of a query over the mirror: one of `filters` or of the ranges of P2Value holds."""

    filters: tuple[Filter, ...] = ()
    p2values: tuple[Range, ...] = ()
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Selection:
    """A query over the mirror: `runs` are the ids of the runs that count (None: all).

    `words` are what is to be searched for, (words, negated), each wherever it occurs.
    """

    runs: tuple[int, ...] | None
    conditions: tuple[Condition, ...]
    words: tuple[tuple[str, bool], ...]

    def by_columns(self, columns: Columns, p2value: Callable[[], Floats]) -> Mask:
        """Which rows all but the words let through; `p2value` gives that of every row."""
        keep = self.in_runs(columns)
        for condition in self.conditions:
            held = [columns.select(each) for each in condition.filters]
            held += [_within(p2value(), each) for each in condition.p2values]
            any_held = np.logical_or.reduce(held)
            keep &= ~any_held if condition.negated else any_held
        return keep

    def in_runs(self, columns: Columns) -> Mask:
        """Which rows are of the runs that count."""
        if self.runs is not None and len(self.runs) == 1:
            return columns.select(Filter(run=self.runs[0]))
        keep = columns.select(Filter())
        return keep if self.runs is None else keep & np.isin(columns.run, self.runs)

    def by_words(self, columns: Columns, keep: Mask, found: Iterable[Found]) -> Mask:
        """Which of the rows kept let the words through; `found` is what was found for each."""
        for (_, negated), each in zip(self.words, found, strict=True):
            held = columns.select(Filter(text=(each,)))
            keep = keep & (~held if negated else held)
        return keep


def find_selection(query: Query, runs: Mapping[str, int], watched: str = "") -> Selection:
    """What a query means of a mirror; iterations count from 1 in it and from 0 in the store.

    `runs` are the ids of the runs by name. `watched` is the run that is meant where the query names
    none, "" for all. Raises QueryError where there is no such run, or no word to search for.
    """
    conditions = (_condition(term) for term in query.terms if term.key not in ("run", "text"))
    return Selection(_runs(query, runs, watched), tuple(conditions), _words(query.of("text")))


def in_order(
    columns: Columns,
    keep: Mask,
    query: Query,
    p2value: Callable[[], Floats],
    limit: int | None = None,
) -> NDArray[np.int64]:
    """Rows of the mirror in the order that a query asks for, at most the first `limit` of them.

    `p2value` gives that of every row of the mirror; it is called only where the order needs it.
    """
    key: str | NDArray[Any] = _COLUMNS.get(query.sort, query.sort)
    if query.sort == "p2value":
        key = p2value()
    return columns.sort(keep, key, descending=query.descending, limit=limit)


def _condition(term: Term) -> Condition:
    ranges = tuple(each for each in term.values if isinstance(each, Range))
    if term.key == "p2value":
        return Condition(p2values=ranges, negated=term.negated)
    filters = [_number_filter(term.key, each) for each in ranges]
    filters += [_name_filter(term.key, each) for each in term.values if isinstance(each, str)]
    return Condition(tuple(filters), negated=term.negated)


def _name_filter(key: str, value: str) -> Filter:
    if key == "task":
        return Filter(task=value)
    if key == "source":
        return Filter(source=value)
    if key == "excluded":
        return Filter(excluded=value == "yes")
    if key == "marked":
        return Filter(marked=value == "yes")
    return Filter(outcome="" if value == NOT_TESTED else value)


def _number_filter(key: str, limits: Range) -> Filter:
    match key:
        case "pass":
            return Filter(pass_rate=_ends(limits, np.float32))
        case "logprob":
            return Filter(logprob=_ends(limits, np.float64))
        case "iter":
            first, last = _whole(limits)
            return Filter(iteration=(first - 1, last - 1))
        case "replays":
            return Filter(replays=_whole(limits))
        case _:
            return Filter(n_tokens=_whole(limits))


def _ends(limits: Range, precision: type[np.floating[Any]]) -> tuple[float, float]:
    """The first and last number in a range, of those that a column can hold."""
    low, high, infinity = (precision(end) for end in (limits.low, limits.high, np.inf))
    if limits.above:
        low = np.nextafter(low, infinity)
    if limits.below:
        high = np.nextafter(high, -infinity)
    return float(low), float(high)


def _whole(limits: Range) -> tuple[int, int]:
    """The first and last whole number in a range, as far as the store can hold them."""
    low = np.floor(limits.low) + 1 if limits.above else np.ceil(limits.low)
    high = np.ceil(limits.high) - 1 if limits.below else np.floor(limits.high)
    return int(np.clip(low, -1, _LAST)), int(np.clip(high, -1, _LAST))


def _within(values: Floats, limits: Range) -> Mask:
    after = values > limits.low if limits.above else values >= limits.low
    return after & (values < limits.high if limits.below else values <= limits.high)


def _words(terms: tuple[Term, ...]) -> tuple[tuple[str, bool], ...]:
    """The parts of a search that hold a word; signs alone are left out, as between words."""
    texts = [(str(term.values[0]).strip(), term.negated) for term in terms]
    held = tuple(text for text in texts if _WORD.search(text[0]))
    if texts and not held:
        said = " ".join(text for text, _ in texts)
        raise QueryError(
            f"{said} holds no word: letters, digits and _ are searched, signs are not."
        )
    return held


def _runs(query: Query, runs: Mapping[str, int], watched: str) -> tuple[int, ...] | None:
    """The runs that count: those that are named, without a name the watched one, else all."""
    terms = query.of("run")
    if not terms:
        return tuple(_named(watched, runs)) if watched else None
    chosen = set(runs.values())
    for term in terms:
        named = {run for value in term.values for run in _named(str(value), runs)}
        chosen = chosen - named if term.negated else chosen & named
    return None if chosen == set(runs.values()) else tuple(sorted(chosen))


def _named(name: str, runs: Mapping[str, int]) -> list[int]:
    if "*" in name or "?" in name:
        return [run for each, run in runs.items() if fnmatchcase(each, name.replace("[", "[[]"))]
    if name not in runs:
        raise QueryError(
            f"There is no run {name!r}: write run:* for all, or one of {', '.join(runs)}."
            if runs
            else f"There is no run {name!r}, nor any other."
        )
    return [runs[name]]
