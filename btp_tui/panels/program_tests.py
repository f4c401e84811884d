"""The tests of a program one by one; of a failed one where expected and actual part."""

from __future__ import annotations

from textual.content import Content

from btp_tui import words
from btp_tui.panels.panel import Piece, line, lines
from btp_tui.snapshot import ProgramCard, ShownTest
from btp_tui.theme import outcome_sign

#: Cells before a value: two of indent, and its name.
_INDENT = 12

#: Characters shown before the first difference where a value is longer than its row.
_LEAD = 16

#: Longest value that is shown where nothing is compared.
_LONGEST = 400


def each_test(card: ProgramCard, width: int) -> Content:
    """One row for a test that passed; input, expected and actual for one that did not."""
    rows = [Content("")]
    for number, test in enumerate(card.tests, start=1):
        rows += _test(number, test, width)
    if card.description:
        rows += [Content(""), line(("The task", "$dimmed")), line(card.description.strip())]
    return lines(rows)


def fact(name: str, text: Piece) -> Content:
    """A name in a column of its own, and what is said of it."""
    return line((f"{name:<9} ", "$dimmed"), text)


def first_difference(one: str, other: str) -> int | None:
    """Where two texts part, counted from 0; None where they are equal."""
    for at, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return at
    return None if len(one) == len(other) else min(len(one), len(other))


def _test(number: int, test: ShownTest, width: int) -> list[Content]:
    sign = outcome_sign(test.outcome)
    head = (f"{sign.mark} test {number:<2} ", sign.style)
    if test.outcome in ("passed", None):
        tail = f"  → {_one_line(test.expected)}" if test.expected else ""
        return [line(head, _one_line(test.given), (tail, "$dimmed"))]
    rows = [line(head, (test.outcome or "", f"bold {sign.style}"), _where(test))]
    rows += _value("input", test.given)
    if test.outcome == "wrong answer" and test.expected.strip():
        rows += _parted(test.expected, test.actual, max(_LEAD * 2, width - _INDENT))
    else:
        rows += [*_value("expected", test.expected), *_value("actual", test.actual)]
    return rows + _value("says", test.message)


def _parted(expected: str, actual: str, room: int) -> list[Content]:
    """Both values above each other in the same columns, and a sign below where they part."""
    wanted, given = _shown(expected), _shown(actual)
    if not given:
        return [*_value("expected", expected), line("  ", fact("actual", ("nothing", "$failed")))]
    at = first_difference(wanted, given)
    if at is None:  # they differ in blanks at an end, or in their types
        return [*_value("expected", expected), *_value("actual", actual)]
    begin = max(0, at - _LEAD) if max(len(wanted), len(given)) > room else 0
    rows = [
        line("  ", fact(name, _marked(text, begin, at, room)))
        for name, text in (("expected", wanted), ("actual", given))
    ]
    spaces = " " * (_INDENT + at - begin + (begin > 0))
    return [*rows, line((f"{spaces}▲ differs from character {at + 1} on", "$failed"))]


def _marked(text: str, begin: int, at: int, room: int) -> Content:
    """As much of a text as fits, from a character on; from the difference on in another colour."""
    lead = "…" if begin else ""
    shown = words.fit(text[begin:], room - len(lead))
    place = at - begin
    return line((lead, "$dimmed"), shown[:place], (shown[place:], "bold $failed"))


def _where(test: ShownTest) -> Piece:
    where = f" in line {test.line}" if test.line is not None else ""
    return (f"{where}  {1000 * test.seconds:.0f} ms", "$dimmed")


def _value(name: str, text: str) -> list[Content]:
    return [line("  ", fact(name, _one_line(text)))] if text.strip() else []


def _one_line(text: str) -> str:
    return words.fit(_shown(text), _LONGEST)


def _shown(text: str) -> str:
    return text.strip().replace("\n", " ⏎ ")
