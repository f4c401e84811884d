"""Jump mode: a letter on every place that takes keys or clicks; pressing it goes there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from btp_tui.keys.active import ActiveKey, active_keys
from btp_tui.keys.names import key_of
from btp_tui.panels.keys import KeyLine

#: The letters in the order in which they are given away: those under the fingers first.
LETTERS = "asdfghjklqwertyuiopzxcvbnm"


@dataclass(frozen=True, slots=True)
class Target:
    """A place on the screen, and what going there does; `name` where it is not to be seen."""

    x: int
    y: int
    go: Callable[[], object]
    name: str = ""


class JumpScreen(ModalScreen[Target | None]):
    """Lies over a screen, which stays in sight, and closes with the target or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,semicolon", "dismiss", "Stay", tooltip="Stay here", id="jumping.leave"),
    ]

    def __init__(self, targets: list[Target]) -> None:
        super().__init__()
        self._targets = dict(zip(LETTERS, targets, strict=False))

    def compose(self) -> ComposeResult:
        """The letters where their targets are; the other screens in the upper row."""
        screens = [
            f"[b $accent]{letter}[/] {target.name}"
            for letter, target in self._targets.items()
            if target.name
        ]
        yield Static(
            f" Jump to  {'  '.join(screens)}  [$dimmed]{key_of('jumping.leave')} stays[/]",
            id="jump-screens",
        )
        for letter, target in self._targets.items():
            if not target.name:
                label = Static(f" {letter} ", classes="letter")
                label.styles.offset = (target.x, target.y)
                yield label

    def on_key(self, event: events.Key) -> None:
        """A letter closes it; any other key does nothing."""
        target = self._targets.get(event.character or "")
        if target is not None:
            event.stop()
            self.dismiss(target)


def targets(screen: Screen[Any]) -> list[Target]:
    """The other screens, then whatever takes the focus, then the keys in the footer."""
    keys = active_keys(screen)
    modes = [key for key in keys if key.place == "everywhere" and key.action.startswith("show(")]
    found = [Target(0, 0, _press(screen, key), key.description) for key in modes]
    for widget in screen.focus_chain:
        region = widget.region.intersection(screen.region)
        if region:
            found.append(Target(region.x, region.y, widget.focus))
    for footer in screen.query(KeyLine):
        for column, key in footer.places():
            if key.action not in {mode.action for mode in modes}:
                found.append(Target(column, footer.region.y, _press(screen, key)))
    return found


def _press(screen: Screen[Any], key: ActiveKey) -> Callable[[], object]:
    return partial(screen.app.run_action, key.action, key.node)
