"""Asks where the programs that a filter finds are to be written, and as what."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from btp_tui.keys.names import key_of
from btp_tui.panels.panel import line, lines

#: What the name of a file ends in, and what is written then; see core.exchange.formats.
ENDINGS = {
    ".jsonl": "a JSON object a line",
    ".jsonl.gz": "the same, compressed",
    ".parquet": "parquet, for pandas, polars and duckdb",
    "": "a folder for datasets.load_from_disk",
}


class ExportDialog(ModalScreen[Path | None]):
    """Closes with the file or folder to write, or with None; nothing is replaced."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Cancel", id="export.cancel"),
        Binding("tab", "next_format", "Format", priority=True, id="export.format"),
    ]

    def __init__(self, what: str, place: Path) -> None:
        super().__init__()
        self._what, self._place = what, place

    def compose(self) -> ComposeResult:
        """What is written, where to, as what, and the keys."""
        with Vertical(classes="dialog") as box:
            box.border_title = "Export"
            yield Static(line(self._what), id="exported")
            yield Input(str(self._place), id="place", select_on_focus=False)
            yield Static(id="format")
            yield Static(
                line(
                    ("enter", "bold $footer-key-foreground"),
                    " writes it  ",
                    (key_of("export.format"), "bold $footer-key-foreground"),
                    " another format  ",
                    (key_of("export.cancel"), "bold $footer-key-foreground"),
                    " goes back",
                )
            )

    @property
    def _written(self) -> str:
        return self.query_one("#place", Input).value.strip()

    @on(Input.Changed, "#place")
    def place_changed(self) -> None:
        """Says what the name stands for, or what is wrong with it."""
        problem = place_problem(self._written)
        ending = ending_of(self._written)
        said = line((f"✗ {problem}", "$failed")) if problem else line(f"→ {ENDINGS[ending]}")
        self.query_one("#format", Static).update(lines([line(""), said, line("")]))

    @on(Input.Submitted, "#place")
    def submitted(self) -> None:
        """Closes with the place where something can be written there."""
        if not place_problem(self._written):
            self.dismiss(Path(self._written).expanduser())

    def action_next_format(self) -> None:
        """Gives the name the next of the endings."""
        place, order = self.query_one("#place", Input), list(ENDINGS)
        ending = ending_of(self._written)
        name = self._written.removesuffix(ending)
        place.value = name + order[(order.index(ending) + 1) % len(order)]
        place.cursor_position = len(place.value)


def ending_of(name: str) -> str:
    """Which of the endings a name has."""
    longest = sorted(ENDINGS, key=len, reverse=True)
    return next(ending for ending in longest if name.endswith(ending))


def place_problem(written: str) -> str:
    """Why nothing can be written to a place, in one sentence; "" where it can."""
    if not written:
        return "Write the name of a file or folder."
    if not written.isprintable():
        return "The name holds a character that cannot be seen: write it anew."
    try:
        place = Path(written).expanduser()
        there = place.exists()
    except RuntimeError:
        return f"There is no user {written.partition('/')[0].removeprefix('~')}."
    except OSError as error:
        return f"Nothing can be written there: {error.strerror}."
    if there:
        return f"{place.name} is there already: choose another name."
    if not place.parent.is_dir():
        return f"There is no folder {place.parent}."
    if not os.access(place.parent, os.W_OK | os.X_OK):
        return f"The folder {place.parent.absolute()} cannot be written to."
    return ""


def free_place(folder: Path, name: str) -> Path:
    """A file of that name that is not there yet."""
    number, place = 1, folder / f"{name}.jsonl"
    while place.exists():
        number += 1
        place = folder / f"{name}-{number}.jsonl"
    return place
