"""LoRA (Hu et al. 2021, arXiv 2106.09685) through peft: small matrices beside frozen weights.

peft puts them into the model's own layers, so that the model stays what it was to everyone who
samples from it or trains it; only peft's view of it knows how to save and to merge them.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch

from core.config import ModelConfig
from core.errors import CoreError
from core.models.source import Source, lasting_path, one_line


def new_adapter(model: Any, config: ModelConfig) -> Any:
    """peft's view of the model with a fresh adapter, which changes nothing before it is trained.

    Its random part is drawn from torch's generator. Raises CoreError for layers that are not there.
    """
    from peft import LoraConfig, get_peft_model
    from transformers.pytorch_utils import Conv1D

    targets = [name.strip() for name in config.lora_targets.split(",")]
    if targets != ["all-linear"]:
        _check_names(model, targets, (Conv1D, torch.nn.Linear))
    lora = LoraConfig(
        task_type="CAUSAL_LM",
        r=config.lora_rank,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.lora_dropout,
        target_modules=targets[0] if targets == ["all-linear"] else targets,
        # GPT-2's own kind of linear layer holds its weights the other way round.
        fan_in_fan_out=any(isinstance(layer, Conv1D) for layer in model.modules()),
    )
    try:
        with warnings.catch_warnings():  # of models that mix both kinds; peft finds out by itself
            warnings.simplefilter("ignore")
            adapter = get_peft_model(model, lora)
    except ValueError as error:
        raise CoreError(
            f'model.lora_targets = "{config.lora_targets}" does not fit the model: '
            f"{one_line(error)}."
        ) from error
    adapter.peft_config["default"].base_model_name_or_path = lasting_path(config.path)
    return adapter


def _check_names(model: Any, targets: list[str], linear: tuple[type, ...]) -> None:
    """Raises CoreError for a name that no layer has; peft passes over it where another one fits."""
    layers = dict(model.named_modules())
    for target in targets:
        if not target or not any(f".{name}".endswith(f".{target}") for name in layers):
            names = {name.rpartition(".")[2] for name in layers if isinstance(layers[name], linear)}
            raise CoreError(
                f"model.lora_targets: the model has no layer {target!r}; "
                f"its linear ones are {', '.join(sorted(names))}."
            )


def load_adapter(model: Any, source: Source, base: str) -> Any:
    """peft's view of the model with the adapter of this source, ready to be trained on.

    Raises CoreError where its file lacks weights that its configuration speaks of.
    """
    from peft import PeftModel

    with source.explained(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adapter = PeftModel.from_pretrained(model, source.place, is_trainable=True)
        # Loading again says what is missing, and changes nothing; the first one merely warns.
        missing = adapter.load_adapter(source.place, "default", is_trainable=True).missing_keys
    if missing:
        raise CoreError(
            f"{source.place} is incomplete: it lacks {len(missing)} weights, as {missing[0]}."
        )
    adapter.peft_config["default"].base_model_name_or_path = base
    return adapter


def base_of(source: Source, described: dict[str, Any], config: ModelConfig) -> str:
    """The path of the model that an adapter belongs to.

    Raises CoreError where the adapter is no LoRA adapter, does not say, or has another rank than
    the one asked for.
    """
    if described.get("peft_type") != "LORA":
        raise CoreError(
            f"{source.place} is an adapter of type {described.get('peft_type')}: "
            "only LoRA adapters can be loaded."
        )
    base = described.get("base_model_name_or_path")
    if not base:
        raise CoreError(
            f"The adapter {source.place} does not say which model it belongs to: "
            "write that model's path as base_model_name_or_path into its adapter_config.json."
        )
    if config.lora_rank not in (0, described.get("r")):
        raise CoreError(
            f"The adapter {source.place} has rank {described.get('r')}: "
            f"model.lora_rank = {config.lora_rank} cannot change it, leave it at 0."
        )
    return str(base)


def save_adapter(adapter: Any, folder: Any) -> None:
    """Writes the adapter alone, and where its base is, as peft's `save_pretrained` folder."""
    # Whether embeddings were resized is a question to the hub; here they never are.
    adapter.save_pretrained(folder, save_embedding_layers=False)
