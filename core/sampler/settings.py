"""What every way to search for programs is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """How to search: k = `beams`, tokens at most, prompts side by side, and the ending tokens.

    `eos_token_ids` end a program; `pad_token_id` fills what is masked, so that any valid id does.
    """

    beams: int
    max_new_tokens: int
    batch_tasks: int
    eos_token_ids: Sequence[int]
    pad_token_id: int
