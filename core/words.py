"""How figures are written in sentences, the same as on the screen (btp_tui.words)."""

from __future__ import annotations


def percent(share: float, digits: int = 1) -> str:
    """A share of 1 in per cent: 62.5 %."""
    return f"{100 * share:.{digits}f} %"
