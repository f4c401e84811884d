"""What the screen wants to see, as one value: the newest replaces the one before."""

from __future__ import annotations

from dataclasses import dataclass

from btp_tui.engine import Launch


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the screen wants to see; `turned` are knobs by name that are not in force yet."""

    watch: str | None = None
    turned: tuple[tuple[str, float | str], ...] = ()
    launch: Launch | None = None
    page: tuple[str, int] | None = None  # filter and offset
    sample: int | None = None
