"""What a run will take before it is started: time, memory, room on the disk; and whether it fits.

Neither torch nor the model's weights are loaded. Off by how much: see `memory` and `pace`.
"""

from core.estimate.figures import Estimate, estimate

__all__ = ["Estimate", "estimate"]
