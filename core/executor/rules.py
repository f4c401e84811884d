"""By which rules a program's tests are judged."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be chosen about judging; the defaults are the field's.

    `tokenwise`: outputs are compared token by token, whatever white space lies between.
    `skip_after_timeout`: of a program's tests, those after the first that timed out are skipped;
    they count as not passed, and the verdict is partial.
    """

    tokenwise: bool = False
    skip_after_timeout: bool = False
