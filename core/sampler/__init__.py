"""Programs from a model: beam search as tree decoding, with `generate` as the checked fallback."""

from core.sampler.hypothesis import Hypothesis
from core.sampler.search import BeamSearch
from core.sampler.settings import SearchSettings
from core.sampler.student import Sampler

__all__ = ["BeamSearch", "Hypothesis", "Sampler", "SearchSettings"]
