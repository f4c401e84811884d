"""The tasks screen: what it works out of the store, what its keys do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.binding import Binding
from textual.widgets import Input

from btp_tui.filters.query import task_query
from btp_tui.panels.table import Table
from btp_tui.panels.tasks import task_columns
from btp_tui.reading.answers import Answers
from btp_tui.reading.messages import TasksReady
from btp_tui.reading.observer import Observer
from btp_tui.reading.task_history import STRETCHES
from btp_tui.reading.wishes import Wishes
from btp_tui.screens.dashboard import DashboardScreen
from btp_tui.screens.programs import ProgramsScreen
from btp_tui.screens.tasks import TasksScreen
from btp_tui.snapshot import PAGE
from btp_tui.tasks import TASK_SORTS, TaskLine, TaskPage, TaskWish
from tests.stores import Store, sample
from tests.test_screen_keys import app_of, shown, text_of


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Three tasks: "a" is learned, "b" is forgotten again, "c" was never tested."""
    with Store(tmp_path) as made:
        rates = {"a": (0.0, 0.5, 1.0), "b": (1.0, 1.0, 0.25)}
        for iteration in range(3):
            for task, each in rates.items():
                add(made, task, f"{task} = {iteration}", iteration, each[iteration])
        add(made, "c", "c = 0", 2, None)
        yield made


def add(store: Store, task: str, text: str, iteration: int, pass_rate: float | None) -> None:
    [stored] = store.writer.add_samples(store.run, iteration, [sample(task, text)])
    if pass_rate is not None:
        store.judged({stored.program: pass_rate})


def find(store: Store, wish: TaskWish = TaskWish()) -> TaskPage:  # noqa: B008  # it is frozen
    with Observer(store.workspace) as observer:
        wishes = Wishes(tasks=wish)
        messages = list(Answers(observer).to(wishes, observer.snapshot(wishes)))
    [message] = messages
    assert isinstance(message, TasksReady)
    return message.page


def named(page: TaskPage) -> list[str]:
    return [row.task for row in page.rows]


def row(store: Store, task: str) -> TaskLine:
    return next(row for row in find(store).rows if row.task == task)


def test_a_row_tells_how_a_task_was_learned(store: Store) -> None:
    learned = row(store, "a")
    assert learned.history == (0.0, 0.5, 1.0)
    assert (learned.first, learned.newest, learned.change, learned.lost) == (0.0, 1.0, 1.0, 0.0)
    assert (learned.programs, learned.best, learned.solved) == (3, 1.0, 3)
    assert learned.text == "a = 2"


def test_what_was_forgotten_is_counted_from_the_best(store: Store) -> None:
    forgotten = row(store, "b")
    assert (forgotten.lost, forgotten.solved, forgotten.text) == (-0.75, 1, "b = 0")


def test_programs_that_were_not_tested_count_as_attempts_and_say_nothing(store: Store) -> None:
    untested = row(store, "c")
    assert untested.history == (None, None, None)
    assert (untested.programs, untested.best, untested.newest, untested.solved) == (
        1,
        None,
        None,
        None,
    )


def test_a_rate_is_the_mean_of_the_iteration_s_programs(store: Store) -> None:
    add(store, "a", "a = 3", 2, 0.5)
    add(store, "a", "a = 4", 2, None)
    assert row(store, "a").history == (0.0, 0.5, 0.75)


@pytest.mark.parametrize(
    ("sort", "tasks"),
    [
        ("hardest", ["b", "a", "c"]),
        ("improved", ["a", "b", "c"]),
        ("regressed", ["b", "a", "c"]),
        ("name", ["a", "b", "c"]),
    ],
)
def test_an_order_does_what_its_name_says(store: Store, sort: str, tasks: list[str]) -> None:
    assert named(find(store, TaskWish(sort=sort))) == tasks


def test_a_task_that_was_tested_once_has_neither_improved_nor_regressed(store: Store) -> None:
    add(store, "c", "c = 1", 1, 0.75)
    once = row(store, "c")
    assert (once.first, once.newest, once.change, once.lost) == (0.75, 0.75, None, None)
    page = find(store, TaskWish(sort="improved", turned_round=True))
    assert (named(page), page.again) == (["b", "a", "c"], 2)


@pytest.mark.parametrize("sort", ["hardest", "improved", "regressed"])
def test_an_order_turned_round_still_has_the_untested_last(store: Store, sort: str) -> None:
    once, turned = (named(find(store, TaskWish(sort=sort, turned_round=t))) for t in (False, True))
    assert turned == [*once[1::-1], "c"]


def test_tasks_are_found_by_a_part_of_their_name_and_counted(store: Store) -> None:
    page = find(store, TaskWish(text="B"))
    assert (named(page), page.total, page.of, page.solved) == (["b"], 1, 3, 1)


def test_only_the_watched_run_counts(store: Store) -> None:
    other = store.writer.create_run("demo-2", "train", "seed = 0\n", "nano", "all")
    store.writer.add_samples(other, 0, [sample("b", "b = 9")])
    page = find(store)
    assert (page.run, named(page), page.rows[0].programs) == ("demo-2", ["b"], 1)


@pytest.mark.parametrize("iterations", [STRETCHES, STRETCHES + 1, 5 * STRETCHES - 1])
def test_a_long_history_is_told_in_equal_steps(store: Store, iterations: int) -> None:
    for iteration in range(3, iterations):
        add(store, "c", f"c = {iteration}", 7 * iteration, float(iteration >= iterations - 5))
    page = find(store)
    assert page.iterations == iterations
    history = next(row for row in page.rows if row.task == "c").history
    assert len(history) == -(-iterations // page.stretch) <= STRETCHES
    assert history[-1] == 1.0


def test_an_empty_run_has_no_tasks(tmp_path: Path) -> None:
    with Store(tmp_path) as made:
        assert find(made) == TaskPage(TaskWish(), "demo-1")


def test_tasks_are_looked_at_again_only_while_they_are_in_sight_and_something_changed(
    store: Store,
) -> None:
    with Observer(store.workspace) as observer:
        answers = Answers(observer)

        def kinds(wishes: Wishes) -> list[type]:
            return [type(each) for each in answers.to(wishes, observer.snapshot(wishes))]

        wanted = Wishes(tasks=TaskWish())
        assert kinds(wanted) == [TasksReady]
        assert kinds(wanted) == []
        assert kinds(Wishes()) == []
        add(store, "c", "c = 1", 3, 1.0)
        observer.mirror._looked -= 10
        assert kinds(Wishes()) == []
        assert kinds(wanted) == [TasksReady]


def test_the_filter_for_a_task_finds_no_other_one_that_only_begins_like_it(store: Store) -> None:
    with Observer(store.workspace) as observer:
        wishes = Wishes(page=(task_query("a"), 0))
        [message] = Answers(observer).to(wishes, observer.snapshot(wishes))
    found: Any = message
    assert [line.text for line in found.page.rows] == ["a = 0", "a = 1", "a = 2"]
    assert task_query("my task [1]") == 'task:"*my task [[]1]" sort:iter'


@pytest.mark.parametrize("sort", list(TASK_SORTS))
def test_at_every_width_a_name_can_be_read_and_nothing_is_cut_off(sort: str) -> None:
    for width in range(78, 240):
        columns = task_columns(width, sort)
        fixed = sum(column.width for column in columns) + 2 * len(columns)
        flexible = [column.title for column in columns if not column.width]
        assert len(flexible) == 1
        assert width - fixed >= 11, width
        assert sort == "name" or any(column.sort == sort for column in columns)


async def test_4_shows_the_tasks_and_asks_for_the_hardest() -> None:
    async with shown() as pilot:
        await pilot.press("4")
        await pilot.pause()
        assert isinstance(pilot.app.screen, TasksScreen)
        assert app_of(pilot)._feed.wishes.tasks == TaskWish()
        assert "hardest first" in text_of(pilot)
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(pilot.app.screen, DashboardScreen)
        assert app_of(pilot)._feed.wishes.tasks is None


@pytest.mark.parametrize("keys", [["4"], ["enter"]])
async def test_the_palette_and_the_list_of_keys_say_what_each_key_does(keys: list[str]) -> None:
    async with shown(size=(120, 50)) as pilot:
        await pilot.press("down", "down", "down", *keys)
        await pilot.pause()
        screen = pilot.app.screen
        own = {each.action for each in type(screen).BINDINGS if isinstance(each, Binding)}
        ours = [
            binding
            for node, binding, enabled, _ in screen.active_bindings.values()
            if node is screen and enabled and binding.action in own
        ]
        offered = {command.title for command in pilot.app.get_system_commands(screen)}
        titles = {f"{each.description} ({pilot.app.get_key_display(each)})" for each in ours}
        assert {"Back (esc)"} < titles <= offered
        await pilot.press("question_mark")
        await pilot.pause()
        listed = text_of(pilot)
        assert [each for each in ours if not each.tooltip or each.tooltip not in listed] == []


async def test_o_goes_through_every_order_and_capital_o_turns_it_round() -> None:
    async with shown() as pilot:
        await pilot.press("4")
        seen = []
        for _ in TASK_SORTS:
            await pilot.press("o")
            await pilot.pause()
            seen.append(app_of(pilot)._feed.wishes.tasks)
        assert [wish.sort for wish in seen if wish] == [*list(TASK_SORTS)[1:], "hardest"]
        await pilot.press("O")
        await pilot.pause()
        assert app_of(pilot)._feed.wishes.tasks == TaskWish(turned_round=True)
        assert "easiest first" in text_of(pilot)
        await pilot.press("o")
        await pilot.pause()
        assert app_of(pilot)._feed.wishes.tasks == TaskWish(sort="improved")


async def test_slash_looks_for_tasks_by_name_and_c_shows_all_again() -> None:
    async with shown() as pilot:
        await pilot.press("4", "slash", *"nano")
        await pilot.pause(0.3)
        assert app_of(pilot)._feed.wishes.tasks == TaskWish("nano")
        await pilot.press("enter")
        assert isinstance(pilot.app.focused, Table)
        await pilot.press("c")
        await pilot.pause(0.3)
        assert app_of(pilot)._feed.wishes.tasks == TaskWish()


async def test_what_is_typed_faster_than_the_focus_moves_is_a_name_and_no_key() -> None:
    async with shown() as pilot:
        await pilot.press("4")
        screen = pilot.app.screen
        for key in ("slash", "s", "t", "space", "r"):  # s would ask whether to stop training
            pilot.app.post_message(events.Key(key, {"slash": "/", "space": " "}.get(key, key)))
        await pilot.pause()
        await pilot.pause()
        assert pilot.app.screen is screen
        assert screen.query_one(Input).value == "st r"


async def test_enter_shows_the_task_s_programs_in_their_order_and_escape_leads_back() -> None:
    async with shown() as pilot:
        await pilot.press("4")
        await pilot.pause()
        await pilot.press("down", "enter")
        await pilot.pause()
        assert isinstance(pilot.app.screen, ProgramsScreen)
        assert pilot.app.screen.query_one(Input).value == "task:*nano/train/48 sort:iter"
        assert app_of(pilot)._feed.wishes.page == ("task:*nano/train/48 sort:iter", 0)
        assert isinstance(pilot.app.focused, Table)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, TasksScreen)
        await pilot.press("b", "escape")
        assert isinstance(pilot.app.screen, DashboardScreen)


async def test_angle_brackets_turn_pages_of_tasks() -> None:
    async with shown() as pilot:
        await pilot.press("4")
        await pilot.pause()
        for key, offset in [("greater_than_sign", 2 * PAGE), ("less_than_sign", 0)]:  # of 1,296
            await pilot.press(*[key] * 4)
            await pilot.pause()
            assert app_of(pilot)._feed.wishes.tasks == TaskWish(offset=offset)


async def test_a_held_display_takes_another_order_but_nothing_that_is_only_newer() -> None:
    async with shown() as pilot:
        await pilot.press("4")
        await pilot.pause()
        await pilot.press("space")
        app = app_of(pilot)
        newer = TaskPage(TaskWish(), "demo-1", (), 7, 7)
        app.on_tasks_ready(TasksReady(newer))
        assert "1,296 tasks" in text_of(pilot)
        await pilot.press("o")
        await pilot.pause()
        assert "most improved" in text_of(pilot)
