"""A configuration as a file for people: every setting, what it is for, and what is not as usual.

What `core.config.to_toml` writes for programs, with comments; `load_config` reads it back to an
equal configuration, also where a later version has other defaults.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from core.config import Config, fields, setting, toml_value

_HEAD = "# Settings of a run; `btp-tui train --config THIS_FILE` repeats it."


def changed(config: Config, base: Config | None = None) -> dict[str, Any]:
    """The settings that are not as in another configuration, by default the defaults."""
    other = base or Config()
    return {
        key: setting(config, key)
        for key, _ in fields()
        if setting(config, key) != setting(other, key)
    }


def commented_toml(config: Config) -> str:
    """Every setting under the sentence that describes it, those of the defaults marked as such."""
    different = changed(config)
    return "\n".join([_HEAD, *_summary(different), *_settings(config, different)]) + "\n"


def _summary(different: Mapping[str, Any]) -> Iterator[str]:
    if not different:
        yield "# All of them are as by default."
        return
    yield "# Not as by default:"
    for key, value in different.items():
        yield f"#   {key} = {toml_value(value)}"


def _settings(config: Config, different: Mapping[str, Any]) -> Iterator[str]:
    table = ""
    defaults = Config()
    yield ""
    for key, field in fields():
        section, _, name = key.rpartition(".")
        if section != table:
            table = section
            yield f"\n[{section}]"
        for sentence in (field.description or "").splitlines():
            yield f"# {sentence}"
        if key in different:
            yield f"# (by default {toml_value(setting(defaults, key))})"
        yield f"{name} = {toml_value(setting(config, key))}"
