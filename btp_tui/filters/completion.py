"""What the filter bar offers for the word under its cursor: keys, then what a key can be."""

from __future__ import annotations

from dataclasses import dataclass

from storage.query import KEYS, OUTCOME_WORDS, SORTS, SYNONYMS, WORD, part_key
from storage.query_format import format_value

#: Ranges to begin with.
_RANGES = {
    "pass": (("1", "all tests passed"), ("0.5..1", "half and more"), ("0", "none"), ("<1", "")),
    "iter": ((">3", "after the third"), ("1..4", "the first four"), ("1", "the first")),
    "replays": (("0", "never replayed"), (">0", "replayed"), (">=10", "often")),
    "p2value": ((">0.8", "drawn often"), ("<0.2", "drawn seldom")),
    "tokens": (("<50", "short"), (">200", "long")),
    "logprob": ((">-2", "sure of it"), ("<-9", "unsure")),
    "excluded": (("yes", "kept from the replay"), ("no", "")),
    "marked": (("yes", "marked by hand"), ("no", "")),
}

#: Names that a list may hold: more cannot be looked through.
_MOST = 200


@dataclass(frozen=True, slots=True)
class Names:
    """The names that are there to be filtered by."""

    tasks: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """What may take the place of the word under the cursor, and what it means."""

    text: str
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class Choices:
    """What a filter may be completed to: one of `candidates` in place of text[begin:end]."""

    text: str = ""
    begin: int = 0
    end: int = 0
    candidates: tuple[Candidate, ...] = ()

    def taken(self, at: int) -> tuple[str, int]:
        """The filter with one of the candidates, and the cursor behind it."""
        candidate = self.candidates[at].text
        text = self.text[: self.begin] + candidate + self.text[self.end :]
        return text, self.begin + len(candidate)


def find_choices(text: str, cursor: int, names: Names) -> Choices:
    """What the word that ends at the cursor can become; nothing within a word, quotes or text."""
    if text[cursor : cursor + 1].strip(", "):
        return Choices(text, cursor, cursor)
    part = next((each for each in WORD.finditer(text) if each.start() < cursor <= each.end()), None)
    written = "" if part is None else text[part.start() : cursor]
    if ":" not in written and text[cursor : cursor + 1] == ",":
        return Choices(text, cursor, cursor)  # what follows would become the value of a key
    if part is None:
        return Choices(text, cursor, cursor, _keys("", ""))
    key = part_key(part)
    if key is None or ":" not in written:
        minus = "-" * written.startswith("-")
        found = () if '"' in written else _keys(minus, written.removeprefix("-").lower())
        return Choices(text, part.start(), cursor, found)
    begin = max(written.rfind(":"), written.rfind(",")) + 1
    if written[begin:].startswith('"') or '"' in written[:begin]:
        begin = written.index(":") + 1
    typed = written[begin:].removeprefix('"')
    values = (each for each in _values(key, typed, names) if each.text != written[begin:])
    return Choices(text, part.start() + begin, cursor, tuple(values)[:_MOST])


def _keys(minus: str, typed: str) -> tuple[Candidate, ...]:
    known = {**KEYS, **{name: KEYS[key] for name, key in SYNONYMS.items() if typed}}
    fitting = [name for name in known if name.startswith(typed) and not (minus and name == "sort")]
    return tuple(
        Candidate(f"{minus}{name}:", f"{known[name][0]:<22} {known[name][1]}") for name in fitting
    )


def _values(key: str, typed: str, names: Names) -> list[Candidate]:
    lists = {
        "outcome": OUTCOME_WORDS,
        "task": (*_families(names.tasks), *names.tasks),
        "source": (*_families(names.sources), *names.sources),
        "run": ("*", *names.runs),
    }
    if key == "sort":
        return [
            Candidate(f"{minus}{name}", f"{SORTS[name]}, {order}")
            for minus, order in (("-", "descending"), ("", "ascending"))
            for name in SORTS
            if f"{minus}{name}".startswith(typed) or name.startswith(typed)
        ]
    if key not in lists:
        return [Candidate(*each) for each in _RANGES.get(key, ()) if each[0].startswith(typed)]
    known = dict.fromkeys(lists[key])
    begin = [name for name in known if name.lower().startswith(typed.lower())]
    within = [name for name in known if typed.lower() in name.lower() and name not in begin]
    written = (format_value(key, name) for name in (*begin, *within) if '"' not in name)
    return [Candidate(name) for name in written]


def _families(names: tuple[str, ...]) -> tuple[str, ...]:
    """A pattern for each beginning that several names share up to a slash."""
    count: dict[str, int] = {}
    for name in names:
        parts = name.split("/")
        for depth in range(1, len(parts)):
            family = "/".join(parts[:depth]) + "/*"
            count[family] = count.get(family, 0) + 1
    return tuple(family for family, number in count.items() if number > 1)


def may_become_key(text: str, cursor: int) -> bool:
    """Whether the word at the cursor may be the beginning of a key rather than text."""
    choices = find_choices(text, cursor, Names())
    return choices.begin < choices.end and any(
        each.text.endswith(":") for each in choices.candidates
    )
