"""The form of a new run: every key by the action it must cause."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
import tomllib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.geometry import Offset
from textual.pilot import Pilot
from textual.widgets import Input

from btp_tui.app import BtpApp
from btp_tui.control import engine
from btp_tui.form.draft import Draft
from btp_tui.form.fields import form_fields
from btp_tui.form.rows import BaseRow, FieldRow, SectionRow, make_rows
from btp_tui.panels.field_list import FieldList
from btp_tui.panels.fields import Fields
from btp_tui.panels.form_notes import EstimatePanel, SectionList
from btp_tui.reading.observer import Observer
from btp_tui.reading.wishes import Wishes
from btp_tui.screens import form as form_screen
from btp_tui.screens.dashboard import DashboardScreen
from btp_tui.screens.dialogs import Question
from btp_tui.screens.new_run import NewRunScreen
from btp_tui.screens.prompt import Prompt
from btp_tui.screens.runs import RunsScreen
from btp_tui.snapshot import Snapshot
from core.config import Config, fields
from core.config_reading import build_config, load_config
from core.errors import CoreError
from core.estimate import figures
from core.estimate.machine import Machine
from core.presets import PRESETS, find_preset
from storage.workspace import Workspace
from tests.screens import run_line, snapshot, still_app
from tests.stores import Store

SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (200, 50)
QUIET = Snapshot("btp-runs", runs=(run_line("demo-0", "finished"),))
FIELDS = {field.key: field for field in form_fields()}


@pytest.fixture(autouse=True)
def same_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The estimate is for one machine, wherever the tests run."""
    machine = Machine("cpu", "this machine", 2, 16 << 30, 100 << 30)
    monkeypatch.setattr(figures, "look", lambda device, workspace: machine)


class Form:
    """The form in an application, as a test handles it."""

    def __init__(self, pilot: Pilot[Any]) -> None:
        self.pilot = pilot

    @property
    def app(self) -> BtpApp:
        assert isinstance(self.pilot.app, BtpApp)
        return self.pilot.app

    @property
    def screen(self) -> NewRunScreen:
        assert isinstance(self.app.screen, NewRunScreen)
        return self.app.screen

    @property
    def list(self) -> FieldList:
        return self.screen.query_one(FieldList)

    @property
    def draft(self) -> Draft:
        return self.screen._draft

    async def at(self, key: str) -> None:
        """Puts the cursor on a row."""
        self.list.place_cursor(key)
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def settled(self) -> None:
        """Until the estimate is there, and whatever else was begun is done."""
        await self.app.workers.wait_for_complete()
        await self.pilot.pause()

    def text(self) -> str:
        strips = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text for strip in strips)

    def words(self) -> str:
        """The text without its lines and gaps."""
        return " ".join(self.text().split())


@asynccontextmanager
async def opened(
    size: tuple[int, int] = MIDDLE, folder: Path = Path("btp-runs"), shown: Snapshot | None = None
) -> AsyncIterator[Form]:
    """The form, opened from a dashboard without a run: its plots would take most of the time."""
    async with still_app(shown or QUIET, folder).run_test(size=size) as pilot:
        await pilot.press("N")
        await pilot.pause()
        yield Form(pilot)


# The form without the screen


def test_every_setting_has_a_field_with_its_description() -> None:
    assert [field.key for field in form_fields()] == [key for key, _ in fields()]
    for field, (_, declared) in zip(form_fields(), fields(), strict=True):
        assert field.meaning == " ".join(declared.description.splitlines())


@pytest.mark.parametrize(
    ("key", "wants"),
    [
        ("sampler.beams", "a whole number, at least 1, at most 64"),
        ("replay.alpha", "a number, at least 0, at most 1"),
        ("model.lora_dropout", "a number, at least 0, below 1"),
        ("model.quantization", "one of none, 8bit, 4bit"),
        ("model.offline", "true or false"),
        ("tasks.train", 'texts, as ["one", "two"]'),
    ],
)
def test_a_field_says_what_it_takes_from_its_declaration(key: str, wants: str) -> None:
    assert FIELDS[key].wants == wants


@given(st.sampled_from(form_fields()), st.text(max_size=12))
def test_whatever_is_typed_is_taken_or_refused_as_the_loader_does(field: Any, text: str) -> None:
    draft = Draft()
    draft.type(field, text)
    wanted = Config().model_dump()
    table = wanted
    *sections, name = field.key.split(".")
    for section in sections:
        table = table[section]
    table[name] = field.read(text)
    try:
        expected = build_config(wanted, origin="x")
    except CoreError as error:
        assert draft.config is None
        assert f"x: {draft.problem(field)}" == str(error)
    else:
        assert draft.config == expected


def test_a_rule_about_two_settings_is_told_at_the_one_last_changed() -> None:
    draft = Draft()
    draft.change(FIELDS["sampler.strategy"], "diverse")
    assert draft.problems == {}
    draft.change(FIELDS["sampler.beams"], 4)
    assert "groups = 3 must divide beams = 4" in draft.problem(FIELDS["sampler.beams"])
    draft.change(FIELDS["sampler.groups"], 2)
    assert draft.problems == {}


def test_a_value_as_it_was_to_begin_with_is_no_change() -> None:
    draft = Draft()
    draft.type(FIELDS["sampler.beams"], "4")
    assert draft.edits == {"sampler.beams": 4}
    draft.type(FIELDS["sampler.beams"], "3")
    assert draft.edits == {}


def test_sections_that_change_nothing_say_why() -> None:
    rows = {row.name: row for row in make_rows(Draft(), set()) if isinstance(row, SectionRow)}
    assert rows["teacher.model"].unused == "teacher.kind is not model"
    draft = Draft()
    draft.change(FIELDS["teacher.kind"], "model")
    rows = {row.name: row for row in make_rows(draft, set()) if isinstance(row, SectionRow)}
    assert rows["teacher.model"].unused == ""


# Keys


async def test_capital_n_opens_the_form_from_every_screen_and_escape_leads_back() -> None:
    async with still_app(QUIET).run_test(size=MIDDLE) as pilot:
        for first in ("b", "3", "4", "1"):
            await pilot.press(first)
            await pilot.pause()
            before = type(pilot.app.screen)
            await pilot.press("N")
            await pilot.pause()
            assert isinstance(pilot.app.screen, NewRunScreen), first
            assert isinstance(pilot.app.focused, FieldList)
            await pilot.press("escape")
            await pilot.app.workers.wait_for_complete()
            await pilot.pause()
            assert type(pilot.app.screen) is before


async def test_an_empty_workspace_names_the_key() -> None:
    async with still_app(Snapshot("btp-runs")).run_test(size=SMALL) as pilot:
        await pilot.pause()
        strips = pilot.app.screen._compositor.render_strips()
        assert "Press N for a run with your own model" in "\n".join(each.text for each in strips)
        await pilot.press("3")
        await pilot.pause()
        strips = pilot.app.screen._compositor.render_strips()
        assert "N for one of your own" in "\n".join(each.text for each in strips)


async def test_enter_edits_and_each_key_is_validated_and_shown_beside_the_field() -> None:
    async with opened() as form:
        await form.at("sampler.beams")
        await form.press("enter", "backspace", "0")
        assert form.draft.problems["sampler.beams"].startswith("sampler.beams = 0 is wrong")
        [row] = [line for line in form.text().splitlines() if " beams " in line]
        assert "✗" in row
        assert "0  input should be greater than or equal to" in row
        await form.press("backspace", "5", "enter")
        assert form.draft.edits == {"sampler.beams": 5}
        [row] = [line for line in form.text().splitlines() if " beams " in line]
        assert "•   beams" in row
        assert "before: 3" in row
        assert isinstance(form.app.focused, FieldList)


async def test_while_typing_escape_takes_it_back_arrows_and_tab_take_it_and_move_on() -> None:
    async with opened() as form:
        await form.at("sampler.beams")
        await form.press("enter", "7", "escape")
        assert form.draft.edits == {}
        assert isinstance(form.app.screen, NewRunScreen)
        for typed, (key, steps) in enumerate(
            (("down", 1), ("up", -1), ("tab", 1), ("shift+tab", -1)), start=1
        ):
            await form.at("sampler.beams")
            place = form.list.cursor
            await form.press("enter", "backspace", str(typed), key)
            assert form.draft.config is not None
            assert form.draft.config.sampler.beams == typed
            assert form.list.cursor == place + steps, key
            assert not form.screen.query_one(Fields).editing


async def test_space_and_arrows_go_round_the_choices_and_enter_turns_a_switch_over() -> None:
    async with opened() as form:
        await form.at("model.dtype")
        for key, value in (
            ("space", "float32"),
            ("right", "bfloat16"),
            ("l", "float16"),
            ("left", "bfloat16"),
            ("h", "float32"),
        ):
            await form.press(key)
            assert form.draft.edits == {"model.dtype": value}, key
        await form.press("left", "left")
        assert form.draft.edits == {"model.dtype": "float16"}, "round and round"
        await form.press("backspace")
        await form.at("model.offline")
        await form.press("enter")
        assert form.draft.edits == {"model.offline": True}


async def test_enter_opens_and_closes_a_section() -> None:
    async with opened() as form:
        await form.at("[executor]")
        for shown in (True, False):
            await form.press("enter")
            keys = [row.field.key for row in form.list._rows if isinstance(row, FieldRow)]
            assert ("executor.workers" in keys) == shown


async def test_arrows_letters_and_pages_move_the_cursor_and_tab_goes_by_sections() -> None:
    async with opened(SMALL) as form:
        last = len(form.list._rows) - 1
        for key, place in (
            ("down", 1),
            ("j", 2),
            ("k", 1),
            ("up", 0),
            ("end", last),
            ("home", 0),
            ("G", last),
            ("g", 0),
            ("pagedown", form.list.size.height - 1),
            ("pageup", 0),
        ):
            await form.press(key)
            assert form.list.cursor == place, key
        for key, section in (("tab", "run"), ("tab", "model"), ("shift+tab", "run")):
            await form.press(key)
            assert isinstance(form.list.row, SectionRow)
            assert form.list.row.name == section, key


async def test_slash_finds_settings_by_name_and_meaning_and_escape_shows_all_again() -> None:
    async with opened(SMALL) as form:
        before = len(form.list._rows)
        await form.press("slash", *"lora rank")
        keys = [row.field.key for row in form.list._rows if isinstance(row, FieldRow)]
        assert keys == [
            "model.lora_rank",
            "model.lora_alpha",
            "teacher.model.lora_rank",
            "teacher.model.lora_alpha",
        ]
        await form.press("enter")
        assert isinstance(form.app.focused, FieldList)
        assert isinstance(form.list.row, FieldRow), "the next enter edits what was found"
        assert form.list.row.field.key == "model.lora_rank"
        await form.press("escape")
        assert len(form.list._rows) == before
        assert isinstance(form.app.screen, NewRunScreen)


async def test_a_setting_whose_name_has_the_words_goes_before_those_that_mention_it() -> None:
    async with opened(SMALL) as form:
        await form.press("slash")
        form.screen.query_one("#find", Input).value = "refresh"
        await form.press("enter")
        assert isinstance(form.list.row, FieldRow)
        assert form.list.row.field.key == "replay.refresh"
        for words, found in (("max_iterations", "max_iterations"), ("beta", "replay.beta")):
            await form.press("escape", "slash")
            form.screen.query_one("#find", Input).value = words
            await form.press("enter")
            assert form.list.row.field.key == found
        await form.press("escape", "slash")
        form.screen.query_one("#find", Input).value = "nothing like this"
        await form.pilot.pause()
        assert "No setting like this" in form.text()


async def test_c_shows_only_what_was_changed_and_backspace_gives_it_its_first_value() -> None:
    async with opened() as form:
        await form.at("replay.alpha")
        await form.press("enter", "5", "enter", "c")
        rows = [row.field.key for row in form.list._rows if isinstance(row, FieldRow)]
        assert rows == ["replay.alpha"]
        await form.press("c")
        assert len(form.list._rows) > 50
        for key in ("backspace", "delete"):
            await form.press(key)
            assert form.draft.edits == {}, key
            await form.at("model.dtype")
            await form.press("space")


async def test_the_first_row_takes_another_preset_and_keeps_changes() -> None:
    async with opened() as form:
        await form.at("sampler.beams")
        await form.press("enter", "backspace", "4", "enter", "home")
        assert isinstance(form.list.row, BaseRow)
        for preset in (*PRESETS[1:],):
            await form.press("space")
            await form.settled()
            assert form.draft.base == preset.config()
            assert form.draft.edits == {"sampler.beams": 4}
            assert preset.name in form.text()
        await form.press("left")
        await form.settled()
        assert form.draft.base == PRESETS[-2].config()


async def test_from_the_list_of_runs_the_form_begins_like_the_run_under_the_cursor(
    tmp_path: Path,
) -> None:
    with Store(tmp_path) as store:
        shown = Snapshot("btp-runs", runs=(run_line("demo-1", "finished"),))
        store.writer.create_run("mine-3", "train", "seed = 9\n[sampler]\nbeams = 7\n", "nano", "")
        shown = replace(shown, runs=(run_line("mine-3", "finished"), *shown.runs))
        folder = store.workspace.path
        async with still_app(shown, folder).run_test(size=MIDDLE) as pilot:
            await pilot.press("3", "N")
            form = Form(pilot)
            await form.settled()
            assert form.draft.base == load_config(None, ["seed=9", "sampler.beams=7"])
            assert "‹ as mine-3 ›" in form.text()
            assert form.draft.edits == {}
            assert form.screen._begin.prefix == "mine"


async def test_a_run_of_another_version_is_a_sentence(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.writer.create_run("old-1", "train", "gone = 9\n", "nano", "")
        shown = Snapshot("btp-runs", runs=(run_line("old-1", "finished"),))
        async with still_app(shown, store.workspace.path).run_test(size=MIDDLE) as pilot:
            await pilot.press("3", "N")
            form = Form(pilot)
            await form.settled()
            assert "there is no setting 'gone'" in form.text()
            assert form.draft.base == Config()


async def test_escape_asks_where_something_would_be_lost_and_another_screen_keeps_it() -> None:
    async with opened() as form:
        await form.at("model.offline")
        await form.press("enter", "3")
        assert isinstance(form.app.screen, RunsScreen)
        await form.press("1", "N", "escape")
        assert isinstance(form.app.screen, Question)
        await form.press("n")
        assert form.draft.edits == {"model.offline": True}
        await form.press("escape", "y")
        await form.settled()
        assert isinstance(form.app.screen, DashboardScreen)
        await form.press("N")
        assert form.draft.edits == {}


@pytest.mark.parametrize("state", ["running", "died"])
async def test_letters_meant_for_the_form_do_nothing_to_runs(
    launches: list[tuple[str, Config]], state: str
) -> None:
    async with opened(shown=snapshot(state)) as form:
        before = form.app.wishes
        await form.press(*"dprst", "left_square_bracket", "y")
        assert isinstance(form.app.screen, NewRunScreen)
        assert (form.app.wishes, launches) == (before, [])


# Starting


@pytest.fixture
def launches(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, Config]]]:
    """What engines would have been started with."""
    started: list[tuple[str, Config]] = []

    def launch(workspace: Workspace, prefix: str, toml: str = "") -> engine.Launch:
        started.append((prefix, build_config(tomllib.loads(toml), origin="test")))
        return engine.Launch(f"{prefix}-1", None, workspace.path / "engine.log")  # type: ignore[arg-type]

    monkeypatch.setattr(engine, "start", launch)
    yield started


async def test_ctrl_s_starts_the_run_that_is_shown(launches: list[tuple[str, Config]]) -> None:
    async with opened() as form:
        await form.press("space")
        await form.settled()
        await form.at("sampler.beams")
        await form.press("enter", "backspace", "8", "ctrl+s")
        await form.settled()
        wanted = load_config(None, [*find_preset("self-improvement").overrides, "sampler.beams=8"])
        assert launches == [("self-improvement", wanted)]
        assert isinstance(form.app.screen, DashboardScreen)
        assert form.app.wishes.watch == "self-improvement-1"
        await form.press("N")
        assert form.draft.edits == {"sampler.beams": 8}, "there to be put right, or for another"
        await form.press("escape")
        await form.settled()
        assert isinstance(form.app.screen, DashboardScreen), "a file holds it: nothing is asked"
        await form.press("N")
        assert form.draft.edits == {}


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_a_click_on_start_starts_it(
    launches: list[tuple[str, Config]], size: tuple[int, int]
) -> None:
    async with opened(size) as form:
        await form.settled()
        rows = form.text().splitlines()
        [(y, row)] = [(y, row) for y, row in enumerate(rows) if "Start ^s" in row]
        await form.pilot.click(offset=Offset(row.index("Start ^s") + 2, y))
        await form.settled()
        assert launches == [("demo", Config())]


async def test_what_is_wrong_is_not_started_but_named_and_gone_to(
    launches: list[tuple[str, Config]],
) -> None:
    async with opened(SMALL) as form:
        await form.at("sampler.beams")
        await form.press("enter", "x", "enter", "home", "ctrl+s")
        await form.settled()
        assert launches == []
        assert "Not started: sampler.beams = '3x' is wrong" in form.text()
        assert isinstance(form.list.row, FieldRow)
        assert form.list.row.field.key == "sampler.beams"


async def test_an_engine_that_cannot_start_leaves_the_form_as_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("a file, not a folder")
    async with opened(folder=tmp_path / "taken") as form:
        await form.at("model.offline")
        await form.press("enter", "ctrl+s")
        await form.settled()
        assert "nothing was started" in form.text()
        assert form.draft.edits == {"model.offline": True}


async def test_w_writes_a_file_that_train_takes_and_leaves_others_alone(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    async with opened() as form:
        await form.at("model.dtype")
        await form.press("space", "w")
        assert isinstance(form.app.screen, Prompt)
        form.app.screen.query_one(Input).value = str(file)
        await form.press("enter")
        assert load_config(file) == load_config(None, ["model.dtype=float32"])
        assert f"Wrote {tmp_path}" in form.words()
        await form.press("space", "w")
        form.app.screen.query_one(Input).value = str(file)
        await form.press("enter")
        assert "File exists; nothing was changed" in form.words()
        assert load_config(file).model.dtype == "float32"


def test_the_file_is_in_the_folder_of_the_run_and_a_failure_is_told_with_its_name(
    tmp_path: Path,
) -> None:
    """A real engine that is given a model that there is not."""
    workspace = Workspace(tmp_path)
    toml = '[model]\npath = "./gone"\n'
    launch = engine.start(workspace, "mine", toml)
    assert (workspace.run_folder("mine-1") / "config.toml").read_text() == toml
    launch.process.wait(timeout=60)
    with Observer(workspace) as observer:
        problem = observer.snapshot(Wishes(launch=launch, watch="mine-1")).problem
    assert "The engine of mine-1 ended with exit code 2" in problem
    assert "There is no model folder gone" in problem
    assert "N or d starts another" in problem


# The estimate


async def test_the_estimate_follows_what_is_typed() -> None:
    async with opened(LARGE) as form:
        await form.settled()
        panel = form.screen.query_one(EstimatePanel)
        assert panel.estimate is not None
        assert panel.estimate.work is not None
        assert panel.estimate.work.programs == 2880
        await form.at("sampler.beams")
        await form.press("enter", "backspace", "6", "enter")
        await form.settled()
        assert panel.estimate.work.programs == 2 * 2880
        assert "5,760 programs" in form.text()


async def test_an_estimate_is_given_up_when_the_next_key_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    estimated: list[Config] = []
    async with opened() as form:
        await form.settled()
        monkeypatch.setattr(figures, "plan_work", estimated.append)
        monkeypatch.setattr(form_screen, "_QUIET_S", 3600.0)
        await form.at("sampler.beams")
        await form.press("enter", "backspace", "4", "2")
        workers = [each for each in form.app.workers if each.group == "estimate"]
        assert sum(not each.is_finished for each in workers) == 1, "that of the last key"
        assert estimated == []


async def test_what_keeps_it_from_running_is_a_sentence_with_a_sign(tmp_path: Path) -> None:
    async with opened(MIDDLE, tmp_path) as form:
        await form.at("model.path")
        await form.press("enter")
        form.screen.query_one("#edit", Input).value = "./gone"
        await form.press("enter")
        await form.settled()
        assert "✗ There is no model folder './gone'" in form.words()


def test_the_form_and_its_estimate_import_nothing_heavy() -> None:
    code = (
        "import sys; from pathlib import Path; from btp_tui.screens.late import warm_up; warm_up();"
        "early = set(sys.modules);"
        "from core.estimate import estimate; from core.config import Config;"
        "estimate(Config(), Path('nowhere'));"
        "print(sorted({'torch', 'transformers', 'datasets'} & set(sys.modules)),"
        "sorted({'numpy', 'psutil'} & early))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[] []\n"


# The mouse


async def test_a_click_moves_the_cursor_and_a_second_one_edits() -> None:
    async with opened() as form:
        await form.pilot.click(FieldList, offset=(20, 4))
        assert form.list.cursor == 4
        assert not form.screen.query_one(Fields).editing
        await form.pilot.click(FieldList, offset=(20, 4))
        await form.pilot.pause()
        assert form.screen.query_one(Fields).editing
        await form.press("5")
        await form.pilot.click(FieldList, offset=(20, 9))
        await form.pilot.pause()
        assert form.draft.edits == {"max_iterations": 105}, "a click elsewhere takes it"


async def test_a_click_on_a_section_goes_there() -> None:
    async with opened(LARGE) as form:
        names = [row.name for row in form.screen.query_one(SectionList)._rows]
        await form.pilot.click(SectionList, offset=(4, 1 + names.index("executor")))
        await form.pilot.pause()
        assert isinstance(form.list.row, SectionRow)
        assert form.list.row.name == "executor"
        assert any(
            isinstance(r, FieldRow) and r.field.section == "executor" for r in form.list._rows
        )


@pytest.mark.parametrize("size", [(60, 15), SMALL, LARGE])
async def test_every_row_can_be_reached_and_is_in_sight_at_every_size(
    size: tuple[int, int],
) -> None:
    async with opened(size) as form:
        assert form.list.size.height >= 4
        await form.press("end")
        assert " logging" in form.text()


async def test_a_key_in_a_form_of_a_hundred_fields_is_drawn_at_once() -> None:
    """CPU time of a key and of the frame it causes; far from the 50 ms that a key may take."""
    async with opened(LARGE) as form:
        await form.settled()
        for name in ("executor", "endpoint", "teacher.model", "teacher.endpoint"):
            form.screen._shut.discard(name)
        form.screen._show_rows()
        assert len(form.list._rows) > 100
        await form.at("sampler.beams")
        await form.press("enter")
        typed = form.screen.query_one("#edit", Input)
        times = []
        for number in range(1, 20):
            began = time.process_time()
            typed.value = str(number)
            await asyncio.sleep(0)
            form.app.screen._compositor.render_strips()
            times.append(time.process_time() - began)
        assert sorted(times)[len(times) // 2] < 0.05
