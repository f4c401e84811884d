"""The family `nano-sparse`: two steps each, to be misread both, with tests that reward one."""

from __future__ import annotations

from core.nano.family import Family
from core.nano.lists import LISTS
from core.nano.numbers import NUMBERS
from core.nano.strings import STRINGS

NANO_SPARSE = Family(
    name="nano-sparse",
    primitives=LISTS + NUMBERS + STRINGS,
    lengths=((2, 1.0),),
    graded=True,
)
