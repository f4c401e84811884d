"""Fenced code blocks, as Markdown writes them and language models more or less follow.

Read are ``` and ~~~ fences of any length and indentation (a block in a list is indented), a closing
one right behind the last line, and a last block without its closing fence, as an answer cut short
leaves it. A fence indented by four more than the opening one, as in a docstring, closes nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_OPENING = re.compile(r"(?P<indent>[ \t]*)(?P<fence>`{3,}|~{3,})(?P<label>[^\n]*)")
_LINE_ENDS = re.compile(r"(?<=\n)")


@dataclass(frozen=True, slots=True)
class Block:
    """What stands between two fences; `label` is the first word behind the opening one, lowered."""

    label: str
    text: str


def fenced_blocks(text: str) -> list[Block]:
    """The blocks of a text, in order."""
    found: list[Block] = []
    lines = iter(_LINE_ENDS.split(text))
    for line in lines:
        opening = _OPENING.fullmatch(line.rstrip("\r\n"))
        if opening is None or ("`" in opening["label"] and "`" in opening["fence"]):
            continue
        fence, indent = opening["fence"], opening["indent"]
        mark = re.escape(fence[0])
        closing = re.compile(rf"(?P<last>[^{mark}]*){mark}{{{len(fence)},}}\s*")
        inside: list[str] = []
        for inner in lines:
            closed = closing.fullmatch(inner)
            last = closed["last"] if closed else ""
            if closed and (last.strip() or _width(last) < _width(indent) + 4):
                inside += [_without_indent(last, len(indent)) + "\n"] if last.strip() else []
                break
            inside.append(_without_indent(inner, len(indent)))
        found.append(Block(_label(opening["label"]), "".join(inside)))
    return found


def fenced(text: str, label: str) -> str:
    """The text as one block, between fences longer than any run of backticks in it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    end = "" if text.endswith("\n") or not text else "\n"
    return f"{fence}{label}\n{text}{end}{fence}"


def _width(blank: str) -> int:
    return len(blank.expandtabs(4))


def _without_indent(line: str, width: int) -> str:
    """The line without as much of the fence's own indentation as it has."""
    blank = len(line) - len(line.lstrip(" \t"))
    return line[min(blank, width) :]


def _label(words: str) -> str:
    """ "python" of "python", "Python title=a.py" and "{.python}"."""
    first = words.replace("{", " ").replace("}", " ").split()[:1]
    return first[0].lstrip(".").lower() if first else ""
