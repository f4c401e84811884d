"""`btp-tui experiment`: runs the cells of experiments, then writes what came of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.command_line import (
    DEFAULT_WORKSPACE,
    ConfigOption,
    JsonOption,
    OfflineOption,
    SetOption,
    WorkspaceOption,
)

if TYPE_CHECKING:
    from core.experiments.experiment import Experiment
    from core.experiments.plan import Asked


def experiment(
    name: Annotated[str, typer.Argument(help="One of those it lists without a name, or all.")] = "",
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer seeds, arms and programs: a first look.")
    ] = False,
    seeds: Annotated[int | None, typer.Option(min=1, help="Runs an arm (5; quick: 2).")] = None,
    programs: Annotated[int | None, typer.Option(min=1, help="Budget of each run.")] = None,
    model: Annotated[str | None, typer.Option(help="The student, for all arms.")] = None,
    train: Annotated[
        list[str] | None, typer.Option(metavar="TASKS", help="Train on these; may be repeated.")
    ] = None,
    validation: Annotated[
        list[str] | None, typer.Option(metavar="TASKS", help="Choose settings by these (tune).")
    ] = None,
    held_out: Annotated[
        list[str] | None, typer.Option(metavar="TASKS", help="Report these; may be repeated.")
    ] = None,
    teacher: Annotated[
        list[str] | None, typer.Option(metavar="MODEL", help="Weakest first (c1).")
    ] = None,
    config: ConfigOption = None,
    settings: SetOption = None,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="Runs side by side; default: one an accelerator, or a core."),
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    out: Annotated[
        Path | None, typer.Option(help="Folder of tables; default: experiments, in the workspace.")
    ] = None,
    write_docs: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Put the tables into a document, too, at their marks."),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Delete the runs of these cells first.")
    ] = False,
    keep_weights: Annotated[
        bool, typer.Option("--keep-weights", help="Keep the checkpoints of finished cells.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say how many cells and programs it would be.")
    ] = False,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
) -> None:
    """Answer one of the paper's questions with many runs, and write tables with intervals.

    A cell is a run for an arm and a seed, named EXPERIMENT-ARM-SEED: `btp-tui` shows it live. What
    is finished is not done again, what was killed goes on. Ends with exit code 1 when a signal cut
    it short or a cell failed; the others are in the tables all the same.
    """
    from core.experiments.catalogue import find_experiments
    from core.experiments.plan import Asked

    if not name:
        _list(as_json)
        return
    asked = Asked(
        seeds=seeds,
        quick=quick,
        programs=programs,
        model=model,
        train=tuple(train or ()),
        validation=tuple(validation or ()),
        held_out=tuple(held_out or ()),
        teachers=tuple(teacher or ()),
        config=config,
        settings=(*(settings or ()), *(["model.offline=true"] if offline else [])),
    )
    chosen = find_experiments(name)
    if dry_run:
        _say_cells(chosen, asked, as_json)
        return
    from core.experiments.session import Session
    from storage.workspace import Workspace

    session = Session(
        experiments=chosen,
        asked=asked,
        workspace=Workspace(workspace),
        out=out or workspace / "experiments",
        document=write_docs,
        jobs=jobs,
        fresh=fresh,
        keeps_weights=keep_weights,
        as_json=as_json,
    )
    if not session.run():
        raise typer.Exit(1)


def _list(as_json: bool) -> None:
    from core.experiments.catalogue import ALL, EXPERIMENTS

    lines = {one.name: one.question for one in EXPERIMENTS}
    if as_json:
        print(json.dumps(lines))
        return
    for name, question in {**lines, ALL: "All of them."}.items():
        print(f"{name:<7}{question}")


def _say_cells(experiments: Sequence[Experiment], asked: Asked, as_json: bool) -> None:
    """What it would be, without running any of it."""
    from core.experiments.cost import Cost, costs

    each = costs(experiments, asked)
    together = sum(each.values(), Cost())
    if as_json:
        print(json.dumps({name: cost.as_json() for name, cost in each.items()}))
        return
    for name, cost in (*each.items(), *([("all", together)] if len(each) > 1 else [])):
        print(f"{name:<7}{cost.sentence()}")
