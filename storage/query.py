"""The language of filters: `pass:0.5..1 task:nano/* outcome:timeout iter:>3 sort:-p2value`.

Words without a key, or in quotes, must occur in the program's text. The screen's filter bar and
the command line speak it; `storage.selection` says which samples it means.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

Range = tuple[float, float]

ANY: Range = (float("-inf"), float("inf"))

#: What a table of programs can be sorted by, and in words.
SORTS = {
    "newest": "newest",
    "pass": "pass rate",
    "p2value": "P2Value",
    "logprob": "log-probability",
    "tokens": "tokens",
    "replays": "replays",
    "iter": "iteration",
    "task": "task",
}

#: How a program can end, in the order of display: core.tasks.Outcome without "skipped", which only
#: tests are.
OUTCOMES = (
    "passed",
    "wrong answer",
    "error",
    "syntax error",
    "timeout",
    "memory",
    "output limit",
    "denied",
    "unsupported",
    "harness error",
)

#: The same as one word each, so that no quotes are needed.
OUTCOME_WORDS = tuple(name.replace(" ", "-") for name in OUTCOMES)

#: Key -> what it filters by, for the help and the suggestions.
KEYS = {
    "task": "task:nano/*  tasks by name, * stands for anything",
    "outcome": "outcome:timeout  how the program ended: " + ", ".join(OUTCOME_WORDS),
    "pass": "pass:0.5..1  pass rate from 0 to 1; also pass:1, pass:>0.5, pass:<1",
    "iter": "iter:>3  iteration; also iter:2, iter:1..4",
    "source": "source:self  who wrote it: self, teacher:*, import:*",
    "run": "run:*  all runs, or the run of a name; without it, the watched run",
    "sort": "sort:-p2value  order, - for descending: " + ", ".join(SORTS),
}

#: "quoted text", key:value or key:"quoted value", or a word; a quote may still be open.
WORD = re.compile(r'"([^"]*)"?|([a-z]+):("[^"]*"?|\S*)|(\S+)')
SYNONYMS = {"status": "outcome", "iteration": "iter"}


class QueryError(ValueError):
    """Says in one sentence what a filter does not say clearly."""


@dataclass(frozen=True, slots=True)
class Query:
    """What a filter asks for; every part that is empty asks for nothing."""

    text: tuple[str, ...] = ()
    task: str = ""
    outcome: str = ""
    source: str = ""
    run: str = ""
    pass_rate: Range = ANY
    iteration: Range = ANY
    sort: str = "newest"
    descending: bool = True


def parse_query(text: str) -> Query:
    """Reads a filter; raises QueryError with one sentence for the reader."""
    query = Query()
    for found in WORD.finditer(text):
        quoted, key, value, word = found.groups()
        key = SYNONYMS.get(key, key)
        if key is None:
            query = replace(query, text=(*query.text, quoted or word or ""))
        elif key not in KEYS:
            raise QueryError(_unknown(f"There is no filter {key!r}", key, KEYS))
        else:
            query = _with(query, key, value.strip('"'))
    return replace(query, text=tuple(filter(None, query.text)))


def _with(query: Query, key: str, value: str) -> Query:
    match key:
        case "pass":
            return replace(query, pass_rate=_pass_rates(value))
        case "iter":
            return replace(query, iteration=_range(key, value))
        case "task":
            return replace(query, task=value)
        case "source":
            return replace(query, source=value)
        case "run":
            return replace(query, run=value)
        case "outcome":
            return replace(query, outcome=_outcome(value))
        case _:
            name = value.removeprefix("-")
            if name and name not in SORTS:
                raise QueryError(_unknown(f"Cannot sort by {name!r}", name, SORTS))
            return replace(query, sort=name or "newest", descending=value.startswith("-"))


def _outcome(value: str) -> str:
    if not value:
        return ""
    word = value.replace(" ", "-")
    names = [name for name in OUTCOME_WORDS if name.startswith(word)]
    if not names:
        raise QueryError(_unknown(f"There is no outcome {value!r}", word, OUTCOME_WORDS))
    return names[0].replace("-", " ")


_EXAMPLES = {"pass": "pass:0.5..1, pass:>0.5 or pass:1", "iter": "iter:1..4, iter:>3 or iter:2"}


def _pass_rates(value: str) -> Range:
    low, high = _range("pass", value)
    if low > 1.0 + 1e-6 or high < 0.0:
        raise QueryError(f"pass:{value} lets nothing through: pass rates go from 0 to 1.")
    return low, high


def _range(key: str, value: str) -> Range:
    low, dots, high = value.partition("..")
    try:
        if dots:
            return (_number(low) if low else ANY[0], _number(high) if high else ANY[1])
        if value.startswith(">="):
            return _number(value[2:]), ANY[1]
        if value.startswith("<="):
            return ANY[0], _number(value[2:])
        if value.startswith(">"):
            return _above(_number(value[1:])), ANY[1]
        if value.startswith("<"):
            return ANY[0], -_above(-_number(value[1:]))
        return (_number(value), _number(value)) if value else ANY
    except ValueError:
        if value in (">", "<", ">=", "<="):  # still being typed
            return ANY
        raise QueryError(f"{key}:{value} is no range: write {_EXAMPLES[key]}.") from None


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _above(value: float) -> float:
    return value + 1e-6 * max(1.0, abs(value))  # more than float32 can tell apart


def _unknown(sentence: str, word: str, known: Iterable[str]) -> str:
    nearest = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    hint = f" Did you mean {nearest[0]!r}?" if nearest else f" There are: {', '.join(known)}."
    return sentence + "." + hint
