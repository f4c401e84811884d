"""Collects the keys of all screens and panels into keys.json: `python -m btp_tui.keys.record`.

Whoever starts the screen with keys of his own has them checked against that file: importing every
screen for it would take longer than the rest of the start. A test holds the two together.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from types import ModuleType
from typing import Literal

from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import ModalScreen, Screen
from textual.widgets import Input, TextArea

from btp_tui import panels, screens
from btp_tui.app import BtpApp
from btp_tui.keys.keymap import RECORD, Bindable


def declared() -> tuple[Bindable, ...]:
    """Everything that has a key, as the classes declare it; the global ones first."""
    nodes: list[type[DOMNode]] = [BtpApp, *_nodes(screens), *_nodes(panels)]
    found: dict[tuple[str, str], Bindable] = {}
    for node in nodes:
        for binding in Binding.make_bindings(vars(node)["BINDINGS"]):
            name = binding.id or ""
            before = found.get((name, node.__name__))
            found[name, node.__name__] = Bindable(
                id=name,
                keys=tuple(dict.fromkeys((*(before.keys if before else ()), binding.key))),
                where=_where(node),
                sentence=before.sentence if before else binding.tooltip or binding.description,
                kind=_kind(node),
                typed_into=issubclass(node, Input | TextArea),
            )
    return tuple(found.values())


def as_text(actions: Sequence[Bindable]) -> str:
    """The content of the file, a line an action."""
    rows = [json.dumps(asdict(action), ensure_ascii=False) for action in actions]
    return "[\n" + ",\n".join(rows) + "\n]\n"


def _nodes(package: ModuleType) -> Iterator[type[DOMNode]]:
    """The classes of a package that have keys of their own."""
    for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(info.name)
        for node in vars(module).values():
            if not isinstance(node, type) or node.__module__ != module.__name__:
                continue
            if issubclass(node, DOMNode) and "BINDINGS" in vars(node):
                yield node


def _kind(node: type[DOMNode]) -> Literal["app", "screen", "dialog", "part"]:
    if issubclass(node, App):
        return "app"
    if issubclass(node, ModalScreen):
        return "dialog"
    return "screen" if issubclass(node, Screen) else "part"


def _where(node: type[DOMNode]) -> str:
    """A class as words: "every screen", "programs", "filter bar"."""
    if _kind(node) == "app":
        return "every screen"
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", node.__name__).lower()
    return words.removesuffix(" screen")


if __name__ == "__main__":
    RECORD.write_text(as_text(declared()), encoding="utf-8")
