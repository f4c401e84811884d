"""What every live panel has in common: it draws itself again only when its part has changed."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Generic, Self, TypeVar

from textual.content import Content
from textual.geometry import Region, Size

from btp_tui.panels.difference import differing
from btp_tui.panels.frame import Framed
from btp_tui.snapshot import Snapshot

Part = TypeVar("Part")

Piece = str | Content | tuple[str, str]

#: What stands where something will be that was not read yet.
READING = "Reading…"


def line(*pieces: Piece) -> Content:
    """One line from pieces of text, each plain or with a style."""
    return Content.assemble(*pieces)


def lines(rows: list[Content]) -> Content:
    """Rows under each other."""
    return Content("\n").join(rows)


def hint(sentence: str, short: str, width: int) -> Content:
    """What an empty panel waits for; where there is no room for the sentence, its short form."""
    return line((sentence if len(sentence) <= width else short, "$dimmed"))


def spread(left: Content, right: Content, width: int) -> Content:
    """Two ends of one line; the left one is cut where both do not fit."""
    room = max(0, width - right.cell_length)
    return left.truncate(room, ellipsis=True, pad=True) + right


class Panel(Framed, Generic[Part]):
    """Takes its part of each snapshot and draws it.

    Subclasses say what they need (`part`, compared by value) and how it looks (`draw`). A snapshot
    that changes nothing for a panel costs it one comparison and no output; one that changes a few
    cells, the output of those.
    """

    TITLE: ClassVar[str] = ""
    ALLOW_SELECT = False

    def __init__(self, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._shown: Part | None = None
        self._captions = (self.TITLE, "")
        self._drawn: tuple[Size, list[Content]] | None = None  # the newest rows, for which room
        self._ahead: tuple[Size, Content] | None = None  # drawn to be compared, not painted yet
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
        self._shown, self._ahead = part, None
        self._write_captions()
        before, size = self._drawn, self.size
        ahead = self.render()
        if before is None or self._drawn is None or before[0] != size:
            self.refresh()
            return
        rows, changed = self._drawn[1], differing(before[1], self._drawn[1])
        if changed is None or not self._by_row([*before[1], *rows]):
            self.refresh()
        elif changed:
            self.refresh(*changed)
        self._ahead = size, ahead

    def refresh(
        self,
        *regions: Region,
        repaint: bool = True,
        layout: bool = False,
        recompose: bool = False,
    ) -> Self:
        """Textual's; whoever asks for it without regions wants a new drawing."""
        if not regions and not self._captioning:
            self._ahead = None
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def on_resize(self) -> None:
        """Captions are cut to the width on purpose, not by the border."""
        self._write_captions()

    def render(self) -> Content:
        """The content for the size of the moment."""
        ahead, self._ahead, size = self._ahead, None, self.size
        if ahead is not None and ahead[0] == size:
            return ahead[1]
        content = Content("")
        if self._shown is not None and size:
            content = self.draw(self._shown, *size)
        self._drawn = size, content.split("\n", allow_blank=True)
        return content

    def _by_row(self, rows: list[Content]) -> bool:
        """Whether each row of a drawing is one of the screen, from the upper edge on."""
        if self.styles.content_align_vertical != "top":
            return False
        width = self.size.width
        return self.styles.text_wrap == "nowrap" or all(row.cell_length <= width for row in rows)

    def _write_captions(self) -> None:
        """Only the border is painted for other captions."""
        title, subtitle = self.TITLE, ""
        if self._shown is not None:
            title, subtitle = self.captions(self._shown, self.size.width)
        self.caption(title, subtitle)
