"""Every experiment, as one record each."""

from __future__ import annotations

import difflib

from core.errors import CoreError
from core.experiments import arms
from core.experiments.experiment import Experiment
from core.experiments.families import NANO, SOURCES, SPARSE

_BOTH = (NANO, SPARSE)
_SWEEP = {"nano": 1152, "nano-sparse": 1152}

EXPERIMENTS: tuple[Experiment, ...] = (
    Experiment(
        "c1",
        "Do better teachers make better students?",
        _BOTH,
        arms.teachers,
        needs="teachers",
        programs={"nano": 1152, "nano-sparse": 1728},
        quick={"nano": 576},
        note="Teachers write in the student's place and do not learn. How "
        "strong a teacher is, the last column says: the share of its programs that pass.",
    ),
    Experiment(
        "c2",
        "Does a model get better by its own programs?",
        _BOTH,
        arms.only_ours,
        programs={"nano": 1152, "nano-sparse": 1728},
        quick={"nano": 576, "nano-sparse": 1152},
        tables=("programs", "difficulty"),
    ),
    Experiment(
        "c3",
        "Is it better than the baselines, at as many programs and as many updates?",
        _BOTH,
        arms.against_baselines,
        programs={"nano": 1152, "nano-sparse": 1728},
        quick={"nano": 576, "nano-sparse": 1152},
        tables=("programs", "updates", "reached"),
        note="This stands in for the paper's comparison with GPT-4 and models of up to 34B "
        "parameters, which differ from its own in everything: here the same student learns from "
        "as many programs by other methods.",
    ),
    Experiment(
        "c4",
        "Does training on mixed sources help on each of them?",
        (SOURCES,),
        arms.mixtures,
        needs="sources",
        programs={"nano-sources": 1152},
        quick={"nano-sources": 576},
        measured=1152,
        tables=("sources",),
    ),
    Experiment(
        "a",
        "Beam search or sampling, and how many programs a task?",
        _BOTH,
        arms.decoders,
        programs=_SWEEP,
        quick={"nano": 576},
        measured=576,
        note="Every arm gets as many programs: with fewer a task it goes over more tasks.",
    ),
    Experiment(
        "b",
        "How much should the possibility P(t) count beside the pass rate (α), and which P(t)?",
        _BOTH,
        arms.alphas,
        programs=_SWEEP,
        quick={"nano": 576},
        measured=576,
    ),
    Experiment(
        "c",
        "How sharply should priorities prefer (ω), by their value or by their rank?",
        _BOTH,
        arms.exponents,
        programs=_SWEEP,
        quick={"nano": 576},
        measured=576,
    ),
    Experiment(
        "tune",
        "Which α is best for this model and these tasks?",
        _BOTH,
        arms.tuned_alphas,
        programs=_SWEEP,
        quick={"nano": 576},
        measured=576,
        note="α is chosen by the accuracy on the validation split; only the chosen one is "
        "measured on held-out tasks, with other runs.",
        tuned=True,
    ),
    Experiment(
        "paper",
        "What does the method give exactly as the paper writes it?",
        _BOTH,
        arms.paper_beside_ours,
        programs={"nano": 1152, "nano-sparse": 1728},
        quick={"nano": 576},
        note="Algorithm 1 makes one pass: all programs are written by the model as it was at "
        "first. It gets as many programs and updates as the default.",
    ),
)

#: Stands for all of them.
ALL = "all"


def find_experiments(name: str) -> tuple[Experiment, ...]:
    """The experiment of a name, or every one for "all"; raises CoreError with the nearest name."""
    if name == ALL:
        return EXPERIMENTS
    for experiment in EXPERIMENTS:
        if experiment.name == name:
            return (experiment,)
    names = [*(experiment.name for experiment in EXPERIMENTS), ALL]
    near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else "`btp-tui experiment` describes them."
    raise CoreError(f"There is no experiment {name!r} ({', '.join(names)}); {hint}")
