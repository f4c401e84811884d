"""The list of keys: those of the screen below first, found by what is typed, and what it shows."""

from __future__ import annotations

from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Input, Static

from btp_tui.keys.active import ActiveKey, Place, active_keys
from btp_tui.keys.names import key_of
from btp_tui.keys.notes import NOTES, Note
from btp_tui.panels.panel import line, lines

#: The groups of keys in the order of the list, and what each is called.
GROUPS: dict[Place, str] = {
    "screen": "On this screen",
    "part": "Where the focus is",
    "everywhere": "On every screen",
}

#: Cells for the keys of an action, at the right of which its sentence begins.
_KEYS = 14


class KeyHelp(ModalScreen[None]):
    """Every key that does something on the screen below, with what it does."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Close", tooltip="Back to the screen", id="help.close"),
        Binding("up", "move(-1)", "Up", tooltip="Scroll up", id="help.up"),
        Binding("down", "move(1)", "Down", tooltip="Scroll down", id="help.down"),
        Binding("pageup", "move(-8)", "Page up", tooltip="Scroll up a page", id="help.page-up"),
        Binding(
            "pagedown", "move(8)", "Page down", tooltip="Scroll down a page", id="help.page-down"
        ),
    ]

    def __init__(self, screen: Screen[Any]) -> None:
        super().__init__()
        self._keys = active_keys(screen)
        self._notes = NOTES.get(type(screen).__name__, ())

    def compose(self) -> ComposeResult:
        """What is looked for, and the list, which scrolls where it is longer than the window."""
        with Vertical(classes="dialog keys") as box:
            box.border_title = "Keys"
            box.border_subtitle = f"{key_of('help.close')} closes"
            yield Input(placeholder="type a key or a word", id="search", compact=True)
            with VerticalScroll(can_focus=False):
                yield Static(id="found-keys")

    def on_mount(self) -> None:
        """What is typed is looked for at once."""
        self.query_one(Input).focus()

    def on_resize(self) -> None:
        """Sentences are broken to the width there is."""
        self.call_after_refresh(self._write)

    @on(Input.Changed, "#search")
    def search_changed(self) -> None:
        """Shows what is left."""
        self._write()

    def action_move(self, rows: int) -> None:
        """Scrolls the list; the keys go to the line above it."""
        self.query_one(VerticalScroll).scroll_relative(y=rows, animate=False)

    def _write(self) -> None:
        width = self.query_one(VerticalScroll).size.width - 1
        if width > _KEYS:
            found = key_list(self._keys, self._notes, self.query_one(Input).value, width)
            self.query_one("#found-keys", Static).update(found)


def key_list(keys: list[ActiveKey], notes: tuple[Note, ...], wanted: str, width: int) -> Content:
    """The keys and notes that have every word looked for, an action with exactly that key first."""
    exact = [key for key in keys if wanted.strip() in key.shown]
    rows: list[Content] = []
    if exact:
        rows += _group("This key", exact, width)
    for place, title in GROUPS.items():
        found = [key for key in keys if key.place == place and key not in exact]
        rows += _group(title, [key for key in found if _has(_text(key), wanted)], width)
    shown = [note for note in notes if _has(f"{note.what} {note.means}", wanted)]
    if shown:
        rows += _title("What is shown here", bool(rows))
        for note in shown:
            rows += _row(note.what, "$foreground", note.means, width)
    if not rows:
        return line((f"No key and no word like {wanted.strip()!r} here.", "$dimmed"))
    return lines(rows if rows[0].plain else rows[1:])


def _group(title: str, keys: list[ActiveKey], width: int) -> list[Content]:
    if not keys:
        return []
    rows = _title(title, True)
    for key in keys:
        rows += _row("  ".join(key.shown), "bold $footer-key-foreground", key.sentence, width)
    return rows


def _title(text: str, gap: bool) -> list[Content]:
    return [*([Content("")] if gap else []), line((text, "bold"))]


def _row(head: str, style: str, text: str, width: int) -> list[Content]:
    """A name at the left, and a text in as many rows as it takes."""
    first, *more = line(text).wrap(max(8, width - _KEYS - 2))
    begin = line((f"{head:>{_KEYS}}  ", style))
    indent = " " * (_KEYS + 2)
    return [begin + first, *(line(indent) + row for row in more)]


def _text(key: ActiveKey) -> str:
    return f"{' '.join(key.shown)} {key.description} {key.sentence}"


def _has(text: str, wanted: str) -> bool:
    """Whether a text has every word that is looked for, in any order and case."""
    return all(word in text.lower() for word in wanted.lower().split())
