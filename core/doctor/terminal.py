"""The terminal that the screen would be drawn in, where stdout is one."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator

from rich.console import Console

from core.doctor.check import Check, State

_COLUMNS, _LINES = 80, 24


def check_terminal() -> Iterator[Check]:
    """Size, colours and characters; nothing where stdout goes elsewhere."""
    if not sys.stdout.isatty():
        return
    columns, lines = shutil.get_terminal_size()
    advice = f"Enlarge the window to {_COLUMNS}×{_LINES} or more for the screen."
    small = columns < _COLUMNS or lines < _LINES
    yield _judge("size", f"{columns} columns, {lines} lines", advice if small else "")

    names = f"TERM={os.environ.get('TERM', '')}, COLORTERM={os.environ.get('COLORTERM', '')}"
    colours = Console().color_system
    advice = "Set TERM=xterm-256color, and COLORTERM=truecolor where the terminal can show it."
    weak = colours in (None, "standard")
    yield _judge("colours", f"{colours or 'none'} ({names})", advice if weak else "")

    advice = "Choose a UTF-8 locale for lines and signs, for instance LANG=C.UTF-8."
    plain = not sys.stdout.encoding.lower().startswith("utf")
    yield _judge("characters", sys.stdout.encoding, advice if plain else "")


def _judge(name: str, found: str, advice: str) -> Check:
    state: State = "note" if advice else "ok"
    return Check("terminal", name, state, found, advice)
