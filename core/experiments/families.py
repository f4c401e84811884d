"""The embedded families of tasks that experiments run on where no other is named."""

from __future__ import annotations

import re

from core.experiments.experiment import Family

#: The name of a user's family.
OWN = "own"

#: Weakest first. All share one tokenizer with the students, so no program is re-encoded.
_TEACHERS = (
    ("weak", "nano-teacher-weak"),
    ("middling", "nano-teacher"),
    ("strong", "nano-teacher-strong"),
)

#: A fair share of the model's first programs passes every test.
NANO = Family(
    "nano",
    model="nano",
    train=("nano:train",),
    validation=("nano:validation",),
    held_out=("nano:held-out",),
    target=0.90,
    teachers=_TEACHERS,
)

#: Hardly any of the model's first programs passes every test, many pass some.
SPARSE = Family(
    "nano-sparse",
    model="nano-sparse",
    train=("nano-sparse:train",),
    validation=("nano-sparse:validation",),
    held_out=("nano-sparse:held-out",),
    teachers=_TEACHERS,
)

_STYLES = ("functions", "stdin", "asserts")

#: Three sources that ask for programs in three styles.
SOURCES = Family(
    "nano-sources",
    model="nano",
    train=tuple(f"nano:train,{style}" for style in _STYLES),
    validation=tuple(f"nano:validation,{style}" for style in _STYLES),
    held_out=tuple(f"nano:held-out,{style}" for style in _STYLES),
    sources=tuple((style, f"nano:train,{style}") for style in _STYLES),
)


def own_family(
    model: str,
    train: tuple[str, ...],
    validation: tuple[str, ...],
    held_out: tuple[str, ...],
    teachers: tuple[str, ...],
) -> Family:
    """The family of a user's model and datasets; each dataset of `train` is a source."""
    return Family(
        OWN,
        model=model,
        train=train,
        validation=validation,
        held_out=held_out,
        teachers=tuple((_as_name(path.rstrip("/").rpartition("/")[2]), path) for path in teachers),
        sources=tuple((_as_name(spec), spec) for spec in train),
    )


def _as_name(text: str) -> str:
    """What of a text may stand in the name of a run."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.")[-40:]
