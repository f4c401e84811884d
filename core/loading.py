"""Ctrl-C while a command still loads: nothing was begun, so a sentence and the end are enough.

The libraries of a command take up to some seconds to import. A KeyboardInterrupt there would show
a traceback of theirs, or be lost in one of them. This module itself imports next to nothing.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

#: What is true of a command that was stopped before it began; how to go on follows.
STOPPED = "Stopped while it was loading: nothing was done."
_SENTENCE = f"{STOPPED} The same command starts it again.\n"


def end_on_ctrl_c() -> None:
    """From now on Ctrl-C ends the process with one sentence and exit code 1.

    Where Ctrl-C is ignored, as of a job in the background, it stays so.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def raise_on_ctrl_c() -> None:
    """From now on Ctrl-C is a KeyboardInterrupt again: there is something to leave in order."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def hold_ctrl_c() -> None:
    """Puts Ctrl-C off until the program that takes this process over calls `end_on_ctrl_c`."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _end(number: int, frame: FrameType | None) -> None:
    del number, frame
    os.write(2, _SENTENCE.encode())
    os._exit(1)  # past everything that half-imported libraries would do at the end
