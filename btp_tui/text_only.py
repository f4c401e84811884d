"""What leaves for the terminal is text: no character of a program, a name or a message steers it.

Programs that a model wrote, what they print and what datasets call their tasks are shown as they
are stored. Escape sequences and marks that turn text round are taken out where every widget's lines
pass, after layout: they have no width, so nothing moves.
"""

from __future__ import annotations

import re

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

#: Controls, marks of direction, separators that a terminal may obey.
_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


class TextOnly(LineFilter):
    """Takes out whatever a terminal would obey."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same segments where nothing has to be taken out, which is nearly always."""
        del background
        if not any(_STEERING.search(segment.text) for segment in segments):
            return segments
        return [
            segment if segment.control else Segment(_STEERING.sub("", segment.text), segment.style)
            for segment in segments
        ]
