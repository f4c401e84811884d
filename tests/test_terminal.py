"""The screen in a real terminal (tmux) on real engines: what a user presses, and what is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage.reader import Reader
from storage.workspace import Workspace
from tests.engine_runs import EngineRun, new_run, wait_until
from tests.tmux import TMUX, Tmux, kill_engines

pytestmark = pytest.mark.skipif(TMUX is None, reason="tmux is not installed")


@pytest.fixture
def tmux() -> Iterator[Tmux]:
    with Tmux() as server:
        yield server


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Path]:
    """A workspace without a run, whose engines end with the test."""
    workspace = tmp_path / "runs"
    yield workspace
    kill_engines(workspace)


@pytest.fixture(scope="module")
def going(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineRun]:
    """A run without an end, whose engine has stored its first programs and updates."""
    run = new_run(tmp_path_factory.mktemp("going"))
    run.settings = {"max_iterations": 0, "evaluation.every": 1000}
    engine = run.start()
    try:
        assert wait_until(lambda: run.rows() > 60, engine)
        yield run
    finally:
        engine.kill()
        engine.communicate()


def test_from_the_first_start_to_the_stop(tmux: Tmux, empty: Path) -> None:
    window = tmux.window(80, 24)
    watch = f"btp-tui --workspace {empty}"

    window.run(watch)
    window.until("No run in", "Press d to start the demo", "d Start demo", "? Keys")

    window.press("d")
    window.until("demo-1 ◌ starting", "Starting the engine")
    window.until("demo-1 ● running", "Measuring held-out accuracy")
    window.until("iteration 1 of 10", "✓ passed", "accuracy of 300 tasks")

    window.press("b")
    window.until("newest first", "P2Value", "✗ ")
    window.press("/")
    window.type("outcome:passed iter:1")
    shown = window.until(_only_passed)
    found, of = map(int, re.findall(r"(\d+) of (\d+) programs", shown)[0])
    assert 0 < found < of

    window.press("Enter")
    window.until("/ Filter")
    window.press("Enter")
    window.until("✓ test 1", "iteration 1 · beam", "P2Value  ", without="outcome:passed")
    window.press("Escape")
    window.until("outcome:passed iter:1", "/ Filter")

    window.press("1")
    window.until(alpha("0.20"), "Latest programs")
    window.press("]")
    window.until(alpha("0.25"), "enter applies, esc reverts")
    window.press("Enter")
    reader = Reader(Workspace(empty))
    window.until(lambda _: reader.settings(1) == [("replay.alpha", 0.25)])
    window.until(alpha("0.25"), without="enter applies")
    window.press("]")
    window.until(alpha("0.30"), "enter applies, esc reverts")
    window.press("Escape")
    window.until(alpha("0.25"), without="enter applies")

    window.press("p")
    window.until("demo-1 ‖ paused", "Training is paused", "p Go on training")

    window.press("q")
    shown = window.until("demo-1 goes on training. Watch again with: btp-tui --workspace")
    assert "Go on training" not in shown, "the screen of the program is still there"
    assert Workspace(empty).engine_alive("demo-1")

    window.run(f"clear; {watch}")
    window.until("demo-1 ‖ paused", alpha("0.25"), "p Go on training")
    window.press("p")
    window.until("demo-1 ● running", "p Pause training")

    window.press("s")
    window.until("Stop training demo-1?", "It saves a checkpoint and ends")
    window.press("y")
    window.until("demo-1 ■ stopped", "r resumes it", "r Resume run")
    assert not Workspace(empty).engine_alive("demo-1")
    assert reader.settings(1) == [("replay.alpha", 0.25)]


def test_two_screens_of_different_sizes_watch_one_run(tmux: Tmux, going: EngineRun) -> None:
    small, large = tmux.window(80, 24), tmux.window(160, 45)
    for window in (small, large):
        window.run(f"btp-tui --workspace {going.workspace.path}")
    small.until("small ● running", "Latest programs", without="Engine log")
    large.until("small ● running", "Latest programs", "Engine log")

    large.press("p")
    small.until("small ‖ paused", "p Go on training")
    large.until("small ‖ paused", "p Go on training")
    small.press("p")
    large.until("small ● running")
    small.until("small ● running")

    large.press("Space")
    large.until("display held")
    assert "display held" not in small.text
    large.press("q")
    large.until("small goes on training")
    small.until("small ● running")


def test_every_size_is_laid_out_while_the_run_goes_on(tmux: Tmux, going: EngineRun) -> None:
    window = tmux.window(80, 24)
    window.run(f"btp-tui --workspace {going.workspace.path}")
    window.until("small ● running", "Latest programs")
    for width, height in ((200, 50), (60, 15), (120, 40), (30, 8), (80, 24)):
        window.resize(width, height)
        window.until(lambda shown, size=(width, height): _fills(shown, *size))
    window.until("small ● running", "Latest programs")
    window.press("q")
    window.until("Watch again with")


def test_what_was_painted_in_parts_is_the_whole_picture(tmux: Tmux, going: EngineRun) -> None:
    window = tmux.window(120, 40)
    window.run(f"btp-tui --workspace {going.workspace.path}")
    window.until("small ● running", "Latest programs")
    rows = going.rows()
    window.until(lambda _: going.rows() > rows + 100)
    window.press("Space")
    before = window.until("display held")
    window.resize(90, 30)
    window.until(lambda shown: _fills(shown, 90, 30))
    window.resize(120, 40)
    window.until(lambda shown: shown == before)


def test_a_killed_screen_leaves_engine_and_terminal_to_the_next(
    tmux: Tmux, going: EngineRun
) -> None:
    window = tmux.window(80, 24)
    window.run(f"btp-tui --workspace {going.workspace.path}")
    window.until("small ● running")
    rows = going.rows()
    window.screen_process().kill()
    window.until("Killed")
    window.press("C-j")  # the terminal was left as the screen had set it
    window.type(f"btp-tui --workspace {going.workspace.path}")
    window.press("C-j")
    window.until("small ● running", "Latest programs", "? Keys", without="Killed")
    window.until(lambda _: going.rows() > rows)
    window.press("q")
    window.until("small goes on training")
    assert going.workspace.engine_alive("small")


@pytest.mark.parametrize("setting", ["TERM=dumb", "TERM=linux", "TERM=vt100", "NO_COLOR=1"])
def test_a_terminal_that_can_do_little_is_no_reason_to_fail(
    tmux: Tmux, going: EngineRun, setting: str
) -> None:
    window = tmux.window(80, 24)
    window.run(f"{setting} btp-tui --workspace {going.workspace.path}; echo ended with $?")
    window.until("small ● running", "Latest programs", "? Keys")
    window.press("b")
    window.until("newest first", "P2Value")
    window.press("q")
    window.until("ended with 0")


def alpha(value: str) -> Callable[[str], object]:
    """The slider of α stands at a value."""
    return lambda shown: re.search(rf"α [━●○─]+ .*\b{value}\b", shown)


def _only_passed(shown: str) -> bool:
    """Whether the table of programs holds programs, all of which pass."""
    upper = shown.split("╰")[0]
    return "✓ passed" in upper and "✗" not in upper and "wrong answer" not in upper


def _fills(shown: str, width: int, height: int) -> bool:
    """Whether the title is above, the keys below, and every frame closed within the window."""
    rows = shown.split("\n")[:height]
    if "btp-tui" not in rows[0] or "? Keys" not in rows[-1]:
        return False
    frames = [row.rstrip() for row in rows[1:-1] if row.startswith(("╭", "│", "╰"))]
    return all(len(row) == width and row[-1] in "╮│╯" for row in frames)
