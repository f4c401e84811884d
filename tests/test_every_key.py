"""Every key of every screen by what it must cause: the table below is the specification.

A key that is not in it fails a test, and so does one that does nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.dom import DOMNode
from textual.pilot import Pilot
from textual.widgets import Input

from btp_tui.app import BtpApp
from btp_tui.control import engine
from btp_tui.form.rows import SectionRow
from btp_tui.keys import record as key_record
from btp_tui.keys.keymap import bindable
from btp_tui.panels.alerts import AlertRows
from btp_tui.panels.field_list import FieldList
from btp_tui.panels.filter_bar import FilterBar
from btp_tui.panels.program import ProgramView
from btp_tui.panels.table import Table
from btp_tui.screens.compare import CompareScreen, Curves
from btp_tui.screens.saved_filters import SavedFilters
from btp_tui.snapshot import PAGE, Snapshot
from storage.workspace import Workspace
from tests.screens import EXAMPLES, Examples, card, lineage, run_line, snapshot, still_app
from tests.states import comparison, first_card, flagged_card, flagged_page, warned
from tests.stores import Store


@dataclass(frozen=True, slots=True)
class Seen:
    """An application that runs, its store, and the processes it would have begun."""

    pilot: Pilot[Any]
    store: Store
    begun: list[tuple[str, ...]]

    @property
    def app(self) -> BtpApp:
        assert isinstance(self.pilot.app, BtpApp)
        return self.pilot.app

    @property
    def screen(self) -> Any:
        return self.app.screen

    async def settle(self) -> None:
        """Until what a key began is done."""
        if self.app._exit:
            return
        for _ in range(2):
            await self.app.workers.wait_for_complete()
            await self.pilot.pause()

    async def press(self, keys: str) -> None:
        for key in keys.split():
            await self.pilot.press(key)
            await self.settle()


@dataclass(frozen=True, slots=True)
class View:
    """A place that keys lead to from the dashboard, with what a test does there first."""

    shown: Snapshot
    keys: str = ""
    examples: Examples = EXAMPLES
    act: Callable[[Seen], Awaitable[None]] | None = None


# What can be observed


def screen(seen: Seen) -> object:
    return type(seen.screen).__name__


def focus(seen: Seen) -> object:
    return seen.screen.focused.id


def commands(seen: Seen) -> object:
    """What engines were asked for."""
    pending = seen.store.writer.pending_commands(seen.store.run)
    return [(each.name, *each.argument.values()) for each in pending]


def begun(seen: Seen) -> object:
    return seen.begun


def turned(seen: Seen) -> object:
    return dict(seen.app.wishes.turned)


def held(seen: Seen) -> object:
    return seen.app.newest.held


def theme(seen: Seen) -> object:
    return seen.app.theme


def ended(seen: Seen) -> object:
    return seen.app._exit


def copied(seen: Seen) -> object:
    return seen.app.clipboard


def span(seen: Seen) -> object:
    return seen.screen._span


def log_in_sight(seen: Seen) -> object:
    return seen.screen.query_one("#log-instead").display


def warnings(seen: Seen) -> object:
    """In sight and put away."""
    rows = seen.screen.query_one(AlertRows)
    return rows.in_sight, rows.away


def row(seen: Seen) -> object:
    """The place of the cursor, in whatever has one."""
    return seen.screen.query(Table).first().cursor


def rows(seen: Seen) -> object:
    return len(seen.screen.query(Table).first().rows)


def text(seen: Seen) -> object:
    """What is written in the line that has the focus, or the first one."""
    found = seen.screen.focused
    return (found if isinstance(found, Input) else seen.screen.query(Input).first()).value


def page(seen: Seen) -> object:
    return seen.app.wishes.page


def sample(seen: Seen) -> object:
    return seen.app.wishes.sample


def tokens(seen: Seen) -> object:
    return seen.app.wishes.tokens


def shows(seen: Seen) -> object:
    return seen.screen.query_one(ProgramView).shows


def tasks(seen: Seen) -> object:
    """Order, whether it is turned round, and the first row of the page."""
    wish = seen.app.wishes.tasks
    assert wish is not None
    return wish.sort, wish.turned_round, wish.offset


def marked(seen: Seen) -> object:
    return seen.screen._marked


def over_time(seen: Seen) -> object:
    return seen.screen.query_one(Curves)._over_time


def scrolled(seen: Seen) -> object:
    return seen.screen.query_one(VerticalScroll).scroll_offset.y


def field(seen: Seen) -> object:
    return seen.screen.query_one(FieldList).cursor


def far_down(seen: Seen) -> object:
    return seen.screen.query_one(FieldList).cursor > 6


def at_last_field(seen: Seen) -> object:
    fields = seen.screen.query_one(FieldList)
    return fields.cursor == len(fields._rows) - 1


def on_section(seen: Seen) -> object:
    return isinstance(seen.screen.query_one(FieldList).row, SectionRow)


def typing(seen: Seen) -> object:
    return seen.screen._fields.editing


def edits(seen: Seen) -> object:
    """Whether typing goes on, how many settings differ, and where the cursor is."""
    return typing(seen), len(seen.screen._draft.edits), field(seen)


def only_changed(seen: Seen) -> object:
    return seen.screen._changed_only


def beginning(seen: Seen) -> object:
    return seen.screen._begin.name


# The places


async def write(seen: Seen) -> None:
    """Begins a filter, after one that was written earlier."""
    seen.screen.query_one(FilterBar).history = ("pass:1",)
    await seen.press("o u t")


async def recall(seen: Seen) -> None:
    seen.screen.query_one(FilterBar).history = ("pass:1",)
    await seen.press("up")


async def keep_a_filter(seen: Seen) -> None:
    await seen.press("F s a enter")
    assert isinstance(seen.screen, SavedFilters)


async def compare(seen: Seen) -> None:
    await seen.app.push_screen(CompareScreen(comparison(2)))
    await seen.settle()


def with_archived() -> Snapshot:
    now = snapshot("finished")
    return replace(now, runs=(*now.runs, run_line("old-1", "stopped", archived=True, id=4)))


def last_card(number: int) -> Any:
    told = lineage(number)
    return replace(card(number), lineage=replace(told, place=len(told.samples) - 1))


NOW, OVER = snapshot(), snapshot("finished")
FLAGGED = Examples(page=flagged_page, card=flagged_card)

VIEWS = {
    "dashboard": View(NOW),
    "dashboard, paused": View(snapshot("paused")),
    "dashboard, finished": View(OVER),
    "dashboard, died": View(snapshot("died")),
    "dashboard, preview": View(NOW, "right_square_bracket"),
    "dashboard, warned": View(warned()),
    "dashboard, dismissed": View(warned(), "w"),
    "programs": View(NOW, "b down down"),
    "programs, filtered": View(NOW, "b f o"),
    "programs, second page": View(NOW, "b greater_than_sign"),
    "programs, flagged": View(NOW, "b down down down", FLAGGED),
    "filter": View(NOW, "b slash", act=write),
    "filter, recalled": View(NOW, "b slash", act=recall),
    "program": View(NOW, "down down down enter"),
    "program, flagged": View(NOW, "down down down enter", FLAGGED),
    "program, first": View(NOW, "down down down enter", Examples(card=first_card)),
    "program, last": View(NOW, "down down down enter", Examples(card=last_card)),
    "tasks": View(NOW, "4 down down"),
    "tasks, second page": View(NOW, "4 greater_than_sign"),
    "tasks, found": View(NOW, "4 slash a enter"),
    "task filter": View(NOW, "4 slash"),
    "runs": View(OVER, "3 down"),
    "runs, died": View(OVER, "3 down down"),
    "runs, marked": View(OVER, "3 m down m"),
    "runs, archived": View(with_archived(), "3"),
    "comparison": View(OVER, "3", act=compare),
    "form": View(NOW, "N down down down"),
    "form, first row": View(NOW, "N"),
    "form, changed": View(NOW, "N down down enter 7 enter"),
    "form, typing": View(NOW, "N down down enter 7"),
    "question": View(NOW, "s"),
    "list of keys": View(NOW, "question_mark"),
    "list of keys, below": View(NOW, "question_mark pagedown"),
    "jump": View(NOW, "semicolon"),
    "export": View(NOW, "b E"),
    "re-run": View(NOW, "b R"),
    "prompt": View(OVER, "3 down e"),
    "saved filters": View(NOW, "b f", act=keep_a_filter),
}


# The specification


@dataclass(frozen=True, slots=True)
class Key:
    """In a view each of the keys calls an action, by which what is observed becomes something."""

    keys: str
    action: str
    view: str
    observed: Callable[[Seen], object]
    becomes: object


#: Something else than before; nothing else than before.
OTHER, SAME = object(), object()

ALPHA_SET = [("set", "replay.alpha", 0.25)]

GLOBAL = [
    Key("d", "start_demo", "dashboard, finished", begun, [("start", "demo")]),
    Key("p", "pause_training", "dashboard", commands, [("pause",)]),
    Key("p", "resume_training", "dashboard, paused", commands, [("resume",)]),
    Key("r", "resume_watched", "dashboard, died", begun, [("resume", "demo-1")]),
    Key("space", "hold_display", "dashboard", held, True),
    Key("s", "stop_training", "dashboard", screen, "Question"),
    Key("N", "new_run", "dashboard", screen, "NewRunScreen"),
    Key("1", "show('dashboard')", "runs", screen, "DashboardScreen"),
    Key("b 2", "show('programs')", "dashboard", screen, "ProgramsScreen"),
    Key("3", "show('runs')", "dashboard", screen, "RunsScreen"),
    Key("4", "show('tasks')", "dashboard", screen, "TasksScreen"),
    Key("left_square_bracket", "turn('alpha', -1)", "dashboard", turned, {"alpha": 0.15}),
    Key("right_square_bracket", "turn('alpha', 1)", "dashboard", turned, {"alpha": 0.25}),
    Key("left_curly_bracket", "turn('exponent', -1)", "dashboard", turned, {"exponent": 3.5}),
    Key("right_curly_bracket", "turn('exponent', 1)", "dashboard", turned, {"exponent": 4.5}),
    Key("t", "turn('prioritization', 1)", "dashboard", turned, {"prioritization": "rank"}),
    Key("y", "turn('possibility', 1)", "dashboard", turned, {"possibility": "joint"}),
    Key("backspace", "revert_knobs", "dashboard, preview", turned, {}),
    Key("ctrl+t", "next_theme", "dashboard", theme, "btp-light"),
    Key("semicolon", "jump", "dashboard", screen, "JumpScreen"),
    Key("ctrl+p", "command_palette", "dashboard", screen, "CommandPalette"),
    Key("q ctrl+q", "quit", "dashboard", ended, True),
    Key("question_mark", "keys", "dashboard", screen, "KeyHelp"),
]

DASHBOARD = [
    Key("enter", "app.apply_knobs", "dashboard, preview", commands, ALPHA_SET),
    Key("escape", "app.revert_knobs", "dashboard, preview", turned, {}),
    Key("z", "turn_span(1)", "dashboard", span, OTHER),
    Key("Z", "turn_span(-1)", "dashboard", span, OTHER),
    Key("w", "dismiss_alert", "dashboard, warned", warnings, (1, 1)),
    Key("W", "bring_back_alerts", "dashboard, dismissed", warnings, (2, 0)),
    Key("l", "toggle_log", "dashboard", log_in_sight, True),
]

TABLE = [
    Key("up k", "move(-1)", "programs", row, 1),
    Key("down j", "move(1)", "programs", row, 3),
    Key("pageup ctrl+b", "move_page(-1)", "programs", row, 0),
    Key("pagedown ctrl+f", "move_page(1)", "programs", row, 6),
    Key("home g", "move_to(0)", "programs", row, 0),
    Key("end G", "move_to(-1)", "programs", row, 119),
    Key("enter", "open", "programs", screen, "ProgramScreen"),
]

PROGRAMS = [
    Key("slash", "edit_filter", "programs", focus, "filter"),
    Key("F", "saved_filters", "programs", screen, "SavedFilters"),
    Key("o", "next_sort", "programs", text, "sort:-pass"),
    Key("O", "reverse_sort", "programs, filtered", text, "outcome:passed sort:pass"),
    Key("f", "next_outcome", "programs", text, "outcome:passed"),
    Key("c", "clear_filter", "programs, filtered", text, ""),
    Key("m", "app.flag('marked', True)", "programs", commands, [("mark", [998])]),
    Key("m", "app.flag('marked', False)", "programs, flagged", commands, [("unmark", [997])]),
    Key("x", "app.flag('excluded', True)", "programs", commands, [("exclude", [998])]),
    Key("x", "app.flag('excluded', False)", "programs, flagged", commands, [("include", [997])]),
    Key("R", "app.rerun", "programs", screen, "RerunDialog"),
    Key("E", "export", "programs", screen, "ExportDialog"),
    Key("greater_than_sign", "turn(1)", "programs", page, ("", PAGE)),
    Key("less_than_sign", "turn(-1)", "programs, second page", page, ("", 0)),
    Key("escape", "leave", "programs", screen, "DashboardScreen"),
]

FILTER = [
    Key("enter", "submit", "filter", focus, "programs"),
    Key("tab", "complete(1)", "filter", text, "outcome:"),
    Key("shift+tab", "complete(-1)", "filter", text, "outcome:"),
    Key("up", "recall(1)", "filter", text, "pass:1"),
    Key("down", "recall(-1)", "filter, recalled", text, ""),
    Key("escape", "screen.leave", "filter", focus, "programs"),
]

PROGRAM = [
    Key("n", "step(1)", "program", sample, 1000),
    Key("N", "step(-1)", "program", sample, 994),
    Key("n", "stay", "program, last", screen, SAME),
    Key("N", "stay", "program, first", screen, SAME),
    Key("v", "compare", "program", shows, "changes"),
    Key("u", "tokens", "program", tokens, True),
    Key("y", "app.copy_program", "program", copied, card().text),
    Key("m", "app.flag('marked', True)", "program", commands, [("mark", [997])]),
    Key("m", "app.flag('marked', False)", "program, flagged", commands, [("unmark", [997])]),
    Key("x", "app.flag('excluded', True)", "program", commands, [("exclude", [997])]),
    Key("x", "app.flag('excluded', False)", "program, flagged", commands, [("include", [997])]),
    Key("R", "app.rerun", "program", screen, "RerunDialog"),
    Key("escape", "app.close_program", "program", screen, "DashboardScreen"),
]

TASKS = [
    Key("slash", "edit_filter", "tasks", focus, "filter"),
    Key("o", "next_sort", "tasks", tasks, ("improved", False, 0)),
    Key("O", "reverse_sort", "tasks", tasks, ("hardest", True, 0)),
    Key("c", "clear_filter", "tasks, found", text, ""),
    Key("greater_than_sign", "turn(1)", "tasks", tasks, ("hardest", False, PAGE)),
    Key("less_than_sign", "turn(-1)", "tasks, second page", tasks, ("hardest", False, 0)),
    Key("escape", "leave", "tasks", screen, "DashboardScreen"),
]

TASK_FILTER = [
    Key("enter", "submit", "task filter", focus, "tasks"),
    Key("escape", "screen.leave", "task filter", focus, "tasks"),
]

RUNS = [
    Key("r", "resume", "runs, died", begun, [("resume", "mine-1")]),
    Key("m", "mark", "runs", marked, ["demo-0"]),
    Key("v", "compare", "runs, marked", screen, "CompareScreen"),
    Key("e", "rename", "runs", screen, "Prompt"),
    Key("a", "archive", "runs", begun, [("archive", "demo-0")]),
    Key("A", "toggle_archived", "runs, archived", rows, 4),
    Key("x", "delete", "runs", screen, "Question"),
    Key("escape", "app.show('dashboard')", "runs", screen, "DashboardScreen"),
]

COMPARISON = [
    Key("t", "turn", "comparison", over_time, True),
    Key("escape v", "close", "comparison", screen, "RunsScreen"),
]

FORM = [
    Key("ctrl+s", "start", "form", begun, [("start", "demo")]),
    Key("slash", "filter", "form", focus, "find"),
    Key("c", "changed", "form", only_changed, True),
    Key("backspace delete", "reset", "form, changed", edits, (False, 0, 2)),
    Key("w", "write", "form", screen, "Prompt"),
    Key("escape", "leave", "form", screen, "DashboardScreen"),
]

FIELDS = [
    Key("up k", "move(-1)", "form", field, 2),
    Key("down j", "move(1)", "form", field, 4),
    Key("pageup ctrl+b", "page(-1)", "form", field, 0),
    Key("pagedown ctrl+f", "page(1)", "form", far_down, True),
    Key("home g", "move_to(0)", "form", field, 0),
    Key("end G", "move_to(-1)", "form", at_last_field, True),
    Key("tab", "section(1)", "form", on_section, True),
    Key("shift+tab", "section(-1)", "form", on_section, True),
    Key("enter", "ask(0)", "form", typing, True),
    Key("space right l", "ask(1)", "form, first row", beginning, OTHER),
    Key("left h", "ask(-1)", "form, first row", beginning, OTHER),
]

TYPING = [
    Key("enter", "leave(True)", "form, typing", edits, (False, 1, 2)),
    Key("escape", "leave(False)", "form, typing", edits, (False, 0, 2)),
    Key("up shift+tab", "leave(True, -1)", "form, typing", edits, (False, 1, 1)),
    Key("down tab", "leave(True, 1)", "form, typing", edits, (False, 1, 3)),
]

DIALOGS = {
    "Question": [
        Key("y", "answer(True)", "question", commands, [("stop",)]),
        Key("n escape", "answer(False)", "question", screen, "DashboardScreen"),
    ],
    "KeyHelp": [
        Key("escape", "dismiss", "list of keys", screen, "DashboardScreen"),
        Key("down", "move(1)", "list of keys", scrolled, 1),
        Key("up", "move(-1)", "list of keys, below", scrolled, 7),
        Key("pagedown", "move(8)", "list of keys", scrolled, 8),
        Key("pageup", "move(-8)", "list of keys, below", scrolled, 0),
    ],
    "JumpScreen": [Key("escape semicolon", "dismiss", "jump", screen, "DashboardScreen")],
    "ExportDialog": [
        Key("escape", "dismiss(None)", "export", screen, "ProgramsScreen"),
        Key("tab", "next_format", "export", text, "programs.jsonl.gz"),
    ],
    "RerunDialog": [Key("escape", "leave", "re-run", screen, "ProgramsScreen")],
    "Prompt": [Key("escape", "dismiss(None)", "prompt", screen, "RunsScreen")],
    "SavedFilters": [
        Key("s", "save", "saved filters", screen, "Prompt"),
        Key("r", "rename", "saved filters", screen, "Prompt"),
        Key("x delete", "drop", "saved filters", rows, 6),
        Key("escape F q", "dismiss(None)", "saved filters", screen, "ProgramsScreen"),
    ],
}

#: By the class that takes the keys.
SPECIFICATION = {
    "BtpApp": GLOBAL,
    "DashboardScreen": DASHBOARD,
    "Table": TABLE,
    "ProgramsScreen": PROGRAMS,
    "FilterBar": FILTER,
    "ProgramScreen": PROGRAM,
    "TasksScreen": TASKS,
    "FindBar": TASK_FILTER,
    "RunsScreen": RUNS,
    "CompareScreen": COMPARISON,
    "NewRunScreen": FORM,
    "FieldList": FIELDS,
    "ValueInput": TYPING,
    **DIALOGS,
}

SPECIFIED = {
    (owner, key, each.action)
    for owner, table in SPECIFICATION.items()
    for each in table
    for key in each.keys.split()
}


# The tests


@asynccontextmanager
async def opened(name: str, folder: Path, begun: list[tuple[str, ...]]) -> AsyncIterator[Seen]:
    """The application in a view, over a store that has its runs; no key there is unspecified."""
    view = VIEWS[name]
    with Store(folder) as store:
        for run in ("demo-0", "mine-1"):
            store.writer.create_run(run, "train", "seed = 0\n", "nano", "all")
        app = still_app(view.shown, store.workspace.path, view.examples)
        async with app.run_test(size=(80, 24)) as pilot:
            seen = Seen(pilot, store, begun)
            await pilot.pause()
            await seen.press(view.keys)
            if view.act is not None:
                await view.act(seen)
            assert unspecified(seen) == []
            yield seen


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, ...]]:
    """What would have been begun, instead of beginning it; files go into a folder of their own."""
    asked: list[tuple[str, ...]] = []

    def launch(what: str) -> Callable[..., engine.Launch]:
        def begin(workspace: Workspace, name: str, *_: object) -> engine.Launch:
            asked.append((what, name))
            return engine.Launch(name, None, workspace.path / "engine.log")  # type: ignore[arg-type]

        return begin

    async def administer(workspace: Workspace, *arguments: str, **_: object) -> str:
        asked.append(arguments)
        return "Done."

    monkeypatch.setattr(engine, "start", launch("start"))
    monkeypatch.setattr(engine, "resume", launch("resume"))
    monkeypatch.setattr(engine, "administer", administer)
    monkeypatch.chdir(tmp_path)
    for name in ("TMUX", "SSH_TTY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    return asked


def unspecified(seen: Seen) -> list[tuple[str, str, str]]:
    """The keys of ours that work at this moment and are not in the table."""
    ours = {action.id for action in bindable()}
    return [
        (type(active.node).__name__, key, active.binding.action)
        for key, active in seen.screen.active_bindings.items()
        if active.binding.id in ours and not specified(active.node, key, active.binding.action)
    ]


def specified(node: DOMNode, key: str, action: str) -> bool:
    return any((owner.__name__, key, action) in SPECIFIED for owner in type(node).__mro__)


def test_every_key_that_is_declared_is_specified_and_no_other() -> None:
    key_record.declared()  # imports all that has keys
    declared = {
        (node.__name__, binding.key, binding.action)
        for node in (BtpApp, *descendants(DOMNode))
        if node.__module__.startswith("btp_tui.") and "BINDINGS" in vars(node)
        for binding in Binding.make_bindings(vars(node)["BINDINGS"])
    }
    assert declared == SPECIFIED


def descendants(node: type) -> Iterator[type]:
    for child in node.__subclasses__():
        yield child
        yield from descendants(child)


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(each, id=f"{each.view}: {each.keys}")
        for table in SPECIFICATION.values()
        for each in table
    ],
)
async def test_a_key_does_what_is_specified(
    key: Key, tmp_path: Path, processes: list[tuple[str, ...]]
) -> None:
    """The first of its keys; others call the same action of the same part."""
    async with opened(key.view, tmp_path, processes) as seen:
        first, *others = key.keys.split()
        node = taken_by(seen, first, key.action)
        assert node is not None
        assert [other for other in others if taken_by(seen, other, key.action) is not node] == []
        before = deepcopy(key.observed(seen))
        assert before != key.becomes
        await seen.press(first)
        after = key.observed(seen)
    if key.becomes is OTHER:
        assert after != before
    else:
        assert after == (before if key.becomes is SAME else key.becomes)


def taken_by(seen: Seen, key: str, action: str) -> DOMNode | None:
    """The part in sight on which a key calls an action."""
    for node, bindings in seen.screen._modal_binding_chain:
        if any(each.action == action for each in bindings.key_to_bindings.get(key, ())):
            assert isinstance(node, DOMNode)
            return node
    return None


#: Keys that leave no screen for good, what they show, and the key that takes it back.
THERE_AND_BACK = [
    ("question_mark", screen, "KeyHelp", "escape"),
    ("semicolon", screen, "JumpScreen", "escape"),
    ("ctrl+p", screen, "CommandPalette", "escape"),
    ("ctrl+t", theme, "btp-light", "ctrl+t ctrl+t"),
    ("space", held, True, "space"),
]


@pytest.mark.parametrize(
    "view", ["dashboard", "programs", "program", "tasks", "runs", "comparison", "form"]
)
async def test_global_keys_work_on_every_screen(
    view: str, tmp_path: Path, processes: list[tuple[str, ...]]
) -> None:
    async with opened(view, tmp_path, processes) as seen:
        here = screen(seen)
        for key, observed, becomes, back in THERE_AND_BACK:
            if (view, key) == ("form", "space"):
                continue  # it takes another choice there
            before = observed(seen)
            await seen.press(key)
            assert observed(seen) == becomes, key
            await seen.press(back)
            assert (observed(seen), screen(seen)) == (before, here), key
        await seen.press("q")
        assert seen.app._exit
