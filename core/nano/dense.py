"""The family `nano`: dense, because a fair share of the untrained student's programs passes."""

from __future__ import annotations

from core.nano.family import Family
from core.nano.lists import LISTS
from core.nano.numbers import NUMBERS
from core.nano.strings import STRINGS

NANO = Family(
    name="nano",
    primitives=LISTS + NUMBERS + STRINGS,
    lengths=((1, 0.20), (2, 0.80)),
)
