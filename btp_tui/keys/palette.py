"""The commands of the palette: what keys do, each once and with its key; themes; a screenshot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from textual.app import SystemCommand
from textual.screen import Screen

from btp_tui.keys.active import active_keys
from btp_tui.theme import THEMES


def palette(screen: Screen[Any], pick_theme: Callable[[str], object]) -> Iterator[SystemCommand]:
    """One command an action that does something on this screen now, and one another theme."""
    app = screen.app
    for key in active_keys(screen, typed=True):
        if key.description and key.action != "command_palette":
            yield SystemCommand(
                f"{key.description} ({key.shown[0]})",
                key.sentence,
                partial(app.run_action, key.action, key.node),
            )
    for theme in THEMES:
        if theme.name != app.theme:
            yield SystemCommand(
                f"Theme: {theme.name.removeprefix('btp-')}",
                "The colours of the screen, kept for the next start",
                partial(pick_theme, theme.name),
            )
    yield SystemCommand("Screenshot", "Save this screen as an SVG image", app.deliver_screenshot)
