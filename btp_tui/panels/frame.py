"""A widget in a frame, of which only the frame is painted again for other captions."""

from __future__ import annotations

from typing import Self

from textual.geometry import Region
from textual.widget import Widget


class Framed(Widget):
    """Textual paints all of a widget when a text in its border changes; this one two rows."""

    _captioning = False
    _captions = ("", "")

    def caption(self, title: str | None = None, subtitle: str | None = None) -> None:
        """The texts in the upper and lower border, as markup; None leaves one as it is."""
        before = self._captions
        self._captions = (
            before[0] if title is None else title,
            before[1] if subtitle is None else subtitle,
        )
        self._captioning = True
        if self._captions[0] != before[0]:
            self.border_title = self._captions[0]
        if self._captions[1] != before[1]:
            self.border_subtitle = self._captions[1]
        self._captioning = False

    def refresh(
        self,
        *regions: Region,
        repaint: bool = True,
        layout: bool = False,
        recompose: bool = False,
    ) -> Self:
        """Textual's, but for captions."""
        if self._captioning:
            regions = self._border_rows()
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def _border_rows(self) -> tuple[Region, Region]:
        """The first and last row of the widget, seen from its content."""
        (left, top), (width, height) = self.content_offset, self.outer_size
        return Region(-left, -top, width, 1), Region(-left, height - top - 1, width, 1)
