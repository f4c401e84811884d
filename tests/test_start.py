"""What `btp-tui` does before its first frame, and what it leaves for later."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from btp_tui.command_line import app
from btp_tui.opening import DEFAULT_WORKSPACE, screen_options
from btp_tui.stylesheet import KeptStylesheet

PLAIN = [
    [],
    ["--workspace", "there"],
    ["--workspace=there=too"],
    ["--theme", "btp-light", "--workspace", "~/there"],
    ["--workspace", "one", "--workspace", "two"],
    ["--workspace", "--theme"],
    ["--theme="],
]


@pytest.mark.parametrize("named", ["", "elsewhere"])
@pytest.mark.parametrize("arguments", PLAIN)
def test_plain_arguments_are_read_as_typer_reads_them(
    arguments: list[str], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BTP_WORKSPACE", named)
    read = typer.main.get_command(app).make_context("btp-tui", list(arguments)).params
    found = screen_options(arguments, {"BTP_WORKSPACE": named})
    assert found == (read["workspace"], read["theme"])


@pytest.mark.parametrize(
    "arguments", [["demo"], ["--help"], ["--workspace"], ["--workspace", "x", "runs"], ["--them"]]
)
def test_all_other_arguments_are_left_to_the_command_line(arguments: list[str]) -> None:
    assert screen_options(arguments, {}) is None


def test_without_arguments_the_workspace_is_the_usual_one() -> None:
    assert screen_options([], {}) == (Path(DEFAULT_WORKSPACE), None)


def test_the_first_frame_needs_neither_numpy_nor_typer() -> None:
    modules = "btp_tui.cli, btp_tui.opening, btp_tui.app, btp_tui.reading.observer, core.entry"
    code = f"import json, sys, {modules}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(json.loads(done.stdout)) & {"numpy", "typer", "pydantic"} == set()


def test_a_style_that_was_parsed_is_parsed_again_only_for_other_colours() -> None:
    sheet = KeptStylesheet(variables={"one": "red"})
    sheet.add_source("Static { color: $one; }", ("a.tcss", ""))
    [first] = sheet.rules
    sheet.set_variables({"one": "red"})
    sheet.add_source("Static { width: 3; }", ("b.tcss", ""))
    sheet.reparse()
    assert sheet.rules[0] is first
    sheet.set_variables({"one": "blue"})
    sheet.reparse()
    assert sheet.rules[0].styles.color != first.styles.color
    assert len(sheet.rules) == 2
