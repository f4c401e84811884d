"""What is learned from the programs of a minibatch: the losses, and the examples they are of."""

from core.objectives.choice import choose_objective
from core.objectives.nll import NegativeLogLikelihood
from core.objectives.objective import Objective

__all__ = ["NegativeLogLikelihood", "Objective", "choose_objective"]
