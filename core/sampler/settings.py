"""What every way to search for programs is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from core.sampler.ends import Ends
from core.sampler.strategy import BeamSearch, Strategy


@dataclass(frozen=True, slots=True, eq=False)
class SearchSettings:
    """How to search: k = `beams` sequences, tokens at most, prompts side by side, and what ends.

    `batch_tasks` 0 takes as many prompts as fit the device. `eos_token_ids` end a program, and so
    do `stops`, where given, as `core.sampler.ends.stop_table` makes them.
    `pad_token_id` fills what is masked, so that any valid id does.
    """

    beams: int
    max_new_tokens: int
    batch_tasks: int
    eos_token_ids: Sequence[int]
    pad_token_id: int
    strategy: Strategy = field(default_factory=BeamSearch)
    stops: NDArray[np.int16] | None = None

    def ends(self, device: torch.device) -> Ends:
        """What ends a program, on a device."""
        return Ends(self.eos_token_ids, device, self.stops)
