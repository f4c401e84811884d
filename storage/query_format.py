"""Writes a filter: what `parse_query` reads back as the same."""

from __future__ import annotations

import math

from storage.query import Query, Range, Term, parse_query

_PLAIN = Query()


def format_query(query: Query) -> str:
    """The filter as one would type it; no `sort:` where the newest come first."""
    parts = [_part(term) for term in query.terms]
    if (query.sort, query.descending) != (_PLAIN.sort, _PLAIN.descending):
        parts.append(f"sort:{'-' * query.descending}{query.sort}")
    return " ".join(parts)


def format_value(key: str, value: str | Range) -> str:
    """One value of a key: in quotes where it would not be read as one otherwise."""
    text = format_range(value) if isinstance(value, Range) else value
    if key == "outcome":
        return text.replace(" ", "-")
    return text if _reads(f"{key}:{text}", Term(key, (value,))) else f'"{text}"'


def format_range(found: Range) -> str:
    """A range as briefly as it can be written."""
    low, high = (_number(end) for end in (found.low, found.high))
    if found.low == found.high:
        return low
    if found.above or found.below:
        return f">{low}" if found.above else f"<{high}"
    return f"{low}..{high}"


def _part(term: Term) -> str:
    minus = "-" if term.negated else ""
    if term.key != "text":
        return f"{minus}{term.key}:{','.join(format_value(term.key, one) for one in term.values)}"
    text = str(term.values[0])
    return f"{minus}{text}" if _reads(f"{minus}{text}", term) else f'{minus}"{text}"'


def _reads(text: str, term: Term) -> bool:
    try:
        return parse_query(text).terms == (term,)
    except ValueError:
        return False


def _number(value: float) -> str:
    if math.isinf(value):
        return ""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
