"""`btp-tui programs exclude, include, mark, unmark, rerun`: what is done to stored programs."""

from __future__ import annotations

import json
import os
import select
import stat
import threading
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from core.command_line import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption
from core.config import ReplayConfig
from core.errors import CoreError
from core.flags import carry_out_pending, set_flags
from storage.reader import Reader
from storage.schema import Run
from storage.workspace import Workspace
from storage.writer import Writer

if TYPE_CHECKING:
    from core.rerun import Rerun

#: Seconds that an engine at work is given to answer.
_PATIENCE_S = 10.0

programs_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

RunArgument = Annotated[str, typer.Argument(help="Name of the run, as `btp-tui runs` shows it.")]
#: The largest number that SQLite holds.
_MOST = 2**63 - 1
SamplesArgument = Annotated[
    list[int] | None,
    typer.Argument(metavar="ID", min=1, max=_MOST, help="As the screen shows it."),
]
FilterOption = Annotated[
    str | None, typer.Option("--filter", help="All that the screen's filter bar would find.")
]


@programs_app.command("exclude")
def exclude(
    run: RunArgument,
    samples: SamplesArgument = None,
    wanted: FilterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Keep programs from the replay of their run.

    An engine at work takes it in between two updates; where none is, the next one begins with it. A
    program that the run writes again stays excluded, until it is included.
    """
    _flag("exclude", run, samples, wanted, workspace, as_json)


@programs_app.command("include")
def include(
    run: RunArgument,
    samples: SamplesArgument = None,
    wanted: FilterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Let excluded programs be replayed again."""
    _flag("include", run, samples, wanted, workspace, as_json)


@programs_app.command("mark")
def mark(
    run: RunArgument,
    samples: SamplesArgument = None,
    wanted: FilterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Mark programs, to find them again by marked:yes; training does not care."""
    _flag("mark", run, samples, wanted, workspace, as_json)


@programs_app.command("unmark")
def unmark(
    run: RunArgument,
    samples: SamplesArgument = None,
    wanted: FilterOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Take marks away."""
    _flag("unmark", run, samples, wanted, workspace, as_json)


@programs_app.command("rerun")
def rerun_one(
    sample: Annotated[
        int, typer.Argument(metavar="ID", min=1, max=_MOST, help="As the screen shows it.")
    ],
    limit: Annotated[
        float | None,
        typer.Option(min=0.01, max=3600.0, help="CPU seconds a test; default: ten times the run's"),
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Run a stored program again, with a longer time limit.

    Shows what each test says now beside what it said then. Nothing is stored.
    """
    from core.rerun import rerun

    _end_with_reader()
    result = rerun(Workspace(workspace), sample, limit)
    print(json.dumps(asdict(result)) if as_json else _in_words(result))


def _flag(
    name: str,
    run: str,
    samples: list[int] | None,
    wanted: str | None,
    folder: WorkspaceOption,
    as_json: bool,
) -> None:
    if (wanted is None) == (not samples):
        raise CoreError(f"Say which programs to {name}: their ids, or --filter, not both.")
    workspace = Workspace(folder).open()
    with Reader(workspace) as reader:
        stored = reader.run(run)
        if stored is None:
            raise CoreError(f"There is no run {run} in {folder}; `btp-tui runs` lists them.")
        chosen = list(samples or []) if wanted is None else _found(reader, run, wanted)
        stray = reader.stray(stored.id, chosen)
    if stray:
        raise CoreError(f"There is no program {stray[0]} of {run}; nothing was changed.")
    if not chosen:
        raise CoreError(f"No program of {run} is {wanted}; nothing was changed.")
    answer = _say(workspace, stored, name, chosen)
    print(
        json.dumps({"run": run, "programs": len(chosen), "answer": answer})
        if as_json
        else f"{run}: {answer}."
    )


def _found(reader: Reader, run: str, wanted: str) -> list[int]:
    """The samples of a run that a filter finds."""
    from core.exchange.export import select_rows
    from storage.columns import Columns

    columns = Columns(reader)
    columns.refresh()
    # The run goes first: a quote may still be open at the end.
    rows = select_rows(f"run:{run} {wanted}", reader, columns, ReplayConfig())
    found: list[int] = columns.sample[rows].tolist()
    return found


def _say(workspace: Workspace, run: Run, name: str, samples: list[int]) -> str:
    """Asks the engine at work on the run; where there is none, does it here."""
    with Writer(workspace) as writer:
        if run.kind == "train" and workspace.engine_alive(run.name):
            return _ask(writer, workspace, run, name, samples)
        try:
            with workspace.engine_lock(run.name):
                carry_out_pending(writer, run.id)
                return set_flags(writer, run.id, name, samples)
        except OSError as error:
            raise CoreError(
                f"Cannot write to {workspace.run_folder(run.name)}: {error.strerror or error}; "
                "nothing was changed."
            ) from error


def _ask(writer: Writer, workspace: Workspace, run: Run, name: str, samples: list[int]) -> str:
    command = writer.add_command(run.id, name, {"samples": samples})
    deadline = time.monotonic() + _PATIENCE_S
    with Reader(workspace) as reader:
        while time.monotonic() < deadline:
            answer = reader.answer(command)
            if answer is not None:
                return answer
            time.sleep(0.1)
    return "its engine was asked, and answers after its present step"


def _end_with_reader() -> None:
    """Ends this process with whoever reads its pipe, and with it the program that runs."""
    if not stat.S_ISFIFO(os.fstat(1).st_mode):
        return
    reader = select.poll()
    reader.register(1, 0)  # errors are reported all the same

    def watch() -> None:
        reader.poll()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _in_words(result: Rerun) -> str:
    rows = []
    then = result.then.tests if result.then else ()
    for number, test in enumerate(result.now.tests, start=1):
        before = then[number - 1].outcome if number <= len(then) else "not run"
        said = f": {_one_line(test.message)}" if test.message and test.outcome != "passed" else ""
        rows.append(f"test {number}: {before}, now {test.outcome} ({test.seconds:.2f} s){said}")
    before = result.then.outcome if result.then else "not tested"
    rows.append(
        f"{_one_line(result.task_id)}, program {result.sample}: {before}, now "
        f"{result.now.outcome} with {result.limit_s:g} s a test. Nothing was stored: the verdict "
        "of its run stands."
    )
    return "\n".join(rows)


def _one_line(text: str) -> str:
    """What a program or a dataset says, unable to move the cursor."""
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()
