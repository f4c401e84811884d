"""What an experiment is made of: families of tasks, arms that differ in settings, and a budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

#: What a table has as its columns.
Table = Literal["programs", "updates", "reached", "difficulty", "sources"]


@dataclass(frozen=True, slots=True)
class Family:
    """A model, with the tasks that it learns from, is tuned on and is measured on.

    `target` is the accuracy whose price in programs is asked for; None stands for a share of the
    best baseline's own plateau. `teachers` are other models, weakest first: (name, path).
    `sources` are those datasets of `train` that can be trained on alone: (name, dataset).
    """

    name: str
    model: str
    train: tuple[str, ...]
    validation: tuple[str, ...]
    held_out: tuple[str, ...]
    target: float | None = None
    teachers: tuple[tuple[str, str], ...] = ()
    sources: tuple[tuple[str, str], ...] = ()

    @property
    def settings(self) -> dict[str, Any]:
        """What the family says of a configuration."""
        return {
            "model.path": self.model,
            "tasks.train": list(self.train),
            "tasks.held_out": list(self.held_out),
        }


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to do it: `settings` are what it sets differently, by dotted key.

    The others are compared to the best of the arms that are a `baseline`. Only those that are
    `quick` are in the quick form of an experiment.
    """

    name: str
    meaning: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    baseline: bool = False
    quick: bool = True


@dataclass(frozen=True, slots=True)
class Experiment:
    """One question, and the runs that answer it.

    `arms` gives those of a family for a budget of programs. `programs` is the budget a run, by
    family; `quick` the same for the quick form, which leaves out the families that are not in it.
    `needs` says what of a family the arms are made of. Held-out tasks are measured at the
    beginning, after every so many programs (`measured`), and at the end. A `tuned` experiment
    measures its arms on the validation split, with `seeds_of_arms` seeds, and reports only the best
    of them, on held-out tasks.
    """

    name: str
    question: str
    families: tuple[Family, ...]
    arms: Callable[[Family, int], tuple[Arm, ...]]
    programs: Mapping[str, int]
    quick: Mapping[str, int]
    measured: int = 288
    tables: tuple[Table, ...] = ("programs", "updates")
    note: str = ""
    needs: Literal["nothing", "teachers", "sources"] = "nothing"
    tuned: bool = False
    seeds_of_arms: int = 3
