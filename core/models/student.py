"""A student: a causal LM, its tokenizer, and where only an adapter is trained, the adapter.

It is an ordinary Hugging Face model. Its weights are float32 unless the configuration says
otherwise: they are trained, and a small step is lost in 16 bits. Not covered: training one model
in several processes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from core.config import ModelConfig
from core.errors import CoreError
from core.models.adapter import base_of, load_adapter, new_adapter, save_adapter
from core.models.quantized import check_bitsandbytes, quantization_config
from core.models.source import Source, find_source, one_line
from core.prompts.chat import answer_end, check_template

_DTYPES = {
    "auto": torch.float32,
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


@dataclass(frozen=True, slots=True)
class Student:
    """A causal LM, its tokenizer, and the name it was loaded by.

    `chat` says that it is asked through its chat template. `adapter` is peft's view of `model`
    where only an adapter is trained; its matrices stand in the model's own layers.
    """

    model: Any
    tokenizer: Any
    name: str
    chat: bool = False
    adapter: Any = None

    @property
    def end_token_ids(self) -> tuple[int, ...]:
        """Every token that ends a program, by the tokenizer and the model's own settings."""
        return _end_token_ids(self.model, self.tokenizer)

    @property
    def pad_token_id(self) -> int:
        """Fills what is masked; any valid id does."""
        pad: int | None = self.tokenizer.pad_token_id
        return pad if pad is not None else next(iter(self.end_token_ids), 0)


def load_student(config: ModelConfig, device: torch.device) -> Student:
    """Loads model and tokenizer onto the device, ready to sample.

    `config.path` is an embedded model's name, a folder, or a hub id, of a model or of a LoRA
    adapter, whose base is then loaded, too. Raises CoreError in one sentence where there is no such
    model, it is broken, or it cannot be loaded in the way that is asked for.
    """
    quiet_transformers()
    if config.quantization != "none":
        check_bitsandbytes(f'model.quantization = "{config.quantization}"', device)
    source = find_source(config.path, config.offline).fetched()
    source.check_folder()
    described = source.adapter_config()
    if described is None:
        tokenizer = _load_tokenizer(source)
        model = _load_model(source, config, device)
        adapter = new_adapter(model, config) if config.lora_rank else None
    else:
        base = base_of(source, described, config)
        model, tokenizer = _load_base(source, base, config, device)
        adapter = load_adapter(model, source, base)
    chat = _asks_by_chat(config, model, tokenizer)
    return Student(model.eval(), tokenizer, config.path, chat, adapter)


def save_student(student: Student, folder: Path) -> None:
    """Writes model and tokenizer as an ordinary `save_pretrained` folder; of an adapter that alone.

    The folder of an adapter says where its base is.
    """
    quiet_transformers()
    if student.adapter is None:
        student.model.save_pretrained(folder)
    else:
        save_adapter(student.adapter, folder)
    student.tokenizer.save_pretrained(folder)


def restore_student(student: Student, folder: Path) -> None:
    """Gives a student the weights of a folder that `save_student` wrote."""
    quiet_transformers()
    if student.adapter is not None:
        student.adapter.load_adapter(folder, "default", is_trainable=True)
        return
    model = student.model
    model.load_state_dict(type(model).from_pretrained(folder, dtype=model.dtype).state_dict())


def check_trainable(student: Student) -> None:
    """Raises CoreError where the student's weights cannot be trained, for they are quantised."""
    if student.adapter is None and getattr(student.model, "is_quantized", False):
        raise CoreError(
            f"The weights of {student.name} are quantised and cannot be trained: "
            "set model.lora_rank, so that an adapter is trained in their place."
        )


def quiet_transformers() -> None:
    """Keeps progress bars and advice of transformers off the terminal."""
    from huggingface_hub.utils.tqdm import disable_progress_bars
    from transformers.utils import logging

    disable_progress_bars()
    logging.disable_progress_bar()
    logging.set_verbosity_error()


def _load_base(
    source: Source, base: str, config: ModelConfig, device: torch.device
) -> tuple[Any, Any]:
    """The model that an adapter belongs to, and the tokenizer that lies with either."""
    try:
        beneath = find_source(base, config.offline).fetched()
        beneath.check_folder()
        tokenizer = _load_tokenizer(source if source.has_tokenizer() else beneath)
        return _load_model(beneath, config, device), tokenizer
    except CoreError as error:
        raise CoreError(f"The adapter {source.place} needs its base model: {error}") from error


def _load_tokenizer(source: Source) -> Any:
    from transformers import AutoTokenizer

    with source.explained():
        return AutoTokenizer.from_pretrained(source.place)


def _load_model(source: Source, config: ModelConfig, device: torch.device) -> Any:
    from transformers import AutoModelForCausalLM

    how = _placement(config, device)
    with source.explained():
        model, report = AutoModelForCausalLM.from_pretrained(
            source.place, output_loading_info=True, **how
        )
    if report["missing_keys"]:
        missing = sorted(report["missing_keys"])
        raise CoreError(
            f"{source.place} is incomplete: it lacks {len(missing)} weights, as {missing[0]}."
        )
    places = set(map(str, getattr(model, "hf_device_map", {}).values()))
    if places & {"cpu", "disk"} and device.type == "cuda":
        raise CoreError(
            f"{source.place} does not fit on the GPUs of this machine: "
            "use a smaller model.dtype or model.quantization."
        )
    return model if "device_map" in how else model.to(device)


def _placement(config: ModelConfig, device: torch.device) -> dict[str, Any]:
    """In which number format, and where if not all of it is moved to the device afterwards."""
    how: dict[str, Any] = {"dtype": _DTYPES[config.dtype]}
    if config.device_map == "auto" and device.type == "cuda":
        how["device_map"] = "auto"
    if config.quantization != "none":
        how["quantization_config"] = quantization_config(config)
        how.setdefault("device_map", {"": str(device)})
        if config.dtype == "auto":
            how["dtype"] = torch.bfloat16
    return how


def _asks_by_chat(config: ModelConfig, model: Any, tokenizer: Any) -> bool:
    if config.chat == "always" and not tokenizer.chat_template:
        raise CoreError(
            f'model.chat = "always": the tokenizer of {config.path} has no chat template; '
            'use "auto" or "never".'
        )
    if config.chat == "auto":
        return answer_end(tokenizer, _end_token_ids(model, tokenizer)) is not None
    if config.chat == "always":
        try:
            check_template(tokenizer)
        except ValueError as error:
            raise CoreError(
                f'model.chat = "always": the chat template of {config.path} cannot be used, '
                f'{one_line(error)}; use "never".'
            ) from error
    return config.chat == "always"


def _end_token_ids(model: Any, tokenizer: Any) -> tuple[int, ...]:
    settings = model.generation_config
    found: set[int] = set()
    for value in (tokenizer.eos_token_id, settings and settings.eos_token_id):
        if isinstance(value, int):
            found.add(value)
        elif value:
            found.update(value)
    return tuple(sorted(found))
