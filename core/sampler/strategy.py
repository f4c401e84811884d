"""The ways to choose programs: the most probable ones, drawn ones, or probable ones that differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from core.errors import CoreError
from core.sampler.beams import Beams
from core.sampler.diverse import DiverseBeams
from core.sampler.draws import Draws, Seed
from core.sampler.ends import Ends
from core.sampler.selection import Selection

#: What lies beyond changes no choice any more, and float32 would not hold the quotients and sums.
_LEAST_TEMPERATURE = 1e-30
_MOST_STRENGTH = 1e4


class Strategy(Protocol):
    """How k sequences of each task are chosen."""

    def begin(self, seeds: Sequence[Seed], k: int, max_new_tokens: int, ends: Ends) -> Selection:
        """The selection for as many tasks as there are seeds, before their first token."""

    def generate_settings(self, k: int) -> Mapping[str, Any]:
        """The same for transformers' `generate`; raises CoreError where it has no such way."""


@dataclass(frozen=True, slots=True)
class BeamSearch:
    """The k most probable programs; k = 1 is greedy."""

    def begin(self, seeds: Sequence[Seed], k: int, max_new_tokens: int, ends: Ends) -> Selection:
        return Beams(len(seeds), k, max_new_tokens, ends)

    def generate_settings(self, k: int) -> Mapping[str, Any]:
        rule = {"length_penalty": 0.0, "early_stopping": "never"} if k > 1 else {}
        return {"num_beams": k, "num_return_sequences": k, "do_sample": False, **rule}


@dataclass(frozen=True, slots=True)
class Sampling:
    """k programs drawn at random; `temperature` > 0, `top_p` in (0, 1]."""

    temperature: float = 1.0
    top_p: float = 1.0

    def begin(self, seeds: Sequence[Seed], k: int, max_new_tokens: int, ends: Ends) -> Selection:
        return Draws(seeds, k, max_new_tokens, ends, self._temperature, self.top_p)

    def generate_settings(self, k: int) -> Mapping[str, Any]:
        return {
            "num_return_sequences": k,
            "do_sample": True,
            "temperature": self._temperature,
            "top_p": self.top_p,
            "top_k": 0,
        }

    @property
    def _temperature(self) -> float:
        return max(self.temperature, _LEAST_TEMPERATURE)


@dataclass(frozen=True, slots=True)
class DiverseBeamSearch:
    """The k most probable programs in groups that avoid each other's tokens."""

    groups: int
    strength: float

    def begin(self, seeds: Sequence[Seed], k: int, max_new_tokens: int, ends: Ends) -> Selection:
        strength = min(self.strength, _MOST_STRENGTH)
        return DiverseBeams(len(seeds), k, max_new_tokens, ends, self.groups, strength)

    def generate_settings(self, k: int) -> Mapping[str, Any]:
        del k
        raise CoreError(
            'sampler.strategy = "diverse" needs a model that can be decoded as a tree, and this '
            'one cannot: use "beam" or "sample".'
        )
