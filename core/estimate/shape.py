"""How big a model is, read from its folder without loading it: no torch, no weights.

The number of parameters comes from the headers of its safetensors files; where there are none, from
the shapes that config.json states. A hub id is looked up in this machine's cache, never fetched.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import CoreError

_EMBEDDED = Path(__file__).parent.parent / "nano" / "models"

#: What the families of transformers call the same figure.
_NAMES = {
    "hidden": ("hidden_size", "n_embd", "d_model"),
    "layers": ("num_hidden_layers", "n_layer", "num_layers"),
    "heads": ("num_attention_heads", "n_head", "num_heads"),
    "inner": ("intermediate_size", "n_inner", "ffn_dim"),
}


@dataclass(frozen=True, slots=True)
class Shape:
    """The figures of a decoder that memory and time depend on.

    `key_values` counts the keys and values that one token takes, over all layers; `linear` adds up
    inputs and outputs of the linear layers, which is what an adapter of rank 1 has parameters.
    """

    parameters: int
    layers: int
    hidden: int
    inner: int
    key_values: int
    linear: int
    vocabulary: int
    context: int | None = None


def find_shape(path: str) -> Shape:
    """The shape of the model that `model.path` names; of an adapter, that of its base.

    Raises CoreError in one sentence where it cannot be known: no such folder, not in the cache.
    """
    folder = _folder(path)
    described = _read(folder / "adapter_config.json")
    if described is not None:
        base = str(described.get("base_model_name_or_path") or "")
        if not base or base == path:
            raise CoreError(f"{folder} does not say which model its adapter is for.")
        return find_shape(base)
    config = _read(folder / "config.json")
    if config is None:
        raise CoreError(
            f"{folder} is no model folder: it has no config.json, as save_pretrained writes it."
        )
    return read_shape(folder, config)


def read_shape(folder: Path, config: Mapping[str, Any]) -> Shape:
    """The shape that a folder's config.json and safetensors files state."""
    config = {**config, **(config.get("text_config") or {})}
    hidden, layers, heads = (
        _figure(folder, config, name) for name in ("hidden", "layers", "heads")
    )
    inner = next((config[name] for name in _NAMES["inner"] if config.get(name)), 4 * hidden)
    size = config.get("head_dim") or hidden // heads
    kv_heads = config.get("num_key_value_heads") or (1 if config.get("multi_query") else heads)
    vocabulary = int(config.get("vocab_size") or 0)
    attention = 2 * (hidden + heads * size) + 2 * (hidden + kv_heads * size)
    gates = 3 if config.get("hidden_act") in ("silu", "swiglu") else 2
    per_layer = 2 * hidden * (heads + kv_heads) * size + gates * hidden * inner
    embeddings = vocabulary * hidden * (1 if config.get("tie_word_embeddings", True) else 2)
    return Shape(
        parameters=_stored_parameters(folder) or layers * per_layer + embeddings,
        layers=layers,
        hidden=hidden,
        inner=inner,
        key_values=2 * layers * kv_heads * size,
        linear=layers * (attention + gates * (hidden + inner)),
        vocabulary=vocabulary,
        context=config.get("max_position_embeddings") or config.get("n_positions"),
    )


def _folder(path: str) -> Path:
    """Where the model lies on this machine."""
    if path and (_EMBEDDED / path).is_dir():
        return _EMBEDDED / path
    folder = Path(path).expanduser()
    if folder.is_dir():
        return folder
    if not path or path.startswith((".", "~", "/")) or path.count("/") > 1:
        raise CoreError(f"There is no model folder {path!r}: check the path (model.path).")
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        cached = try_to_load_from_cache(path, "config.json")
    except HFValidationError:
        raise CoreError(f"{path!r} is no folder and no hub id: check model.path.") from None
    if not isinstance(cached, str):
        raise CoreError(
            f"{path} is not on this machine yet: what it takes is known once it was fetched."
        )
    return Path(cached).parent


def _figure(folder: Path, config: Mapping[str, Any], figure: str) -> int:
    for name in _NAMES[figure]:
        if isinstance(config.get(name), int) and config[name] > 0:
            return int(config[name])
    raise CoreError(f"{folder / 'config.json'} states no {_NAMES[figure][0]}: its size is unknown.")


def _stored_parameters(folder: Path) -> int:
    """The parameters in the safetensors files, of which only the headers are read."""
    total = 0
    for file in folder.glob("*.safetensors"):
        try:
            with file.open("rb") as opened:
                length = int.from_bytes(opened.read(8), "little")
                header = json.loads(opened.read(min(length, 100 << 20)))
            shapes = [entry["shape"] for name, entry in header.items() if name != "__metadata__"]
        except (OSError, ValueError, KeyError, AttributeError):
            return 0
        total += sum(math.prod(shape) for shape in shapes)
    return total


def _read(file: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise CoreError(f"{file} cannot be read: {error}.") from None
    if not isinstance(content, dict):
        raise CoreError(f"{file} cannot be read: it holds no JSON object.")
    return content
