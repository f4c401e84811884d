"""Rows of examples as tensors: what each token sees, its position, and where programs stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.training.example import Example
from core.training.packing import Ids, Row, common, in_order, sequences_of


@dataclass(frozen=True, slots=True)
class Batch:
    """R rows of W columns on one device.

    `input_ids` (R, W) int64, padded on the right. `places` (N,) int64, row-major, holds for every
    program token of `members` (examples by number, in this order) the column before it, whose
    logits speak of it; `spots` holds the same, each once. `positions` (R, W) int64 and `sees`
    (R, 1, W, W) bool, by query and key, are None where every token sees just what stands left.
    """

    members: tuple[int, ...]
    input_ids: Tensor
    places: Tensor
    spots: Tensor
    positions: Tensor | None
    sees: Tensor | None


def lay_out(
    examples: Sequence[Example], rows: Sequence[Row], pad_token_id: int, device: torch.device | str
) -> Batch:
    """Writes rows of examples into tensors."""
    width = max(row.width for row in rows)
    ids = np.full((len(rows), width), pad_token_id)
    positions = np.zeros_like(ids)
    last = np.tile(np.arange(width), (len(rows), 1))  # column of what stands on a token
    members: list[int] = []
    places: list[tuple[int, Ids]] = []  # row and columns
    plain, used = True, 0
    for index, row in enumerate(rows):
        sequences = sequences_of([examples[which] for which in row.members])
        end, path, before = 0, np.empty(0, np.int64), np.empty(0, np.int64)
        for number in in_order(sequences):
            sequence, which = sequences[number], row.members[number]
            shared = common(before, sequence)
            begin, end = end, end + len(sequence) - shared
            plain = plain and shared == begin
            path = np.concatenate((path[:shared], np.arange(begin, end)))
            ids[index, begin:end] = sequence[shared:]
            positions[index, begin:end] = np.arange(shared, len(sequence))
            last[index, path] = end - 1  # depth first: all that stands on a token is side by side
            members.append(which)
            places.append((index, path[len(examples[which].prompt) - 1 : -1]))
            before = sequence
        used = max(used, end)
    flat = np.concatenate([index * used + columns for index, columns in places])
    ids, positions, last = ids[:, :used], positions[:, :used], last[:, :used]
    return Batch(
        members=tuple(members),
        input_ids=torch.from_numpy(ids).to(device),
        places=torch.from_numpy(flat).to(device),
        spots=torch.from_numpy(np.unique(flat)).to(device),
        positions=None if plain else torch.from_numpy(positions).to(device),
        sees=None if plain else _sees(torch.from_numpy(last).to(device)),
    )


def _sees(last: Tensor) -> Tensor:
    """A column sees itself and those before it that it stands on."""
    columns = torch.arange(last.shape[1], device=last.device)
    behind = columns[None, :, None] >= columns[None, None, :]
    return (behind & (columns[None, :, None] <= last[:, None, :]))[:, None]
