"""Students: choosing a device, loading a model with its tokenizer, saving both.

A student is an ordinary Hugging Face causal LM. Its weights are float32 unless the configuration
says otherwise: they are trained, and a small step is lost in 16 bits. Not covered here: adapters,
quantised loading, and more than one device.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from core.config import ModelConfig
from core.errors import CoreError

#: Models that come with this package.
EMBEDDED = ("nano", "nano-teacher")

#: Longest wait for the hub's first answer.
HUB_TIMEOUT_S = 5.0

_EMBEDDED_FOLDER = Path(__file__).parent / "nano" / "models"
_DTYPES = {
    "auto": torch.float32,
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


@dataclass(frozen=True, slots=True)
class Student:
    """A causal LM, its tokenizer, and the name it was loaded by."""

    model: Any
    tokenizer: Any
    name: str


def choose_device(text: str) -> torch.device:
    """The device behind "auto" (cuda, then mps, else cpu), "cpu", "cuda", "cuda:N" or "mps".

    Raises CoreError for a device that is not there.
    """
    if text == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", torch.cuda.current_device())
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(text)
    except RuntimeError:
        device = torch.device("meta")
    if device.type == "cuda":
        return _cuda_device(text, device)
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise CoreError('device = "mps": this machine has no Apple GPU; use "auto" or "cpu".')
    if device.type not in ("cpu", "mps"):
        raise CoreError(f'device = "{text}" is unknown: use auto, cpu, cuda, cuda:N or mps.')
    return device


def _cuda_device(text: str, device: torch.device) -> torch.device:
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not count:
        raise CoreError(f'device = "{text}": PyTorch finds no CUDA GPU here; use "auto" or "cpu".')
    if device.index is None:
        return torch.device("cuda", torch.cuda.current_device())
    if device.index >= count:
        raise CoreError(f'device = "{text}": this machine has cuda:0 to cuda:{count - 1}.')
    return device


def load_student(config: ModelConfig, device: torch.device) -> Student:
    """Loads model and tokenizer onto the device, ready to sample.

    `config.path` is an embedded model's name, a folder, or a hub id. Raises CoreError in one
    sentence where there is no such model or it is broken.
    """
    source = _source(config.path)
    _check_folder(source)
    model, tokenizer = _load(source, _DTYPES[config.dtype], config.offline)
    return Student(model.to(device).eval(), tokenizer, config.path)


def save_student(student: Student, folder: Path) -> None:
    """Writes model and tokenizer as an ordinary `save_pretrained` folder."""
    quiet_transformers()
    student.model.save_pretrained(folder)
    student.tokenizer.save_pretrained(folder)


def quiet_transformers() -> None:
    """Keeps progress bars and advice of transformers off the terminal."""
    from huggingface_hub.utils.tqdm import disable_progress_bars
    from transformers.utils import logging

    disable_progress_bars()
    logging.disable_progress_bar()
    logging.set_verbosity_error()


def _source(path: str) -> str | Path:
    """A folder, or the hub id as it stands."""
    if path in EMBEDDED:
        return _EMBEDDED_FOLDER / path
    folder = Path(path).expanduser()
    looks_local = path.startswith((".", "~", "/")) or path.count("/") > 1
    return folder if looks_local or folder.exists() else path


def _check_folder(source: str | Path) -> None:
    """Raises CoreError for what a model folder must have and has not."""
    if isinstance(source, str):
        return
    if not source.is_dir():
        raise CoreError(f"There is no model folder {source}: check the path (model.path).")
    try:
        json.loads((source / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CoreError(
            f"{source} is no model folder: it has no config.json, as save_pretrained writes it."
        ) from None
    except (OSError, ValueError) as error:
        raise CoreError(f"{source / 'config.json'} cannot be read: {error}.") from None
    if not any(source.glob("*.safetensors")) and not any(source.glob("pytorch_model*.bin")):
        raise CoreError(
            f"{source} has no weights: a *.safetensors file is expected beside config.json."
        )
    if not any((source / name).exists() for name in ("tokenizer.json", "tokenizer_config.json")):
        raise CoreError(f"{source} has no tokenizer: save it into the same folder as the model.")


def _load(source: str | Path, dtype: torch.dtype, offline: bool) -> tuple[Any, Any]:
    """Model and tokenizer; every way in which a model can be broken ends as one sentence."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    quiet_transformers()
    unreachable = "model.offline is set" if offline else _why_not_hub(source)
    local = bool(unreachable) or isinstance(source, Path)
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=local)
        model, report = AutoModelForCausalLM.from_pretrained(
            source, dtype=dtype, local_files_only=local, output_loading_info=True
        )
    except Exception as error:  # tokenizers and safetensors raise just that for a broken file
        raise CoreError(_explain(source, unreachable, error)) from error
    if report["missing_keys"]:
        missing = sorted(report["missing_keys"])
        raise CoreError(
            f"{source} is incomplete: it lacks {len(missing)} weights, as {missing[0]}."
        )
    return model, tokenizer


def _why_not_hub(source: str | Path) -> str:
    """Asks the hub once; loading would ask for most of a minute before it gives up."""
    if isinstance(source, Path):
        return ""
    from huggingface_hub import HfApi

    try:
        HfApi().model_info(source, timeout=HUB_TIMEOUT_S)
    except Exception as error:  # which errors there are depends on the HTTP client in use
        return _one_line(error)
    return ""


def _explain(source: str | Path, unreachable: str, error: Exception) -> str:
    if isinstance(source, Path):
        return f"The model in {source} cannot be loaded: {_one_line(error)}."
    if unreachable:
        return (
            f"{source} is no embedded model ({', '.join(EMBEDDED)}), no folder, and not in the hub "
            f"cache of this machine ({unreachable}): check model.path."
        )
    return f"The model {source} from the hub cannot be loaded: {_one_line(error)}."


def _one_line(error: Exception) -> str:
    first_sentence = " ".join(str(error).split()).split(". ")[0]
    return first_sentence[:200].rstrip(".:") or type(error).__name__
