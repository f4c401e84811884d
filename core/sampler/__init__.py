"""Programs from a model: trees of tokens, decoded by one of several strategies."""

from core.sampler.hypothesis import Hypothesis
from core.sampler.search import Search
from core.sampler.served import ServedSampler
from core.sampler.settings import SearchSettings
from core.sampler.strategy import BeamSearch, DiverseBeamSearch, Sampling, Strategy
from core.sampler.student import Sampler

__all__ = [
    "BeamSearch",
    "DiverseBeamSearch",
    "Hypothesis",
    "Sampler",
    "Sampling",
    "Search",
    "SearchSettings",
    "ServedSampler",
    "Strategy",
    "StudentSampler",
]

#: Whoever samples for the student: this machine, or a server.
StudentSampler = Sampler | ServedSampler
