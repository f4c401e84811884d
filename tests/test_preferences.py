"""A user's configuration: followed where it can be, refused in one sentence where it cannot."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from textual.binding import Binding

from btp_tui.app import BtpApp
from btp_tui.keys.keymap import RECORD, bindable, checked_keymap
from btp_tui.keys.names import key_of
from btp_tui.keys.record import as_text, declared
from btp_tui.personal.preferences import Preferences, preferences_file, read_preferences
from btp_tui.personal.remembered import remember_theme, remembered_theme, theme_file
from btp_tui.screens.dashboard import DashboardScreen
from btp_tui.screens.runs import RunsScreen
from btp_tui.snapshot import Snapshot
from btp_tui.theme import THEMES
from core.errors import CoreError
from tests.screens import Examples, StillFeed, snapshot
from tests.test_key_help import text_of

BTP_TUI = Path(sys.executable).parent / "btp-tui"


def configured(folder: Path, text: str) -> dict[str, str]:
    """The environment of a user with this configuration."""
    file = folder / "btp-tui" / "config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return {"XDG_CONFIG_HOME": str(folder)}


def opened(preferences: Preferences, picked: Path | None = None) -> BtpApp:
    """The application as this user gets it."""
    return BtpApp(
        Path("btp-runs"),
        feed=lambda place, post: StillFeed(snapshot(), place, post, Examples()),
        preferences=preferences,
        theme_file=picked,
    )


def test_without_a_file_everything_is_as_it_comes(tmp_path: Path) -> None:
    assert read_preferences({"XDG_CONFIG_HOME": str(tmp_path)}) == Preferences()


def test_a_variable_names_another_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('theme = "btp-light"\n[notify]\nwhen_run_ends = "off"\n')
    read = read_preferences({"BTP_TUI_CONFIG": str(file)})
    assert (read.theme, read.when_run_ends) == ("btp-light", "off")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("theme = ", "is no TOML"),
        ('theme = "solarized"', "there is no theme 'solarized'; there are btp-dark"),
        ('colour = "red"', "there is no setting 'colour'"),
        ('keys = "x"', "keys is a table"),
        ('[notify]\nwhen = "bell"', "there is no setting 'notify.when'"),
        ('[notify]\nwhen_run_ends = "horn"', "it can be bell, desktop, off"),
        ('[keys]\nfly = "f"', "fly: no action has this id; `btp-tui keys` lists the ids"),
        ('[keys]\nhold = "hyperspace"', "'hyperspace' is no key"),
        ('[keys]\nhold = "ctrl+"', "'ctrl+' is no key"),
        ("[keys]\nhold = 7", "write the key, or several with commas"),
        ('[keys]\nhold = ""', "write the key, or several with commas"),
        ('[keys]\nhold = "s"', "s is the key of stop (Save a checkpoint and stop training)"),
        ('[keys]\nhold = "f5"\nstop = "f5"', "f5 is the key of stop"),
        ('[keys]\nhold = "e"', "e is the key of runs.rename"),
        ('[keys]\nruns.mark = "p"', "p is the key of pause"),
        ('[keys]\npause = "m"', "m is the key of"),
        ('[keys]\ntable.down = "m"', "m is the key of"),
        ('[keys]\nfilter.submit = "x"', "'x' is text there"),
    ],
)
def test_what_cannot_be_followed_is_refused_in_one_sentence(
    tmp_path: Path, text: str, said: str
) -> None:
    environment = configured(tmp_path, text)
    with pytest.raises(CoreError) as refused:
        read_preferences(environment)
    sentence = str(refused.value)
    assert said in sentence
    assert str(preferences_file(environment)) in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    "text",
    [
        '[keys]\npause = "s"\nstop = "p"',  # exchanged
        '[keys]\nruns.mark = "f5"\ntasks.sort = "f5"',  # never in sight together
        '[keys]\nruns.mark = "h"',  # a key of the form's fields only
        '[keys]\nruns.resume = "r"',  # covers the global one by default
    ],
)
def test_what_cannot_be_mistaken_is_followed(tmp_path: Path, text: str) -> None:
    assert read_preferences(configured(tmp_path, text)).keys


def test_the_example_in_the_readme_is_followed(tmp_path: Path) -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    example = next(part for part in readme.split("```") if part.startswith("toml\ntheme ="))
    read = read_preferences(configured(tmp_path, example.removeprefix("toml")))
    assert (read.theme, read.when_run_ends) == ("btp-light", "bell")
    assert read.keys == {"hold": "f4", "programs.filter": "slash,f3"}


def test_the_record_of_all_keys_is_what_the_screens_declare() -> None:
    """Where it is not: python -m btp_tui.keys.record."""
    assert RECORD.read_text(encoding="utf-8") == as_text(declared())
    assert bindable() == declared()


def test_keys_are_checked_without_importing_a_screen(tmp_path: Path) -> None:
    configured(tmp_path, '[keys]\nhold = "f4"')
    code = (
        "import os, sys; from btp_tui.personal.preferences import read_preferences as read; "
        "read(os.environ); print([m for m in sys.modules if m.startswith('btp_tui.screens')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_every_key_of_every_screen_has_an_id_which_only_the_same_action_shares() -> None:
    actions = bindable()
    assert [action for action in actions if not action.id] == []
    alike = {(action.id, action.keys, action.sentence) for action in actions}
    shared = Counter(name for name, _, _ in alike)
    assert [name for name, times in shared.items() if times > 1] == []


def test_actions_share_an_id_only_where_they_take_turns_on_one_key() -> None:
    shared: dict[str, set[str]] = {}
    for binding in BtpApp.BINDINGS:
        assert isinstance(binding, Binding)
        shared.setdefault(str(binding.id), set()).add(binding.key)
    assert [name for name, keys in shared.items() if len(keys) > 1] == []


def test_every_default_key_can_be_written_into_a_configuration() -> None:
    actions = bindable()
    wanted = {action.id: ",".join(action.keys) for action in actions}
    assert set(checked_keymap(actions, wanted, "")) == set(wanted)


def test_no_id_hides_others_behind_a_dot() -> None:
    """TOML could not hold `runs = "3"` beside `runs.mark = "m"`."""
    names = {action.id for action in bindable()}
    assert [name for name in names if any(other.startswith(f"{name}.") for other in names)] == []


async def test_a_key_bound_anew_works_and_is_shown_everywhere_the_old_one_does_nothing(
    tmp_path: Path,
) -> None:
    read = read_preferences(configured(tmp_path, '[keys]\ngo.runs = "f9"\nruns.mark = "f8"\n'))
    async with opened(read).run_test(size=(120, 50)) as pilot:
        await pilot.pause()
        await pilot.press("3")
        assert isinstance(pilot.app.screen, DashboardScreen)
        assert "f9 Runs" in text_of(pilot).splitlines()[-1]
        titles = {command.title for command in pilot.app.get_system_commands(pilot.app.screen)}
        assert "Runs (f9)" in titles
        await pilot.press("question_mark", *"all runs")
        await pilot.pause()
        assert "f9  All runs of this workspace" in text_of(pilot)
        await pilot.press("escape", "f9")
        assert isinstance(pilot.app.screen, RunsScreen)
        await pilot.pause()
        assert "f8 Mark" in text_of(pilot).splitlines()[-1]
        await pilot.press("f8")
        await pilot.pause()
        assert "A running" in text_of(pilot)


async def test_the_two_actions_of_one_key_move_together(tmp_path: Path) -> None:
    read = read_preferences(configured(tmp_path, '[keys]\npause = "f7"'))
    for state, said in (("running", "f7 Pause training"), ("paused", "f7 Go on training")):
        app = BtpApp(
            Path("btp-runs"),
            feed=lambda place, post, state=state: StillFeed(
                snapshot(state), place, post, Examples()
            ),
            preferences=read,
        )
        async with app.run_test(size=(120, 40)) as pilot:
            await pilot.pause()
            assert said in text_of(pilot).splitlines()[-1]


async def test_a_picked_theme_is_kept_for_the_next_start(tmp_path: Path) -> None:
    file = theme_file({"XDG_STATE_HOME": str(tmp_path)})
    assert remembered_theme(file) is None
    async with opened(Preferences(), file).run_test() as pilot:
        await pilot.pause()
        for theme in (*THEMES[1:], THEMES[0], THEMES[1]):
            await pilot.press("ctrl+t")
            assert pilot.app.theme == theme.name
            assert remembered_theme(file) == theme.name


def test_a_forgotten_or_unwritable_place_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "theme").write_text("textual-dark\n")
    assert remembered_theme(tmp_path / "theme") is None
    (tmp_path / "file").write_text("")
    remember_theme(tmp_path / "file" / "theme", "btp-light")


def keys_printed(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BTP_TUI, "keys", *options],
        env={**os.environ, "XDG_CONFIG_HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_keys_prints_every_id_with_the_keys_that_hold(tmp_path: Path) -> None:
    configured(tmp_path, '[keys]\nhold = "f6"')
    done = keys_printed(tmp_path, "--json")
    read = {row["id"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert set(read) == {action.id for action in bindable()}
    assert (read["hold"]["keys"], read["hold"]["default"]) == (["f6"], ["space"])
    table = keys_printed(tmp_path).stdout
    assert all(action.id in table for action in bindable())
    assert str(tmp_path / "btp-tui" / "config.toml") in table


@pytest.mark.parametrize(
    ("text", "arguments", "said"),
    [
        ('[keys]\nhold = "s"', [], "s is the key of stop"),
        ("", ["--theme", "pink"], "--theme: there is no theme 'pink'"),
    ],
)
def test_a_screen_that_cannot_be_opened_as_wanted_exits_with_2(
    tmp_path: Path, text: str, arguments: list[str], said: str
) -> None:
    environment = {**os.environ, **configured(tmp_path, text), "TERM": "xterm-256color"}
    mine, theirs = pty.openpty()
    done = subprocess.run(
        [BTP_TUI, *arguments],
        cwd=tmp_path,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(theirs)
    os.close(mine)
    assert done.returncode == 2
    [line] = done.stderr.strip().splitlines()
    assert line.startswith("btp-tui: ")
    assert said in line


#: Screens and states whose sentences name keys: the keys that lead there, and the sentence with
#: the keys that hold, where each of these actions has been given another.
SENTENCES = [
    ("none", "", "f5"),
    ("none", "f9", "No run yet: press f5 to start the demo, f6 for one of your own."),
    ("died", "", "f7 resumes from the last checkpoint"),
    ("paused", "", "Training is paused, nothing is lost: f8 goes on"),
    ("running", "f10", "It saves a checkpoint and ends; f7 resumes it later."),
    ("running", "f9", "f11 watches one · ^f3 marks"),
]


@pytest.mark.parametrize(("state", "pressed", "said"), SENTENCES)
async def test_sentences_name_the_keys_that_hold(
    tmp_path: Path, state: str, pressed: str, said: str
) -> None:
    bound = {"demo": "f5", "new": "f6", "resume": "f7", "pause": "f8", "go.runs": "f9"}
    bound |= {"stop": "f10", "table.open": "f11", "runs.mark": "ctrl+f3"}
    text = "\n".join(["[keys]", *(f'{name} = "{key}"' for name, key in bound.items())])
    read = read_preferences(configured(tmp_path, text))
    shown = Snapshot("btp-runs") if state == "none" else snapshot(state)
    app = BtpApp(
        Path("btp-runs"),
        feed=lambda place, post: StillFeed(shown, place, post, Examples()),
        preferences=read,
    )
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.press(*pressed.split())
        await pilot.pause()
        words = " ".join(text_of(pilot).replace("│", " ").split())
        assert said in words


def test_a_sentence_names_only_keys_that_there_are() -> None:
    folder = Path(__file__).parent.parent / "btp_tui"
    sources = [file.read_text(encoding="utf-8") for file in sorted(folder.rglob("*.py"))]
    named = {name for text in sources for name in re.findall(r"key_of\([\"']([^\"']+)", text)}
    assert len(named) > 20
    assert named <= {action.id for action in bindable()}


def test_no_sentence_names_a_key_by_heart() -> None:
    """A key in a sentence is looked up, for it can be bound anew."""
    folder = Path(__file__).parent.parent / "btp_tui"
    does = (
        r"(?:to|goes|resumes|starts|shows|pauses|stops|marks|opens|changes|clears|dismisses|lets)"
    )
    by_heart = re.compile(rf"(?:^|[\s(:;,\"])(?:[bcdlmnprswxz/1234ANRFEOW]|esc) {does}\b")
    found = [
        f"{file.name}: {line.strip()}"
        for file in sorted(folder.rglob("*.py"))
        for line in file.read_text(encoding="utf-8").splitlines()
        if by_heart.search(line) and '"""' not in line and "#" not in line
    ]
    assert found == []


@pytest.mark.parametrize(
    ("action", "written"),
    [("demo", "d"), ("theme", "^t"), ("table.open", "enter"), ("programs.back", "esc")],
)
def test_without_a_configuration_sentences_name_the_default_keys(action: str, written: str) -> None:
    opened(Preferences())
    assert key_of(action) == written
