"""Attention windows: how far back each layer looks, written into the masks of a tree.

A model with local attention counts how many tokens lie between, which in a tree is not the number
of columns between. So the decoder keeps the position of every column, and hides what is too far.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

_FULL, _SLIDING = "full_attention", "sliding_attention"


@dataclass(frozen=True, slots=True)
class Windows:
    """How many tokens back, itself included, a layer of each type sees; None is all of them.

    The types are those of transformers' `layer_types`; a model with one type takes one mask, one
    with several a mask for each by name, and GPT-Neo needs its layers to be handed theirs.
    """

    sizes: Mapping[str, int | None]
    by_hand: bool = False

    @classmethod
    def of(cls, model: Any) -> Windows:
        """As the configuration says."""
        config = model.config.get_text_config()
        local = getattr(config, "attention_layers", None)
        if local and "local" in local:
            return cls({_FULL: None, _SLIDING: config.window_size}, by_hand=True)
        window = getattr(config, "sliding_window", None)
        types = getattr(config, "layer_types", None)
        if types:
            return cls({kind: window if kind == _SLIDING else None for kind in sorted({*types})})
        if window is None or getattr(config, "use_sliding_window", None) is False:
            return cls({_FULL: None})
        return cls({_SLIDING: window})

    def within(self, tokens: int) -> Windows:
        """The same for sequences of so many tokens at most, which a wide window does not touch."""
        sizes = {
            kind: size if size is not None and size < tokens else None
            for kind, size in self.sizes.items()
        }
        return Windows(sizes, self.by_hand)

    @property
    def apply(self) -> bool:
        """Whether the model needs more than the plain mask."""
        return self.by_hand or any(size is not None for size in self.sizes.values())

    @contextmanager
    def applied(
        self, model: Any, mask: Tensor, queries: Tensor, columns: Tensor
    ) -> Iterator[Tensor | dict[str, Tensor]]:
        """What to hand the model as its mask while inside.

        `mask` (n, 1, q, c) is additive, `queries` (n, q) and `columns` (n, c) are positions.
        """
        distance = queries[:, None, :, None] - columns[:, None, None, :]
        hidden = torch.finfo(mask.dtype).min
        masks = {
            kind: mask if size is None else mask.masked_fill(distance >= size, hidden)
            for kind, size in self.sizes.items()
        }
        if self.by_hand:
            with _handed_out(model, masks):
                yield masks[_FULL]
        elif len(masks) == 1:
            yield next(iter(masks.values()))
        else:
            yield masks


@contextmanager
def _handed_out(model: Any, masks: Mapping[str, Tensor]) -> Iterator[None]:
    """GPT-Neo's layers see what the masks say, not what their own buffers say of slots."""

    def local_mask(_: Any, arguments: Any, named: dict[str, Any]) -> Any:
        return arguments, {**named, "attention_mask": masks[_SLIDING]}

    layers = [layer for layer in model.modules() if "bias" in layer._buffers]
    own = [layer.bias for layer in layers]
    everything = torch.ones((1, 1, 1, 1), dtype=torch.bool, device=model.device)
    width = masks[_FULL].shape[-1]
    local = [layer for layer in layers if layer.attention_type == "local"]
    hooks = [layer.register_forward_pre_hook(local_mask, with_kwargs=True) for layer in local]
    try:
        for layer in layers:
            layer.bias = everything.expand(1, 1, width, width)
        yield
    finally:
        for layer, bias in zip(layers, own, strict=True):
            layer.bias = bias
        for hook in hooks:
            hook.remove()
