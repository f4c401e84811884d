"""The tasks of the watched run: how well each is solved, and how that came about."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input, Static

from btp_tui import words
from btp_tui.filters.query import task_query
from btp_tui.keys.names import key_of
from btp_tui.panels.find_bar import DEBOUNCE_S, FindBar
from btp_tui.panels.panel import line
from btp_tui.panels.table import Table
from btp_tui.panels.tasks import TaskTable
from btp_tui.screens.live import LiveScreen, reading
from btp_tui.snapshot import PAGE, Snapshot
from btp_tui.tasks import TASK_SORTS, TURNED_ROUND, TaskLine, TaskPage, TaskWish

#: What may be looked for.
EXAMPLE = "a part of its name, or a pattern such as nano/*7"


class TasksScreen(LiveScreen):
    """The feed finds, sorts and counts; this screen only asks and shows."""

    READS = frozenset(("tasks",))
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "slash",
            "edit_filter",
            "Filter",
            tooltip="Look for tasks by name",
            id="tasks.filter",
            priority=True,  # else what is typed right after it would go to the table
        ),
        Binding(
            "o",
            "next_sort",
            "Sort",
            tooltip="Hardest, most improved, regressed, or by name",
            id="tasks.sort",
        ),
        Binding(
            "O",
            "reverse_sort",
            "Reverse",
            show=False,
            tooltip="Sort the other way round",
            id="tasks.reverse",
        ),
        Binding(
            "c",
            "clear_filter",
            "Clear",
            show=False,
            tooltip="Show all tasks again",
            id="tasks.clear",
        ),
        Binding(
            "greater_than_sign",
            "turn(1)",
            "Next page",
            show=False,
            tooltip="The next 500 tasks",
            id="tasks.next-page",
        ),
        Binding(
            "less_than_sign",
            "turn(-1)",
            "Previous page",
            show=False,
            tooltip="The 500 tasks before",
            id="tasks.previous-page",
        ),
        Binding(
            "escape", "leave", "Back", tooltip="Back to the table or dashboard", id="tasks.back"
        ),
    ]

    class Wanted(Message):
        """Other tasks are asked for, or another order."""

        def __init__(self, wish: TaskWish) -> None:
            super().__init__()
            self.wish = wish

    def __init__(self) -> None:
        super().__init__()
        self._wish = TaskWish()
        self._page = TaskPage(self._wish)
        self._snapshot: Snapshot | None = None
        self._typing: Timer | None = None

    def compose_body(self) -> ComposeResult:
        """Filter, what it found, and the table."""
        press = f"press {key_of('tasks.filter')} to look for a task"
        yield FindBar(placeholder=f"{press}: {EXAMPLE}", id="filter", compact=True)
        yield Static(id="found")
        table = TaskTable("tasks")
        table.add_class("framed")
        table.border_title = "Tasks"
        table.border_subtitle = (
            f"[$dimmed]{key_of('table.open')} shows its programs in their order[/]"
        )
        yield table

    def on_mount(self) -> None:
        """Keys go to the table."""
        self._table.focus()

    def on_screen_resume(self) -> None:
        """Asks again for what it showed; the first time for the hardest."""
        super().on_screen_resume()
        self.post_message(self.Wanted(self._wish))

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        """Whoever writes a filter needs no key to begin."""
        return action != "edit_filter" or not self.query_one(FindBar).has_focus

    def show(self, snapshot: Snapshot) -> None:
        """What to press while there is nothing to show depends on the run."""
        super().show(snapshot)
        self._snapshot = snapshot
        self._table.show_empty(self._what_to_press())

    def show_tasks(self, page: TaskPage, held: bool) -> None:
        """Takes over a page, unless another was asked for meanwhile.

        A held display takes answers to what was asked, but nothing that is only newer.
        """
        fresh = (page.wish, page.run) != (self._page.wish, self._page.run)
        if page.wish != self._wish or (held and not fresh):
            return
        found = self.query_one("#found", Static)
        found.set_class(bool(page.problem), "-problem")
        if page.problem:
            found.update(line(f"✗ {page.problem}"))  # no markup: it may name a path
            return
        self._page = page
        found.update(_found(page))
        if fresh:
            self._table.action_move_to(0)
        descending = page.wish.turned_round ^ (page.wish.sort == "improved")
        self._table.show_rows(page.rows, (page.wish.sort, descending))
        self._table.show_empty(self._what_to_press())

    @on(Input.Changed, "#filter")
    def filter_changed(self) -> None:
        """Waits for the end of typing."""
        if self._typing is not None:
            self._typing.stop()
        self._typing = self.set_timer(DEBOUNCE_S, self._look_up)

    @on(Input.Submitted, "#filter")
    def filter_submitted(self) -> None:
        """Enter goes on to the table."""
        self._table.focus()

    @on(Table.Opened, "#tasks")
    async def open_task(self) -> None:
        """Shows the programs of the task, the first one first."""
        if self._table.row is not None:
            query = task_query(self._table.row.task)
            await self.app.run_action(f"filter_programs({query!r})")

    def action_edit_filter(self) -> None:
        """Keys go to the filter bar."""
        self.set_focus(self.query_one(FindBar))

    def action_next_sort(self) -> None:
        """Sorts by the next of the orders, each as its name says first."""
        orders = list(TASK_SORTS)
        after = orders[(orders.index(self._wish.sort) + 1) % len(orders)]
        self._ask(sort=after, turned_round=False)

    def action_reverse_sort(self) -> None:
        """Turns the order round."""
        self._ask(turned_round=not self._wish.turned_round)

    def action_clear_filter(self) -> None:
        """Shows all tasks again."""
        self.query_one(FindBar).value = ""

    def action_turn(self, pages: int) -> None:
        """Asks for another page of the same tasks."""
        offset = self._wish.offset + pages * PAGE
        if 0 <= offset < self._page.total:
            self._ask(offset=offset)

    async def action_leave(self) -> None:
        """From the filter to the table, from the table to the dashboard."""
        if self._table.has_focus:
            await self.app.run_action("show('dashboard')")
        else:
            self._table.focus()

    def _look_up(self) -> None:
        self._ask(text=self.query_one(FindBar).value.strip())

    def _ask(self, **changes: Any) -> None:
        self._wish = replace(self._wish, **{"offset": 0, **changes})
        self.post_message(self.Wanted(self._wish))

    def _what_to_press(self) -> str:
        snapshot = self._snapshot
        if snapshot is None or not snapshot.loaded:
            return reading(snapshot)
        if snapshot.watched is None:
            return f"No run yet: press {key_of('demo')} to start the demo."
        if self._page.of:
            return (
                f"No task is called so: {key_of('find.back')}, then "
                f"{key_of('tasks.clear')} shows all of them."
            )
        if snapshot.watched.line.alive:
            press = f"Press {key_of('go.dashboard')} to see how far it is."
            return f"No program yet: tasks come with the first ones. {press}"
        press = f"press {key_of('go.runs')} for another run, or {key_of('demo')} to start the demo"
        return f"This run has no programs: {press}."

    @property
    def _table(self) -> Table[TaskLine]:
        return self.query_one("#tasks", TaskTable)


def _found(page: TaskPage) -> str:
    """How many tasks there are, how many are solved, and what an entry of a history is."""
    if not page.of:
        return ""
    wish = page.wish
    order = (TURNED_ROUND if wish.turned_round else TASK_SORTS)[wish.sort]
    tasks = words.plural(page.total, "task")
    if page.total != page.of:
        tasks = f"{words.count(page.total)} of {words.plural(page.of, 'task')}"
    parts = [tasks, f"{words.count(page.solved)} solved", order]
    if not page.again and page.iterations > 1:
        parts.append("none tested twice yet")
    if page.stretch > 1:
        parts.append(f"history in steps of {page.stretch} iterations")
    if page.total > len(page.rows) > 0:
        last = wish.offset + len(page.rows)
        rows = f"rows {words.count(wish.offset + 1)}–{words.count(last)}"
        parts.append(f"{rows}, > and < turn pages")
    return " · ".join(parts)
