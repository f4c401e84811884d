"""The README says what the code does: settings, commands, files."""

import re
import subprocess
import sys
from pathlib import Path

from btp_tui.command_line import HANDED_OVER
from core.config import markdown_table
from storage.query import KEYS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_of_settings_is_the_one_the_code_declares() -> None:
    assert markdown_table() in README, "paste the output of `python -m core.config`"


def test_every_command_is_described() -> None:
    for command in ("demo", "runs", "report", *HANDED_OVER):
        assert f"btp-tui {command}" in README


def test_the_example_of_the_executor_as_a_library_prints_what_is_shown() -> None:
    example, shown = re.findall(r"```(?:python)?\n(.*?)```", README.split("as a library")[1], re.S)[
        :2
    ]
    ended = subprocess.run(
        [sys.executable, "-c", example], capture_output=True, text=True, cwd=ROOT
    )
    printed = sorted(line.rstrip() for line in ended.stdout.splitlines())  # as they finish
    assert printed == shown.splitlines(), ended.stderr


def test_every_file_and_folder_that_is_linked_exists() -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_key_of_a_filter_is_described() -> None:
    for key, (example, meaning) in KEYS.items():
        assert f"| `{key}` | `{example}` | {meaning} |" in README
