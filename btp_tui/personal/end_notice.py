"""Tells the end of the watched run to someone who looks elsewhere: a bell, or a notification.

The notification is an escape sequence to the terminal, so that it also works over SSH: OSC 9 where
a terminal is known to want that, else OSC 777. tmux passes it on if allow-passthrough is set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from btp_tui import words
from btp_tui.personal.clipboard import in_tmux, passed_through
from btp_tui.personal.preferences import Notice
from btp_tui.snapshot import RunLine, Snapshot

#: States in which a run has ended without being told to.
ENDED = ("finished", "failed", "died")

_WANTS_OSC9 = ("iTerm.app", "iTerm2", "WezTerm", "ghostty", "WarpTerminal")


class EndNotice:
    """Watches the snapshots; what had ended before the first of them is not told."""

    def __init__(
        self, notice: Notice, environment: Mapping[str, str], write: Callable[[str], None]
    ) -> None:
        self._notice, self._environment, self._write = notice, environment, write
        self._before: RunLine | None = None

    def heard(self, snapshot: Snapshot) -> None:
        """Writes to the terminal where the watched run was alive a moment ago and has ended."""
        if snapshot.watched is None:
            return
        now, before = snapshot.watched.line, self._before
        self._before = now
        if before is None or before.name != now.name or not before.alive or now.state not in ENDED:
            return
        if self._notice == "bell":
            self._write("\a")
        elif self._notice == "desktop":
            self._write(notification(told(now), self._environment))


def told(run: RunLine) -> str:
    """The end of a run in a sentence."""
    accuracy = ""
    if run.initial is not None and run.newest is not None:
        accuracy = f": held-out {words.percent(run.initial)} → {words.percent(run.newest)}"
    return f"{run.name} {run.state}{accuracy}"


def notification(sentence: str, environment: Mapping[str, str]) -> str:
    """The sequence that has the terminal show a notification of the desktop."""
    text = "".join(character for character in sentence if character.isprintable())
    kitty = environment.get("TERM", "").startswith("xterm-kitty")
    programs = (environment.get("TERM_PROGRAM"), environment.get("LC_TERMINAL"))
    if kitty or any(program in _WANTS_OSC9 for program in programs):
        sequence = f"\x1b]9;btp-tui: {text}\a"
    else:
        sequence = f"\x1b]777;notify;btp-tui;{text.replace(';', ',')}\a"
    return passed_through(sequence) if in_tmux(environment) else sequence
