"""What was typed into the form: a configuration to begin with and the changes made to it.

Validated by what reads TOML files (`core.config_reading`), the whole configuration at every change:
some rules are about two settings at once.
"""

from __future__ import annotations

from typing import Any

from btp_tui.form.fields import TOP, FormField, form_fields
from core.config import Config, setting
from core.config_reading import build_config, find_problems


class Draft:
    """A base (a preset, or the configuration of a run) and values that differ from it."""

    def __init__(self, base: Config | None = None) -> None:
        self.base = base or Config()
        self._edits: dict[str, Any] = {}
        self._typed: dict[str, str] = {}  # what stands in a field while it is written
        self._fields = {field.key: field for field in form_fields()}
        self.problems: dict[str, str] = {}
        #: The configuration as it stands; None while something in it is wrong.
        self.config: Config | None = self.base

    @property
    def edits(self) -> dict[str, Any]:
        """Dotted key -> value of what differs from the base, the last changed last."""
        return dict(self._edits)

    def rebase(self, base: Config) -> None:
        """Begins with another configuration; changes stay where they differ from it, too."""
        self.base = base
        self._edits = {
            key: value for key, value in self._edits.items() if not self._is_base(key, value)
        }
        self._validate()

    def forget(self) -> None:
        """Takes all changes back."""
        self._edits = {}
        self._validate()

    def value(self, field: FormField) -> Any:
        """The value that a field shows: what was typed, else the base's."""
        return self._edits.get(field.key, setting(self.base, field.key))

    def text(self, field: FormField) -> str:
        """The same as text: word for word while it is being typed."""
        return self._typed.get(field.key) or field.shown(self.value(field))

    def change(self, field: FormField, value: Any) -> None:
        """Gives a field a value; the base's own is no change."""
        self._edits.pop(field.key, None)
        if not self._is_base(field.key, value):
            self._edits[field.key] = value
        self._validate()

    def type(self, field: FormField, text: str) -> None:
        """Gives a field the value of a text, which is shown as it is until `typed`."""
        self._typed = {field.key: text}
        self.change(field, field.read(text))

    def typed(self) -> None:
        """Typing has ended: values are shown as they are read."""
        self._typed = {}

    def reset(self, field: FormField) -> None:
        """Gives a field its value in the base."""
        self._edits.pop(field.key, None)
        self._validate()

    def problem(self, field: FormField) -> str:
        """What is wrong with a field in a sentence, or nothing."""
        return self.problems.get(field.key, "")

    def _is_base(self, key: str, value: Any) -> bool:
        base = setting(self.base, key)
        plain = list(base) if isinstance(base, tuple) else base
        same = list(value) if isinstance(value, tuple) else value
        return type(plain) is type(same) and bool(plain == same)

    def _settings(self) -> dict[str, Any]:
        settings = self.base.model_dump()
        for key, value in self._edits.items():
            *sections, name = key.split(".")
            table = settings
            for section in sections:
                table = table[section]
            table[name] = value
        return settings

    def _validate(self) -> None:
        settings = self._settings()
        found = find_problems(settings)
        self.problems = {self._owner(key): sentence for key, sentence in found.items()}
        self.config = None if found else build_config(settings, origin="the form")

    def _owner(self, key: str) -> str:
        """The field that a problem is shown at: its own, or that of its section last changed."""
        place = key
        while place and place not in self._fields:
            place = place.rpartition(".")[0]
        if place:
            return place
        of_section = [edit for edit in self._edits if (edit.rpartition(".")[0] or TOP) == key]
        first = next((field for field in self._fields if field.startswith(f"{key}.")), key)
        return of_section[-1] if of_section else first
