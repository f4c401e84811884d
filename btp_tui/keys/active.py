"""The keys that do something on a screen at this moment, one entry an action.

Footer, list of keys and command palette all show these, so that none of them names another key.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from textual.app import App
from textual.binding import ActiveBinding
from textual.dom import DOMNode
from textual.screen import Screen

Place = Literal["screen", "part", "everywhere"]


@dataclass(frozen=True, slots=True)
class ActiveKey:
    """An action with all of its keys as they are displayed, the first of them for the footer.

    `place` says what takes the key: the screen, the part of it that has the focus, or the
    application on every screen. `key` is the first key as Textual calls it.
    """

    key: str
    shown: tuple[str, ...]
    description: str
    sentence: str
    action: str
    node: DOMNode
    place: Place
    in_footer: bool


def active_keys(screen: Screen[Any], typed: bool = False) -> list[ActiveKey]:
    """The keys in the order in which they are looked up; those of Textual's own parts left out.

    While text is typed the keys of letters do nothing; with `typed` they are found nevertheless.
    """
    found: dict[tuple[str, str], ActiveKey] = {}
    bindings = screen.active_bindings
    if typed:
        bindings = {**_behind_the_text(screen), **bindings}
    for key, active in bindings.items():
        binding = active.binding
        if binding.system or not active.enabled or not (binding.tooltip or binding.show):
            continue
        shown = screen.app.get_key_display(binding)
        place = _place(active.node)
        entry = ActiveKey(
            key=key,
            shown=(shown,),
            description=binding.description,
            sentence=binding.tooltip or binding.description,
            action=binding.action,
            node=active.node,
            place=place,
            in_footer=binding.show,
        )
        before = found.get((place, binding.action))
        if before is not None:
            first, second = (entry, before) if _goes_first(entry, before) else (before, entry)
            entry = replace(first, shown=tuple(dict.fromkeys((*first.shown, *second.shown))))
            if first is not before:
                del found[place, binding.action]  # its place is that of the key in the footer
        found[place, binding.action] = entry
    return list(found.values())


def _behind_the_text(screen: Screen[Any]) -> dict[str, ActiveBinding]:
    """The keys of the screen and the application, whatever a part with the focus takes itself."""
    app, found = screen.app, dict[str, ActiveBinding]()
    for node in (screen, app):
        bindings = node._bindings.copy()
        bindings.apply_keymap(app._keymap)
        for key, binding in bindings:
            state = app._check_action_state(binding.action, node)
            if state is not False:
                active = ActiveBinding(node, binding, bool(state), binding.tooltip)
                found.setdefault(key, active)
    return found


def _goes_first(later: ActiveKey, before: ActiveKey) -> bool:
    return later.in_footer and not before.in_footer


def _place(node: DOMNode) -> Place:
    if isinstance(node, App):
        return "everywhere"
    return "screen" if isinstance(node, Screen) else "part"
