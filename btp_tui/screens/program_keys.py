"""The keys that do something to the program in sight, in the list as on its own screen."""

from __future__ import annotations

from textual.binding import Binding

PROGRAM_KEYS = (
    Binding(
        "m",
        "app.flag('marked')",
        "Mark",
        tooltip="Mark the program for yourself (marked:yes finds it), or take the mark away",
        id="program.mark",
    ),
    Binding(
        "x",
        "app.flag('excluded')",
        "Exclude",
        tooltip="Keep the program from the replay, or let it be drawn again",
        id="program.exclude",
    ),
    Binding(
        "R",
        "app.rerun",
        "Re-run",
        tooltip="Run the program again with a longer time limit; the stored verdict stays",
        id="program.rerun",
    ),
)
