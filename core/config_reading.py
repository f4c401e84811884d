"""Reading a configuration: TOML files, `--set KEY=VALUE`, and one sentence about what is wrong.

What the settings are is declared in core.config.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from core.config import Config, fields
from core.errors import CoreError
from core.small_file import read_small


def load_config(file: Path | None = None, overrides: Sequence[str] = ()) -> Config:
    """Reads a TOML file and applies `key=value` overrides; raises CoreError naming file and key."""
    settings: dict[str, Any] = {}
    if file is not None:
        try:
            settings = tomllib.loads(read_small(file))
        except OSError as error:
            reason = error.strerror or error
            raise CoreError(f"Cannot read the configuration {file}: {reason}.") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise CoreError(f"{file} is not valid TOML: {error}.") from error
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals:
            raise CoreError(
                f"--set {override!r}: expected KEY=VALUE, for instance replay.alpha=0.2."
            )
        _assign(settings, key.strip(), text.strip())
    return build_config(settings, origin=str(file) if file else "--set")


def build_config(settings: Mapping[str, Any], origin: str) -> Config:
    """Validates settings; raises CoreError with one sentence about the first wrong key."""
    try:
        return Config.model_validate(settings)
    except ValidationError as error:
        raise CoreError(f"{origin}: {_in_words(error.errors()[0])}") from None


def find_problems(settings: Mapping[str, Any]) -> dict[str, str]:
    """Dotted key -> what is wrong there, in a sentence; of a section, where it is no one setting.

    Empty for settings that `build_config` takes.
    """
    try:
        Config.model_validate(settings)
    except ValidationError as error:
        found = {_key_of(problem): _in_words(problem) for problem in reversed(error.errors())}
        return dict(reversed(found.items()))
    return {}


def with_setting(config: Config, key: str, value: Any) -> Config:
    """A copy with one setting changed and validated."""
    settings = config.model_dump()
    _assign(settings, key, value if isinstance(value, str) else json.dumps(value))
    return build_config(settings, origin=key)


def read_value(key: str, text: str) -> Any:
    """The value that a text stands for: TOML, or where that is not asked for the text itself.

    A setting that is a text takes `123` as one, a list takes a single entry without brackets. What
    is no value of the setting is left to the validation.
    """
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    kind = _KINDS.get(key)
    if kind is str and not isinstance(value, str):
        return text
    if kind == tuple[str, ...] and isinstance(value, str):
        return [value] if value else []
    return value


def _assign(settings: dict[str, Any], key: str, text: str) -> None:
    *sections, name = key.split(".")
    for section in sections:
        settings = settings.setdefault(section, {})
        if not isinstance(settings, dict):
            raise CoreError(f"--set {key}: {section} is a setting, not a section.")
    settings[name] = read_value(key, text)


#: Dotted key -> the type of a setting.
_KINDS = {key: field.annotation for key, field in fields()}


def _key_of(problem: ErrorDetails) -> str:
    return ".".join(str(part) for part in problem["loc"] if not isinstance(part, int))


def _in_words(problem: ErrorDetails) -> str:
    key = _key_of(problem)
    if problem["type"] == "extra_forbidden":
        known = [name for name, _ in fields()]
        sections = sorted({name.split(".")[0] for name in known if "." in name})
        nearest = difflib.get_close_matches(key, known + sections, n=1, cutoff=0.6)
        hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
        return f"there is no setting {key!r}.{hint}"
    if problem["type"] == "value_error":  # ours, and a sentence by itself
        return f"{key}: {problem['ctx']['error']}."
    message = problem["msg"][0].lower() + problem["msg"][1:]
    return f"{key} = {problem['input']!r} is wrong: {message}."
