"""What a run has learned as one ordinary model: an adapter is added to its base's weights."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from core.checkpoints import OWN_FILES, newest_in
from core.config import ModelConfig
from core.errors import CoreError
from core.files import writing, written_beside
from core.models.source import Source, find_source
from core.models.student import Student, load_student, save_student
from storage.errors import StorageError
from storage.workspace import Workspace


def write_merged(checkpoint: Path, out: Path, offline: bool) -> bool:
    """Writes a checkpoint as a `save_pretrained` folder; returns whether there was an adapter.

    Its weights are added up in float32 and kept in the number format of the base's own files. A
    checkpoint of all weights is copied, without what only training needs. Raises CoreError where
    there is no model in `checkpoint`, its base cannot be loaded, or `out` cannot be written.
    """
    source = Source(checkpoint)
    source.check_folder()
    described = source.adapter_config()
    with written_beside(out, folder=True) as beside, writing(out):
        if described is None:
            shutil.copytree(checkpoint, beside, ignore=shutil.ignore_patterns(*OWN_FILES))
        else:
            config = ModelConfig(path=str(checkpoint), offline=offline)
            student = load_student(config, torch.device("cpu"))
            base = find_source(str(described["base_model_name_or_path"]), offline).fetched()
            save_student(_merged(student, base), beside)
    return described is not None


def _merged(student: Student, base: Source) -> Student:
    model: Any = student.adapter.merge_and_unload()
    return Student(model.to(_dtype_of(base)), student.tokenizer, student.name)


def _dtype_of(base: Source) -> torch.dtype:
    """The number format that the base's configuration states; float32 where it states none."""
    from transformers import AutoConfig

    with base.explained():
        dtype = AutoConfig.from_pretrained(base.place).dtype
    return dtype if isinstance(dtype, torch.dtype) else torch.float32


def find_checkpoint(name: str, workspace: Workspace) -> Path:
    """A checkpoint's folder itself, or the best checkpoint of a run, else its newest."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    found = None
    with suppress(StorageError):  # a path is no name of a run
        every = workspace.run_folder(name) / "checkpoints"
        best = every / "best"
        found = best if best.is_dir() else newest_in(every)
    if found is None:
        raise CoreError(
            f"There is neither a checkpoint's folder {name} nor a run {name} with a checkpoint; "
            "`btp-tui runs` lists the runs."
        )
    return found
