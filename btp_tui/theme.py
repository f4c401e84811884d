"""Colours and signs: each meaning has one of each, the same on every screen.

Colour is never alone: whatever a colour says is also said by a sign or a word.
"""

from __future__ import annotations

from dataclasses import dataclass

from textual.theme import Theme

DARK = Theme(
    name="btp-dark",
    dark=True,
    primary="#5cc8d7",
    secondary="#8aa4ff",
    accent="#f2b872",
    success="#7fd88f",
    warning="#f0c95a",
    error="#ff7b85",
    foreground="#d7dde8",
    background="#0e131b",
    surface="#131a24",
    panel="#1b2430",
    variables={
        "dimmed": "#97a5b8",
        "line": "#33415280",
        "frame": "#2f3d4f",
        "frame-focused": "#5cc8d7",
        "track": "#2a3646",
        "passed": "#7fd88f",
        "failed": "#ff7b85",
        "errored": "#ff9f6b",
        "timeout": "#f0c95a",
        "denied": "#d59bf6",
        "unknown": "#97a5b8",
        "drawn": "#f2b872",
        "stored": "#5b7fa6",
        "block-cursor-background": "#1a3249",
        "block-cursor-foreground": "#f4f7fb",
        "block-cursor-text-style": "none",
        "footer-background": "#131a24",
        "footer-key-foreground": "#5cc8d7",
        "input-selection-background": "#2f5d7c",
        "border": "#5cc8d7",
        "border-blurred": "#2f3d4f",
        "scrollbar": "#2f3d4f",
        "scrollbar-hover": "#43566e",
        "scrollbar-active": "#5cc8d7",
        "scrollbar-background": "#0e131b",
        "scrollbar-corner-color": "#0e131b",
        "scrollbar-background-hover": "#0e131b",
        "scrollbar-background-active": "#0e131b",
    },
)

LIGHT = Theme(
    name="btp-light",
    dark=False,
    primary="#0a6677",
    secondary="#3b4fb5",
    accent="#8f4e00",
    success="#1f6f34",
    warning="#7a5600",
    error="#b3202e",
    foreground="#1d2530",
    background="#f7f8fa",
    surface="#eef1f5",
    panel="#e2e7ee",
    variables={
        "dimmed": "#566274",
        "line": "#c3ccd880",
        "frame": "#b9c4d2",
        "frame-focused": "#0a6677",
        "track": "#d3dae4",
        "passed": "#1f6f34",
        "failed": "#b3202e",
        "errored": "#9a3f06",
        "timeout": "#7a5600",
        "denied": "#7a2fa8",
        "unknown": "#566274",
        "drawn": "#8f4e00",
        "stored": "#4f7096",
        "block-cursor-background": "#cfe3ee",
        "block-cursor-foreground": "#10161e",
        "block-cursor-text-style": "none",
        "footer-background": "#eef1f5",
        "footer-key-foreground": "#0a6677",
        "input-selection-background": "#bcdcea",
        "border": "#0a6677",
        "border-blurred": "#b9c4d2",
    },
)

#: Black and strong colours, for weak eyes, weak screens and the sun.
HIGH_CONTRAST = Theme(
    name="btp-high-contrast",
    dark=True,
    primary="#5ff0ff",
    secondary="#b9c6ff",
    accent="#ffc04d",
    success="#5cff7a",
    warning="#ffe14d",
    error="#ff9a9a",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#262626",
    variables={
        "dimmed": "#d6d6d6",
        "line": "#8c8c8c",
        "frame": "#8c8c8c",
        "frame-focused": "#ffe14d",
        "track": "#5c5c5c",
        "passed": "#5cff7a",
        "failed": "#ff9a9a",
        "errored": "#ffb07a",
        "timeout": "#ffe14d",
        "denied": "#f0b8ff",
        "unknown": "#d6d6d6",
        "drawn": "#ffc04d",
        "stored": "#7fb8ff",
        "block-cursor-background": "#003d7a",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-text-style": "bold",
        "footer-background": "#000000",
        "footer-key-foreground": "#ffe14d",
        "input-selection-background": "#005a9e",
        "border": "#ffe14d",
        "border-blurred": "#8c8c8c",
        "scrollbar": "#8c8c8c",
        "scrollbar-hover": "#d6d6d6",
        "scrollbar-active": "#ffe14d",
        "scrollbar-background": "#000000",
        "scrollbar-corner-color": "#000000",
        "scrollbar-background-hover": "#000000",
        "scrollbar-background-active": "#000000",
    },
)

THEMES = (DARK, LIGHT, HIGH_CONTRAST)


@dataclass(frozen=True, slots=True)
class Sign:
    """One character and one colour for a meaning; `style` names a variable of the theme."""

    mark: str
    style: str


#: How a program or a test ended (the texts of core.tasks.Outcome), in the order of display.
OUTCOMES: dict[str, Sign] = {
    "passed": Sign("✓", "$passed"),
    "wrong answer": Sign("✗", "$failed"),
    "error": Sign("!", "$errored"),
    "syntax error": Sign("#", "$errored"),
    "timeout": Sign("◔", "$timeout"),
    "memory": Sign("▤", "$timeout"),
    "output limit": Sign("≡", "$timeout"),
    "denied": Sign("⊘", "$denied"),
    "skipped": Sign("»", "$unknown"),
    "unsupported": Sign("–", "$unknown"),
    "harness error": Sign("?", "$unknown"),
}
NOT_TESTED = Sign("·", "$unknown")

#: What a run is doing, as the screen sees it.
STATES: dict[str, Sign] = {
    "starting": Sign("◌", "$primary"),
    "running": Sign("●", "$passed"),
    "paused": Sign("‖", "$timeout"),
    "finished": Sign("✓", "$passed"),
    "stopped": Sign("■", "$dimmed"),
    "failed": Sign("✗", "$failed"),
    "died": Sign("✗", "$failed"),
}

LEVELS: dict[str, Sign] = {
    "info": Sign(" ", "$foreground"),
    "warning": Sign("▲", "$timeout"),
    "error": Sign("✗", "$failed"),
}

#: What a user said of a program.
FLAGS: dict[str, Sign] = {
    "excluded": Sign("⊖", "$timeout"),
    "marked": Sign("★", "$accent"),
}


def outcome_sign(outcome: str | None) -> Sign:
    """The sign of an outcome; a dot for a program that was not tested yet."""
    return OUTCOMES.get(outcome or "", NOT_TESTED)


#: What up to four runs in one plot are called beside their colours.
COMPARED = "ABCD"
