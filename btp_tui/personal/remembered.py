"""What the screen remembers from one start to the next by itself: the theme that was picked.

It is no setting of a user (see preferences), so it lies where programs keep their state, and losing
it does no harm.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

from btp_tui.theme import THEMES
from core.small_file import read_small


def theme_file(environment: Mapping[str, str]) -> Path:
    """Where the name of the theme is kept: ~/.local/state/btp-tui/theme."""
    home = environment.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(home).expanduser() / "btp-tui" / "theme"


def remembered_theme(file: Path) -> str | None:
    """The theme that was picked last, if it still exists."""
    try:
        name = read_small(file).strip()
    except (OSError, UnicodeDecodeError):
        return None
    return name if name in {theme.name for theme in THEMES} else None


def remember_theme(file: Path, name: str) -> None:
    """Keeps the name; a place that cannot be written to only means that it is forgotten."""
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{name}\n", encoding="utf-8")
