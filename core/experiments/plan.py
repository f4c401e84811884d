"""The cells of an experiment: one run for each arm and seed, with its whole configuration."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from core.config import Config, TasksConfig, toml_value
from core.config_reading import load_config
from core.errors import CoreError
from core.experiments.experiment import Arm, Experiment, Family
from core.experiments.families import own_family
from core.run_tasks import load_run_tasks

#: What every cell has and no result depends on: one core, and checkpoints where they cost little.
_COMMON: dict[str, Any] = {
    "executor.workers": 1,
    "evaluation.limit": 0,
    "checkpoint.every_updates": 24,
    "checkpoint.keep": 1,
}

SEEDS, QUICK_SEEDS = 5, 2


@dataclass(frozen=True, slots=True)
class Asked:
    """What a user asks of an experiment; nothing means what the catalogue says.

    `settings` are KEY=VALUE, over those of every arm; `seeds` a number of seeds, from 0 on.
    """

    seeds: int | None = None
    quick: bool = False
    programs: int | None = None
    model: str | None = None
    train: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()
    held_out: tuple[str, ...] = ()
    teachers: tuple[str, ...] = ()
    config: Path | None = None
    settings: tuple[str, ...] = ()

    @property
    def own(self) -> bool:
        """Whether it names a model or tasks that take the place of the embedded ones."""
        return bool(
            self.model or self.train or self.held_out or self.teachers or self.config is not None
        )


@dataclass(frozen=True, slots=True)
class Cell:
    """One run: `overrides` are what `btp-tui train` is given, `config` what that comes to.

    `run` is its name; cells of several experiments that are configured alike are one run.
    """

    experiment: str
    family: str
    arm: Arm
    seed: int
    run: str
    overrides: tuple[str, ...]
    config: Config


@dataclass(frozen=True, slots=True)
class Panel:
    """One experiment on one family: its arms, and its cells, those of an arm together.

    `programs` is the budget of each. Where `on_validation`, what is measured is no result.
    """

    experiment: Experiment
    family: Family
    programs: int
    arms: tuple[Arm, ...]
    cells: tuple[Cell, ...]
    on_validation: bool = False

    @property
    def title(self) -> str:
        """The name of its files."""
        return f"{self.experiment.name}-{self.family.name}"


def plan(experiment: Experiment, asked: Asked) -> list[Panel]:
    """Every panel of an experiment; raises CoreError for a setting or a dataset that is wrong.

    Of a tuned experiment these are the runs to choose by; `chosen_panel` gives the others.
    """
    return [
        _panel(experiment, family, asked, on_validation=experiment.tuned)
        for family in _families(experiment, asked)
    ]


def chosen_panel(panel: Panel, arm: Arm, asked: Asked) -> Panel:
    """The runs that report the arm which was chosen by the panel, on held-out tasks."""
    meaning = f"{arm.meaning}: chosen on the validation split, here with other runs"
    chosen = replace(arm, name=f"{arm.name}-held-out", meaning=meaning, quick=True)
    return _panel(panel.experiment, panel.family, asked, only=(chosen,))


def _families(experiment: Experiment, asked: Asked) -> tuple[Family, ...]:
    if not asked.own:
        names = experiment.quick if asked.quick else experiment.programs
        return tuple(family for family in experiment.families if family.name in names)
    own = _own_family(experiment.families[0], asked)
    if experiment.needs == "teachers" and not own.teachers:
        raise CoreError(f"{experiment.name} needs a teacher for a model: --teacher MODEL.")
    if experiment.needs == "sources" and len(own.sources) < 2:
        raise CoreError(f"{experiment.name} mixes sources: give --train twice or more.")
    if experiment.tuned and not own.validation:
        raise CoreError(
            f"{experiment.name} chooses by tasks that are neither learned from nor reported: "
            "--validation TASKS."
        )
    return (own,)


def _own_family(default: Family, asked: Asked) -> Family:
    """What a user names, by options or in a file; the rest is the embedded family's."""
    if asked.config is not None:
        given = load_config(asked.config)
        model, train, held_out = given.model.path, given.tasks.train, given.tasks.held_out
    else:
        model, train, held_out = default.model, default.train, default.held_out
    own_tasks = asked.train or train != default.train
    return own_family(
        asked.model or model,
        asked.train or train,
        asked.validation or (() if own_tasks else default.validation),
        asked.held_out or held_out,
        asked.teachers,
    )


def _panel(
    experiment: Experiment,
    family: Family,
    asked: Asked,
    on_validation: bool = False,
    only: tuple[Arm, ...] = (),
) -> Panel:
    budgets = experiment.quick if asked.quick else experiment.programs
    budget = budgets.get(family.name) or next(iter(budgets.values()))
    programs = asked.programs or budget
    measured = experiment.measured * programs // budget  # as often, whatever the budget
    arms = only or experiment.arms(family, programs)
    arms = tuple(arm for arm in arms if arm.quick or not asked.quick)
    seeds = asked.seeds or (QUICK_SEEDS if asked.quick else SEEDS)
    if on_validation:
        seeds = min(seeds, experiment.seeds_of_arms)
    cells = []
    for arm in arms:
        name = _run_name(experiment, family, arm, asked)
        overrides, config = _configured(family, arm, asked, programs, measured, on_validation)
        cells += [
            Cell(
                experiment.name,
                family.name,
                arm,
                seed,
                f"{name}-{seed}",
                (*overrides, f"seed={seed}"),
                config.model_copy(update={"seed": seed}),
            )
            for seed in range(seeds)
        ]
    return Panel(experiment, family, programs, arms, tuple(cells), on_validation)


def _run_name(experiment: Experiment, family: Family, arm: Arm, asked: Asked) -> str:
    """What the runs of an arm are named, but for the seed."""
    parts = [experiment.name, "quick" if asked.quick else ""]
    if len(experiment.families) > 1 or asked.own:
        parts.append(family.name)
    return "-".join([*filter(None, parts), arm.name])


def _configured(
    family: Family,
    arm: Arm,
    asked: Asked,
    programs: int,
    measured: int,
    on_validation: bool,
) -> tuple[tuple[str, ...], Config]:
    """What an arm's runs are given, and the configuration that it makes, of seed 0.

    The number of iterations is planned, so that the step size decays over all of the budget.
    """
    settings = {**_COMMON, **family.settings, **arm.settings}
    if on_validation:
        settings["tasks.held_out"] = list(family.validation)
    overrides = (
        *(f"{key}={toml_value(value)}" for key, value in settings.items()),
        *asked.settings,
    )
    given = load_config(asked.config, overrides)
    an_iteration = _programs_an_iteration(given)
    budget = {
        "max_programs": programs,
        "max_iterations": math.ceil(programs / an_iteration),
        "evaluation.every": max(1, measured // an_iteration),
    }
    overrides = (*overrides, *(f"{key}={value}" for key, value in budget.items()))
    return overrides, load_config(asked.config, overrides)


def _programs_an_iteration(config: Config) -> int:
    """How many programs an iteration brings: k for each of its tasks, of which there may be few."""
    sampler, teacher = config.sampler, config.teacher
    k = sampler.beams
    if teacher.kind == "endpoint":
        k = teacher.endpoint.programs or k
    return k * min(sampler.tasks_per_iteration, _tasks(config.tasks.model_dump_json()))


@cache
def _tasks(tasks: str) -> int:
    """How many tasks a configuration of them, as JSON, trains on."""
    config = Config(tasks=TasksConfig.model_validate_json(tasks))
    return len(load_run_tasks(config).train)


def identity(config: Config) -> str:
    """Equal for configurations that are, and so for runs that would come out the same."""
    return config.model_dump_json()


def shared(panels: Iterable[Panel], runs: dict[str, str]) -> list[Panel]:
    """The same panels, with one run for all cells that are configured alike: that of the first.

    `runs` holds the run of each `identity` that has one; those of these cells are added.
    """

    def renamed(cell: Cell) -> Cell:
        return replace(cell, run=runs.setdefault(identity(cell.config), cell.run))

    return [replace(panel, cells=tuple(map(renamed, panel.cells))) for panel in panels]
