"""Panels paint and send what has changed, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from textual.content import Content
from textual.geometry import Region
from textual.pilot import Pilot
from textual.widget import Widget

from btp_tui.panels.difference import differing
from btp_tui.panels.panel import Panel
from btp_tui.panels.table import Table
from btp_tui.snapshot import Snapshot
from tests.screens import StillFeed, progress, snapshot, still_app


def rows(*texts: str) -> list[Content]:
    return [Content.from_markup(text) for text in texts]


def test_rows_that_are_alike_are_left_alone() -> None:
    assert differing(rows("one", "[b]two[/b]"), rows("one", "[b]two[/b]")) == []


def test_only_the_cells_that_changed_are_named() -> None:
    before = rows("12 / 96 tasks           1,512 tokens/s", "same")
    after = rows("24 / 96 tasks           1,498 tokens/s", "same")
    assert differing(before, after) == [Region(0, 0, 2, 1), Region(26, 0, 3, 1)]


def test_cells_close_to_each_other_are_one_stretch() -> None:
    assert differing(rows("a.....b"), rows("x.....y")) == [Region(0, 0, 7, 1)]


def test_another_colour_is_a_difference() -> None:
    assert differing(rows("ab[red]c[/red]"), rows("ab[blue]c[/blue]")) == [Region(2, 0, 1, 1)]


def test_a_shorter_row_takes_the_rest_of_the_longer_one_away() -> None:
    assert differing(rows("paused now"), rows("paused")) == [Region(6, 0, 4, 1)]


def test_a_row_with_wide_characters_is_taken_whole() -> None:
    assert differing(rows("日本 1"), rows("日本 2")) == [Region(0, 0, 6, 1)]


def test_another_number_of_rows_is_no_matter_of_parts() -> None:
    assert differing(rows("one"), rows("one", "two")) is None


async def after(*shown: Snapshot, size: tuple[int, int]) -> str:
    """What stands on the screen after snapshots, one after another, each painted."""
    app = still_app(shown[0])
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        for one in shown[1:]:
            assert isinstance(app._feed, StillFeed)
            app._feed.show(one)
            await pilot.pause()
            _ = text_of(pilot)  # paints
        return text_of(pilot)


def text_of(pilot: Pilot[Any]) -> str:
    return "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50), (60, 15)])
async def test_what_was_painted_in_parts_is_the_whole_picture(size: tuple[int, int]) -> None:
    shown = [snapshot(), snapshot("paused"), moved(40), moved(90), snapshot("finished"), moved(7)]
    for last in range(1, len(shown) + 1):
        assert await after(*shown[:last], size=size) == await after(shown[last - 1], size=size)


async def test_a_panel_that_moves_on_repaints_less_than_itself() -> None:
    app = still_app(snapshot())
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        bars = pilot.app.screen.query_one("#bars", Panel)
        _ = text_of(pilot)
        assert painted(bars, moved(65)) < bars.size.area / 3
        _ = text_of(pilot)
        assert painted(bars, moved(65)) == 0


async def test_another_caption_repaints_two_rows_of_a_table() -> None:
    app = still_app(snapshot())
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        table = pilot.app.screen.query_one("#latest", Table)
        _ = text_of(pilot)
        table._repaint_regions.clear()
        table.caption(subtitle="row 3")
        last = table.outer_size.height - 1
        assert {region.y for region in table._repaint_regions} == {0, last}
        assert {region.height for region in table._repaint_regions} == {1}
        table._repaint_regions.clear()
        table.caption(subtitle="row 3")
        assert not table._repaint_regions


def painted(widget: Widget, shown: Snapshot) -> int:
    """How many cells of it a snapshot has painted anew."""
    widget._repaint_regions.clear()
    assert isinstance(widget, Panel)
    widget.show(shown)
    return sum(region.area for region in widget._repaint_regions)


def moved(sampled: int) -> Snapshot:
    """The engine has got further in its iteration."""
    now = snapshot()
    assert now.watched is not None
    line = replace(now.watched.line, progress=replace(progress(), sampled=sampled))
    return replace(now, watched=replace(now.watched, line=line))
