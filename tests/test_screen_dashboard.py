"""The dashboard: time range, preview of knobs, warnings, machines of any size, runs of a file."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from btp_tui.alerts import Alert, alerts_of
from btp_tui.panels.machine import Machine
from btp_tui.panels.replay import PriorityHistogram
from btp_tui.panels.sliders import SCALES, knob_at, slider_length
from btp_tui.screens.program import ProgramScreen
from btp_tui.snapshot import Disk, IterationOutcomes, Knobs, Snapshot, Watched
from storage.schema import UpdateFigures
from tests.screens import START, evaluations, progress, snapshot, still_app, watched
from tests.states import FULL, OPEN, band, imported, machines
from tests.stores import Store

SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (200, 50)


@asynccontextmanager
async def shown(
    now: Snapshot | None = None, size: tuple[int, int] = SMALL, folder: Path = Path("btp-runs")
) -> AsyncIterator[Pilot[Any]]:
    """The application on a snapshot."""
    async with still_app(now or snapshot(), folder).run_test(size=size) as pilot:
        await pilot.pause()
        yield pilot


def text_of(pilot: Pilot[Any]) -> str:
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join(strip.text for strip in strips)


def turned(pilot: Pilot[Any]) -> dict[str, Any]:
    """The knobs of the preview that the feed was asked for."""
    app: Any = pilot.app
    return dict(app.wishes.turned)


async def follow(pilot: Pilot[Any], **changes: Any) -> None:
    """What the feed would show of the knobs that were turned."""
    app: Any = pilot.app
    now = app._feed.shown
    knobs = replace(now.watched.in_force, **turned(pilot))
    app._feed.show(replace(now, watched=replace(now.watched, knobs=knobs, **changes)))
    await pilot.pause()


# Time range


async def test_z_and_Z_cycle_through_the_range_and_titles_say_it() -> None:
    async with shown(size=MIDDLE) as pilot:
        assert "last" not in text_of(pilot).split("Latest")[0]
        seen = []
        for _ in range(5):
            await pilot.press("z")
            await pilot.pause()
            top = text_of(pilot).splitlines()[5]
            seen.append(top.split("from 33.0 %")[1].split("─")[0].strip())
        assert seen == ["last 60 min", "last 15 min", "last 5 min", "last 1 min", ""]
        await pilot.press("Z")
        await pilot.pause()
        said = text_of(pilot)
        assert said.count("last 1 min") == 3, "accuracy, loss and machine show the same time"
        assert "min:s ago" in said


async def test_of_a_long_run_only_the_range_is_shown() -> None:
    old = tuple(replace(one, at=one.at - 7000) for one in evaluations())
    now = snapshot(evaluations=old)
    now = replace(
        now, watched=replace(now.watched, line=replace(now.watched.line, at=START - 7000))
    )
    async with shown(now, MIDDLE) as pilot:
        everything = text_of(pilot)
        await pilot.press("z", "z", "z")
        await pilot.pause()
        assert "5:00" not in everything.splitlines()[18]
        ticks = next(row for row in text_of(pilot).splitlines() if "min:s ago" in row)
        assert "4:00" in ticks and "1:00" in ticks


async def test_a_still_plot_is_not_drawn_again_as_time_goes_by() -> None:
    async with shown(size=MIDDLE) as pilot:
        app: Any = pilot.app
        drawn: list[str] = []
        for panel in pilot.app.screen.query("#accuracy, #loss, #machine"):
            name, go = str(panel.id), panel.refresh

            def note(*arguments: Any, name: str = name, go: Any = go, **more: Any) -> Any:
                drawn.append(name)
                return go(*arguments, **more)

            panel.refresh = note  # type: ignore[method-assign]
        app._feed.show(replace(app._feed.shown, at=app._feed.shown.at + 2))
        await pilot.pause()
        assert drawn == []


async def test_one_measurement_and_two_updates_are_drawn_and_none_says_what_comes() -> None:
    few = snapshot(evaluations=evaluations()[:1], steps=watched().steps[:2])
    async with shown(few, MIDDLE) as pilot:
        assert "Held-out accuracy 33.0 %" in text_of(pilot)
        assert "⠶" in text_of(pilot) or "⠛" in text_of(pilot) or "⣤" in text_of(pilot)
    none = snapshot(evaluations=(), steps=(), telemetry=(), iterations=(), histogram=None)
    async with shown(none, MIDDLE) as pilot:
        said = text_of(pilot)
    for sentence in (
        "It is measured before the first update.",
        "No update yet",
        "The first reading comes with the engine.",
        "Fills with the first tested programs.",
        "Nothing written yet",
    ):
        assert sentence in said


# Seeds


@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE])
async def test_a_band_over_seeds_reads_without_colour(size: tuple[int, int]) -> None:
    async with shown(snapshot(band=band()), size) as pilot:
        said = text_of(pilot)
    assert "░ 3 seeds" in said
    assert said.count("░") > 10
    async with shown(size=size) as pilot:
        assert "░" not in text_of(pilot)


# Preview of knobs


async def commands_after(folder: Path, *keys: str, state: str = "running") -> list[dict[str, Any]]:
    """What the engine was asked after some keys."""
    with Store(folder) as store:
        async with shown(snapshot(state), folder=store.workspace.path) as pilot:
            await pilot.press(*keys)
            await pilot.app.workers.wait_for_complete()
            await pilot.pause()
        asked = store.writer.pending_commands(store.run)
        return [each.argument for each in asked if each.name == "set"]


async def test_a_turned_knob_asks_for_nothing_until_enter(tmp_path: Path) -> None:
    assert await commands_after(tmp_path, "right_square_bracket", "t") == []
    said = await commands_after(tmp_path / "2", "right_square_bracket", "t", "enter")
    assert said == [
        {"key": "replay.alpha", "value": 0.25},
        {"key": "replay.prioritization", "value": "rank"},
    ]


@pytest.mark.parametrize("key", ["escape", "backspace"])
async def test_a_reverted_preview_is_applied_by_nothing(tmp_path: Path, key: str) -> None:
    assert await commands_after(tmp_path, "right_square_bracket", key, "enter") == []


async def test_enter_opens_a_program_where_there_is_no_preview() -> None:
    async with shown() as pilot:
        await pilot.press("right_square_bracket", "left_square_bracket", "enter")
        await pilot.pause()
        assert isinstance(pilot.app.screen, ProgramScreen)


async def test_a_preview_says_old_and_new_and_what_the_keys_do() -> None:
    async with shown() as pilot:
        await pilot.press("right_square_bracket", "right_square_bracket", "right_square_bracket")
        await follow(pilot)
        said = text_of(pilot)
    assert "Preview" in said
    assert "0.20 → 0.35" in said
    assert "enter applies, esc reverts" in said
    assert "double click opens one" in said


async def test_the_answer_of_the_engine_is_said_when_it_comes(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        async with shown(folder=store.workspace.path, size=MIDDLE) as pilot:
            await pilot.press("right_square_bracket", "enter")
            await pilot.app.workers.wait_for_complete()
            await pilot.pause()
            assert "Asked the engine for α 0.25" in text_of(pilot)
            app: Any = pilot.app
            now = replace(app._feed.shown, at=time.time() + 1)
            app._feed.show(replace(now, watched=replace(now.watched, asked=("set",))))
            await pilot.pause()
            assert turned(pilot) == {"alpha": 0.25}, "the engine is busy"
            app._feed.show(replace(now, watched=replace(now.watched, in_force=Knobs(alpha=0.25))))
            await pilot.pause()
            assert "In force from the next minibatch on: α 0.25" in text_of(pilot)
            assert turned(pilot) == {}


async def test_a_refusal_is_quoted(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        async with shown(folder=store.workspace.path, size=MIDDLE) as pilot:
            await pilot.press("right_square_bracket", "enter")
            await pilot.app.workers.wait_for_complete()
            app: Any = pilot.app
            now = replace(app._feed.shown, at=time.time() + 1)
            app._feed.show(replace(now, watched=replace(now.watched, refusal="it is too warm")))
            await pilot.pause()
            assert "The engine did not take α 0.25: it is too warm" in text_of(pilot)


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ("finished", "Nothing trains now: a new run takes it with --set replay.alpha=0.25"),
        ("stopped", "Nothing trains now: press r to resume demo-1, then apply it again."),
        ("starting", "The engine is still starting: apply it again when it trains."),
    ],
)
async def test_where_nothing_trains_enter_says_so_and_the_preview_stays(
    tmp_path: Path, state: str, why: str
) -> None:
    with Store(tmp_path) as store:
        async with shown(snapshot(state), MIDDLE, store.workspace.path) as pilot:
            await pilot.press("right_square_bracket", "enter")
            await pilot.pause()
            assert why in text_of(pilot)
            assert turned(pilot) == {"alpha": 0.25}
        assert store.writer.pending_commands(store.run) == []


def test_every_value_has_a_cell_and_every_cell_a_value_within_limits() -> None:
    for scale in SCALES:
        for length in (3, 13, 40):
            values = [scale.value(place, length) for place in range(length)]
            assert (values[0], values[-1]) == (0.0, scale.most)
            assert values == sorted(values)
            assert [scale.place(value, 200) for value in (0.0, scale.most)] == [0, 199]
    assert knob_at(0, 0, 30) is None
    assert knob_at(2 + slider_length(30), 0, 30) is None
    assert knob_at(2, 2, 30) is None


async def test_a_slider_is_set_by_a_click_and_follows_the_mouse() -> None:
    async with shown(size=MIDDLE) as pilot:
        panel = pilot.app.screen.query_one(PriorityHistogram)
        length = slider_length(panel.size.width)
        left = 2 + 2  # border, padding, and the letter before the slider
        await pilot.click(PriorityHistogram, offset=(left + length - 1, 1))
        await pilot.pause()
        assert turned(pilot) == {"alpha": 1.0}
        await pilot.mouse_down(PriorityHistogram, offset=(left, 2))
        await pilot.hover(PriorityHistogram, offset=(left + length // 2, 2))
        await pilot.mouse_up(PriorityHistogram, offset=(left + length // 2, 2))
        await pilot.pause()
        assert 4.0 <= turned(pilot)["exponent"] <= 6.0
        await pilot.hover(PriorityHistogram, offset=(left, 1))
        await pilot.pause()
        assert turned(pilot)["alpha"] == 1.0, "it was let go"


# Machine


@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE, (60, 15)])
async def test_any_number_of_devices_fits_into_any_window(size: tuple[int, int]) -> None:
    async with shown(size=size) as pilot:
        app: Any = pilot.app
        panel = app.screen.query_one(Machine)
        for devices in (0, 1, 2, 4, 8):
            app._feed.show(snapshot(telemetry=machines(devices)))
            await pilot.pause()
            width, height = panel.size
            rows = str(panel.render()).split("\n")
            assert len(rows) <= height
            assert all(len(row) <= width for row in rows), rows
            said = "\n".join(rows)
            assert "CPU" in said
            if devices:
                assert "cuda:0" in said or f"{devices} GPUs" in said or said.startswith("0 ")
            if devices and size == LARGE:
                assert all(f"cuda:{number}" in said for number in range(devices))
                assert "61 °C" in said and "412 W" in said


async def test_an_idle_device_of_eight_is_seen_in_the_smallest_window() -> None:
    async with shown(snapshot(telemetry=machines(8)), SMALL) as pilot:
        row = str(pilot.app.screen.query_one(Machine).render()).split("\n")[0]
    assert row.startswith("8 GPUs ▇▇▇▁▇▇▇▇")


async def test_eight_devices_stand_in_rows_of_a_middle_window() -> None:
    async with shown(snapshot(telemetry=machines(8)), MIDDLE) as pilot:
        rows = str(pilot.app.screen.query_one(Machine).render()).split("\n")
    assert [row.count("31G") for row in rows] == [3, 3, 2, 0]


async def test_each_core_has_a_bar_where_there_is_room() -> None:
    async with shown(snapshot(telemetry=machines(0, cores=6)), MIDDLE) as pilot:
        rows = str(pilot.app.screen.query_one(Machine).render()).split("\n")
    cores = next(row for row in rows if row.startswith("cores"))
    assert len(cores.split()[-1]) == 6


# Warnings


async def test_warnings_take_one_row_of_a_small_window_and_say_how_many_more() -> None:
    async with shown(snapshot(disk=FULL, isolation=OPEN)) as pilot:
        rows = text_of(pilot).splitlines()
        assert rows[2].startswith(" ▲ Disk nearly full, 300 MB free, enough for about 12 min: free")
        assert rows[2].rstrip().endswith("+1  w")
        assert "sample" in rows[3]
    async with shown() as pilot:
        assert "sample" in text_of(pilot).splitlines()[2], "no warning takes no row"


async def test_in_a_tall_window_each_warning_has_a_row_with_what_to_do() -> None:
    async with shown(snapshot(disk=FULL, isolation=OPEN), LARGE) as pilot:
        rows = text_of(pilot).splitlines()
    assert "Free some: training pauses below 200 MB." in rows[2]
    assert "Use a kernel that has it" in rows[3]


async def test_w_dismisses_the_newest_and_W_brings_all_back() -> None:
    async with shown(snapshot(disk=FULL, isolation=OPEN)) as pilot:
        await pilot.press("w")
        await pilot.pause()
        assert "Sandbox without Landlock" in text_of(pilot)
        assert "Disk" not in text_of(pilot)
        await pilot.press("w")
        await pilot.pause()
        assert "▲ Sandbox" not in text_of(pilot)
        await pilot.press("W")
        await pilot.pause()
        assert "Disk nearly full" in text_of(pilot)


async def test_a_warning_goes_by_itself_and_comes_again_though_it_was_dismissed() -> None:
    async with shown(snapshot(disk=FULL)) as pilot:
        app: Any = pilot.app
        await pilot.press("w")
        app._feed.show(snapshot())
        await pilot.pause()
        app._feed.show(snapshot(disk=FULL))
        await pilot.pause()
        assert "Disk nearly full" in text_of(pilot)
        app._feed.show(snapshot())
        await pilot.pause()
        assert "Disk nearly full" not in text_of(pilot)


async def test_a_dismissal_counts_for_its_run_alone() -> None:
    async with shown(snapshot(disk=FULL)) as pilot:
        app: Any = pilot.app
        await pilot.press("w")
        other = snapshot(disk=FULL)
        assert other.watched is not None
        line = replace(other.watched.line, name="demo-2")
        app._feed.show(replace(other, watched=replace(other.watched, line=line)))
        await pilot.pause()
        assert "Disk nearly full" in text_of(pilot)


def kinds(at: float = START + 39, **changes: Any) -> list[str]:
    return [alert.kind for alert in alerts_of(watched(**changes), at)]


def outcomes(**counts: int) -> tuple[IterationOutcomes, ...]:
    named = tuple((name.replace("_", " "), number) for name, number in counts.items())
    return (IterationOutcomes(1, named, 0.1),)


def steps(*norms: float) -> tuple[UpdateFigures, ...]:
    return tuple(
        UpdateFigures(number, 0.5, norm, START + number) for number, norm in enumerate(norms, 1)
    )


def test_a_healthy_run_has_no_warning() -> None:
    assert kinds() == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"iterations": outcomes(error=60)}, ["nothing passes"]),
        ({"iterations": outcomes(error=40)}, []),
        ({"iterations": outcomes(error=60, passed=1)}, []),
        ({"iterations": outcomes(passed=90, harness_error=10)}, ["harness"]),
        ({"iterations": outcomes(passed=990, harness_error=2)}, []),
        ({"steps": steps(*[1.0] * 20, *[30.0] * 5)}, ["gradients"]),
        ({"steps": steps(*[1.0] * 20, 30.0, 30.0)}, []),
        ({"isolation": "rlimits; WITHOUT landlock; WITHOUT seccomp"}, None),
        ({"disk": Disk(10 << 30, 1 << 30, 1800.0)}, ["disk"]),
        ({"disk": Disk(10 << 30, 1 << 30, 9000.0)}, []),
        ({"disk": Disk(10 << 30, 1 << 30)}, []),
    ],
)
def test_a_warning_needs_its_facts(changes: dict[str, Any], expected: list[str] | None) -> None:
    assert kinds(**changes) == (
        expected or (["without seccomp", "without landlock"] if expected is None else [])
    )


def test_silence_and_what_the_engine_says_of_itself_are_warnings() -> None:
    assert kinds(at=START + 38.2 + 16) == ["silence"]
    run = watched()
    told = replace(progress(), decoder="generate", skipped_tasks=1, cut_tasks=2)
    told_of = replace(run, line=replace(run.line, progress=told))
    found = alerts_of(told_of, START + 39)
    assert [alert.kind for alert in found] == ["prompts", "decoder"]
    assert found[0].what.startswith("1 task is skipped and 2 prompts are cut")


def test_a_run_that_has_ended_is_not_warned_of_what_is_over() -> None:
    assert kinds(state="finished", iterations=outcomes(error=60), disk=FULL) == []


def test_the_short_form_of_every_warning_fits_a_small_window() -> None:
    told = replace(progress(), decoder="generate", skipped_tasks=12_345, cut_tasks=67_890)
    run = watched(
        iterations=outcomes(error=99_999_999, harness_error=9_999_999),
        steps=steps(*[1e-3] * 20, *[3e4] * 5),
        isolation="WITHOUT landlock; WITHOUT seccomp",
        disk=replace(FULL, lasts_s=86_000.0),
    )
    run = replace(run, line=replace(run.line, progress=told))
    found: tuple[Alert, ...] = alerts_of(run, START + 1e5)
    assert len(found) == 9
    assert [alert.short for alert in found if len(alert.short) > 68] == []


# A run that only tests a file


@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE])
async def test_an_imported_run_says_what_it_is_and_shows_no_training(size: tuple[int, int]) -> None:
    async with shown(imported(), size) as pilot:
        said = text_of(pilot)
    assert "Imported programs" in said
    assert "theirs.parquet" in said and "nano:train" in said
    assert "588 of 1,008 (58.3 %)" in said
    for training in ("Held-out accuracy", "Learns from", "Loss", "replay"):
        assert training not in said


async def test_the_knobs_of_an_imported_run_cannot_be_turned() -> None:
    async with shown(imported()) as pilot:
        await pilot.press("right_square_bracket", "t")
        assert turned(pilot) == {}


def test_watched_needs_nothing_but_its_line() -> None:
    assert alerts_of(Watched(watched().line), START + 39) == ()


async def test_why_a_run_failed_is_readable_in_full_in_a_small_window() -> None:
    why = "Training diverged: loss nan. The newest checkpoint is whole; start again with less."
    now = snapshot("failed")
    assert now.watched is not None
    told = replace(progress("failed", "done"), message=why)
    line = replace(now.watched.line, progress=told)
    async with shown(replace(now, watched=replace(now.watched, line=line))) as pilot:
        said = " ".join(row.strip() for row in text_of(pilot).splitlines()[1:3])
    assert said == f"✗ Failed: {why.rstrip('.')}; r goes on from the last checkpoint."


async def test_all_plots_of_a_run_end_at_the_same_time() -> None:
    async with shown(snapshot(evaluations=evaluations()[:1]), LARGE) as pilot:
        said = text_of(pilot)
    assert said.count("0:30") == 3, "accuracy, though it was measured only once, loss and machine"
