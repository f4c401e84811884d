"""The commands that need torch or the executor; `btp-tui COMMAND` runs `python -m core COMMAND`.

Imports of torch and everything above it happen inside the commands, so that `--help` and wrong use
answer at once.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.administration import runs_app
from core.command_line import (
    DEFAULT_WORKSPACE,
    ConfigOption,
    JsonOption,
    OfflineOption,
    PresetOption,
    ProgramsArgument,
    SetOption,
    TasksArgument,
    WorkspaceOption,
    progress_bar,
)
from core.config_reading import load_config
from core.database import db_app
from core.errors import CoreError
from core.estimate.report import report_estimate, show_presets
from core.evaluation.command import evaluate_model
from core.exchange.commands import export_programs, import_programs
from core.experiments.commands import experiment
from core.loading import raise_on_ctrl_c
from core.offline import stay_offline, stay_offline_as
from core.presets import DEMO, find_preset
from core.stored_programs import programs_app
from core.tasks.load import load_solved, load_tasks
from core.words import percent
from storage.reader import Reader
from storage.workspace import Workspace

if TYPE_CHECKING:
    from core.engine import Result

# Read by OpenMP when torch loads. Its threads would else spin while they wait, on cores that the
# executor's workers and the screen need: on two busy cores, sampling took 15 times as long.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _begin(context: typer.Context) -> None:
    if context.invoked_subcommand not in ("train", "resume"):  # their display does it, once it is
        raise_on_ctrl_c()


app = typer.Typer(
    callback=_begin,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

tasks_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(tasks_app, name="tasks", help="Check tasks, or give them more tests.")
app.add_typer(db_app, name="db", help="Check, upgrade, salvage, shrink or measure the database.")
app.add_typer(runs_app, name="runs", help="List, rename, archive or delete runs.")
app.add_typer(programs_app, name="programs", help="Exclude, mark or re-run stored programs.")
# A filter may begin with a "-", as an option does.
app.command("export", context_settings={"ignore_unknown_options": True})(export_programs)
app.command("import")(import_programs)
app.command("presets")(show_presets)
app.command("eval")(evaluate_model)
app.command("experiment")(experiment)


@app.command()
def train(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    config: ConfigOption = None,
    preset: PresetOption = None,
    settings: SetOption = None,
    name: Annotated[str | None, typer.Option(help="Name of the run.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what it would take: time, memory, disk.")
    ] = False,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train without the screen (default: the demo).

    Ends with exit code 0 when a budget is spent, 1 when a signal cut it short. A dry run starts
    nothing and ends with 1 where the run cannot fit this machine.
    """
    if config and preset:
        raise CoreError("--config and --preset both say what to begin with: give one of them.")
    begin = [] if config else (find_preset(preset) if preset else DEMO).overrides
    chosen = load_config(config, [*begin, *(settings or []), *_offline(offline)])
    if dry_run:
        report_estimate(chosen, workspace, as_json)
        return
    stay_offline(chosen)

    from core.headless import HeadlessDisplay

    with HeadlessDisplay("The same command starts it again.") as display:
        from core.engine import start

        result = start(Workspace(workspace).create(), chosen, name, display.listeners)
    _report(result, as_json)


@app.command()
def resume(
    run: Annotated[str, typer.Argument(help="Name of the run, as `btp-tui runs` shows it.")],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Go on with a run that stopped or died.

    It continues from its newest checkpoint; what the store holds is not done again.
    """
    opened = Workspace(workspace).open()
    with Reader(opened) as reader:
        stored = reader.run(run)
    if stored is not None:
        stay_offline_as(stored.config)

    from core.headless import HeadlessDisplay

    with HeadlessDisplay(f"Go on with: btp-tui resume {run}") as display:
        from core.engine import resume as go_on

        result = go_on(opened, run, display.listeners)
    _report(result, as_json)


@app.command()
def score(
    tasks: TasksArgument,
    programs: ProgramsArgument,
    out: Annotated[Path | None, typer.Option(help="Write a JSON line a program here.")] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    config: ConfigOption = None,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run existing programs against tests.

    PROGRAMS has an object a line or row: task_id (or problem_id) and program (a whole file) or
    completion (what follows the prompt); optionally logprob, n_tokens, source. Programs and
    verdicts are stored in the workspace as a run of their own.
    """
    chosen = load_config(config, settings or [])

    from core.executor.configured import open_executor
    from core.score import score as run_score

    with progress_bar("score") as show, open_executor(chosen.executor) as executor:
        customs = chosen.tasks.custom
        summary = run_score(tasks, programs, Workspace(workspace), executor, out, show, customs)
    if as_json:
        print(json.dumps(summary))
    else:
        print(
            f"{summary['passed']} of {summary['programs']} programs pass every test "
            f"(mean pass rate {percent(summary['pass_rate'])}, {summary['seconds']:.1f} s)."
        )


@app.command()
def sample(
    checkpoint: Annotated[str, typer.Argument(help="A folder, nano, or a hub id.")],
    tasks: Annotated[str, typer.Argument(help="NAME[:PART][:PATH]; nano:held-out, mbpp:test, ...")],
    limit: Annotated[int, typer.Option(min=1, help="Use only the first so many tasks.")] = 10,
    config: ConfigOption = None,
    settings: SetOption = None,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
) -> None:
    """Print a model's programs and their verdicts.

    Shows each program's possibility, before and after a run at a glance; stores nothing.
    """
    path = f"model.path={json.dumps(checkpoint)}"
    chosen = load_config(config, [*(settings or []), path, *_offline(offline)])
    stay_offline(chosen)

    from rich.console import Console

    from core.samples import sample_and_judge

    judged = sample_and_judge(chosen, tasks, limit, Console(highlight=False), quiet=as_json)
    if as_json:
        print(json.dumps(judged))


@app.command()
def merge(
    source: Annotated[str, typer.Argument(metavar="RUN_OR_CHECKPOINT", help="Its adapter.")],
    out: Annotated[Path, typer.Argument(help="A new folder for the model.")],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    offline: OfflineOption = False,
) -> None:
    """Write what a run learned as one ordinary model.

    Takes the best checkpoint of a run, else its newest. An adapter is added to the weights of its
    base; a checkpoint of all weights is copied.
    """
    stay_offline(load_config(None, _offline(offline)))

    from core.models.merging import find_checkpoint, write_merged

    checkpoint = find_checkpoint(source, Workspace(workspace))
    adapted = write_merged(checkpoint, out, offline)
    print(f"{'Merged' if adapted else 'Copied'} {checkpoint} into {out}.")


@tasks_app.command("check")
def check(
    tasks: TasksArgument,
    repeat: Annotated[int, typer.Option(min=1, help="How often each reference is run.")] = 3,
    config: ConfigOption = None,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Name tasks whose reference or tests mislead.

    Runs the reference solutions, several times each, and programs of one constant answer. Ends with
    exit code 0 when nothing was found, 1 when something was; stores nothing.
    """
    chosen = load_config(config, settings or [])

    from core.executor.configured import open_executor
    from core.task_check import check_tasks

    loaded = load_tasks(tasks, allow_untested=True, customs=chosen.tasks.custom)
    with progress_bar("check") as show, open_executor(chosen.executor) as executor:
        findings = check_tasks(loaded, executor, repeat, lambda done: show(done, len(loaded)))
    if as_json:
        print(json.dumps(findings.as_json()))
    else:
        print("\n".join([*findings.lines(), findings.sentence()]))
    if findings.problems:
        raise typer.Exit(1)


@tasks_app.command("augment")
def augment(
    tasks: TasksArgument,
    out: Annotated[Path, typer.Option(help="JSONL file to write; read it as nano:FILE.")],
    wanted: Annotated[int, typer.Option("--tests", min=1, help="Tests wanted for a task.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the new inputs.")] = 0,
    config: ConfigOption = None,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give tasks with few tests more of them.

    Changes the inputs of their tests and takes the answers from the reference solution, where it
    answers twice alike and all published solutions agree. Writes all tasks, with the tests they had
    first.
    """
    chosen = load_config(config, settings or [])

    from core.augment import MOST_SOLUTIONS, as_json_of, augment_tasks, sentence
    from core.executor.configured import open_executor
    from core.files import check_writable
    from core.tasks.writing import write_tasks

    check_writable(out)
    solved = load_solved(tasks, MOST_SOLUTIONS, chosen.tasks.custom)
    with (
        progress_bar("augment") as show,
        open_executor(chosen.executor) as first,
        open_executor(chosen.executor) as second,
    ):
        executors = (first, second)
        results = list(
            augment_tasks(solved, executors, wanted, seed, lambda done: show(done, len(solved)))
        )
    write_tasks((result.task for result in results), out)
    if as_json:
        print(json.dumps({"tasks": [as_json_of(result) for result in results]}))
    else:
        print("\n".join([*(result.line() for result in results), sentence(results, out)]))


@app.command()
def doctor(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try whether this machine can run everything.

    Leaves the workspace as it is. Ends with exit code 1 where a run would be refused.
    """
    chosen = load_config(None, settings or [])

    from rich.console import Console

    from core.doctor import examine, report

    checks = report.show(examine(chosen, workspace), Console(highlight=False, quiet=as_json))
    if as_json:
        print(json.dumps(report.as_json(checks)))
    if any(check.fails for check in checks):
        raise typer.Exit(1)


def _offline(asked: bool) -> list[str]:
    return ["model.offline=true"] if asked else []


def _report(result: Result, as_json: bool) -> None:
    if as_json:
        print(json.dumps(_summary(result)))
    else:
        print(f"{result.run} {result.state}: {result.reason}.")
        if result.initial and result.final:
            before, after = percent(result.initial.accuracy), percent(result.final.accuracy)
            print(
                f"Held-out accuracy {before} -> {after} "
                f"with {result.programs:,} programs and {result.updates} updates "
                f"in {result.seconds:.0f} s."
            )
        if result.seen:
            print(f"Seen, not held out: accuracy {percent(result.seen.accuracy)}.")
        if result.state == "stopped":
            print(f"Go on with: btp-tui resume {result.run}")
    if result.reason.startswith("received"):
        raise typer.Exit(1)  # cut short from outside: what comes after must not take it for done


def _summary(result: Result) -> dict[str, Any]:
    def figures(name: str) -> dict[str, float] | None:
        record = getattr(result, name)
        return record and {"accuracy": record.accuracy, "pass_rate": record.pass_rate}

    summary = asdict(result)
    return {**summary, **{name: figures(name) for name in ("initial", "final", "seen")}}
