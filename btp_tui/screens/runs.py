"""All runs of the workspace: which one to watch, and which to go on with."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from btp_tui import words
from btp_tui.control.steered import SteeredApp
from btp_tui.keys.names import key_of
from btp_tui.panels.runs import RunTable
from btp_tui.panels.table import Table
from btp_tui.screens.dialogs import Question
from btp_tui.screens.live import LiveScreen, reading
from btp_tui.screens.prompt import Prompt
from btp_tui.snapshot import RunLine, Snapshot
from btp_tui.theme import COMPARED
from storage.errors import StorageError

if TYPE_CHECKING:
    from btp_tui.comparison import Comparison


def _no_run() -> str:
    demo, own = key_of("demo"), key_of("new")
    return f"No run yet: press {demo} to start the demo, {own} for one of your own."


class RunsScreen(LiveScreen):
    """One row a run, newest first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "r",
            "resume",
            "Resume",
            tooltip="Go on with the run from its last checkpoint",
            id="runs.resume",
        ),
        Binding(
            "m",
            "mark",
            "Mark",
            tooltip="Mark the run for comparing, or take the mark away",
            id="runs.mark",
        ),
        Binding(
            "v",
            "compare",
            "Compare",
            tooltip="Compare the marked runs, up to four",
            id="runs.compare",
        ),
        Binding(
            "e",
            "rename",
            "Rename",
            tooltip="Give the run and its folder another name",
            id="runs.rename",
        ),
        Binding(
            "a",
            "archive",
            "Archive",
            tooltip="Put the run away, or take it out again",
            id="runs.archive",
        ),
        Binding(
            "A",
            "toggle_archived",
            "Archived",
            tooltip="Show archived runs, or hide them",
            id="runs.archived",
        ),
        Binding(
            "x",
            "delete",
            "Delete",
            tooltip="Delete the run with all it wrote; asks first",
            id="runs.delete",
        ),
        Binding("escape", "app.show('dashboard')", "Back", show=False, id="runs.back"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._marked: list[str] = []
        self._show_archived = False
        self._runs: tuple[RunLine, ...] = ()

    def compose_body(self) -> ComposeResult:
        """The table alone."""
        table = RunTable("runs")
        table.add_class("framed")
        table.border_title = "Runs"
        yield table

    def on_mount(self) -> None:
        """Keys go to the table."""
        self._table.focus()

    def show(self, snapshot: Snapshot) -> None:
        """Takes over the list."""
        super().show(snapshot)
        self._runs = snapshot.runs
        if not snapshot.runs:
            self._table.show_empty(_no_run() if snapshot.loaded else reading(snapshot))
        self._list()

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done with the run under the cursor."""
        run = self._table.row
        match action:
            case "resume":
                return run is not None and run.resumable
            case "mark" | "rename" | "archive" | "delete":
                return run is not None
            case "compare":
                return len(self._marked) > 1
            case "toggle_archived":
                return self._show_archived or any(one.archived for one in self._runs)
            case _:
                return True

    @on(Table.Highlighted, "#runs")
    def another_row(self) -> None:
        """Whether a run can be resumed differs from row to row."""
        self.refresh_bindings()

    @on(Table.Opened, "#runs")
    async def watch_run(self) -> None:
        """Watches a run on the dashboard."""
        if self._table.row is not None:
            await self.app.run_action(f"watch_run({self._table.row.name!r})")

    async def action_resume(self) -> None:
        """Starts an engine that goes on with the highlighted run."""
        if self._table.row is not None:
            await self.app.run_action(f"resume_run({self._table.row.name!r})")

    def action_mark(self) -> None:
        """Marks the run for comparing, or takes the mark away; at most four have one."""
        run = self._table.row
        if run is None:
            return
        if run.name in self._marked:
            self._marked.remove(run.name)
        elif len(self._marked) < len(COMPARED):
            self._marked.append(run.name)
        else:
            self._btp.say(
                trouble=f"{len(COMPARED)} runs are marked already: take a mark away with "
                f"{key_of('runs.mark')} first."
            )
        self._list()

    def action_compare(self) -> None:
        """Shows the marked runs over each other."""
        by_name = {run.name: run for run in self._runs}
        chosen = tuple(by_name[name] for name in self._marked if name in by_name)
        self.run_worker(self._compare(chosen), group="compare", exclusive=True)

    def action_rename(self) -> None:
        """Asks for another name."""
        run = self._resting("rename")
        if run is None:
            return

        def answered(name: str | None) -> None:
            if name:
                self._btp.administer("rename", run.name, name)

        hint = "Its folder gets the name, too. Letters, digits, '.', '_' and '-'."
        self.app.push_screen(Prompt(f"Rename {run.name}", hint, run.name), answered)

    def action_archive(self) -> None:
        """Puts the run away, or takes it out again."""
        run = self._resting("archive")
        if run is not None:
            self._btp.administer("restore" if run.archived else "archive", run.name)

    def action_toggle_archived(self) -> None:
        """Shows archived runs among the others, or hides them."""
        self._show_archived = not self._show_archived
        self._list()

    def action_delete(self) -> None:
        """Asks first, and names what is lost."""
        run = self._resting("delete")
        if run is None:
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._btp.administer("delete", run.name, "--yes")

        self.app.push_screen(Question(f"Delete {run.name} for ever?", _losses(run)), answered)

    def _resting(self, what: str) -> RunLine | None:
        """The run under the cursor; says why not where an engine is at work on it."""
        run = self._table.row
        if run is None or not run.alive:
            return run
        self._btp.say(
            trouble=f"An engine is at work on {run.name}: stop it before you {what} the run "
            f"({key_of('table.open')} watches it, {key_of('stop')} stops it)."
        )
        return None

    async def _compare(self, chosen: tuple[RunLine, ...]) -> None:
        from btp_tui.comparison import (
            compare,  # brings pydantic, which the first frame does without
        )
        from btp_tui.screens.compare import CompareScreen

        def again() -> Comparison:
            by_name = {run.name: run for run in self._btp.snapshot.runs}
            return compare(self._btp.workspace, tuple(by_name.get(one.name, one) for one in chosen))

        try:
            comparison = await asyncio.to_thread(again)
        except StorageError as error:
            self._btp.say(trouble=str(error))
        else:
            self.app.push_screen(CompareScreen(comparison, again))

    def _list(self) -> None:
        """Shows the runs that are not put away, or all."""
        names = {run.name for run in self._runs}
        self._marked = [name for name in self._marked if name in names]
        shown = [run for run in self._runs if self._show_archived or not run.archived or run.alive]
        table = self._table
        table.show_marks(self._marked)
        away = sum(run.archived for run in self._runs)
        if away and not shown:
            table.show_empty(
                f"All runs are archived: press {key_of('runs.archived')} to show them."
            )
        table.show_rows(shown)
        said = [
            f"{key_of('table.open')} watches one",
            f"{key_of('runs.mark')} marks, {key_of('runs.compare')} compares",
        ]
        if away:
            said.append(
                f"{words.count(away)} archived, "
                f"{key_of('runs.archived')} {'hides' if self._show_archived else 'shows'}"
            )
        table.caption(subtitle=f"[$dimmed]{' · '.join(said)}[/]")
        self.refresh_bindings()

    @property
    def _btp(self) -> SteeredApp:
        assert isinstance(self.app, SteeredApp)
        return self.app

    @property
    def _table(self) -> RunTable:
        return self.query_one("#runs", RunTable)


def _losses(run: RunLine) -> str:
    """What a deletion takes away, in a sentence or two."""
    progress = run.progress
    parts = ["its log and its checkpoints"]
    if progress is not None:
        programs, updates = progress.programs, progress.updates
        parts = [
            f"{words.plural(programs, 'program')} with their verdicts and tokens",
            f"{words.plural(updates, 'update')} and the curves",
            *parts,
        ]
    return (
        f"Lost are {', '.join(parts)}. Programs that another run wrote, too, stay. It cannot be "
        f"taken back; {key_of('runs.archive')} archives it instead. The room in the database "
        "is given back to the disk by btp-tui db vacuum."
    )
