"""The language of filters: `pass:0.5..1 task:nano/* -outcome:timeout iter:>3 sort:-p2value`.

Words without a key, or in quotes, must occur in the program's text. All parts must hold; a part
with several values, `outcome:timeout,error`, holds where one of them does, and a part with a `-`
before it where none does. The screen's filter bar and the command line speak it;
`storage.selection` says which samples it means, `storage.query_format` writes it.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NoReturn

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
    "outcome": "outcome",
    "source": "source",
}

#: What a program without a verdict is called.
NOT_TESTED = "not tested"

#: How a program can end, in the order of display: core.tasks.Outcome without "skipped", which only
#: tests are; and that it has not ended yet.
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
    NOT_TESTED,
)

#: The same as one word each, so that no quotes are needed.
OUTCOME_WORDS = tuple(name.replace(" ", "-") for name in OUTCOMES)

#: Key -> an example, and what it filters by.
KEYS = {
    "outcome": ("outcome:timeout,error", "how it ended, in full or its beginning; also status:"),
    "pass": ("pass:0.5..1", "pass rate from 0 to 1; also pass:1, pass:>0.5, pass:<1"),
    "task": ("task:nano/*", "a part of the task's name, or a pattern: * stands for anything"),
    "iter": ("iter:>3", "iteration, counted from 1; also iter:2, iter:1..4, iter:1,3"),
    "source": ("source:self", "who wrote it: self, teacher:*, import:*"),
    "replays": ("replays:0", "how often it was drawn into a minibatch"),
    "p2value": ("p2value:>0.8", "P2Value (eq. 6) under the knobs of the moment"),
    "tokens": ("tokens:<50", "length in tokens"),
    "logprob": ("logprob:>-2", "log P(t) in nats, as its sampler reported it"),
    "excluded": ("excluded:yes", "kept from the replay by x, or excluded:no"),
    "marked": ("marked:yes", "marked by m, or marked:no"),
    "run": ("run:*", "all runs, or those of a name or pattern; else the watched run"),
    "sort": ("sort:-p2value", "order, - for descending: " + ", ".join(SORTS)),
}
#: What is said of keys that hold or do not.
YES_NO = ("yes", "no")

SYNONYMS = {"status": "outcome", "iteration": "iter"}

#: Keys whose values are numbers, with what to write where they are not.
RANGES = {
    "pass": "pass:0.5..1, pass:>0.5 or pass:1",
    "iter": "iter:1..4, iter:>3 or iter:2",
    "replays": "replays:1..4, replays:>3 or replays:0",
    "p2value": "p2value:0.5..1, p2value:>0.8 or p2value:<0.1",
    "tokens": "tokens:20..50, tokens:>50 or tokens:<20",
    "logprob": "logprob:-5..-1, logprob:>-2 or logprob:<-9",
}
_SHARES = {"pass": "pass rates go", "p2value": "P2Values go"}

_ITEM = r'(?:"[^"]*"?|[^\s,"][^\s,]*)'

#: A part of a filter: "quoted text", key:values, or a word; a quote may still be open.
WORD = re.compile(
    rf'(?P<minus>-?)(?:"(?P<quoted>[^"]*)"?'
    rf"|(?P<key>[A-Za-z][A-Za-z0-9]*):(?P<values>{_ITEM}?(?:,{_ITEM}?)*)"
    rf"|(?P<word>\S+))"
)
_VALUE = re.compile(_ITEM)


class QueryError(ValueError):
    """Says in one sentence what a filter does not say clearly."""


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers between two ends; `above` and `below` say that the end itself is left out."""

    low: float = -math.inf
    high: float = math.inf
    above: bool = False
    below: bool = False

    def __contains__(self, number: float) -> bool:
        after = number > self.low if self.above else number >= self.low
        return after and (number < self.high if self.below else number <= self.high)


ANY = Range()


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a filter: holds where any of its values does, where `negated` where none does.

    The values are Ranges of the keys in RANGES, else strings; the key of words and quotes is
    "text", and has one value.
    """

    key: str
    values: tuple[str | Range, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """What a filter asks for: every term has to hold."""

    terms: tuple[Term, ...] = ()
    sort: str = "newest"
    descending: bool = True

    def of(self, key: str) -> tuple[Term, ...]:
        """The terms of one key."""
        return tuple(term for term in self.terms if term.key == key)


def parse_query(text: str) -> Query:
    """Reads a filter; raises QueryError with one sentence for the reader."""
    query = Query()
    for found in WORD.finditer(text):
        negated, key = bool(found["minus"]), part_key(found)
        if key is None:
            query = _with_text(query, found, negated)
        elif key not in KEYS:
            _refuse_key(key)
        elif key == "sort":
            query = _sorted(query, _values(found), negated)
        else:
            values = tuple(_read(key, found["key"].lower(), value) for value in _values(found))
            if values and ANY not in values:  # else it is still being typed
                query = replace(query, terms=(*query.terms, Term(key, values, negated)))
    return query


def part_key(part: re.Match[str]) -> str | None:
    """The key of a part that WORD has found, whichever way it is written; None for text."""
    key = part["key"]
    return None if key is None else SYNONYMS.get(key.lower(), key.lower())


def _with_text(query: Query, part: re.Match[str], negated: bool) -> Query:
    text = part["quoted"] or part["word"] or ""
    if not text or part[0] == "-":
        return query
    return replace(query, terms=(*query.terms, Term("text", (text,), negated)))


def _values(part: re.Match[str]) -> list[str]:
    """The values of a part, without those that are not written yet."""
    items: list[str] = _VALUE.findall(part["values"])
    values = (item[1:].removesuffix('"') if item.startswith('"') else item for item in items)
    return [value for value in values if value]


def _sorted(query: Query, values: list[str], negated: bool) -> Query:
    if negated:
        raise QueryError("-sort: means nothing: write sort:-newest, the - before the order.")
    if len(values) > 1:
        raise QueryError(f"sort:{','.join(values)} is more than one order: write sort:{values[0]}.")
    value = values[0] if values else "-newest"
    name = value.removeprefix("-").lower()
    if name and name not in SORTS:
        raise QueryError(_unknown(f"Cannot sort by {name!r}", name, SORTS))
    return replace(query, sort=name or "newest", descending=value.startswith("-"))


def _read(key: str, written: str, value: str) -> str | Range:
    if key in RANGES:
        return _range(key, written, value)
    if key in ("excluded", "marked"):
        return _yes_or_no(written, value)
    return _outcome(value) if key == "outcome" else value


def _yes_or_no(written: str, value: str) -> str:
    for word in YES_NO:
        if word.startswith(value.lower()):
            return word
    raise QueryError(f"{written}:{value} is neither yes nor no: write {written}:yes.")


def _outcome(value: str) -> str:
    word = value.replace(" ", "-").lower()
    names = [name for name in OUTCOME_WORDS if name.startswith(word)]
    if not names:
        raise QueryError(_unknown(f"There is no outcome {value!r}", word, OUTCOME_WORDS))
    return names[0].replace("-", " ")


def _range(key: str, written: str, value: str) -> Range:
    try:
        found = _ends(value)
    except ValueError:
        if value in (">", "<", ">=", "<="):  # still being typed
            return ANY
        example = RANGES[key].replace(f"{key}:", f"{written}:")
        raise QueryError(f"{written}:{value} is no range: write {example}.") from None
    if found.low > found.high:
        raise QueryError(f"{written}:{value} holds nothing: write the smaller number first.")
    if key in _SHARES and not (found.low <= 1.0 and found.high >= 0.0):
        what = _SHARES[key]
        raise QueryError(f"{written}:{value} lets nothing through: {what} from 0 to 1.")
    return found


def _ends(value: str) -> Range:
    low, dots, high = value.partition("..")
    if dots:
        return Range(_number(low) if low else ANY.low, _number(high) if high else ANY.high)
    for sign, excluded in ((">=", False), (">", True)):
        if value.startswith(sign):
            return Range(low=_number(value.removeprefix(sign)), above=excluded)
    for sign, excluded in (("<=", False), ("<", True)):
        if value.startswith(sign):
            return Range(high=_number(value.removeprefix(sign)), below=excluded)
    return Range(_number(value), _number(value))


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _refuse_key(key: str) -> NoReturn:
    known = [*KEYS, *SYNONYMS]
    nearest = _nearest(key, known)
    if nearest is not None:
        raise QueryError(f"There is no filter {key!r}: did you mean {nearest!r}?")
    raise QueryError(
        f"There is no filter {key!r}: write one of {', '.join(KEYS)}, "
        "or put text that holds a colon in quotes."
    )


def _unknown(sentence: str, word: str, known: Iterable[str]) -> str:
    known = list(known)
    nearest = _nearest(word, known)
    if nearest is not None:
        return f"{sentence}: did you mean {nearest!r}?"
    return f"{sentence}: write one of {', '.join(known)}."


def _nearest(word: str, known: list[str]) -> str | None:
    """The known word that was probably meant: one that begins like it, else one that looks so."""
    begins = [name for name in known if word and name.startswith(word)]
    near = begins or difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return near[0] if near else None
