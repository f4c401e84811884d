"""Ctrl-C while a command loads: one sentence and exit code 1, wherever in its start it comes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
SAID = "Stopped while it was loading: nothing was done. The same command starts it again."
TIMED = "import time:"  # how a line begins that tells of an import


def interrupted(command: list[str | Path], module: str, times: int) -> tuple[int, list[str]]:
    """Sends SIGINT when a module was imported so often; returns the exit code and what was said.

    Python starts twice: `btp-tui` hands over to `python -m core`, both tell of what they import.
    """
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPROFILEIMPORTTIME": "1"},
    )
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        if not line.startswith(TIMED):
            said.append(line.rstrip("\n"))
        elif line.split("|")[-1].strip() == module:
            times -= 1
            if times == 0:
                process.send_signal(signal.SIGINT)
    return process.wait(timeout=60), said


@pytest.mark.parametrize("arguments", [["train"], ["resume", "demo-1"]])
@pytest.mark.parametrize(
    ("module", "times"),
    [
        ("typer._click._compat", 1),
        ("btp_tui.command_line", 1),
        ("encodings", 2),  # Python itself starts for the second time
        ("site", 2),
        ("core.loading", 2),
        ("core.config", 1),
        ("core.cli", 1),
    ],
)
def test_ctrl_c_at_any_moment_of_the_start_is_one_sentence(
    tmp_path: Path, arguments: list[str], module: str, times: int
) -> None:
    command = [BIN / "btp-tui", *arguments, "--workspace", str(tmp_path / "ws")]
    assert interrupted(command, module, times) == (1, [SAID])
    assert not (tmp_path / "ws").exists()


def test_what_has_ctrl_c_ignored_goes_on_without_it(tmp_path: Path) -> None:
    shell = f"trap '' INT; exec {BIN / 'btp-tui'} presets"
    code, said = interrupted(["sh", "-c", shell], "core.cli", 1)
    assert (code, said) == (0, [])


def test_a_command_that_has_begun_is_left_in_order() -> None:
    code = (
        "import signal; from core.loading import end_on_ctrl_c, raise_on_ctrl_c\n"
        "end_on_ctrl_c(); raise_on_ctrl_c()\n"
        "try: signal.raise_signal(signal.SIGINT)\n"
        "except KeyboardInterrupt: print('in order')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "in order\n"
