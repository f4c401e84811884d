"""Files that people write are small: what is larger, or no file at all, is refused at once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from btp_tui.control.engine import Launch
from btp_tui.personal.preferences import read_preferences
from btp_tui.personal.remembered import remembered_theme
from core.config_reading import load_config
from core.errors import CoreError
from core.small_file import LARGEST


def pipe(folder: Path) -> Path:
    """Nobody writes into it: to open it would wait."""
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


def large(folder: Path) -> Path:
    (folder / "large.toml").write_text("#" * (LARGEST + 1))
    return folder / "large.toml"


REFUSED = [
    (lambda folder: Path("/dev/zero"), "it is no ordinary file"),
    (pipe, "it is no ordinary file"),
    (large, "it is larger than 1 MB"),
    (lambda folder: folder, "Is a directory"),
]


@pytest.mark.parametrize(("make", "why"), REFUSED)
def test_a_configuration_is_an_ordinary_small_file(
    tmp_path: Path, make: Callable[[Path], Path], why: str
) -> None:
    file = make(tmp_path)
    with pytest.raises(CoreError) as refused:
        load_config(file)
    assert str(refused.value) == f"Cannot read the configuration {file}: {why}."


@pytest.mark.parametrize(("make", "why"), REFUSED)
def test_so_are_the_settings_of_a_user_and_the_theme_that_is_remembered(
    tmp_path: Path, make: Callable[[Path], Path], why: str
) -> None:
    file = make(tmp_path)
    with pytest.raises(CoreError) as refused:
        read_preferences({"BTP_TUI_CONFIG": str(file)})
    assert str(refused.value) == f"{file} cannot be read: {why}."
    assert remembered_theme(file) is None


def test_a_file_of_just_the_size_is_read(tmp_path: Path) -> None:
    file = tmp_path / "full.toml"
    file.write_text("seed = 7\n" + "#" * (LARGEST - 9))
    assert load_config(file).seed == 7


def test_train_ends_with_one_sentence() -> None:
    command = [sys.executable, "-P", "-m", "core", "train", "--config", "/dev/zero"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert done.stderr == (
        "btp-tui: Cannot read the configuration /dev/zero: it is no ordinary file.\n"
    )


def test_of_a_log_only_the_end_is_read(tmp_path: Path) -> None:
    log = tmp_path / "engine.log"
    with log.open("wb") as opened:
        opened.truncate(1 << 40)  # a hole: it takes no room on the disk
        opened.seek(0, os.SEEK_END)
        opened.write(b"\none\ntwo\nthree\n")
    assert Launch("demo-1", None, log).last_words(2) == "two three"  # type: ignore[arg-type]
