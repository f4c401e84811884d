"""Presets: configurations to begin with, each as what it sets differently from the defaults."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.config import Config, toml_value
from core.config_reading import load_config
from core.errors import CoreError


@dataclass(frozen=True, slots=True)
class Preset:
    """A configuration with a name; `settings` maps dotted keys to values."""

    name: str
    sentence: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def overrides(self) -> list[str]:
        """The settings as `--set` takes them."""
        return [f"{key}={toml_value(value)}" for key, value in self.settings.items()]

    def config(self) -> Config:
        """The whole configuration."""
        return load_config(None, self.overrides)


#: What a run begins with where nothing else is said: the defaults.
DEMO = Preset(
    "demo",
    "The embedded model learns from its own programs for the embedded tasks: two minutes on two "
    "cores, no download.",
)

PRESETS: tuple[Preset, ...] = (
    DEMO,
    Preset(
        "self-improvement",
        "A code model from the hub learns MBPP from its own programs and is measured on HumanEval; "
        "for a GPU.",
        {
            "max_iterations": 8,
            "model.path": "Qwen/Qwen2.5-Coder-0.5B",
            "tasks.train": ["mbpp:train"],
            "tasks.held_out": ["humaneval"],
            "sampler.max_new_tokens": 384,
            "sampler.stop": ["\ndef ", "\nclass ", "\nif __name__", "\nprint("],
            "executor.memory_mb": 512,
            "trainer.learning_rate": 1e-5,
            "trainer.microbatch": 4,
            "trainer.gradient_checkpointing": True,
            "checkpoint.every_updates": 24,
        },
    ),
    Preset(
        "teacher",
        "Teacher → student: for five iterations the embedded teacher writes the programs, then "
        "the student its own.",
        {
            "teacher.kind": "model",
            "teacher.model.path": "nano-teacher",
            "teacher.iterations": 5,
        },
    ),
    Preset(
        "paper",
        "One pass of Algorithm 1 as arXiv 2410.12236 writes it, as near as its text allows, on the "
        "embedded tasks.",
        {
            "max_iterations": 1,
            "sampler.beams": 3,
            # More than any dataset has: the pass goes over every task once.
            "sampler.tasks_per_iteration": 1_000_000,
            # One letter: the exponent of eq. 7 is the α of eq. 6.
            "replay.alpha": 0.2,
            "replay.exponent": 0.2,
            "replay.prioritization": "proportional",
            "replay.possibility": "joint",
            "replay.possibility_under": "sampler",
            "replay.beta": 0.0,
            "replay.floor": 0.0,
            "trainer.updates_per_iteration": 240,
        },
    ),
)


def find_preset(name: str) -> Preset:
    """The preset of a name; raises CoreError with the nearest where there is none."""
    for preset in PRESETS:
        if preset.name == name:
            return preset
    names = [preset.name for preset in PRESETS]
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else "`btp-tui presets` describes them."
    raise CoreError(f"There is no preset {name!r} ({', '.join(names)}); {hint}")
