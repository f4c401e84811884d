"""Programs from a model that is served elsewhere, through OpenAI's API."""

from core.endpoint.budget import EndpointBudgetSpent
from core.endpoint.counters import Counters
from core.endpoint.endpoint import Endpoint

__all__ = ["Counters", "Endpoint", "EndpointBudgetSpent"]
