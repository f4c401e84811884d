"""What every live panel has in common: it draws itself again only when its part has changed."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Generic, TypeVar

from textual.content import Content
from textual.widget import Widget

from btp_tui.snapshot import Snapshot

Part = TypeVar("Part")

Piece = str | Content | tuple[str, str]


def line(*pieces: Piece) -> Content:
    """One line from pieces of text, each plain or with a style."""
    return Content.assemble(*pieces)


def lines(rows: list[Content]) -> Content:
    """Rows under each other."""
    return Content("\n").join(rows)


def spread(left: Content, right: Content, width: int) -> Content:
    """Two ends of one line; the left one is cut where both do not fit."""
    room = max(0, width - right.cell_length)
    return left.truncate(room, ellipsis=True, pad=True) + right


class Panel(Widget, Generic[Part]):
    """Takes its part of each snapshot and draws it.

    Subclasses say what they need (`part`, compared by value) and how it looks (`draw`). A snapshot
    that changes nothing for a panel costs it one comparison and no output.
    """

    TITLE: ClassVar[str] = ""
    ALLOW_SELECT = False

    def __init__(self, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._shown: Part | None = None
        self.border_title = self.TITLE

    @abstractmethod
    def part(self, snapshot: Snapshot) -> Part | None:
        """What of the snapshot this panel shows; None where it has nothing to show yet."""

    @abstractmethod
    def draw(self, shown: Part, width: int, height: int) -> Content:
        """The panel's content for a width and height in cells."""

    def captions(self, _shown: Part, _width: int) -> tuple[str, str]:
        """The texts in the upper and lower border, as markup, for a width in cells."""
        return self.TITLE, ""

    def show(self, snapshot: Snapshot) -> None:
        """Takes over a snapshot; redraws if this panel's part differs from what is shown."""
        part = self.part(snapshot)
        if part == self._shown:
            return
        self._shown = part
        self._write_captions()
        self.refresh()

    def on_resize(self) -> None:
        """Captions are cut to the width on purpose, not by the border."""
        self._write_captions()

    def render(self) -> Content:
        """The content for the size of the moment."""
        width, height = self.size
        if self._shown is None or width <= 0 or height <= 0:
            return Content("")
        return self.draw(self._shown, width, height)

    def _write_captions(self) -> None:
        title, subtitle = self.TITLE, ""
        if self._shown is not None:
            title, subtitle = self.captions(self._shown, self.size.width)
        if title != self.border_title:
            self.border_title = title
        if subtitle != (self.border_subtitle or ""):
            self.border_subtitle = subtitle
