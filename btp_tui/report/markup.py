"""Elements of HTML and SVG, where every text is escaped unless it was built here.

What a report shows was written by models and by their programs: it is hostile text, and there is no
way to put it between elements but through `element`.
"""

from __future__ import annotations

import re
from html import escape

#: Characters that HTML does not allow, and no reader sees: shown by the symbols made for them.
_CONTROLS = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"}
_CONTROLS[0x7F] = 0x2421

#: What reorders or hides the text around it: shown as its number.
_INVISIBLE = re.compile(
    "[\u0080-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)

#: Elements without an end.
_EMPTY = {"meta", "br"}


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


def plain(text: str) -> str:
    """The text with everything visible that would else be hidden, or is no text at all."""
    text = text.replace("\r\n", "\n").translate(_CONTROLS)
    return _INVISIBLE.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text)


def element(name: str, /, *content: str, **attributes: str | float | None) -> Markup:
    """One element; `class_` is the attribute class, and "_" in a name stands for "-".

    Attributes that are None are left out.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(plain(_number(value)))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _EMPTY:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{joined(*content)}</{name}>")


def joined(*content: str) -> Markup:
    """Markup as it is, text escaped, one after another."""
    return Markup(
        "".join(
            part if isinstance(part, Markup) else escape(plain(part), quote=False)
            for part in content
        )
    )


def table(heads: list[str], rows: list[list[str]], numbers: frozenset[int] = frozenset()) -> Markup:
    """A table; the columns in `numbers` are right-aligned."""

    def cells(name: str, row: list[str]) -> Markup:
        return joined(
            *(
                element(name, cell, class_="number" if place in numbers else None)
                for place, cell in enumerate(row)
            )
        )

    head = element("thead", element("tr", cells("th", heads)))
    body = element("tbody", *(element("tr", cells("td", row)) for row in rows))
    return element("div", element("table", head, body), class_="wide")


def _number(value: str | float) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
