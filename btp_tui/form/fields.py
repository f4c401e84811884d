"""The fields of the form: each setting with its type, choices, bounds and description."""

from __future__ import annotations

import types
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin

from core.config import REPEATED, Config, Section, fields, toml_value
from core.config_reading import read_value

#: What stands for the settings that belong to no section.
TOP = "run"


@dataclass(frozen=True, slots=True)
class FormField:
    """One setting; `choices` are all its values where there are few, `wants` says in words what
    it takes."""

    key: str
    section: str
    name: str
    meaning: str
    wants: str
    choices: tuple[Any, ...] = ()
    text: bool = False

    def shown(self, value: Any) -> str:
        """A value as the form shows it and `read` takes it."""
        if isinstance(value, str) and self.text:
            return value if read_value(self.key, value) == value else toml_value(value)
        return toml_value(value)

    def read(self, text: str) -> Any:
        """The value that a text stands for; whether it will do is for the validation to say."""
        return read_value(self.key, text.strip() if not self.text else text)

    def next(self, value: Any, steps: int) -> Any:
        """The choice so many steps on, round and round."""
        place = self.choices.index(value) if value in self.choices else -1
        return self.choices[(place + steps) % len(self.choices)]


@cache
def form_fields() -> tuple[FormField, ...]:
    """Every setting, in the order of declaration."""
    return tuple(_field(key, field) for key, field in fields())


@cache
def fields_of_sections() -> dict[str, tuple[FormField, ...]]:
    """The fields of each section, both in order."""
    return {
        name: tuple(field for field in form_fields() if field.section == name)
        for name in sections()
    }


@cache
def sections() -> dict[str, str]:
    """The sections in order, each with the sentence that describes it."""
    found = dict.fromkeys(field.section for field in form_fields())
    return {name: _meaning(name) for name in found}


def _field(key: str, field: Any) -> FormField:
    section, _, name = key.rpartition(".")
    kind = field.annotation
    choices: tuple[Any, ...] = ()
    if get_origin(kind) is Literal:
        choices = get_args(kind)
    elif kind is bool:
        choices = (False, True)
    return FormField(
        key=key,
        section=section or TOP,
        name=name,
        meaning=" ".join((field.description or "").splitlines()),
        wants=_wants(kind, field.metadata, choices),
        choices=choices,
        text=kind is str or bool(choices and kind is not bool),
    )


def _wants(kind: Any, metadata: list[Any], choices: tuple[Any, ...]) -> str:
    if kind is bool:
        return "true or false"
    if choices:
        return "one of " + ", ".join(choice or '""' for choice in choices)
    bounds = _bounds(metadata)
    if kind is int:
        return f"a whole number{bounds}"
    if kind is float:
        return f"a number{bounds}"
    if kind is str:
        return "a text"
    if get_origin(kind) is tuple:
        if get_args(kind)[-1] is Ellipsis:
            return 'texts, as ["one", "two"]'
        return f"{len(get_args(kind))} numbers, as [0.1, 0.9]"
    if get_origin(kind) in (Union, types.UnionType):
        return "a value as TOML writes it"
    return 'a table, as { name = { path = "…" } }'


def _bounds(metadata: list[Any]) -> str:
    """What the validation of pydantic demands, in words."""
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    said = [
        f", {word} {getattr(bound, name):g}"
        for bound in metadata
        for name, word in words.items()
        if getattr(bound, name, None) is not None
    ]
    return "".join(said)


def _meaning(section: str) -> str:
    if section == TOP:
        return "What ends the run, where it runs, and its seed."
    if section in REPEATED:
        return f"As {REPEATED[section]}, of the teacher."
    kind: type[Section] = Config
    for name in section.split("."):
        annotation = kind.model_fields[name].annotation
        assert isinstance(annotation, type)
        kind = annotation
    return " ".join((kind.__doc__ or "").split())
