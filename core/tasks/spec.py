"""The one notation for a dataset: NAME[:PART][:PATH][*WEIGHT].

PART is one or several words, joined by commas: splits as the authors define them ("mbpp:test",
"apps:train") and choices within them ("apps:introductory,interview", "codecontests:public"). Splits
add up, choices of one kind add up (difficulties; the embedded tasks' forms), and a task must be in
all: "nano:train,stdin,easy,medium". PATH is a local file; one that is named like a part is written
with its folder ("apps:./train"). WEIGHT says how often a task of this dataset is trained on beside
one of another: "apps:introductory*2".
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from core.errors import CoreError

#: The families of tasks that come with this package.
EMBEDDED = ("nano", "nano-sparse")

#: Splits of each dataset that is built in, as its authors define them.
SPLITS: dict[str, tuple[str, ...]] = {
    "humaneval": ("test",),
    "humaneval+": ("test",),
    "mbpp": ("train", "test", "validation", "prompt"),
    "mbpp+": ("train", "test", "validation", "prompt"),
    "apps": ("train", "test"),
    "codecontests": ("train", "valid", "test"),
    "livecodebench": ("v1", "v2", "v3", "v4", "v5", "v6"),
    **dict.fromkeys(EMBEDDED, ("train", "validation", "held-out")),
}

#: How an embedded task is set: as those of HumanEval, APPS and MBPP are.
FORMS = ("functions", "stdin", "asserts")
_LEVELS = ("easy", "medium", "hard")

#: What can be chosen besides: difficulties, forms, and of CodeContests the kinds of tests.
CHOICES: dict[str, tuple[str, ...]] = {
    "apps": ("introductory", "interview", "competition"),
    "codecontests": ("public", "private", "generated"),
    "livecodebench": _LEVELS,
    **dict.fromkeys(EMBEDDED, (*FORMS, *_LEVELS)),
}

_WEIGHT = re.compile(r"(.*)\*([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)", re.DOTALL | re.ASCII)


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """One dataset as it was asked for; `path` is "" for the public edition.

    `splits` and `choices` are in the order of SPLITS and CHOICES; none of them means all, or for
    splits of a public edition the one that is read by default.
    """

    name: str
    splits: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    path: str = ""
    weight: float = 1.0

    def __str__(self) -> str:
        part = ",".join((*self.splits, *self.choices))
        text = ":".join(piece for piece in (self.name, part, self.path) if piece)
        if self.weight == 1.0 and not _WEIGHT.fullmatch(text):
            return text
        return f"{text}*{repr(self.weight).removesuffix('.0')}"


def parse_spec(text: str, custom: Iterable[str] = ()) -> TaskSpec:
    """What a dataset's notation says; `custom` are the names that the configuration adds.

    Raises CoreError for a dataset that there is not, and for a weight of 0.
    """
    weighted = _WEIGHT.fullmatch(text)
    body, weight = (weighted[1], float(weighted[2])) if weighted else (text, 1.0)
    if not 0.0 < weight < float("inf"):
        raise CoreError(f"{text!r}: the weight of a dataset must be a number above 0.")
    for taken in set(SPLITS).intersection(custom):
        raise CoreError(f"tasks.custom.{taken}: there is such a dataset already; choose a name.")
    name, _, rest = body.partition(":")
    if name not in SPLITS and name not in set(custom):
        raise CoreError(_unknown(name, (*SPLITS, *custom)))
    part, _, path = rest.partition(":")
    words = set(part.split(","))
    splits = tuple(word for word in SPLITS.get(name, ()) if word in words)
    choices = tuple(word for word in CHOICES.get(name, ()) if word in words)
    if words != {*splits, *choices}:
        return TaskSpec(name, path=rest, weight=weight)
    return TaskSpec(name, splits, choices, path, weight)


def parts_of(name: str) -> tuple[str, ...]:
    """Every word that may stand as PART of a dataset."""
    return (*SPLITS.get(name, ()), *CHOICES.get(name, ()))


def nearest(word: str, known: Iterable[str], cutoff: float = 0.4) -> str | None:
    """The known word that is most like another, where one is near."""
    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=cutoff)), None)


def _unknown(name: str, known: tuple[str, ...]) -> str:
    near = nearest(name, known)
    hint = f"did you mean {near!r}?" if near else "give a local file as NAME:PATH."
    return f"There is no dataset {name!r} ({', '.join(known)}); {hint}"
