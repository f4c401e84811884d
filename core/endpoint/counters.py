"""What was asked of a server and what it cost, over all of a run."""

from __future__ import annotations

from dataclasses import astuple, dataclass

from core.config import EndpointConfig

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Counters:
    """Sums since the run began, whatever was killed and resumed since.

    `requests` were sent, further tries included; `cached` were answered by the cache instead;
    `malformed` answers could not be read. `cost` is in the currency of the configured prices.
    """

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    cached: int = 0
    malformed: int = 0

    def __add__(self, other: Counters) -> Counters:
        return Counters(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


def cost(config: EndpointConfig, prompt_tokens: int, completion_tokens: int) -> float:
    """What so many tokens cost by the configured prices."""
    prompts = prompt_tokens * config.prompt_price
    return (prompts + completion_tokens * config.completion_price) / _MILLION
