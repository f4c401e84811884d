"""Keeps a process off the network, as far as Hugging Face's libraries would use it."""

from __future__ import annotations

import os
import tomllib

from core.config import Config


def stay_offline(config: Config) -> None:
    """Where `model.offline` is set, models and datasets come from this machine or not at all.

    The libraries read the variable when they are imported, so this goes before; processes started
    from here inherit it.
    """
    if config.model.offline:
        os.environ["HF_HUB_OFFLINE"] = "1"


def stay_offline_as(stored: str) -> None:
    """The same for a run's stored configuration (TOML)."""
    if tomllib.loads(stored).get("model", {}).get("offline"):
        os.environ["HF_HUB_OFFLINE"] = "1"
