"""The arms of the catalogue: the baselines as settings, and the sweeps of the paper's knobs.

Every baseline samples alike and makes as many updates a program, so that arms differ in what they
learn from and how. What an arm does not name has the default of `core.config`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.experiments.experiment import Arm, Family
from core.presets import find_preset

#: Programs of an iteration, whatever the number of beams.
ITERATION = 144
#: Updates of the baselines after each of them.
UPDATES = 24

Settings = Mapping[str, Any]

#: How the baselines sample and how often they learn.
STANDARD: Settings = {
    "tasks.order": "shuffled",
    "sampler.strategy": "beam",
    "sampler.beams": 3,
    "sampler.tasks_per_iteration": ITERATION // 3,
    "trainer.updates_per_iteration": UPDATES,
}

#: PPER (eq. 6-8) with α and ω as they were tuned on the embedded tasks.
PPER: Settings = {
    **STANDARD,
    "objective.name": "nll",
    "replay.learn_from": "all",
    "replay.draw": "prioritized",
    "replay.alpha": 0.2,
    "replay.exponent": 4.0,
    "replay.prioritization": "proportional",
    "replay.possibility": "per_token",
    "replay.beta": 0.0,
    "replay.half_life": 0.0,
    "replay.task_balance": 0.0,
}

#: As the paper writes it: the product of token probabilities, and one letter for α and ω.
PPER_OF_PAPER: Settings = {
    **PPER,
    "replay.exponent": 0.2,
    "replay.possibility": "joint",
    "replay.floor": 0.0,
}

OURS = Arm("ours", "the defaults of btp-tui")

#: Rejection fine-tuning (STaR, arXiv 2203.14465; RAFT, arXiv 2304.06767).
REJECTION: Settings = {**PPER, "replay.learn_from": "passed", "replay.exponent": 0.0}

#: What is tried beside the baselines, a change a line.
VARIANTS = (
    Arm(
        "rft-coverage",
        "rejection fine-tuning, tasks in the order of coverage",
        {**REJECTION, "tasks.order": "coverage"},
    ),
    Arm(
        "contrast-coverage",
        "the same with contrasts at the tokens where failed programs part",
        {
            **REJECTION,
            "tasks.order": "coverage",
            "objective.name": "contrast",
            "replay.task_balance": 1.0,
        },
        quick=False,
    ),
)

BASELINES = (
    Arm("pper-paper", "PPER with the paper's possibility and ω = α = 0.2", PPER_OF_PAPER, True),
    Arm("pper", "PPER, α = 0.2 and ω = 4 as tuned on the embedded tasks", PPER, True),
    Arm(
        "weighted",
        "PPER, the loss of each program weighted by its P2Value",
        {**PPER, "objective.name": "weighted_nll"},
        True,
    ),
    Arm(
        "rft",
        "rejection fine-tuning: uniformly from the programs that pass every test",
        REJECTION,
        True,
    ),
    Arm("uniform", "uniform replay", {**PPER, "replay.exponent": 0.0}, True),
    Arm(
        "entire",
        "the whole buffer in shuffled passes, without priorities",
        {**PPER, "replay.draw": "entire"},
        True,
    ),
    Arm(
        "grpo",
        "GRPO: groups of 8 sampled programs of the newest iteration, clipped ratio",
        {
            **PPER,
            "objective.name": "grpo",
            "replay.learn_from": "newest",
            "replay.draw": "groups",
            "sampler.strategy": "sample",
            "sampler.temperature": 1.0,
            "sampler.top_p": 1.0,
            "sampler.beams": 8,
            "sampler.tasks_per_iteration": ITERATION // 8,
        },
        True,
    ),
)


def against_baselines(family: Family, programs: int) -> tuple[Arm, ...]:
    """The default and its variants beside every baseline."""
    del family, programs
    return (OURS, *VARIANTS, *BASELINES)


def only_ours(family: Family, programs: int) -> tuple[Arm, ...]:
    """The default alone."""
    del family, programs
    return (OURS,)


def teachers(family: Family, programs: int) -> tuple[Arm, ...]:
    """The student's own programs, and those of each teacher in their place."""
    del programs
    return (
        Arm("self", "the student writes the programs itself", baseline=True),
        *(
            Arm(
                f"by-{name}",
                f"all programs are written by {name}, which does not learn",
                {"teacher.kind": "model", "teacher.model.path": path},
            )
            for name, path in family.teachers
        ),
    )


def mixtures(family: Family, programs: int) -> tuple[Arm, ...]:
    """Each source alone, and all of them mixed."""
    del programs
    return (
        *(
            Arm(name, f"trained on {name} alone", _trained_on(spec))
            for name, spec in family.sources
        ),
        Arm(
            "mixed",
            "trained on all sources, mixed",
            _trained_on(*(spec for _, spec in family.sources)),
        ),
    )


def decoders(family: Family, programs: int) -> tuple[Arm, ...]:
    """Beams against draws, and the number of programs a task, at as many programs in all."""
    del family, programs
    return (
        *(
            Arm(
                f"beam-{k}",
                f"the {k} most probable programs of a task" if k > 1 else "the most probable one",
                {"sampler.strategy": "beam", **_programs_a_task(k)},
                baseline=k == 3,
                quick=k in (1, 3, 8),
            )
            for k in (1, 2, 3, 4, 6, 8)
        ),
        *(
            Arm(
                f"sample-{k}",
                f"{k} random programs of a task, temperature 0.8, top-p 0.95",
                {
                    "sampler.strategy": "sample",
                    "sampler.temperature": 0.8,
                    "sampler.top_p": 0.95,
                    **_programs_a_task(k),
                },
                quick=k == 8,
            )
            for k in (3, 8)
        ),
    )


def alphas(family: Family, programs: int) -> tuple[Arm, ...]:
    """PPER for every α of eq. 6, with both readings of P(t)."""
    del family, programs
    return tuple(
        Arm(
            f"{possibility.replace('_', '-')}-a{alpha:g}",
            f"α = {alpha:g}, P(t) {_READINGS[possibility]}",
            {**PPER, "replay.alpha": alpha, "replay.possibility": possibility},
            baseline=(alpha, possibility) == (0.2, "per_token"),
            quick=alpha in (0.0, 0.2, 0.8),
        )
        for possibility in _READINGS
        for alpha in (0.0, 0.2, 0.5, 0.8, 1.0)
        if alpha > 0.0 or possibility == "per_token"  # at 0 nobody asks for P(t)
    )


def exponents(family: Family, programs: int) -> tuple[Arm, ...]:
    """PPER for every ω of eq. 7, with both prioritisations of eq. 8."""
    del family, programs
    return tuple(
        Arm(
            f"{prioritization}-w{exponent:g}",
            f"ω = {exponent:g}, {prioritization}",
            {**PPER, "replay.exponent": exponent, "replay.prioritization": prioritization},
            baseline=(exponent, prioritization) == (4.0, "proportional"),
            quick=exponent in (0.0, 1.0, 4.0),
        )
        for prioritization, all_exponents in (
            ("proportional", (0.0, 1.0, 2.0, 4.0, 8.0)),
            ("rank", (0.5, 1.0, 2.0)),
        )
        for exponent in all_exponents
    )


def tuned_alphas(family: Family, programs: int) -> tuple[Arm, ...]:
    """PPER for every α to choose from."""
    del family, programs
    return tuple(
        Arm(
            f"a{alpha:g}",
            f"PPER, α = {alpha:g}",
            {**PPER, "replay.alpha": alpha},
            quick=alpha in (0.0, 0.2, 0.8),
        )
        for alpha in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    )


def paper_beside_ours(family: Family, programs: int) -> tuple[Arm, ...]:
    """The preset `paper`, cut to the budget, beside the default."""
    del family
    preset = {**PPER, **find_preset("paper").settings}
    preset["sampler.tasks_per_iteration"] = programs // 3
    preset["trainer.updates_per_iteration"] = programs * UPDATES // ITERATION
    return (
        Arm("paper", "the preset `paper`: one pass of Algorithm 1", preset, baseline=True),
        OURS,
    )


_READINGS = {"per_token": "a token", "joint": "of the whole program, as in the paper"}


def _programs_a_task(k: int) -> dict[str, Any]:
    return {"sampler.beams": k, "sampler.tasks_per_iteration": ITERATION // k}


def _trained_on(*specs: str) -> dict[str, Any]:
    return {"tasks.train": list(specs)}
