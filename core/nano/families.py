"""Every embedded family, by its name."""

from __future__ import annotations

from core.nano.dense import NANO
from core.nano.sparse import NANO_SPARSE

FAMILIES = {family.name: family for family in (NANO, NANO_SPARSE)}
