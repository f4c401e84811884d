"""Numbers as a reader wants them: rounded to what matters, grouped, and always with their unit.

One rule for all screens. A share is 93.3 %; in a narrow column or beside a bar, 93 %. What is
counted is 1,632; where room is short and its last digits do not matter, 12.3k.
"""

from __future__ import annotations

import math
import time

#: In the place of a figure that is none: not a number, or without end.
UNKNOWN = "–"

_BYTE_UNITS = ("B", "KB", "MB", "GB", "TB")


def count(number: float) -> str:
    """A whole number with thousands separated: 12,345."""
    return f"{number:,.0f}" if math.isfinite(number) else UNKNOWN


def short_count(number: float) -> str:
    """A whole number in at most five characters: 1,632, 12.3k, 123k, 4.57M."""
    if abs(number) < 9_999.5 or not math.isfinite(number):
        return count(number)
    for unit in ("k", "M", "G"):
        number /= 1000
        if abs(number) < 999.5 or unit == "G":
            digits = 0 if abs(number) >= 99.95 else 1 if abs(number) >= 9.995 else 2
            return f"{number:.{digits}f}{unit}"
    raise AssertionError("the last unit takes any number")


def percent(fraction: float | None, digits: int = 1) -> str:
    """A fraction of 1 in per cent: 62.5 %; a dash where it is unknown."""
    if fraction is None or not math.isfinite(fraction):
        return UNKNOWN
    return f"{100 * fraction:.{digits}f} %"


def rate(per_second: float, unit: str) -> str:
    """A rate with its unit: 1,812 tokens/s; one decimal below ten."""
    number = f"{per_second:.1f}" if 0 < per_second < 9.95 else count(per_second)
    return f"{number} {unit}/s"


def duration(seconds: float) -> str:
    """A length of time in its two biggest units: 42 s, 3 min 10 s, 2 h 5 min."""
    if not math.isfinite(seconds):
        return UNKNOWN
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    days, rest = divmod(hours, 24)
    return f"{days} d {rest} h" if rest else f"{days} d"


def about(seconds: float) -> str:
    """An estimate of a length of time, in one unit: about 12 s, about 3 min, about 2 h."""
    if not math.isfinite(seconds):
        return "an unknown time"
    for size, most, unit in ((1, 90, "s"), (60, 90, "min"), (3600, 36, "h")):
        if seconds < most * size:
            return f"about {max(1, round(seconds / size))} {unit}"
    return f"about {round(seconds / 86400)} d"


def stopwatch(seconds: float) -> str:
    """A length of time for an axis: 0:42, 3:10, 2:05:00."""
    if not math.isfinite(seconds):
        return UNKNOWN
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def memory(size: float) -> str:
    """A size in the biggest unit that fits, three digits: 512 MB, 5.21 GB."""
    if not math.isfinite(size):
        return UNKNOWN
    for unit in _BYTE_UNITS:
        if size < 999.5 or unit == _BYTE_UNITS[-1]:
            digits = 0 if unit == "B" or size >= 99.95 else 1
            return f"{size:.{digits}f} {unit}"
        size /= 1024
    raise AssertionError("the last unit takes any size")


def memory_of(used: float, total: float, digits: int = 1, of: str = " of ") -> str:
    """Used and total memory in the total's unit: 5.2 of 16 GB."""
    if not (math.isfinite(used) and math.isfinite(total)):
        return UNKNOWN
    step = min(int(math.log(max(total, 1), 1024)), len(_BYTE_UNITS) - 1)
    size = 1024**step
    return f"{used / size:.{digits}f}{of}{total / size:.0f} {_BYTE_UNITS[step]}"


def clock(at: float) -> str:
    """A moment as local time of day: 14:03:22."""
    return time.strftime("%H:%M:%S", time.localtime(at))


def day(at: float) -> str:
    """A moment as local date and time: 2026-03-01 14:03."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))


def plural(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: 1 program, 3 programs."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def fit(text: str, width: int) -> str:
    """The text cut to a width, an ellipsis at the end where something is missing."""
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


def fit_name(name: str, width: int) -> str:
    """A name cut to a width in its middle: its end, behind the last slash, tells it from others."""
    if len(name) <= width:
        return name
    before, slash, last = name.rpartition("/")
    end = len(last) + 1 if slash and before else 2 * width // 3
    end = max(0, min(end, width - 1))
    return f"{name[: max(0, width - 1 - end)]}…{name[len(name) - end :]}"
