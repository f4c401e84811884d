"""Where a model comes from: an embedded folder, a local one, or the hub; what is wrong there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import CoreError

#: Models that come with this package.
EMBEDDED = ("nano", "nano-sparse", "nano-teacher", "nano-teacher-weak", "nano-teacher-strong")

#: Longest wait for the hub's first answer.
HUB_TIMEOUT_S = 5.0

ADAPTER_CONFIG = "adapter_config.json"

_EMBEDDED_FOLDER = Path(__file__).parent.parent / "nano" / "models"
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin", "adapter_model.bin")


@dataclass(frozen=True, slots=True)
class Source:
    """A folder or a hub id; `unreachable` says why the hub cannot be asked, where that is so."""

    place: str | Path
    unreachable: str = ""

    def adapter_config(self) -> dict[str, Any] | None:
        """The adapter's configuration, where this folder is one; raises CoreError for a broken one.

        What lies on the hub is a model to this method, until `fetched`.
        """
        if isinstance(self.place, Path) and (self.place / ADAPTER_CONFIG).exists():
            return _read_json(self.place / ADAPTER_CONFIG)
        return None

    def fetched(self) -> Source:
        """As a folder of the hub's cache: an adapter, and whatever must lie on this machine.

        Told to use local files only, the libraries still ask the hub about some of them.
        """
        if isinstance(self.place, Path):
            return self
        from huggingface_hub import snapshot_download
        from transformers.utils.peft_utils import find_adapter_config_file

        with self.explained():
            if not self.unreachable and find_adapter_config_file(self.place) is None:
                return self
            local = bool(self.unreachable)
            return Source(Path(snapshot_download(self.place, local_files_only=local)))

    def check_folder(self) -> None:
        """Raises CoreError for what a model's or adapter's folder must have and has not."""
        folder = self.place
        if isinstance(folder, str):
            return
        if not folder.is_dir():
            raise CoreError(f"There is no model folder {folder}: check the path (model.path).")
        adapter = (folder / ADAPTER_CONFIG).exists()
        if not adapter:
            if not (folder / "config.json").exists():
                raise CoreError(
                    f"{folder} is no model folder: it has no config.json, "
                    "as save_pretrained writes it."
                )
            _read_json(folder / "config.json")
        if not any(file for pattern in _WEIGHTS for file in folder.glob(pattern)):
            raise CoreError(
                f"{folder} has no weights: a *.safetensors file is expected beside config.json."
            )
        if not (adapter or self.has_tokenizer()):  # an adapter can take that of its base
            raise CoreError(
                f"{folder} has no tokenizer: save it into the same folder as the model."
            )

    def has_tokenizer(self) -> bool:
        """Whether a folder holds a tokenizer."""
        names = ("tokenizer.json", "tokenizer_config.json", "vocab.json", "tokenizer.model")
        return isinstance(self.place, Path) and any((self.place / name).exists() for name in names)

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Every way in which loading from here can fail ends as one sentence, a CoreError."""
        try:
            yield
        except Exception as error:  # tokenizers and safetensors raise just that for a broken file
            raise CoreError(self._explain(error)) from error

    def _explain(self, error: Exception) -> str:
        reason = one_line(error)
        if "ignore_mismatched_sizes" in str(error):  # what transformers says is of no use here
            reason = "its weights have not the shapes that its config.json states"
        if isinstance(self.place, Path):
            return f"The model in {self.place} cannot be loaded: {reason}."
        if self.unreachable:
            return (
                f"{self.place} is no embedded model ({', '.join(EMBEDDED)}), no folder, and not in "
                f"the hub cache of this machine ({self.unreachable}): check model.path."
            )
        return f"The model {self.place} from the hub cannot be loaded: {reason}."


def find_source(path: str, offline: bool) -> Source:
    """The source behind an embedded model's name, a folder's path, or a hub id.

    The hub is asked once: loading would ask for most of a minute before it gives up.
    """
    if path in EMBEDDED:
        return Source(_EMBEDDED_FOLDER / path)
    folder = Path(path).expanduser()
    looks_local = path.startswith((".", "~", "/")) or path.count("/") > 1
    if looks_local or folder.exists():
        return Source(folder)
    return Source(path, "model.offline is set" if offline else _why_not_hub(path))


def lasting_path(path: str) -> str:
    """The same place, named so that it is found from any working directory."""
    found = path if path in EMBEDDED else Path(path).expanduser()
    return str(found.resolve()) if isinstance(found, Path) and found.exists() else path


def one_line(error: Exception) -> str:
    """The first sentence of what an error says, without its full stop."""
    first_sentence = " ".join(str(error).split()).split(". ")[0]
    return first_sentence[:200].rstrip(".:") or type(error).__name__


def _why_not_hub(identifier: str) -> str:
    from huggingface_hub import HfApi

    try:
        HfApi().model_info(identifier, timeout=HUB_TIMEOUT_S)
    except Exception as error:  # which errors there are depends on the HTTP client in use
        return one_line(error)
    return ""


def _read_json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CoreError(f"{file} cannot be read: {error}.") from None
    if not isinstance(content, dict):
        raise CoreError(f"{file} cannot be read: it holds no JSON object.")
    return content
