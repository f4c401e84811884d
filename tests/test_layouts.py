"""Each screen in each size is whole: no frame is cut, none covers another, no key is half shown."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from textual.pilot import Pilot
from textual.widget import Widget

from btp_tui.panels.keys import KeyLine
from btp_tui.panels.table import Table
from btp_tui.screens.live import LiveScreen
from tests.screens import snapshot, still_app

SIZES = [(60, 15), (80, 24), (120, 40), (200, 50)]

#: Keys that lead from the dashboard to every screen and dialog.
VIEWS = ["", "enter", "b", "3", "3 m down m v", "4", "s", "question_mark", "3 down e", "3 down x"]


def in_sight(pilot: Pilot[Any], selector: str) -> list[Widget]:
    """What of a selector is displayed with its parents."""
    return [each for each in pilot.app.screen.query(selector) if each.region and each.is_on_screen]


def assert_whole(pilot: Pilot[Any]) -> None:
    screen = pilot.app.screen
    room = screen.region
    if isinstance(screen, LiveScreen):
        room = room.shrink((0, 0, 1, 0))  # the keys stand in the last row
    framed = in_sight(pilot, ".framed, .dialog")
    assert framed
    for widget in framed:
        assert room.contains_region(widget.region), widget
        assert widget.size.height >= 1, widget
        assert widget.size.width >= 16, widget
    for one, other in combinations(framed, 2):
        if other not in one.walk_children() and one not in other.walk_children():
            assert not one.region.overlaps(other.region), (one, other)


def assert_keys_are_whole(pilot: Pilot[Any]) -> None:
    for keys in pilot.app.screen.query(KeyLine):
        shown = keys.render()
        assert shown.cell_length <= keys.size.width
        assert shown.plain.endswith(" ? Keys ")
        assert all(f" {key.shown[0]} {key.description} " in shown.plain for key in keys.fitting())
        assert len(keys.fitting()) >= 5


def assert_columns_are_whole(pilot: Pilot[Any]) -> None:
    for table in pilot.app.screen.query(Table):
        if table.region:
            header = table.render_line(0).text
            titles = table.fitting(table.size.width).titles
            assert [title for title in titles if title not in header] == []


async def test_nothing_is_cut_and_nothing_overlaps() -> None:
    async with still_app(snapshot(gpus=1)).run_test(size=SIZES[0]) as pilot:
        for view in VIEWS:
            await pilot.pause()
            await pilot.press(*view.split())
            for size in SIZES:
                await pilot.resize_terminal(*size)
                await pilot.pause()
                assert_whole(pilot)
                assert_keys_are_whole(pilot)
                assert_columns_are_whole(pilot)
            await pilot.resize_terminal(*SIZES[0])
            for _ in range(4):
                await pilot.press("escape")


async def test_in_15_rows_the_dashboard_still_shows_whether_it_learns() -> None:
    async with still_app(snapshot()).run_test(size=(60, 15)) as pilot:
        await pilot.pause()
        shown = {str(widget.id) for widget in in_sight(pilot, ".framed")}
        assert shown == {"accuracy", "histogram", "outcomes", "latest", "machine"}
        assert pilot.app.screen.query_one("#accuracy").size.height >= 5


async def test_in_60_columns_tasks_are_told_apart_by_their_names() -> None:
    async with still_app(snapshot()).run_test(size=(60, 15)) as pilot:
        await pilot.pause()
        await pilot.press("4")
        await pilot.pause()
        table = pilot.app.screen.query_one(Table)
        assert "train/141 " in table.render_line(5).text
