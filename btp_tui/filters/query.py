"""The filter bar: how a key or a press changes what it says.

What it says is read by `storage.query`, and completed by `btp_tui.filters.completion`.
"""

from __future__ import annotations

from storage.query import OUTCOME_WORDS, SORTS, WORD, Query, QueryError, parse_query, part_key
from storage.query_format import format_value


def next_sort(text: str) -> str:
    """The filter bar with the next sort order, the first after the last."""
    orders = list(SORTS)
    current = _or_default(text)
    return sorted_by(text, orders[(orders.index(current.sort) + 1) % len(orders)])


def reversed_sort(text: str) -> str:
    """The filter bar with its sort order turned round."""
    current = _or_default(text)
    return _set(text, "sort", f"{'' if current.descending else '-'}{current.sort}")


def sorted_by(text: str, order: str) -> str:
    """The filter bar with a sort order, the largest first; turned round where it is that already.

    Names, of tasks and sources and outcomes, begin with the smallest.
    """
    if _or_default(text).sort == order:
        return reversed_sort(text)
    return _set(text, "sort", order if order in ("task", "source", "outcome") else f"-{order}")


def next_outcome(text: str) -> str:
    """The filter bar with the next outcome; after the last, none."""
    words = ["", *OUTCOME_WORDS]
    terms = _or_default(text).of("outcome")
    current = format_value("outcome", terms[-1].values[-1]) if terms else ""
    return _set(text, "outcome", words[(words.index(current) + 1) % len(words)])


def task_query(task: str) -> str:
    """The filter for the programs of one task in the order of their iterations."""
    # A pattern, for a bare name would find all that it is a part of: nano/4 also finds nano/42.
    return f"task:{format_value('task', '*' + task.replace('[', '[[]'))} sort:iter"


def _or_default(text: str) -> Query:
    try:
        return parse_query(text)
    except QueryError:
        return Query()


def _set(text: str, key: str, value: str) -> str:
    """The filter bar with one key set, or taken out where the value is empty or the default."""
    words = [found[0] for found in WORD.finditer(text) if part_key(found) != key]
    if value and value != "-newest":
        words.append(f"{key}:{value}")
    return " ".join(words)
