"""How sentences name keys: as they are bound in this process, for each can be bound anew.

Sentences are also made on the feed's thread, where no application is at hand; a process has one
user and one set of keys.
"""

from __future__ import annotations

from collections.abc import Mapping

from textual.keys import format_key

from btp_tui.keys.keymap import bindable

#: Keys that a sentence calls otherwise than the footer does.
_WORDS = {"enter": "enter", "space": "space"}

_changed: dict[str, str] = {}


def use_keys(changed: Mapping[str, str]) -> None:
    """From now on sentences name these keys: names with commas by the id of an action."""
    _changed.clear()
    _changed.update(changed)


def key_of(action: str) -> str:
    """The first key of an action, by its id, as it is written in a sentence: d, esc, ^t."""
    changed = _changed.get(action)
    if changed is not None:
        return _written(changed.partition(",")[0])
    return _written(next(each.keys[0] for each in bindable() if each.id == action))


def _written(name: str) -> str:
    *modifiers, last = name.split("+")
    shown = _WORDS.get(last) or format_key(last)
    if "ctrl" in modifiers:
        modifiers.remove("ctrl")
        shown = f"^{shown}"
    return "+".join([*modifiers, shown])
