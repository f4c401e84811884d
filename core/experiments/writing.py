"""Writes what came of an experiment: Markdown tables, plots as SVG, and the raw lines as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from core.config import CustomTasksConfig
from core.experiments import tables
from core.experiments.experiment import Experiment, Table
from core.experiments.results import Axis, Results
from core.experiments.svg import Curve, draw
from core.files import writing, written_beside
from core.tasks.load import load_tasks


def write_all(
    experiment: Experiment, results: Sequence[Results], said: str, folder: Path, stem: str
) -> list[Path]:
    """Writes STEM.md, STEM.jsonl and the plots into a folder and returns their paths.

    `said` is what stands above the tables: the command, the machine, the versions.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    plots = {
        f"{stem}-{one.panel.family.name}-{axis}.svg": plot(one, axis)
        for one in results
        for axis in _axes(one)
    }
    text = f"# {experiment.name}: {experiment.question}\n\n{body(experiment, results, said, stem)}"
    files = {**plots, f"{stem}.md": text, f"{stem}.jsonl": "".join(raw_lines(results))}
    for name, content in files.items():
        with written_beside(folder / name) as beside:
            beside.write_text(content, encoding="utf-8")
    return [folder / name for name in files]


def body(
    experiment: Experiment,
    results: Sequence[Results],
    said: str,
    stem: str,
    plots: str = "",
) -> str:
    """The tables of an experiment as Markdown, with its plots, which lie in the folder `plots`."""
    parts = [said]
    if experiment.note:
        parts.append(experiment.note)
    for one in results:
        parts.append(_legend(one))
        if one.missing:
            parts.append(f"**{one.missing} of {len(one.panel.cells)} cells are missing.**")
        parts += [sheet.markdown() for sheet in sheets(one)]
        for axis in _axes(one):
            name = f"{stem}-{one.panel.family.name}-{axis}.svg"
            parts.append(f"![{one.panel.family.name}: accuracy by {axis}]({plots}{name})")
    return "\n\n".join(part.strip() for part in parts) + "\n"


def sheets(results: Results) -> list[tables.Sheet]:
    """The tables of a panel; none where no cell has finished."""
    return [_sheet(results, kind) for kind in _kinds(results)]


def plot(results: Results, axis: Axis) -> str:
    """Accuracy over what was used, a curve an arm with the band of its intervals."""
    curves = []
    for arm in results.arms:
        spent, intervals = tables.curve_intervals(results, arm, axis)
        points = [
            (float(x), found.mean, found.low, found.high)
            for x, found in zip(spent, intervals, strict=True)
        ]
        curves.append(Curve(arm.arm.name, points))
    split = "on the validation split" if results.panel.on_validation else "held out"
    title = f"{results.panel.family.name}: accuracy {split}, by {axis}"
    return draw(title, axis, curves)


def raw_lines(results: Sequence[Results]) -> Iterator[str]:
    """A JSON object a cell and measurement, with the pass rate of each task."""
    for one in results:
        for outcome in one.outcomes():
            cell = outcome.cell
            for point in outcome.points:
                rates = point.pass_rates
                line = {
                    "experiment": cell.experiment,
                    "family": cell.family,
                    "split": "validation" if one.panel.on_validation else "held-out",
                    "arm": cell.arm.name,
                    "seed": cell.seed,
                    "run": cell.run,
                    "label": point.label,
                    "iteration": point.iteration,
                    "updates": point.updates,
                    "programs": point.programs,
                    "accuracy": sum(rate == 1.0 for rate in rates.values()) / len(rates),
                    "pass_rate": sum(rates.values()) / len(rates),
                    "tasks": dict(rates),
                }
                yield json.dumps(line, ensure_ascii=False) + "\n"


def _kinds(results: Results) -> Sequence[Table]:
    if not results.arms:
        return ()
    return ("programs",) if results.panel.on_validation else results.panel.experiment.tables


def _axes(results: Results) -> list[Axis]:
    """The plots of a panel: those of its tables that are curves."""
    axes: tuple[Axis, ...] = ("programs", "updates")
    return [] if results.panel.on_validation else [axis for axis in axes if axis in _kinds(results)]


def _sheet(results: Results, kind: Table) -> tables.Sheet:
    if kind in ("programs", "updates"):
        return tables.at_equal(results, kind)
    if kind == "reached":
        return tables.reached(results)
    if kind == "difficulty":
        return tables.by_group(results, _by_difficulty(results), "difficulty")
    return tables.matrix(results, _by_dataset(results))


def _by_difficulty(results: Results) -> dict[str, set[str]]:
    groups: dict[str, set[str]] = {}
    for spec, customs in _held_out(results):
        for task in load_tasks(spec, customs=customs):
            if task.difficulty:
                groups.setdefault(task.difficulty, set()).add(task.task_id)
    return groups


def _by_dataset(results: Results) -> dict[str, set[str]]:
    return {
        spec: {task.task_id for task in load_tasks(spec, customs=customs)}
        for spec, customs in _held_out(results)
    }


def _held_out(results: Results) -> Iterator[tuple[str, dict[str, CustomTasksConfig]]]:
    tasks = results.panel.cells[0].config.tasks
    for spec in tasks.held_out:
        yield spec, tasks.custom


def _legend(results: Results) -> str:
    panel = results.panel
    arms = (f"- `{arm.name}`: {arm.meaning}" for arm in panel.arms)
    head = f"Arms on {panel.family.name}, {panel.programs:,} programs each:"
    return "\n".join([head, "", *arms])
