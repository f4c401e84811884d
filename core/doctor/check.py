"""One thing that was tried, and what all of them come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

#: "note" is worth knowing and stops nothing; with "fails" a run would be refused.
State = Literal["ok", "note", "fails"]


@dataclass(frozen=True, slots=True)
class Check:
    """What was found, and what to do about it; `advice` is empty where all is well."""

    section: str
    name: str
    state: State
    found: str
    advice: str = ""

    @property
    def fails(self) -> bool:
        """Whether a run would be refused for it."""
        return self.state == "fails"


def one_line(error: BaseException) -> str:
    """What an error says of itself, for a table cell."""
    words = " ".join(str(error).split())[:300]
    return words or type(error).__name__


def runs_would_start(checks: Sequence[Check]) -> bool:
    """Whether no check fails."""
    return not any(check.fails for check in checks)


def verdict(checks: Sequence[Check]) -> str:
    """One sentence about all of them."""
    failed = [f"{check.name} ({check.section})" for check in checks if check.fails]
    if failed:
        return f"Runs would be refused: {', '.join(failed)}."
    notes = sum(check.state == "note" for check in checks)
    if not notes:
        return "Runs would start."
    return f"Runs would start; {notes} {'note' if notes == 1 else 'notes'} above."
