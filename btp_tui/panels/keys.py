"""The footer: the keys that do something here and now, as many as fit."""

from __future__ import annotations

from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

from btp_tui.panels.panel import line


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
        bindings = [
            (self.app.get_key_display(active.binding), active.binding.description, key)
            for key, active in self.screen.active_bindings.items()
            if active.binding.show and active.enabled and not active.binding.system
        ]
        last = [entry for entry in bindings if entry[1] == "Keys"]
        room = self.size.width - sum(_width(entry) for entry in last)
        shown = []
        for entry in bindings:
            if entry in last or _width(entry) > room:
                continue
            room -= _width(entry)
            shown.append(entry)
        return Content("").join([_entry(*entry) for entry in [*shown, *last]])

    def _bindings_changed(self, screen: Screen[object]) -> None:
        if screen is self.screen:
            self.refresh()


def _width(entry: tuple[str, str, str]) -> int:
    return len(entry[0]) + len(entry[1]) + 3


def _entry(display: str, description: str, key: str) -> Content:
    press = f"@click=app.simulate_key({key!r})"
    return line(
        (f" {display}", f"bold $footer-key-foreground {press}"),
        (f" {description} ", f"$foreground {press}"),
    )
