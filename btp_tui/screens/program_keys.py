"""The keys of stored programs: those of one program, in the list as on its own screen; the list's.

Two actions that take turns on one key share its id: which of them is there is for check_action.
"""

from __future__ import annotations

from textual.binding import Binding

PROGRAM_KEYS = (
    Binding(
        "m",
        "app.flag('marked', True)",
        "Mark",
        tooltip="Mark the program for yourself: marked:yes finds it",
        id="program.mark",
    ),
    Binding(
        "m",
        "app.flag('marked', False)",
        "Unmark",
        tooltip="Take the mark of the program away",
        id="program.mark",
    ),
    Binding(
        "x",
        "app.flag('excluded', True)",
        "Exclude",
        tooltip="Keep the program from the replay",
        id="program.exclude",
    ),
    Binding(
        "x",
        "app.flag('excluded', False)",
        "Include",
        tooltip="Let the program be drawn again",
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

LIST_KEYS = (
    Binding(
        "slash",
        "edit_filter",
        "Filter",
        tooltip="Write a filter: tab completes, up recalls",
        id="programs.filter",
        priority=True,  # else what is typed right after it would go to the table
    ),
    Binding(
        "F", "saved_filters", "Saved", tooltip="Saved filters: apply, save", id="programs.saved"
    ),
    Binding("o", "next_sort", "Sort", tooltip="Sort by the next column", id="programs.sort"),
    Binding(
        "O",
        "reverse_sort",
        "Reverse",
        show=False,
        tooltip="Sort the other way round",
        id="programs.reverse",
    ),
    Binding(
        "f",
        "next_outcome",
        "Outcome",
        tooltip="Show only the next outcome",
        id="programs.outcome",
    ),
    Binding(
        "c",
        "clear_filter",
        "Clear",
        show=False,
        tooltip="Clear the filter",
        id="programs.clear",
    ),
    *PROGRAM_KEYS,
    Binding(
        "E",
        "export",
        "Export",
        tooltip="Write all programs that the filter finds to a file",
        id="programs.export",
    ),
    Binding(
        "greater_than_sign",
        "turn(1)",
        "Next page",
        show=False,
        tooltip="The next 500 rows",
        id="programs.next-page",
    ),
    Binding(
        "less_than_sign",
        "turn(-1)",
        "Previous page",
        show=False,
        tooltip="The 500 rows before",
        id="programs.previous-page",
    ),
    Binding(
        "escape", "leave", "Back", tooltip="Back to the table or dashboard", id="programs.back"
    ),
)
