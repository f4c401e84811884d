"""Which examples share a row: programs of one task share their prompt, short ones lie side by side.

A row holds token sequences as one or several trees: what two sequences begin with is there once.
Rows of about the same width go through the model together, so that little of them is padding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from core.training.example import Example

Ids = NDArray[np.int64]

#: Rows of one sequence each go through together down to one of these shares of the longest.
_ALIKE = 0.75, 0.85, 0.92
#: What a call costs besides its rows, in tokens.
_CALL = 128


@dataclass(frozen=True, slots=True)
class Packing:
    """How a model's rows may be filled; whichever way costs least is taken for each minibatch.

    `trees` says whether its attention takes any mask, `reach` how wide a row may be then (None:
    any width). A row of `crowd` columns costs twice what the same tokens cost alone: attention
    looks at all columns, the rest of the model at one.
    """

    trees: bool
    crowd: int
    reach: int | None = None


@dataclass(slots=True)
class Row:
    """Examples, by number, that share a row in lexicographic order; they take `width` columns."""

    width: int
    members: list[int] = field(default_factory=list)


def sequences_of(examples: Sequence[Example]) -> list[Ids]:
    """Prompt and program of each example as one array (n,)."""
    return [np.array([*each.prompt, *each.program], np.int64) for each in examples]


def in_order(sequences: Sequence[Ids]) -> list[int]:
    """The numbers of sequences in lexicographic order: that of a tree, depth first."""
    return sorted(range(len(sequences)), key=lambda which: sequences[which].tolist())


def common(one: Ids, other: Ids) -> int:
    """How many tokens two sequences begin with alike."""
    length = min(len(one), len(other))
    differ = one[:length] != other[:length]
    return int(differ.argmax()) if differ.any() else length


def pack(examples: Sequence[Example], packing: Packing, most: int) -> Iterator[list[Row]]:
    """Rows that go through the model together, the widest first; at most `most` programs a time."""
    sequences = sequences_of(examples)
    longest = max(map(len, sequences))
    alone = _equals(sequences, most)
    ways = [(list(_by_length(alone, alike)), 0.5) for alike in _ALIKE]
    if packing.trees and (packing.reach is None or longest <= packing.reach):
        bushes = _bushes(examples, sequences, packing, most)
        ways += [(_filled(bushes, most, least), 1.0) for least in _least_widths(packing)]
    cheapest, _ = min(ways, key=lambda way: _cost(way[0], way[1], packing.crowd))
    for group in cheapest:
        yield from _portions(group, most)


def _bushes(
    examples: Sequence[Example], sequences: list[Ids], packing: Packing, most: int
) -> list[Row]:
    """The programs of each prompt as one tree, or as several where one would be too wide.

    With P tokens of prompt, L of each of g programs and crowd C, a program costs
    (P/g + L)(1 + (P + gL)/C), least at gL = √(P(C + P)).
    """
    bushes: list[Row] = []
    prompt: Sequence[int] | None = None
    for which in in_order(sequences):
        example, ids = examples[which], sequences[which]
        shares = prompt == list(example.prompt)
        new = len(ids) - common(ids, sequences[bushes[-1].members[-1]]) if shares else len(ids)
        n = len(example.prompt)
        limit = max(len(ids), n + int(sqrt(n * (packing.crowd + n))))
        limit = min(limit, packing.reach or limit)
        if shares and bushes[-1].width + new <= limit and len(bushes[-1].members) < most:
            bushes[-1].width += new
            bushes[-1].members.append(which)
        else:
            bushes.append(Row(len(ids), [which]))
            prompt = list(example.prompt)
    return bushes


def _least_widths(packing: Packing) -> list[int]:
    """Widths below which attention costs little: wider rows are filled better."""
    reach = packing.reach or packing.crowd
    return sorted({min(packing.crowd * eighths // 8, reach) for eighths in (1, 2, 3)})


def _cost(groups: list[list[Row]], seen: float, crowd: int) -> float:
    """What groups of rows cost, in tokens alone; attention looks at a share `seen` of a row."""
    total = 0.0
    for group in groups:
        width = max(row.width for row in group)
        total += len(group) * width * (1 + seen * width / crowd) + _CALL
    return total


def _filled(bushes: list[Row], most: int, least: int) -> list[list[Row]]:
    """Trees side by side in rows, by best fit, the widest first; rows of one capacity a group.

    Where the trees to come are less than half as wide as the rows, narrower ones are begun, down
    to the `least`: attention costs the square of the width.
    """
    capacity = 0
    groups: list[list[Row]] = []
    spaces: list[tuple[int, Row]] = []  # columns left in each row
    for bush in sorted(bushes, key=lambda bush: -bush.width):
        fitting = [
            (room, place)
            for place, (room, row) in enumerate(spaces)
            if room >= bush.width and len(row.members) + len(bush.members) <= most
        ]
        if fitting:
            room, place = min(fitting)
            row = spaces[place][1]
            row.width += bush.width
            row.members += bush.members
            spaces[place] = (room - bush.width, row)
            continue
        if not groups or (capacity > least and 2 * bush.width <= capacity):
            capacity = max(bush.width, least)
            groups.append([])
        groups[-1].append(Row(bush.width, [*bush.members]))
        spaces.append((capacity - bush.width, groups[-1][-1]))
    return groups


def _equals(sequences: list[Ids], most: int) -> list[Row]:
    """One sequence a row; programs that were drawn twice share theirs."""
    rows: list[Row] = []
    for which in in_order(sequences):
        ids, last = sequences[which], sequences[rows[-1].members[-1]] if rows else None
        if last is not None and np.array_equal(ids, last) and len(rows[-1].members) < most:
            rows[-1].members.append(which)
        else:
            rows.append(Row(len(ids), [which]))
    return rows


def _by_length(rows: list[Row], alike: float) -> Iterator[list[Row]]:
    group: list[Row] = []
    for row in sorted(rows, key=lambda row: -row.width):
        if group and row.width < alike * group[0].width:
            yield group
            group = []
        group.append(row)
    yield group


def _portions(rows: list[Row], most: int) -> Iterator[list[Row]]:
    portion: list[Row] = []
    for row in rows:
        if portion and sum(len(one.members) for one in [*portion, row]) > most:
            yield portion
            portion = []
        portion.append(row)
    yield portion
