"""Two programs compared line by line: beside each other where there is room, else in one column."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher

from textual.content import Content

from btp_tui.panels.panel import line, lines
from btp_tui.reading.lineage import Lineage, Predecessor
from btp_tui.snapshot import ProgramCard
from btp_tui.theme import outcome_sign
from btp_tui.words import percent, plural

#: Cells from which on two programs stand beside each other.
SIDE_BY_SIDE = 96

#: Equal lines shown on either side of a change; longer stretches are folded.
_CONTEXT = 3

#: Sign and colour of a line that only the earlier program has, and of one only the later has.
_GONE, _NEW = ("−", "$failed"), ("+", "$passed")

_NUMBER = 4  # cells of a line number

Line = tuple[int, str]  # its number, from 1, and its text


@dataclass(frozen=True, slots=True)
class Pair:
    """A line of the earlier program and the one of the later that took its place.

    `folded` counts equal lines that are left out.
    """

    old: Line | None = None
    new: Line | None = None
    equal: bool = False
    folded: int = 0


def compared_programs(card: ProgramCard, width: int) -> Content:
    """The program against the one before of its task, or why there is none to compare with."""
    lineage = card.lineage
    if lineage is None or lineage.before is None:
        said = "The first program of its task in this run: none before to compare with."
        return lines([Content(""), line((said, "$dimmed"))])
    pairs = pair_lines(lineage.before.text, card.text)
    beside = width >= SIDE_BY_SIDE
    body = _side_by_side(pairs, width) if beside else _in_one_column(pairs)
    return lines([Content(""), *_heads(card, lineage, lineage.before, width, beside), *body])


def pair_lines(before: str, after: str) -> list[Pair]:
    """The lines of two programs, those that are equal or took another's place together."""
    old, new = before.rstrip("\n").split("\n"), after.rstrip("\n").split("\n")
    pairs: list[Pair] = []
    steps = SequenceMatcher(None, old, new).get_opcodes()
    for number, (kind, a, b, c, d) in enumerate(steps):
        olds = [(at + 1, old[at]) for at in range(a, b)]
        news = [(at + 1, new[at]) for at in range(c, d)]
        if kind == "equal":
            equal = [Pair(*both, equal=True) for both in zip(olds, news, strict=True)]
            pairs += _folded(equal, first=number == 0, last=number == len(steps) - 1)
            continue
        for at in range(max(len(olds), len(news))):
            pairs.append(
                Pair(olds[at] if at < len(olds) else None, news[at] if at < len(news) else None)
            )
    return pairs


def _folded(equal: list[Pair], first: bool, last: bool) -> list[Pair]:
    """Equal lines with those left out that are far from any change."""
    head, tail = 0 if first else _CONTEXT, 0 if last else _CONTEXT
    left_out = len(equal) - head - tail
    if left_out < _CONTEXT:  # the row that says so takes one as well
        return equal
    return [*equal[:head], Pair(folded=left_out), *equal[len(equal) - tail :]]


def _heads(
    card: ProgramCard, lineage: Lineage, before: Predecessor, width: int, beside: bool
) -> list[Content]:
    """Which program is which, and what each came to."""
    total = len(lineage.samples)
    old = _head(_GONE, lineage.place, total, before.iteration, before.outcome, before.pass_rate)
    new = _head(_NEW, lineage.place + 1, total, card.iteration, card.outcome, card.pass_rate)
    return [_beside(old, new, width)] if beside else [old, new]


def _head(
    sign: tuple[str, str],
    number: int,
    total: int,
    iteration: int,
    outcome: str | None,
    pass_rate: float | None,
) -> Content:
    verdict = outcome_sign(outcome)
    return line(
        sign,
        f" program {number} of {total}, iteration {iteration}  ",
        (f"{verdict.mark} {outcome or 'not tested yet'}", verdict.style),
        f" {percent(pass_rate, 0)}" if pass_rate is not None else "",
    )


def _side_by_side(pairs: list[Pair], width: int) -> list[Content]:
    return [
        _fold(pair) if pair.folded else _beside(_old(pair), _new(pair), width) for pair in pairs
    ]


def _in_one_column(pairs: list[Pair]) -> list[Content]:
    """Of a change all that went away comes first, then what came in its place."""
    rows: list[Content] = []
    waiting: list[Content] = []
    for pair in pairs:
        if pair.equal or pair.folded:
            rows, waiting = rows + waiting, []
            rows.append(_fold(pair) if pair.folded else _new(pair))
            continue
        rows += [_old(pair)] if pair.old else []
        waiting += [_new(pair)] if pair.new else []
    return rows + waiting


def _beside(left: Content, right: Content, width: int) -> Content:
    room = (width - 3) // 2
    left = left.truncate(room, ellipsis=True, pad=True)
    return left + line((" │ ", "$dimmed")) + right.truncate(room, ellipsis=True)


def _old(pair: Pair) -> Content:
    return _row(pair.old, None if pair.equal else _GONE)


def _new(pair: Pair) -> Content:
    return _row(pair.new, None if pair.equal else _NEW)


def _row(shown: Line | None, sign: tuple[str, str] | None) -> Content:
    if shown is None:
        return Content("")
    number, text = shown
    mark, style = sign or (" ", "")
    text = text.expandtabs(4)
    return line((mark, style), (f"{number:>{_NUMBER}} ", "$dimmed"), (text, style))


def _fold(pair: Pair) -> Content:
    return line((f"{'⋯':>{_NUMBER + 1}} {plural(pair.folded, 'equal line')}", "$dimmed"))
