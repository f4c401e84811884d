"""`btp-tui keys`: every key that can be bound anew, with the id for [keys] of a configuration."""

from __future__ import annotations

import json
import os
import sys

from rich.console import Console
from rich.table import Table

from btp_tui.keys.keymap import Bindable, bindable
from btp_tui.personal.preferences import preferences_file, read_preferences

_PIPED_WIDTH = 160  # a pipe has no width; cut ids would be of no use to what reads it


def print_keys(as_json: bool = False) -> None:
    """Prints a row or a JSON object an action, with the keys of the user's configuration.

    Raises CoreError where that cannot be followed.
    """
    changed = read_preferences(os.environ).keys
    actions = bindable()
    if as_json:
        for action in actions:
            print(json.dumps(_fields(action, changed.get(action.id)), ensure_ascii=False))
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("id", "keys", "works on", "does"):
        table.add_column(title, overflow="fold")
    for action in actions:
        sign = " *" if action.id in changed else ""
        keys = changed.get(action.id) or ",".join(action.keys)
        table.add_row(action.id, keys + sign, action.where, action.sentence)
    console = Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH, highlight=False)
    console.print(table)
    file = preferences_file(os.environ)
    console.print(f"\nTo change one, write into {file}:\n\n\\[keys]\n{_EXAMPLE}")
    if changed:
        console.print("\n* is changed there.")


_EXAMPLE = 'hold = "f4"\nprograms.filter = "slash,f3"'


def _fields(action: Bindable, changed: str | None) -> dict[str, object]:
    return {
        "id": action.id,
        "keys": changed.split(",") if changed else list(action.keys),
        "default": list(action.keys),
        "where": action.where,
        "does": action.sentence,
    }
