"""What the values of one place have in common, and changes that stay within it.

Nobody says which inputs a task allows. So a change stays within what the existing ones show: signs,
letters, lengths; sorted lists stay sorted, lists without repetition stay so, and texts keep closed
brackets and single spaces.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Sequence
from typing import Any

#: Longest sequence or text that a change makes, in multiples of the longest that is there.
_GROWTH = 2


class Observed:
    """What the inputs of one place have in common; built of all of them."""

    def __init__(self, values: Iterable[Any]) -> None:
        self._values = list(values)
        numbers = [n for n in self._values if type(n) in (int, float) and math.isfinite(n)]
        self._low: float = min(numbers, default=0)
        self._high: float = max(numbers, default=0)
        texts = [value for value in self._values if isinstance(value, str)]
        self._letters = sorted(set("".join(texts)))
        self._tidy = all(text == _tidied(text) for text in texts)
        self._balanced = all(map(_is_balanced, texts))
        sized = [
            value for value in self._values if isinstance(value, str | list | tuple | set | dict)
        ]
        lengths = [len(value) for value in sized]
        self._shortest, self._longest = (min(lengths), max(lengths)) if lengths else (0, 0)
        rows = [list(value) for value in self._values if isinstance(value, list | tuple)]
        telling = sum(len(row) > 1 for row in rows) > 1 or any(len(row) > 3 for row in rows)
        self._ascending = telling and all(map(_is_ascending, rows))
        self._distinct = telling and all(map(_is_distinct, rows))
        self._parts: list[Observed] | None = None
        if rows and 0 < self._shortest == self._longest and _differ_by_place(rows):
            self._parts = [Observed(column) for column in zip(*rows, strict=True)]
        items = [item for row in rows for item in row]
        items += [item for value in self._values if isinstance(value, set) for item in value]
        self._items = Observed(items) if items else None
        tables = [value for value in self._values if isinstance(value, dict)]
        self._keys = Observed(key for table in tables for key in table) if tables else None
        self._entries = Observed(v for t in tables for v in t.values()) if tables else None

    def mutate(self, value: Any, rng: random.Random) -> Any:
        """A value of the same type, changed in one place as a rule; sometimes the same value."""
        match value:
            case bool():
                return not value
            case int():
                return self._within(self._integer(value, rng))
            case float():
                return self._within(self._float(value, rng)) if math.isfinite(value) else value
            case str():
                return self._text(value, rng)
            case list() | tuple():
                return type(value)(self._sequence(list(value), rng))
            case set():
                return _set(self._sequence(sorted(value, key=repr), rng), value)
            case dict():
                return self._table(value, rng)
        return value

    def _integer(self, value: int, rng: random.Random) -> int:
        spread = max(1, int(self._high - self._low))
        low, high = int(self._low), int(self._high)
        return rng.choice(
            (
                value + rng.choice((-2, -1, 1, 2)),
                rng.randint(low - spread, high + spread),
                rng.randint(low, high),
                rng.choice((low, high, low + 1, high + 1, 0, 1)),
            )
        )

    def _float(self, value: float, rng: random.Random) -> float:
        decimals = [repr(v).partition(".")[2] for v in self._values if type(v) is float]
        digits = max(map(len, decimals), default=1)
        spread = max(1.0, float(self._high - self._low))
        changed = rng.choice(
            (
                value + rng.choice((-1.0, -0.5, 0.5, 1.0)),
                rng.uniform(self._low - spread, self._high + spread),
                rng.uniform(self._low, self._high),
                -value,
            )
        )
        return round(changed, min(digits, 6))

    def _within(self, number: Any) -> Any:
        """The number with no sign, and no 0, that none of the numbers here has."""
        if self._low >= 0 and number < 0:
            number = -number
        if self._low > 0 and number == 0:
            return type(number)(self._low)
        return -number if self._high < 0 < number else number

    def _text(self, value: str, rng: random.Random) -> str:
        if not self._letters:
            return value
        letters = list(value)
        place = rng.randrange(len(letters) + 1)
        match rng.randrange(6):
            case 0:
                letters.insert(place, rng.choice(self._letters))
            case 1:
                del letters[place : place + rng.randint(1, 2)]
            case 2:
                letters[place : place + 1] = rng.choice(self._letters)
            case 3:
                letters[place:place] = letters[: rng.randint(0, len(letters))]
            case 4:
                rng.shuffle(letters)
            case 5:
                letters = [rng.choice(self._letters) for _ in range(self._length(rng))]
        text = "".join(letters)
        if self._tidy:
            text = _tidied(text)
        fits = self._fits(len(text)) and (not self._balanced or _is_balanced(text))
        return text if fits else value

    def _sequence(self, items: list[Any], rng: random.Random) -> list[Any]:
        if self._parts is not None and len(self._parts) == len(items):
            place = rng.randrange(len(items))
            changed = [*items]
            changed[place] = self._parts[place].mutate(items[place], rng)
            if self._distinct and not _is_distinct(changed):
                return items
            return self._in_order(changed, items)
        if self._items is None:
            return items
        changed, place = [*items], rng.randrange(len(items) + 1)
        match rng.randrange(6):
            case 0 | 1:
                if items:
                    place = min(place, len(items) - 1)
                    changed[place] = self._items.mutate(items[place], rng)
            case 2:
                changed.insert(place, self._items.fresh(rng))
            case 3:
                del changed[place : place + 1]
            case 4:
                rng.shuffle(changed)
            case 5:
                changed = [self._items.fresh(rng) for _ in range(self._length(rng))]
        if self._distinct:
            changed = list({repr(item): item for item in changed}.values())
        return self._in_order(changed, items) if self._fits(len(changed)) else items

    def _in_order(self, changed: list[Any], before: list[Any]) -> list[Any]:
        """The changed items, sorted where all are; those before where they cannot be compared."""
        try:
            return sorted(changed) if self._ascending else changed
        except TypeError:
            return before

    def _table(self, table: dict[Any, Any], rng: random.Random) -> dict[Any, Any]:
        changed = dict(table)
        if table and rng.random() < 0.7:
            key = rng.choice(list(table))
            assert self._entries is not None
            changed[key] = self._entries.mutate(table[key], rng)
            if rng.random() < 0.3:
                del changed[key]
        elif self._keys is not None and self._entries is not None and self._keys._values:
            changed[self._keys.fresh(rng)] = self._entries.fresh(rng)
        return changed if self._fits(len(changed)) else table

    def fresh(self, rng: random.Random) -> Any:
        """One of the values here, changed or not."""
        value = rng.choice(self._values)
        return self.mutate(value, rng) if rng.random() < 0.5 else value

    def _length(self, rng: random.Random) -> int:
        return rng.randint(self._shortest, self._longest + 1)

    def _fits(self, length: int) -> bool:
        return self._shortest <= length <= max(_GROWTH * self._longest, 4)


def _tidied(text: str) -> str:
    """The text with single spaces, and none at its ends."""
    return " ".join(word for word in text.split(" ") if word)


def _is_balanced(text: str) -> bool:
    """Whether every bracket is closed by one of its kind."""
    closing = {")": "(", "]": "[", "}": "{"}
    still_open: list[str] = []
    for letter in text:
        if letter in closing.values():
            still_open.append(letter)
        elif letter in closing and (not still_open or still_open.pop() != closing[letter]):
            return False
    return not still_open


def _is_ascending(row: list[Any]) -> bool:
    try:
        return all(left <= right for left, right in itertools.pairwise(row))
    except TypeError:
        return False


def _is_distinct(row: list[Any]) -> bool:
    return len(set(map(repr, row))) == len(row)


def _differ_by_place(rows: Sequence[list[Any]]) -> bool:
    """Whether places hold different types, or several rows have the same few places."""
    several = len(rows) > 1 and len(rows[0]) <= 3
    return several or any(len({type(item) for item in row}) > 1 for row in rows)


def _set(entries: list[Any], before: set[Any]) -> set[Any]:
    """The entries as a set; the one before where they were seen beside it and can be in none."""
    try:
        return set(entries)
    except TypeError:
        return before
