"""Which loss a run's objective is."""

from __future__ import annotations

from core.config import ObjectiveConfig
from core.objectives.contrast import Contrastive
from core.objectives.grpo import ClippedRatio
from core.objectives.nll import NegativeLogLikelihood
from core.objectives.objective import Objective


def choose_objective(config: ObjectiveConfig) -> Objective:
    """The loss that the configuration names; weighted_nll differs from nll by its examples."""
    match config.name:
        case "nll" | "weighted_nll":
            return NegativeLogLikelihood()
        case "grpo":
            return ClippedRatio(config.clip)
        case "contrast":
            return Contrastive(config.contrast)
