"""What the screen wants to see, as one value: the newest replaces the one before."""

from __future__ import annotations

from dataclasses import dataclass

from btp_tui.control.engine import Launch
from btp_tui.tasks import TaskWish


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the screen wants to see; `turned` are knobs by name that are not in force yet."""

    watch: str | None = None
    turned: tuple[tuple[str, float | str], ...] = ()
    launch: Launch | None = None
    page: tuple[str, int] | None = None  # filter and offset
    sample: int | None = None
    tokens: bool = False  # those of the sample
    tasks: TaskWish | None = None
