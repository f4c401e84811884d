"""What tasks from programming contests have in common: their prompt, their prelude, their JSON."""

from __future__ import annotations

import json
from typing import Any

from core.errors import CoreError
from core.tasks.jsonl import Record

#: Put before programs that fill in a `class Solution`: its starter code names List without import.
PRELUDE_OF_CLASSES = "from typing import *\n"


def contest_prompt(question: str, starter: str, call_based: bool) -> str:
    """The prompt of the APPS paper (arXiv 2105.09938), which others have taken up."""
    way = "Use Call-Based format" if call_based else "Use Standard Input format"
    return f"\nQUESTION:\n{question}\n{starter}\n{way}\n\nANSWER:\n"


def read_json(record: Record, name: str, text: str) -> Any:
    """The value of a JSON text that stands in the field `name`; raises CoreError naming the field.

    Whole numbers of any length are read.
    """
    try:
        return json.loads(text, parse_int=_whole_number)
    except (ValueError, RecursionError) as error:
        raise CoreError(f"{record.place}: {name!r} is not valid JSON: {error}.") from error


def _whole_number(digits: str) -> int:
    """`int` refuses more than 4,300 digits at once; some records hold longer numbers."""
    if len(digits) <= 4_000:
        return int(digits)
    if digits.startswith("-"):
        return -_whole_number(digits[1:])
    return _whole_number(digits[:-4_000]) * 10**4_000 + int(digits[-4_000:])
