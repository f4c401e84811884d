"""The keys of the form, in the order of the footer."""

from __future__ import annotations

from textual.binding import Binding, BindingType

FORM_KEYS: list[BindingType] = [
    Binding(
        "ctrl+s", "start", "Start", tooltip="Start the run with these settings", id="form.start"
    ),
    Binding(
        "slash",
        "filter",
        "Filter",
        tooltip="Find settings by words of name or meaning",
        id="form.filter",
    ),
    Binding(
        "c",
        "changed",
        "Changed",
        tooltip="Only what was changed or is wrong, or all",
        id="form.changed",
    ),
    Binding(
        "backspace,delete",
        "reset",
        "Reset",
        show=False,
        tooltip="The setting as it was to begin with",
        id="form.reset",
    ),
    Binding(
        "w",
        "write",
        "Write TOML",
        tooltip="Write the settings to a file, start nothing",
        id="form.write",
    ),
    Binding(
        "escape",
        "leave",
        "Back",
        tooltip="Leave the form; asks if something was changed",
        id="form.leave",
    ),
]
