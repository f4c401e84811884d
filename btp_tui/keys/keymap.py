"""Every key that a user can bind anew: its id, its keys, where it works; and what may not be bound.

Two actions that can be reached from one screen must not be on one key, except where they are so by
default: there the screen's own key covers the global one on purpose.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from textual.binding import Binding
from textual.keys import KEY_NAME_REPLACEMENTS, Keys, key_to_character

from core.errors import CoreError

_MODIFIERS = {"ctrl", "alt", "shift", "super", "meta", "hyper"}
_NAMED = {key.value for key in Keys} | set(KEY_NAME_REPLACEMENTS.values())


@dataclass(frozen=True, slots=True)
class Bindable:
    """An action that has keys: `where` names its screen or part, `keys` are Textual's names.

    `kind` says what it lies in; `typed_into` whether letters are text there.
    """

    id: str
    keys: tuple[str, ...]
    where: str
    sentence: str
    kind: Literal["app", "screen", "dialog", "part"]
    typed_into: bool = False


#: What btp_tui.keys.record has collected from the classes of all screens and panels.
RECORD = Path(__file__).with_name("keys.json")


@cache
def bindable() -> tuple[Bindable, ...]:
    """Everything that has a key, the global ones first; imports no screen."""
    rows = json.loads(RECORD.read_text(encoding="utf-8"))
    return tuple(Bindable(**{**row, "keys": tuple(row["keys"])}) for row in rows)


def checked_keymap(
    actions: Sequence[Bindable], wanted: Mapping[str, Any], where: str
) -> dict[str, str]:
    """The keymap for Textual from what a user wants; `where` names the file.

    Raises CoreError for an unknown id, a key that is none, and two actions on one key.
    """
    keys: dict[str, tuple[str, ...]] = {}
    for name, value in wanted.items():
        mine = [action for action in actions if action.id == name]
        if not mine:
            raise CoreError(f"{where}: [keys] {name}: no action has this id; {_LIST}")
        typed_into = any(action.typed_into for action in mine)
        keys[name] = _parsed(value, typed_into, f"{where}: [keys] {name} = {value!r}")
    for action in actions:
        for key in keys.get(action.id, ()):
            other = _taken(action, key, actions, keys)
            if other is not None:
                raise CoreError(
                    f"{where}: [keys] {action.id} = {wanted[action.id]!r}: {key} is the key of "
                    f"{other.id} ({other.sentence}) on the same screen; give one of them another."
                )
    return {name: ",".join(mine) for name, mine in keys.items()}


_LIST = "`btp-tui keys` lists the ids."


def _parsed(value: Any, typed_into: bool, what: str) -> tuple[str, ...]:
    """The names of keys as Textual writes them, from "q, ctrl+x"."""
    if not isinstance(value, str) or not value.strip():
        raise CoreError(f'{what}: write the key, or several with commas, as "x,ctrl+x".')
    parsed = []
    for written in value.split(","):
        key = _key(written.strip())
        if key is None:
            raise CoreError(
                f"{what}: {written.strip()!r} is no key; write a character or a name such as "
                "f5, ctrl+x, space, comma, pagedown."
            )
        if typed_into and _is_text(key):
            raise CoreError(f"{what}: {written.strip()!r} is text there; take a key such as f5.")
        parsed.append(key)
    return tuple(dict.fromkeys(parsed))


def _key(written: str) -> str | None:
    """One key as Textual names it; None where no keyboard sends it."""
    if len(written) == 1:
        [binding] = Binding.make_bindings([Binding(written, "")])
        return binding.key
    *modifiers, name = written.split("+")
    if not set(modifiers) <= _MODIFIERS:
        return None
    known = name in _NAMED or written in _NAMED or key_to_character(name) is not None
    return written if known else None


def _is_text(key: str) -> bool:
    """Whether a key writes a character."""
    if key in KEY_NAME_REPLACEMENTS.values():
        return True
    character = key_to_character(key)
    return character is not None and character.isprintable()


def _taken(
    action: Bindable,
    key: str,
    actions: Sequence[Bindable],
    changed: Mapping[str, tuple[str, ...]],
) -> Bindable | None:
    """The action that has a key already, where both can be reached at once."""
    for other in actions:
        if other.id == action.id or key not in changed.get(other.id, other.keys):
            continue
        by_default = key in action.keys and key in other.keys
        if _meet(action, other, actions) and not by_default:
            return other
    return None


def _meet(one: Bindable, other: Bindable, actions: Sequence[Bindable]) -> bool:
    """Whether one key press could mean both.

    A part whose ids begin as those of a screen lies on that one only, the others on any.
    """
    if one.where == other.where:
        return True
    kinds = {one.kind, other.kind}
    if "dialog" in kinds or len(kinds) == 1:
        return False
    if kinds == {"screen", "part"}:
        part = one if one.kind == "part" else other
        screens = {_group(each) for each in actions if each.kind == "screen"}
        return _group(part) not in screens or _group(one) == _group(other)
    return True


def _group(action: Bindable) -> str:
    """What an id begins with: of runs.mark, runs."""
    return action.id.partition(".")[0]
