"""The tables of a panel: held-out accuracy with intervals, arms against the best baseline.

An interval is the percentile bootstrap over seeds and tasks (core.evaluation.bootstrap), of a
difference or a ratio on the same draws for both arms. All draws come from one fixed seed, so that
the same store gives the same tables.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from core.evaluation.bootstrap import (
    Interval,
    bootstrap,
    bootstrap_mean,
    difference,
    paired_bootstrap,
    programs_to_reach,
    ratio,
)
from core.experiments.results import ArmResults, Axis, Floats, Results
from core.words import percent

#: How much of the best baseline's highest accuracy is the target, where a family has none.
PLATEAU = 0.95

_SEED = 2410_12236


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table in words: what it shows, the heads of its columns, and its rows."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """As Markdown."""
        rule = ("---", *["---:"] * (len(self.heads) - 1))
        return "\n".join([self.caption, "", *map(_row, (self.heads, rule, *self.rows))]) + "\n"


def at_equal(results: Results, axis: Axis) -> Sheet:
    """Accuracy of every arm within the same budgets, and its lead over the best baseline."""
    budgets = shared_budgets(results, axis)
    best = best_baseline(results, budgets[-1], axis)
    heads = ["arm", *(f"{budget:,} {axis}" for budget in budgets)]
    if best is not None:
        heads += [f"against {best.arm.name}", "ratio"]
    heads.append("sampled programs that pass")
    rows = []
    for arm in results.arms:
        cells = [_accuracy(arm.solved(results.tasks, budget, axis)) for budget in budgets]
        if best is not None:
            cells += _lead(results, arm, best, budgets[-1], axis)
        rows.append((_name(arm), *cells, percent(arm.share_passed)))
    caption = (
        f"{_measure(results)} at equal {axis}: the newest measurement within the budget; "
        f"{len(results.tasks)} tasks, {_seeds(results)}."
    )
    return Sheet(caption, tuple(heads), tuple(rows))


def reached(results: Results) -> Sheet:
    """Programs until the target accuracy, and how many times fewer than the best baseline's."""
    target = target_of(results)
    prices = {arm.arm.name: _price(results, arm, target) for arm in results.arms}
    baselines = [arm for arm in results.arms if arm.arm.baseline]
    best = min(baselines, key=lambda arm: prices[arm.arm.name].mean, default=None)
    heads = ["arm", f"programs until {percent(target)}"]
    if best is not None:
        heads.append(f"share of those of {best.arm.name}")
    rows = []
    for arm in results.arms:
        cells = [_count(prices[arm.arm.name])]
        if best is not None:
            cells.append("" if arm is best else _times(_price_ratio(results, arm, best, target)))
        rows.append((_name(arm), *cells))
    said = "the target" if results.panel.family.target else f"{percent(PLATEAU, 0)} of the highest "
    if not results.panel.family.target:
        said += "accuracy that a baseline reached"
    caption = (
        f"Programs needed on {results.panel.family.name} until the mean accuracy is "
        f"{percent(target)}, {said}; straight lines between measurements. In the shares a baseline "
        "that never gets there counts as if it did at the end of its budget."
    )
    return Sheet(caption, tuple(heads), tuple(rows))


def by_group(results: Results, groups: dict[str, set[str]], of: str) -> Sheet:
    """Accuracy and test-case average before and after, for each group of held-out tasks."""
    heads = [of, "tasks", "arm", "accuracy before", "after", "test-case average before", "after"]
    rows = []
    for name, ids in {**groups, "all": set(results.tasks)}.items():
        tasks = [task for task in results.tasks if task in ids]
        for arm in results.arms if tasks else ():
            end = arm.spent("programs")
            rows.append(
                (
                    name,
                    f"{len(tasks)}",
                    _name(arm),
                    _accuracy(arm.solved(tasks, 0, "programs")),
                    _accuracy(arm.solved(tasks, end, "programs")),
                    _accuracy(arm.rates(tasks, 0)),
                    _accuracy(arm.rates(tasks, end)),
                )
            )
    caption = (
        f"Strict accuracy and test-case average (APPS) on {results.panel.family.name} by {of}, "
        f"before and after {results.panel.programs:,} programs; {_seeds(results)}."
    )
    return Sheet(caption, tuple(heads), tuple(rows))


def matrix(results: Results, groups: dict[str, set[str]]) -> Sheet:
    """What was trained on against what is tested on, accuracy at the end of the budget."""
    columns = {**groups, "all": set(results.tasks)}

    def accuracies(arm: ArmResults, budget: float) -> Iterator[str]:
        for ids in columns.values():
            yield _accuracy(arm.solved(_of(results, ids), budget, "programs"))

    rows = [("before", *accuracies(results.arms[0], 0))]
    rows += [(_name(arm), *accuracies(arm, arm.spent("programs"))) for arm in results.arms]
    caption = (
        f"Held-out accuracy by what was trained on (rows) and tested on (columns), after "
        f"{results.panel.programs:,} programs; {_seeds(results)}."
    )
    heads = ("trained on", *(f"{name} ({len(_of(results, ids))})" for name, ids in columns.items()))
    return Sheet(caption, heads, tuple(rows))


def shared_budgets(results: Results, axis: Axis) -> list[int]:
    """Quarters of what every arm has used, as far as the measurements tell them apart."""
    end = min(arm.spent(axis) for arm in results.arms)
    points = {point.spent(axis) for outcome in results.outcomes() for point in outcome.points}
    within = sorted(point for point in points if 0 < point <= end) or [end]
    wanted = [end * quarter / 4 for quarter in range(1, 5)]
    chosen = {min(within, key=lambda point: abs(point - budget)) for budget in wanted}
    return [0, *sorted(chosen | {end} - {0})]


def best_baseline(results: Results, budget: float, axis: Axis) -> ArmResults | None:
    """The baseline with the highest accuracy within a budget, None where no arm is a baseline."""
    baselines = [arm for arm in results.arms if arm.arm.baseline]
    return max(
        baselines,
        key=lambda arm: float(arm.solved(results.tasks, budget, axis).mean()),
        default=None,
    )


def target_of(results: Results) -> float:
    """The accuracy whose price is asked for: the family's, or a share of the best plateau."""
    if results.panel.family.target is not None:
        return results.panel.family.target
    arms = [arm for arm in results.arms if arm.arm.baseline] or list(results.arms)
    plateaus = [arm.curve(results.tasks, "programs")[1].mean((1, 2)).max() for arm in arms]
    return PLATEAU * float(max(plateaus))


def curve_intervals(results: Results, arm: ArmResults, axis: Axis) -> tuple[Floats, list[Interval]]:
    """Where an arm was measured, and its accuracy there."""
    spent, solved = arm.curve(results.tasks, axis)
    return spent, [bootstrap_mean(point, _draws()) for point in solved]


def _price(results: Results, arm: ArmResults, target: float) -> Interval:
    spent, solved = arm.curve(results.tasks, "programs")
    return bootstrap(solved, programs_to_reach(spent, target), _draws())


def _price_ratio(results: Results, arm: ArmResults, best: ArmResults, target: float) -> Interval:
    seeds = set(arm.seeds) & set(best.seeds)
    if not seeds:
        return Interval(math.nan, math.nan, math.nan)
    mine, mine_solved = arm.of_seeds(seeds).curve(results.tasks, "programs")
    theirs, their_solved = best.of_seeds(seeds).curve(results.tasks, "programs")
    reach, reach_theirs = programs_to_reach(mine, target), programs_to_reach(theirs, target)

    def share(a: Floats, b: Floats) -> Floats:
        return ratio(reach(a), np.minimum(reach_theirs(b), theirs[-1]))

    return paired_bootstrap(mine_solved, their_solved, share, _draws())


def _lead(
    results: Results, arm: ArmResults, best: ArmResults, budget: float, axis: Axis
) -> list[str]:
    seeds = set(arm.seeds) & set(best.seeds)
    if arm is best or not seeds:
        return ["", ""]
    mine = arm.of_seeds(seeds).solved(results.tasks, budget, axis)
    theirs = best.of_seeds(seeds).solved(results.tasks, budget, axis)
    return [
        _points(paired_bootstrap(mine, theirs, difference, _draws())),
        _times(paired_bootstrap(mine, theirs, ratio, _draws())),
    ]


def _draws() -> np.random.Generator:
    return np.random.default_rng(_SEED)


def _measure(results: Results) -> str:
    split = "Accuracy on the validation split" if results.panel.on_validation else None
    return f"{split or 'Held-out accuracy'} of {results.panel.family.name}"


def _of(results: Results, ids: set[str]) -> list[str]:
    return [task for task in results.tasks if task in ids]


def _accuracy(values: Floats) -> str:
    found = bootstrap_mean(values, _draws())
    return f"{percent(found.mean)} [{100 * found.low:.1f}, {100 * found.high:.1f}]"


def _points(found: Interval) -> str:
    """A difference of accuracies, in percentage points."""
    return f"{100 * found.mean:+.1f} [{100 * found.low:+.1f}, {100 * found.high:+.1f}]"


def _times(found: Interval) -> str:
    return f"{_factor(found.mean)} [{_factor(found.low)}, {_factor(found.high)}]"


def _factor(value: float) -> str:
    return f"{value:.2f}×" if math.isfinite(value) else "—"


def _count(found: Interval) -> str:
    return f"{_programs(found.mean)} [{_programs(found.low)}, {_programs(found.high)}]"


def _programs(value: float) -> str:
    return f"{value:,.0f}" if math.isfinite(value) else "never"


def _name(arm: ArmResults) -> str:
    return f"{arm.arm.name} (baseline)" if arm.arm.baseline else arm.arm.name


def _seeds(results: Results) -> str:
    counts = {len(arm.outcomes) for arm in results.arms}
    low, high = min(counts), max(counts)
    many = f"{high} seeds" if low == high else f"{low} to {high} seeds"
    return f"{'1 seed' if high == 1 else many}, 95 % intervals over seeds and tasks"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
