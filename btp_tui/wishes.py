"""What the screen wants to see, as one value: the newest replaces the one before."""

from __future__ import annotations

from dataclasses import dataclass

from btp_tui.engine import Launch
from btp_tui.snapshot import Knobs


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the screen wants to see; `knobs` other than those in force are a preview."""

    watch: str | None = None
    knobs: Knobs | None = None
    launch: Launch | None = None
    page: tuple[str, int] | None = None  # filter and offset
    sample: int | None = None
