"""The filter bar: how a key or a press completes and changes what it says.

What it says is read by `storage.query`.
"""

from __future__ import annotations

from storage.query import KEYS, OUTCOME_WORDS, SORTS, SYNONYMS, WORD, Query, QueryError, parse_query


def complete_query(text: str, tasks: tuple[str, ...], sources: tuple[str, ...]) -> str | None:
    """The filter bar with its last word completed; None where nothing begins like it."""
    head, _, word = text.rpartition(" ")
    key, colon, value = word.partition(":")
    if not word:
        return None
    if not colon:
        candidates = [f"{name}:" for name in KEYS]
    else:
        values = {
            "outcome": OUTCOME_WORDS,
            "status": OUTCOME_WORDS,
            "task": tasks,
            "source": sources,
            "sort": (*SORTS, *(f"-{name}" for name in SORTS)),
        }
        candidates = [f"{key}:{one}" for one in values.get(key, ()) if one != value]
    found = next((one for one in candidates if one.startswith(word)), None)
    return None if found is None else f"{head} {found}" if head else found


def next_sort(text: str) -> str:
    """The filter bar with the next sort order, the first after the last."""
    orders = list(SORTS)
    current = _or_default(text)
    return _set(text, "sort", f"-{orders[(orders.index(current.sort) + 1) % len(orders)]}")


def reversed_sort(text: str) -> str:
    """The filter bar with its sort order turned round."""
    current = _or_default(text)
    return _set(text, "sort", f"{'' if current.descending else '-'}{current.sort}")


def next_outcome(text: str) -> str:
    """The filter bar with the next outcome; after the last, none."""
    words = ["", *OUTCOME_WORDS]
    current = words.index(_or_default(text).outcome.replace(" ", "-"))
    return _set(text, "outcome", words[(current + 1) % len(words)])


def task_query(task: str) -> str:
    """The filter for the programs of one task in the order of their iterations."""
    # A pattern, for a bare name would find all that it is a part of: nano/4 also finds nano/42.
    pattern = "*" + task.replace("[", "[[]")
    quoted = f'"{pattern}"' if " " in pattern else pattern
    return f"task:{quoted} sort:iter"


def _or_default(text: str) -> Query:
    try:
        return parse_query(text)
    except QueryError:
        return Query()


def _set(text: str, key: str, value: str) -> str:
    """The filter bar with one key set, or taken out where the value is empty or the default."""
    words = [
        found[0] for found in WORD.finditer(text) if SYNONYMS.get(found[2] or "", found[2]) != key
    ]
    if value and value != "-newest":
        words.append(f"{key}:{value}")
    return " ".join(words)
