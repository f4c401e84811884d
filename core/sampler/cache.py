"""Keys and values of a token tree: written in place, re-parented by the mask, never reordered.

A task owns a row of C columns; column 0.. is its prompt, then come k columns a step, one a beam.
transformers sees an ordinary `Cache`: each layer stores what it is handed and gives back what the
queries may look at.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin


class TreeLayer(CacheLayerMixin):  # type: ignore[misc]
    """One layer's keys and values, flat (rows * columns + 1, heads, head size).

    The last entry is a bin for padding, so that a write needs no selection.
    """

    is_sliding = False

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        self.rows, self.columns = rows, columns
        self.slots: Tensor = torch.empty(0)
        self.window: int | None = None

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Allocates for the heads and number format of the first keys and values."""
        size = self.rows * self.columns + 1
        for name, states in (("keys", key_states), ("values", value_states)):
            shape = (size, states.shape[1], states.shape[3])
            setattr(self, name, states.new_zeros(shape))
        self.is_initialized = True

    def update(
        self, key_states: Tensor, value_states: Tensor, *_: object, **__: object
    ) -> tuple[Tensor, Tensor]:
        """Stores (n, heads, q, size); returns the same in a prefill, else the rows' window."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        for buffer, states in ((self.keys, key_states), (self.values, value_states)):
            buffer.index_copy_(0, self.slots, states.transpose(1, 2).flatten(0, 1))
        if self.window is None:
            return key_states, value_states
        return self._view(self.keys), self._view(self.values)

    def _view(self, buffer: Tensor) -> Tensor:
        table = _table(buffer, self.rows, self.columns)
        return table[:, : self.window].transpose(1, 2)

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Width of the mask that is passed along with the queries."""
        return (query_length if self.window is None else self.window), 0

    def get_seq_length(self) -> int:
        """Columns in use; positions are always passed explicitly."""
        return self.window or 0

    def get_max_length(self) -> int:
        """Columns of a row."""
        return self.columns


class TreeCache(Cache):  # type: ignore[misc]
    """The cache of `rows` token trees of at most `columns` tokens each."""

    def __init__(self, layers: int, rows: int, columns: int) -> None:
        super().__init__(layers=[TreeLayer(rows, columns) for _ in range(layers)])
        self.rows, self.columns = rows, columns
        #: The slot where padding goes.
        self.bin = rows * columns

    def aim(self, slots: Tensor, window: int | None) -> None:
        """Says where the next forward pass writes (n * q,) and how many columns it looks at.

        Without a window it looks at its own tokens only, which is a prefill.
        """
        for layer in self.layers:
            layer.slots, layer.window = slots, window

    @property
    def prefilling(self) -> bool:
        """Whether the next forward pass is a prefill."""
        return self.layers[0].window is None

    def keep(self, rows: Tensor, width: int) -> None:
        """Moves the first `width` columns of `rows` to the front and forgets the other rows."""
        for table in self._tables():
            table[: len(rows), :width] = table[rows, :width]
        self.rows = len(rows)
        for layer in self.layers:
            layer.rows = self.rows

    def compact(self, order: Tensor, start: int) -> None:
        """Moves columns `order` (rows, w) of each row to the columns from `start` on."""
        row = torch.arange(self.rows, device=order.device).unsqueeze(1)
        for table in self._tables():
            table[:, start : start + order.shape[1]] = table[row, order]

    @property
    def column_bytes(self) -> int:
        """Bytes of one column of one row, over all layers; known after the first tokens."""
        buffers = (buffer for layer in self.layers for buffer in (layer.keys, layer.values))
        return sum(buffer[0].numel() * buffer.element_size() for buffer in buffers)

    def _tables(self) -> Iterator[Tensor]:
        """Every layer's keys and values as (rows, columns, heads, size), sharing memory."""
        for layer in self.layers:
            for buffer in (layer.keys, layer.values):
                yield _table(buffer, self.rows, self.columns)


def _table(buffer: Tensor, rows: int, columns: int) -> Tensor:
    return buffer[: rows * columns].view(rows, columns, *buffer.shape[1:])
