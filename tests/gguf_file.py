"""The embedded model as a GGUF file (version 3), which llama.cpp reads.

Only what that model is made of: the Llama architecture in float32 with tied embeddings, and a
byte-level BPE whose digits stand alone, which llama.cpp calls "starcoder". The format:
ggml-org/ggml docs/gguf.md.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ALIGNMENT = 32
_UINT32, _INT32, _FLOAT32, _BOOL, _STRING, _ARRAY = 4, 5, 6, 7, 8, 9
_NORMAL, _CONTROL = 1, 3  # types of tokens

#: llama.cpp's names of a layer's weights, by transformers'.
_LAYER = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
_OUTSIDE = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
}


def write_gguf(model_folder: Path, file: Path) -> None:
    """Writes the model in a `save_pretrained` folder as a GGUF file."""
    config = json.loads((model_folder / "config.json").read_text())
    tokenizer = json.loads((model_folder / "tokenizer.json").read_text())
    tensors = _tensors(model_folder, config["num_attention_heads"])
    head = {**_architecture(config), **_vocabulary(tokenizer, config)}
    out = bytearray(b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(head)))
    for key, (kind, value) in head.items():
        out += _string(key) + struct.pack("<I", kind) + _value(kind, value)
    data = bytearray()
    for name, weights in tensors.items():
        shape = weights.shape[::-1]  # the fastest dimension comes first
        out += _string(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
        out += struct.pack("<IQ", 0, len(data))  # 0: float32
        data += weights.tobytes()
        data += bytes(-len(data) % _ALIGNMENT)
    out += bytes(-len(out) % _ALIGNMENT)
    file.write_bytes(out + data)


def _architecture(config: dict[str, Any]) -> dict[str, tuple[int, Any]]:
    return {
        "general.architecture": (_STRING, "llama"),
        "general.name": (_STRING, "nano"),
        "llama.context_length": (_UINT32, config["max_position_embeddings"]),
        "llama.embedding_length": (_UINT32, config["hidden_size"]),
        "llama.block_count": (_UINT32, config["num_hidden_layers"]),
        "llama.feed_forward_length": (_UINT32, config["intermediate_size"]),
        "llama.attention.head_count": (_UINT32, config["num_attention_heads"]),
        "llama.attention.head_count_kv": (_UINT32, config["num_key_value_heads"]),
        "llama.attention.layer_norm_rms_epsilon": (_FLOAT32, config["rms_norm_eps"]),
        "llama.rope.freq_base": (_FLOAT32, config["rope_parameters"]["rope_theta"]),
        "llama.rope.dimension_count": (_UINT32, config["head_dim"]),
        "llama.vocab_size": (_UINT32, config["vocab_size"]),
    }


def _vocabulary(tokenizer: dict[str, Any], config: dict[str, Any]) -> dict[str, tuple[int, Any]]:
    ids = tokenizer["model"]["vocab"]
    control = {token["id"] for token in tokenizer["added_tokens"]}
    types = [_CONTROL if number in control else _NORMAL for number in range(len(ids))]
    merges = [" ".join(pair) for pair in tokenizer["model"]["merges"]]
    return {
        "tokenizer.ggml.model": (_STRING, "gpt2"),
        "tokenizer.ggml.pre": (_STRING, "starcoder"),
        "tokenizer.ggml.tokens": (_ARRAY, (_STRING, sorted(ids, key=ids.__getitem__))),
        "tokenizer.ggml.token_type": (_ARRAY, (_INT32, types)),
        "tokenizer.ggml.merges": (_ARRAY, (_STRING, merges)),
        "tokenizer.ggml.eos_token_id": (_UINT32, config["eos_token_id"]),
        "tokenizer.ggml.padding_token_id": (_UINT32, config["pad_token_id"]),
        "tokenizer.ggml.add_bos_token": (_BOOL, False),
    }


def _tensors(model_folder: Path, heads: int) -> dict[str, NDArray[np.float32]]:
    from safetensors.torch import load_file

    found = {}
    for name, tensor in load_file(model_folder / "model.safetensors").items():
        weights = tensor.float().numpy()
        if name in _OUTSIDE:
            found[_OUTSIDE[name]] = weights
            continue
        _, _, layer, part = name.removesuffix(".weight").split(".", 3)
        if part in ("self_attn.q_proj", "self_attn.k_proj"):
            weights = _interleaved(weights, heads)
        found[f"blk.{layer}.{_LAYER[part]}.weight"] = np.ascontiguousarray(weights)
    return found


def _interleaved(weights: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Rows (heads · 2 · half, width) in the order of llama.cpp's rotation.

    transformers turns row i of a head with row i + half, llama.cpp turns neighbours.
    """
    rows, width = weights.shape
    halves = weights.reshape(heads, 2, rows // heads // 2, width)
    return halves.swapaxes(1, 2).reshape(rows, width)


def _value(kind: int, value: Any) -> bytes:
    if kind == _ARRAY:
        inner, items = value
        return struct.pack("<IQ", inner, len(items)) + b"".join(_value(inner, i) for i in items)
    if kind == _STRING:
        return _string(value)
    return struct.pack({_UINT32: "<I", _INT32: "<i", _FLOAT32: "<f", _BOOL: "<?"}[kind], value)


def _string(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw
