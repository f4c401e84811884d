"""The command line as a user meets it: help, exit codes, one sentence on bad input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import core.cli
from btp_tui.command_line import ADMINISTRATION, HANDED_OVER
from tests.engine_runs import small_held_out

BIN = Path(sys.executable).parent


def btp_tui(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / "btp-tui", *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


def assert_refused(done: subprocess.CompletedProcess[str], *said: str) -> None:
    """Exit code 2 and one line on stderr that says these things."""
    assert done.returncode == 2, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("btp-tui: ")
    for words in said:
        assert words in lines[0]


def test_every_handed_over_command_exists_and_has_help(tmp_path: Path) -> None:
    commands = typer.main.get_command(core.cli.app).commands  # type: ignore[attr-defined]
    assert set(commands) == {*HANDED_OVER, "runs"}
    assert set(commands["runs"].commands) == set(ADMINISTRATION)
    for name in HANDED_OVER:
        done = btp_tui(name, "--help", cwd=tmp_path)
        assert done.returncode == 0
        assert f"Usage: btp-tui {name}" in done.stdout


def test_help_lists_every_command_whole(tmp_path: Path) -> None:
    done = btp_tui("--help", cwd=tmp_path)
    assert done.returncode == 0
    for line in HANDED_OVER.values():
        assert line in done.stdout


def test_a_folder_named_core_in_the_working_directory_is_not_taken_for_ours(
    tmp_path: Path,
) -> None:
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "__init__.py").write_text("raise SystemExit('the wrong core')")
    assert btp_tui("train", "--help", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "replay.alpa=1"], ["'replay.alpa'", "Did you mean 'replay.alpha'"]),
        (["--set", "replay.alpha=1.5"], ["replay.alpha = 1.5", "less than or equal to 1"]),
        (["--config", "gone.toml"], ["gone.toml", "No such file"]),
        (["--set", "model.path=./no-such-model"], ["no-such-model"]),
        (["--set", "tasks.train=['humanevil']"], ["'humanevil'", "humaneval"]),
        (["--set", "tasks.train=['nano:held-out']"], ["tasks.train", "tasks.held_out"]),
        (["--set", "device=cuda:7"], ["cuda:7"]),
        (["--name", "no/slash"], ["no/slash"]),
    ],
)
def test_wrong_settings_are_refused_in_one_sentence_and_leave_no_run(
    arguments: list[str], said: list[str], tmp_path: Path
) -> None:
    done = btp_tui("train", *arguments, cwd=tmp_path)
    assert_refused(done, *said)
    assert list(tmp_path.glob("btp-runs/runs/*")) == []


def test_a_workspace_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, not a folder")
    assert_refused(btp_tui("train", "--workspace", "taken", cwd=tmp_path), "taken", "--workspace")


def test_resuming_what_is_not_there_is_refused(tmp_path: Path) -> None:
    assert_refused(btp_tui("resume", "ghost", cwd=tmp_path), "btp-runs")


def test_runs_of_an_empty_folder_say_how_to_start_one(tmp_path: Path) -> None:
    done = btp_tui("runs", cwd=tmp_path)
    assert done.returncode == 0
    assert "btp-tui demo" in done.stdout
    assert not (tmp_path / "btp-runs").exists()


@pytest.mark.parametrize("command", [["runs"], ["doctor", "--json"], ["--help"]])
def test_output_that_finds_no_room_is_one_sentence(tmp_path: Path, command: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [BIN / "btp-tui", *command],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 2
    assert done.stderr == "btp-tui: There is no room for the output: No space left on device.\n"


def test_a_small_training_run_ends_with_one_json_object(tmp_path: Path) -> None:
    held_out = small_held_out(tmp_path)
    settings = {
        "max_programs": 24,
        "tasks.held_out": f"['nano:{held_out}']",
        "sampler.tasks_per_iteration": 5,
        "trainer.updates_per_iteration": 2,
        "trainer.minibatch": 4,
    }
    overrides = [f"--set={key}={value}" for key, value in settings.items()]
    done = btp_tui("train", "--json", *overrides, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["state"] == "finished"
    assert result["reason"] == "max_programs = 24 reached"
    assert result["programs"] == 24
    assert result["updates"] == 4
    assert set(result["initial"]) == set(result["final"]) == {"accuracy", "pass_rate"}
    assert result["decoder"]["tree"] > 0
    listed = btp_tui("runs", cwd=tmp_path)
    assert result["run"] in listed.stdout
    assert "finished" in listed.stdout
