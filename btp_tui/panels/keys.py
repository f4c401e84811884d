"""The footer: the keys that do something here and now, as many as fit."""

from __future__ import annotations

from textual import events
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

from btp_tui.keys.active import ActiveKey, active_keys
from btp_tui.panels.panel import line

#: The action whose key is shown whatever is left out: how to see all of them.
LAST = "keys"


class KeyLine(Widget):
    """One row of keys in the order of importance; `?` stays whatever is left out.

    Textual's own footer is composed anew when a binding changes, and cuts what does not fit.
    """

    ALLOW_SELECT = False

    def on_mount(self) -> None:
        """Draws again when what a key does has changed."""
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_changed)

    def render(self) -> Content:
        """Keys and words, the last of them being how to see all keys."""
        return Content("").join([_entry(key) for key in self.fitting()])

    def places(self) -> list[tuple[int, ActiveKey]]:
        """The keys in sight, each with the column in which it begins."""
        found, column = [], 0
        for key in self.fitting():
            found.append((column, key))
            column += _width(key)
        return found

    def fitting(self) -> list[ActiveKey]:
        """The keys that there is room for, whole."""
        keys = [key for key in active_keys(self.screen) if key.in_footer]
        last = [key for key in keys if key.action == LAST]
        room = self.size.width - sum(_width(key) for key in last)
        shown = []
        for key in keys:
            if key in last or _width(key) > room:
                continue
            room -= _width(key)
            shown.append(key)
        return [*shown, *last]

    def on_click(self, event: events.Click) -> None:
        """A click is the key under it."""
        for column, key in self.places():
            if column <= event.x < column + _width(key):
                self.app.simulate_key(key.key)

    def _bindings_changed(self, screen: Screen[object]) -> None:
        if screen is self.screen:
            self.refresh()


def _width(key: ActiveKey) -> int:
    return len(key.shown[0]) + len(key.description) + 3


def _entry(key: ActiveKey) -> Content:
    return line((f" {key.shown[0]}", "bold $footer-key-foreground"), f" {key.description} ")
