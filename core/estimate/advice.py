"""Which settings to change so that a run fits: the fewest of those that cost least."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from core.config import Config, setting, toml_value
from core.config_reading import with_setting

#: What makes a run smaller: first what changes nothing that is learned, only how long it takes.
_CHANGES: tuple[tuple[str, Any], ...] = (
    ("trainer.microbatch", 4),
    ("trainer.gradient_checkpointing", True),
    ("trainer.microbatch", 1),
    ("model.lora_rank", 16),
    ("model.dtype", "bfloat16"),
)


def advice(config: Config, fits: Callable[[Config], bool]) -> str:
    """What to set, as a sentence goes on; a smaller model where no setting is enough."""
    found = _enough(config, fits)
    if not found:
        return "take a smaller model (model.path)"
    return "set " + " and ".join(f"{key} = {toml_value(value)}" for key, value in found)


def _enough(config: Config, fits: Callable[[Config], bool]) -> Sequence[tuple[str, Any]]:
    """Changes after which it fits, none of which can be left out; empty where none are enough."""
    possible = [change for change in _CHANGES if _smaller(config, *change)]
    for change in possible:
        if fits(with_setting(config, *change)):
            return [change]
    for end in range(2, len(possible) + 1):
        chosen = dict(possible[:end])  # of two values of one setting the smaller, later one
        if fits(_with(config, chosen)):
            for key in list(chosen):
                fewer = {other: value for other, value in chosen.items() if other != key}
                chosen = fewer if fits(_with(config, fewer)) else chosen
            return list(chosen.items())
    return []


def _with(config: Config, changes: dict[str, Any]) -> Config:
    for key, value in changes.items():
        config = with_setting(config, key, value)
    return config


def _smaller(config: Config, key: str, value: Any) -> bool:
    """Whether a change would save memory: a microbatch that is smaller already stays."""
    now = setting(config, key)
    if key == "trainer.microbatch":
        return bool(now > value)
    if key == "model.dtype":
        return now in ("auto", "float32")
    return not now
