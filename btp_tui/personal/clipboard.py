"""Copying out of a terminal: the escape sequence for its clipboard, and a file where none is.

OSC 52 reaches the terminal's own clipboard, also over SSH. tmux keeps it to itself unless it is
wrapped, or told to pass it on; GNU screen and some terminals have no use for it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path

from btp_tui.words import plural
from storage.errors import StorageError

#: Bytes of text in one sequence: terminals cut off what is longer than 100,000 bytes in base64.
LONGEST = 74_994


def copy_out(
    text: str, file: Path, environment: Mapping[str, str], send: Callable[[str], None]
) -> str:
    """Sends a text to the clipboard, or writes it into a file; returns what was done.

    Raises StorageError where the file cannot be written.
    """
    why_not = why_no_clipboard(text, environment)
    if why_not:
        keep_copy(text, file)
        return f"{why_not}: written to {file}."
    send(text)
    lines = plural(len(text.rstrip("\n").split("\n")), "line")
    return f"Copied {lines} to the clipboard of your terminal."


def osc52(text: str) -> str:
    """The sequence that puts a text into the terminal's clipboard."""
    return f"\x1b]52;c;{base64.b64encode(text.encode()).decode()}\a"


def passed_through(sequence: str) -> str:
    """The same for the terminal around tmux: wrapped, with every escape doubled."""
    return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"


def in_tmux(environment: Mapping[str, str]) -> bool:
    """Whether tmux is between this program and the terminal."""
    return bool(environment.get("TMUX"))


def why_no_clipboard(text: str, environment: Mapping[str, str]) -> str:
    """Why a text cannot go to the terminal's clipboard, as the begin of a sentence; "": it can."""
    if len(text.encode()) > LONGEST:
        return "Too long for the terminal's clipboard"
    if environment.get("TERM", "") in ("linux", "dumb"):
        return "This console has no clipboard"
    if environment.get("TERM_PROGRAM", "") == "Apple_Terminal":
        return "This terminal takes no text for its clipboard"
    if environment.get("STY") and not in_tmux(environment):
        return "GNU screen passes nothing on to the clipboard"
    return ""


def keep_copy(text: str, file: Path) -> None:
    """Writes a text into a file instead; raises StorageError where that cannot be done."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StorageError(
            f"Cannot write {file}: {error.strerror}; nothing was copied. "
            "Select the text with the mouse instead."
        ) from error
