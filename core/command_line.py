"""What the commands share: options, and a progress bar."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from core.tasks.load import DATASETS

WorkspaceOption = Annotated[
    Path,
    typer.Option("--workspace", envvar="BTP_WORKSPACE", help="Folder of runs and programs."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a setting; may be repeated."),
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="TOML file; settings not in it keep their defaults.")
]
PresetOption = Annotated[
    str | None, typer.Option("--preset", help="Begin with one of those that `presets` lists.")
]
JsonOption = Annotated[
    bool,
    typer.Option("--json", help="End stdout with one JSON object."),
]
OfflineOption = Annotated[
    bool,
    typer.Option("--offline", help="Never touch the network (model.offline)."),
]
DEFAULT_WORKSPACE = Path("btp-runs")

TasksArgument = Annotated[
    str, typer.Argument(help=f"NAME[:PART][:PATH]; {', '.join(DATASETS)}.", show_default=False)
]
ProgramsArgument = Annotated[
    Path, typer.Argument(help="JSONL (plain or .gz), parquet, or a dataset's folder.")
]


@contextmanager
def progress_bar(name: str) -> Iterator[Callable[[int, int], None]]:
    """Shows a bar while inside, where stderr is a terminal; yields what tells it (done, total)."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True, highlight=False)
    with Progress(console=console, disable=not console.is_terminal) as bars:
        bar = bars.add_task(name, total=None)
        yield lambda done, total: bars.update(bar, completed=done, total=total)


@contextmanager
def steps() -> Iterator[Callable[[str], None]]:
    """Shows on stderr what is done now and for how long, where that is a terminal."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, highlight=False)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=None)
        yield lambda step: bar.update(task, description=step)
