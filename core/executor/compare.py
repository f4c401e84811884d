"""Does a program's output count as right? The field's rules, and the name of the one that held.

White space at the end of lines and of the output never counts; token by token, none does. A token
that is expected as a float may differ by 1e-6, absolutely or relatively, whichever is more.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

TOLERANCE = 1e-6
# No part of these can match the same digits in two ways: a program chooses what they are tried on.
_FLOAT = re.compile(r"[+-]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][+-]?[0-9]+)?")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


def accepting_rule(actual: str, accepted: Iterable[str], tokenwise: bool = False) -> str | None:
    """The rule by which the output equals one that is accepted; None where it equals none."""
    lines = _lines(actual)
    expectations = [_lines(expected) for expected in accepted]
    if lines in expectations:
        return "exact"
    if any(_close(lines, expected) for expected in expectations):
        return "float 1e-6"
    return _rule_for_tokens(lines, expectations) if tokenwise else None


def _rule_for_tokens(lines: list[str], expectations: list[list[str]]) -> str | None:
    tokens = _tokens(lines)
    wanted = [_tokens(expected) for expected in expectations]
    if tokens in wanted:
        return "tokens"
    if any(_close_tokens(tokens, expected) for expected in wanted):
        return "tokens, float 1e-6"
    return None


def _lines(text: str) -> list[str]:
    lines = [line.rstrip() for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _close(actual: list[str], expected: list[str]) -> bool:
    if len(actual) != len(expected):
        return False
    return all(a == e or _close_line(a, e) for a, e in zip(actual, expected, strict=True))


def _close_line(actual: str, expected: str) -> bool:
    return _close_tokens(actual.split(" "), expected.split(" "))


def _tokens(lines: list[str]) -> list[str]:
    return [token for line in lines for token in line.split()]


def _close_tokens(actual: list[str], expected: list[str]) -> bool:
    if len(actual) != len(expected):
        return False
    return all(a == e or _close_token(a, e) for a, e in zip(actual, expected, strict=True))


def _close_token(actual: str, expected: str) -> bool:
    if not _FLOAT.fullmatch(expected) or not _NUMBER.fullmatch(actual):
        return False
    return math.isclose(float(actual), float(expected), rel_tol=TOLERANCE, abs_tol=TOLERANCE)
