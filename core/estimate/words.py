"""Sizes, counts and ranges of time as a sentence names them: rounded, with their unit."""

from __future__ import annotations

_UNITS = ((1 << 40, "TB"), (1 << 30, "GB"), (1 << 20, "MB"))
_COUNTS = ((1e9, "B"), (1e6, "M"), (1e3, "k"))
_TIMES = ((2 * 86400, 86400, "days"), (2 * 3600, 3600, "h"), (90, 60, "min"), (0, 1, "s"))


def size(n_bytes: int) -> str:
    """Bytes in MB, GB or TB, two figures."""
    for unit, name in _UNITS:
        if n_bytes >= unit or name == "MB":
            return f"{_two_figures(n_bytes / unit)} {name}"
    raise AssertionError("MB is the last unit")


def count(number: int) -> str:
    """1.97M, 494M, 7.62B."""
    for unit, name in _COUNTS:
        if number >= unit:
            return f"{number / unit:.3g}{name}"
    return str(number)


def amount(number: int, thing: str) -> str:
    """A number of things, thousands apart."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def between(least: float, most: float) -> str:
    """A range of seconds in the unit that fits its end: 2-4 min."""
    for limit, unit, name in _TIMES:
        if most >= limit:
            low, high = _two_figures(least / unit), _two_figures(most / unit)
            return f"{high} {name}" if low == high else f"{low}–{high} {name}"
    raise AssertionError("seconds are the last unit")


def _two_figures(number: float) -> str:
    """Two figures are as much as an estimate knows."""
    if number >= 10:
        return f"{number:,.0f}"
    text = f"{number:.1f}"
    return text.removesuffix(".0")
