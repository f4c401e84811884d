"""The checks as a reader sees them, and as a program does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from core.doctor.check import Check, runs_would_start, verdict

#: Sign and word, so that colour never says anything alone.
_MARKS = {"ok": ("✓ ok", "green"), "note": ("! note", "yellow"), "fails": ("✗ fails", "bold red")}
_MARK_WIDTH, _NAME_WIDTH = 7, 12


def show(checks: Iterable[Check], console: Console) -> list[Check]:
    """Prints each check as soon as it is made, then the verdict; returns them all."""
    shown: list[Check] = []
    for check in checks:
        if not shown or shown[-1].section != check.section:
            console.print(Text(f"\n{check.section.capitalize()}", style="bold"))
        console.print(_row(check))
        shown.append(check)
    style = "bold green" if runs_would_start(shown) else "bold red"
    console.print(Text(f"\n{verdict(shown)}", style=style))
    return shown


def _row(check: Check) -> Table:
    mark, style = _MARKS[check.state]
    row = Table.grid(padding=(0, 2, 0, 0))
    row.add_column(width=_MARK_WIDTH)
    row.add_column(width=_NAME_WIDTH)
    row.add_column(overflow="fold")
    row.add_row(Text(mark, style=style), check.name, Text(check.found))
    if check.advice:
        row.add_row("", Text("→", justify="right"), Text(check.advice, style="italic"))
    return row


def as_json(checks: Sequence[Check]) -> dict[str, Any]:
    """The same content: `ok`, the verdict's sentence, and every check."""
    return {
        "ok": runs_would_start(checks),
        "verdict": verdict(checks),
        "checks": [asdict(check) for check in checks],
    }
