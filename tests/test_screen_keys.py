"""Keys beyond what one of them must cause (see test_every_key): answers, limits, states, mouse."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from btp_tui.app import BtpApp
from btp_tui.control import engine
from btp_tui.panels.keys import KeyLine
from btp_tui.panels.program import ProgramView
from btp_tui.panels.table import Table
from btp_tui.screens.dashboard import DashboardScreen
from btp_tui.screens.dialogs import Question
from btp_tui.screens.key_help import KeyHelp
from btp_tui.screens.program import ProgramScreen
from btp_tui.screens.runs import RunsScreen
from btp_tui.snapshot import Knobs, Snapshot
from storage.errors import StorageError
from storage.schema import UpdateFigures
from storage.workspace import Workspace
from tests.screens import snapshot, still_app
from tests.stores import Store


@asynccontextmanager
async def shown(
    state: str = "running",
    folder: Path = Path("btp-runs"),
    size: tuple[int, int] = (80, 24),
    kind: str = "train",
) -> AsyncIterator[Pilot[Any]]:
    """The application on a run in a state."""
    now = snapshot(state)
    assert now.watched is not None
    line = replace(now.watched.line, kind=kind)
    now = replace(now, watched=replace(now.watched, line=line))
    async with still_app(now, folder).run_test(size=size) as pilot:
        await pilot.pause()
        yield pilot


def app_of(pilot: Pilot[Any]) -> BtpApp:
    app = pilot.app
    assert isinstance(app, BtpApp)
    return app


def text_of(pilot: Pilot[Any]) -> str:
    """What stands on the screen."""
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join(strip.text for strip in strips)


async def commands_after(
    folder: Path, state: str, *keys: str, kind: str = "train"
) -> list[tuple[str, dict[str, Any]]]:
    """The commands that the store holds after some keys."""
    with Store(folder) as store:
        async with shown(state, store.workspace.path, kind=kind) as pilot:
            await pilot.press(*keys)
            await pilot.app.workers.wait_for_complete()
            await pilot.pause()
        return [(each.name, each.argument) for each in store.writer.pending_commands(store.run)]


async def test_p_does_nothing_where_no_engine_works(tmp_path: Path) -> None:
    assert await commands_after(tmp_path, "finished", "p") == []


async def test_s_stops_only_after_a_yes(tmp_path: Path) -> None:
    assert await commands_after(tmp_path, "running", "s", "n") == []
    assert await commands_after(tmp_path / "2", "running", "s", "enter", "escape") == []
    assert await commands_after(tmp_path / "3", "running", "s", "y") == [("stop", {})]


@pytest.mark.parametrize(
    ("key", "setting", "value"),
    [
        ("left_square_bracket", "replay.alpha", 0.15),
        ("right_square_bracket", "replay.alpha", 0.25),
        ("left_curly_bracket", "replay.exponent", 3.5),
        ("right_curly_bracket", "replay.exponent", 4.5),
        ("t", "replay.prioritization", "rank"),
        ("y", "replay.possibility", "joint"),
    ],
)
async def test_a_knob_key_sets_its_knob(
    tmp_path: Path, key: str, setting: str, value: object
) -> None:
    expected = [("set", {"key": setting, "value": value})]
    assert await commands_after(tmp_path, "running", key, "enter") == expected


async def test_knob_keys_add_up_until_they_are_applied(tmp_path: Path) -> None:
    said = await commands_after(tmp_path, "running", *["right_square_bracket"] * 3, "enter")
    assert [argument["value"] for _, argument in said] == [0.35]


async def test_knobs_stay_within_their_limits(tmp_path: Path) -> None:
    said = await commands_after(tmp_path, "running", *["left_square_bracket"] * 6, "enter")
    assert said[-1] == ("set", {"key": "replay.alpha", "value": 0.0})


async def test_without_an_engine_a_knob_is_only_a_preview(tmp_path: Path) -> None:
    assert await commands_after(tmp_path, "finished", "t") == []
    async with shown("finished") as pilot:
        await pilot.press("t")
        assert app_of(pilot)._feed.wishes.turned
        await pilot.press("backspace")
        assert app_of(pilot)._feed.wishes.turned == ()


async def test_space_holds_the_display_and_leaves_training_alone(tmp_path: Path) -> None:
    assert await commands_after(tmp_path, "running", "space") == []
    async with shown() as pilot:
        feed: Any = app_of(pilot)._feed
        await pilot.press("space")
        feed.show(snapshot("finished"))
        await pilot.pause()
        assert "● running" in text_of(pilot)
        assert "display held" in text_of(pilot)
        await pilot.press("space")
        feed.show(snapshot("finished"))
        await pilot.pause()
        assert "✓ finished" in text_of(pilot)


async def test_escape_leads_back_to_the_dashboard_from_anywhere() -> None:
    async with shown() as pilot:
        for away in (["b"], ["3"], ["b", "slash"], ["enter"], ["question_mark"]):
            await pilot.press(*away)
            for _ in range(3):
                if not isinstance(pilot.app.screen, DashboardScreen):
                    await pilot.press("escape")
            assert isinstance(pilot.app.screen, DashboardScreen)


async def test_enter_opens_the_program_under_the_cursor() -> None:
    async with shown() as pilot:
        await pilot.press("down", "j", "up", "enter")
        await pilot.pause()
        assert isinstance(pilot.app.screen, ProgramScreen)
        assert app_of(pilot)._feed.wishes.sample == 999
        assert "IndexError" in text_of(pilot)
        await pilot.press("1")
        assert isinstance(pilot.app.screen, DashboardScreen)


async def test_l_shows_the_log_where_there_is_no_room_for_both() -> None:
    async with shown() as pilot:
        assert "Engine log" not in text_of(pilot)
        await pilot.press("l")
        assert "Engine log" in text_of(pilot)
        await pilot.press("l")
        assert "Latest programs" in text_of(pilot)
    async with shown(size=(120, 40)) as pilot:
        await pilot.press("l")
        assert "Latest programs" in text_of(pilot)
        assert "Engine log" in text_of(pilot)


async def test_question_mark_lists_every_key_that_works_here() -> None:
    async with shown(size=(120, 50)) as pilot:
        working = {
            pilot.app.get_key_display(active.binding)
            for active in pilot.app.screen.active_bindings.values()
            if active.binding.tooltip
        }
        await pilot.press("question_mark")
        assert isinstance(pilot.app.screen, KeyHelp)
        while "?" not in text_of(pilot):  # it is written once its width is known
            await pilot.pause()
        listed = text_of(pilot)
        assert {key for key in working if key not in listed} == set()


async def test_every_key_of_ours_says_what_it_does() -> None:
    async with shown() as pilot:
        for mode in ("1", "b", "3"):
            await pilot.press(mode)
            for node, binding, _, tooltip in pilot.app.screen.active_bindings.values():
                ours = type(node).__module__.startswith("btp_tui")
                inherited = binding.key in ("ctrl+q", "ctrl+c", "ctrl+p", "tab", "shift+tab")
                if ours and binding.show and not inherited:
                    assert tooltip, binding


async def test_the_command_palette_offers_what_the_keys_do() -> None:
    async with shown() as pilot:
        offered = {command.title for command in pilot.app.get_system_commands(pilot.app.screen)}
        assert {"Pause training (p)", "Programs (b)", "Stop (s)", "α + (])"} <= offered


async def test_q_closes_the_screen_and_says_that_training_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with shown() as pilot:
        await pilot.press("q")
    assert "demo-1 goes on training" in capsys.readouterr().err


@pytest.fixture
def launches(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What would have been started, instead of starting it."""
    begun: list[tuple[str, ...]] = []

    def launch(workspace: Workspace, name: str, *_: object) -> engine.Launch:
        begun.append((str(workspace.path), name))
        return engine.Launch(f"{name}-1", None, workspace.path / "engine.log")  # type: ignore[arg-type]

    monkeypatch.setattr(engine, "start", launch)
    monkeypatch.setattr(engine, "resume", launch)
    return begun


async def test_d_starts_the_demo_from_the_empty_state(
    launches: list[tuple[str, ...]], tmp_path: Path
) -> None:
    async with still_app(Snapshot(str(tmp_path)), tmp_path).run_test() as pilot:
        await pilot.pause()
        await pilot.press("d")
        assert launches == [(str(tmp_path), "demo")]
        assert app_of(pilot)._feed.wishes.watch == "demo-1"


async def test_d_is_no_key_while_an_engine_works(launches: list[tuple[str, ...]]) -> None:
    async with shown() as pilot:
        await pilot.press("d")
    assert launches == []


async def test_start_demo_starts_it_without_a_key(
    launches: list[tuple[str, ...]], tmp_path: Path
) -> None:
    app = still_app(Snapshot(str(tmp_path)), tmp_path)
    app._start_demo = True
    async with app.run_test() as pilot:
        await pilot.pause()
    assert launches == [(str(tmp_path), "demo")]


async def test_an_engine_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> engine.Launch:
        raise StorageError("Cannot make a folder for the run; nothing was started.")

    monkeypatch.setattr(engine, "start", refuse)
    async with shown("finished") as pilot:
        await pilot.press("d")
        await pilot.pause()
        assert "nothing was started" in text_of(pilot)


async def test_on_the_runs_screen_enter_watches_and_r_resumes(
    launches: list[tuple[str, ...]],
) -> None:
    async with shown() as pilot:
        await pilot.press("3", "r")
        assert launches == []  # the first run is at work
        await pilot.press("down", "enter")
        assert app_of(pilot)._feed.wishes.watch == "demo-0"
        assert isinstance(pilot.app.screen, DashboardScreen)
        await pilot.press("3", "down", "r")
        assert launches == [("btp-runs", "mine-1")]


async def test_a_filter_is_completed_by_the_right_arrow() -> None:
    async with shown() as pilot:
        await pilot.press("b", "slash", *"out")
        await pilot.pause(0.1)
        await pilot.press("right")
        assert pilot.app.screen.query_one(Input).value == "outcome:"


@pytest.mark.parametrize(
    ("keys", "filter_"),
    [
        ("o", "sort:-pass"),
        ("oO", "sort:pass"),
        ("f", "outcome:passed"),
        ("ff", "outcome:wrong-answer"),
        ("ffoc", ""),
    ],
)
async def test_filter_keys_write_into_the_filter_bar(keys: str, filter_: str) -> None:
    async with shown() as pilot:
        await pilot.press("b", *keys)
        assert pilot.app.screen.query_one(Input).value == filter_


async def test_pages_turned_quickly_are_all_turned_and_all_rows_can_be_reached() -> None:
    async with shown() as pilot:
        await pilot.press("b")
        await pilot.pause()
        for key, offset in (("greater_than_sign", 1500), ("less_than_sign", 0)):  # of 1,632
            await pilot.press(*[key] * 9)
            await pilot.pause()
            assert app_of(pilot)._feed.wishes.page == ("", offset)


async def test_what_another_screen_asks_for_is_taken_over(tmp_path: Path) -> None:
    """A turned knob is shown until the engine has answered, then what is in force."""
    with Store(tmp_path) as store:
        async with shown("running", store.workspace.path) as pilot:
            app = app_of(pilot)
            await pilot.press("right_square_bracket", "enter")
            await app.workers.wait_for_complete()
            assert dict(app._feed.wishes.turned) == {"alpha": 0.25}
            feed: Any = app._feed
            now = replace(feed.shown, at=time.time() + 1)
            feed.show(replace(now, watched=replace(now.watched, asked=("set",))))
            await pilot.pause()
            assert dict(app._feed.wishes.turned) == {"alpha": 0.25}, "the engine is busy"
            other = Knobs(alpha=0.8)
            feed.show(replace(now, watched=replace(now.watched, knobs=other, in_force=other)))
            await pilot.pause()
            assert app._feed.wishes.turned == ()
            assert app._steering.turning.knobs.alpha == 0.8


@pytest.mark.parametrize("key", ["p", "s", "right_square_bracket"])
async def test_what_only_tests_a_file_is_asked_for_nothing(tmp_path: Path, key: str) -> None:
    assert await commands_after(tmp_path, "running", key, "enter", "y", kind="import") == []


async def test_the_highlighted_program_is_shown_beside_the_table() -> None:
    async with shown() as pilot:
        await pilot.press("b", "down", "down")
        await pilot.pause()
        assert app_of(pilot)._feed.wishes.sample == 998
        assert pilot.app.screen.query_one(ProgramView).border_title == "nano/train/48"


async def test_a_click_moves_the_cursor_and_a_double_click_opens() -> None:
    async with shown() as pilot:
        await pilot.press("b")
        await pilot.pause()
        table = pilot.app.screen.query_one("#programs", Table)
        await pilot.click(table, offset=(4, 4))
        assert table.cursor == 2
        await pilot.click(table, offset=(4, 4), times=2)
        await pilot.pause()
        assert isinstance(pilot.app.screen, ProgramScreen)


async def test_a_key_in_the_footer_can_be_clicked() -> None:
    async with shown() as pilot:
        await pilot.click("#keys", offset=(2, 0))
        await pilot.pause()
        row = text_of(pilot).splitlines()[-1]
        await pilot.click("#keys", offset=(row.index("Runs"), 0))
        await pilot.pause()
        assert isinstance(pilot.app.screen, RunsScreen)


async def test_each_key_in_the_footer_reaches_from_its_first_cell_to_the_next_key() -> None:
    async with shown() as pilot:
        await pilot.pause()
        keys = pilot.app.screen.query_one(KeyLine)
        row, places = text_of(pilot).splitlines()[-1], keys.places()
        names = [f" {key.shown[0]} {key.description} " for _, key in places]
        assert "".join(names) == row[: sum(map(len, names))]
        pressed: list[str] = []
        pilot.app.simulate_key = pressed.append  # type: ignore[method-assign]
        ends = [column for column, _ in places[1:]] + [sum(map(len, names))]
        for (first, key), end in zip(places, ends, strict=True):
            for column in (first, end - 1):
                await pilot.click("#keys", offset=(column, 0))
                assert pressed == [key.key]
                pressed.clear()
        await pilot.click("#keys", offset=(ends[-1], 0))
        assert pressed == []


async def test_a_key_is_in_the_footer_where_it_just_fits_and_not_in_one_cell_less() -> None:
    async with shown() as pilot:
        await pilot.resize_terminal(250, 40)
        await pilot.pause()
        keys = pilot.app.screen.query_one(KeyLine)
        every = keys.fitting()
        width = keys.render().cell_length
        await pilot.resize_terminal(width, 40)
        await pilot.pause()
        assert keys.fitting() == every
        await pilot.resize_terminal(width - 1, 40)
        await pilot.pause()
        assert len(keys.fitting()) == len(every) - 1


async def test_a_question_closes_by_escape() -> None:
    async with shown() as pilot:
        await pilot.press("s")
        assert isinstance(pilot.app.screen, Question)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, DashboardScreen)


async def test_the_figures_behind_a_question_stay_live() -> None:
    async with shown("running") as pilot:
        await pilot.press("s")
        assert "running" in text_of(pilot)
        feed: Any = app_of(pilot)._feed
        feed.show(snapshot("paused"))
        await pilot.pause()
        assert isinstance(pilot.app.screen, Question)
        assert "paused" in text_of(pilot).splitlines()[0]


async def test_a_locked_store_is_said_and_the_screen_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StorageError("The store is read-only; training is not affected.")

    monkeypatch.setattr("btp_tui.control.commands.Commands._write", fail)
    async with shown("running", tmp_path) as pilot:
        await pilot.press("p")
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        assert "read-only" in text_of(pilot)


async def test_a_panel_draws_again_only_when_its_part_has_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with shown() as pilot:
        drawn: list[str] = []
        for panel in pilot.app.screen.query("#panels > .framed"):
            original: Callable[..., Any] = panel.refresh

            def note(*arguments: Any, name: str = str(panel.id), go: Any = original, **more: Any):
                drawn.append(name)
                return go(*arguments, **more)

            monkeypatch.setattr(panel, "refresh", note)
        feed: Any = app_of(pilot)._feed
        feed.show(snapshot())
        await pilot.pause()
        assert drawn == []
        changed = snapshot()
        assert changed.watched is not None
        steps = (UpdateFigures(1, 0.5, 1.0, 0.0),)
        feed.show(replace(changed, watched=replace(changed.watched, steps=steps)))
        await pilot.pause()
        assert set(drawn) == {"loss"}


async def test_where_the_workspace_cannot_be_read_no_run_is_offered() -> None:
    unreadable = Snapshot("btp-runs", problem="The database is damaged.", loaded=False)
    async with still_app(unreadable).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        footer = text_of(pilot).splitlines()[-1]
        assert "New run" not in footer
        assert "Start demo" not in footer
        await pilot.press("N", "d")
        await pilot.pause()
        assert isinstance(pilot.app.screen, DashboardScreen)
