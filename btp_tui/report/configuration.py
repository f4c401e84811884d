"""A run's configuration as flat settings, and what in it differs from others."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from typing import Any

from core.config import Config, fields, setting


def settings_of(toml: str) -> dict[str, Any]:
    """Dotted key -> value of all that a stored configuration holds, also of an older version."""
    try:
        return _flat(tomllib.loads(toml))
    except tomllib.TOMLDecodeError:
        return {}


def defaults() -> dict[str, Any]:
    """Dotted key -> default of every setting."""
    config = Config()
    return _flat({key: _plain(setting(config, key)) for key, _ in fields()})


def meanings() -> dict[str, str]:
    """Dotted key -> what the setting is for."""
    return {key: field.description or "" for key, field in fields()}


def differing(settings: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that others do not have, or have with another value."""
    return {
        key: value for key, value in settings.items() if key not in others or others[key] != value
    }


def shown(value: Any) -> str:
    """A value as TOML and --set write it."""
    return json.dumps(value, ensure_ascii=False)


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=lambda section: section.model_dump()))


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            found.update(_flat(value, f"{prefix}{key}."))
        else:
            found[f"{prefix}{key}"] = value
    return found
