"""Which cells of a drawing differ from the one before: only those are painted and sent."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.geometry import Region

#: Equal cells between two differing ones that cost less than moving the cursor over them.
_GAP = 8


def differing(before: Sequence[Content], now: Sequence[Content]) -> list[Region] | None:
    """The parts of rows in which two drawings differ; None where one has more rows."""
    if len(before) != len(now):
        return None
    return [
        Region(begin, y, end - begin, 1)
        for y, (old, new) in enumerate(zip(before, now, strict=True))
        if not old.is_same(new)
        for begin, end in _stretches(old, new)
    ]


def _stretches(old: Content, new: Content) -> list[tuple[int, int]]:
    """From where to where, in cells, two rows differ."""
    if len(old.plain) != old.cell_length or len(new.plain) != new.cell_length:
        return [(0, max(old.cell_length, new.cell_length))]  # a character takes two cells
    before, after = _cells(old), _cells(new)
    length = max(len(before), len(after))
    before += [(" ", ())] * (length - len(before))
    after += [("", ())] * (length - len(after))
    found: list[tuple[int, int]] = []
    for x in range(length):
        if before[x] != after[x]:
            begin = found.pop()[0] if found and x - found[-1][1] <= _GAP else x
            found.append((begin, x + 1))
    return found


def _cells(row: Content) -> list[tuple[str, tuple[object, ...]]]:
    """Each character with its styles, the upper ones last."""
    styles: list[tuple[object, ...]] = [()] * len(row.plain)
    for span in row.spans:
        for x in range(max(0, span.start), min(span.end, len(styles))):
            styles[x] += (span.style,)
    return list(zip(row.plain, styles, strict=True))
