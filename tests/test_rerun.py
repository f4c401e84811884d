"""A stored program run again with another limit: then beside now, and nothing is written."""

from __future__ import annotations

import asyncio
import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from btp_tui.app import BtpApp
from btp_tui.control.rerun import Rerun, TestThenNow, ThenNow
from btp_tui.screens.program import ProgramScreen
from btp_tui.screens.rerun import RerunDialog, read_limit
from core.config import Config, to_toml
from core.entry import run_command
from core.errors import CoreError
from core.records import task_record, verdict_record
from core.rerun import rerun
from core.stored_programs import programs_app
from core.tasks import Outcome, TestVerdict, Verdict
from core.tasks.load import load_tasks
from storage.errors import StorageError
from storage.reader import Reader
from storage.workspace import Workspace
from storage.writer import Writer
from tests.screens import snapshot, still_app
from tests.stores import sample
from tests.test_screen_keys import text_of

DOUBLE = {
    "task_id": 1,
    "text": "Double a number.",
    "code": "def double(x):\n    return 2 * x",
    "test_list": ["assert double(2) == 4", "assert double(5) == 10"],
}
#: About half a second of CPU for 2, none for 5.
SLOW = """
import time
def double(x):
    end = time.process_time() + (0.5 if x == 2 else 0.0)
    while time.process_time() < end:
        pass
    return 2 * x
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A run of 0.1 s a test, whose program timed out in the first of two tests."""
    file = tmp_path / "tasks.jsonl"
    file.write_text(json.dumps(DOUBLE), encoding="utf-8")
    chosen = Config().model_dump()
    chosen["tasks"]["train"] = [f"mbpp:{file}*2"]
    chosen["tasks"]["held_out"] = ["nano:held-out"]
    chosen["executor"] |= {"time_limit_s": 0.1, "workers": 1}
    [task] = load_tasks(f"mbpp:{file}")
    outcomes = (Outcome.TIMEOUT, Outcome.PASSED)
    with Writer(Workspace(tmp_path / "ws").create()) as writer:
        writer.add_tasks([task_record(task)])
        toml = to_toml(Config.model_validate(chosen))
        run = writer.create_run("demo-1", "train", toml, "nano", "all")
        [stored] = writer.add_samples(run, 0, [sample(task.task_id, SLOW)])
        tests = tuple(TestVerdict(outcome) for outcome in outcomes)
        verdict = Verdict(tests=tests, path="split", seconds=0.2)
        writer.add_verdicts(run, [verdict_record(stored.program, verdict)])
    return writer.workspace


def store(workspace: Workspace, text: str) -> None:
    """Another program of the run, number 2."""
    with Writer(workspace) as writer:
        writer.add_samples(1, 0, [sample("mbpp/1", text, rank=1)])


def contents(workspace: Workspace) -> list[Any]:
    with Reader(workspace) as reader:
        return [reader.query(f"SELECT * FROM {name}") for name in ("verdicts", "reports", "runs")]


def test_with_more_time_a_slow_program_passes_and_the_stored_verdict_stays(
    workspace: Workspace,
) -> None:
    before = contents(workspace)
    found = rerun(workspace, 1, 20.0)
    assert found.then is not None
    assert [test.outcome for test in found.then.tests] == ["timeout", "passed"]
    assert [test.outcome for test in found.now.tests] == ["passed", "passed"]
    assert (found.limit_s, found.then.outcome, found.now.pass_rate) == (20.0, "timeout", 1.0)
    assert "seccomp" in found.isolation
    assert contents(workspace) == before


def test_a_limit_that_is_still_too_short_is_one_that_counts(workspace: Workspace) -> None:
    """Also where the task itself states a longer one, as those of mbpp do."""
    assert [test.outcome for test in rerun(workspace, 1, 0.1).now.tests] == ["timeout", "passed"]


def test_without_a_program_or_its_tests_one_sentence_says_so(
    workspace: Workspace, tmp_path: Path
) -> None:
    with pytest.raises(CoreError, match="There is no program 7 in"):
        rerun(workspace, 7, 1.0)
    file = tmp_path / "tasks.jsonl"
    file.write_text(json.dumps(DOUBLE | {"test_list": ["assert double(1) == 2"]}))
    with pytest.raises(CoreError, match="holds other tests of mbpp/1 now than demo-1 was given"):
        rerun(workspace, 1, 1.0)
    file.write_text(json.dumps(DOUBLE | {"task_id": 2}))
    with pytest.raises(CoreError, match=r"tests of mbpp/1 cannot be had any more.*nothing was run"):
        rerun(workspace, 1, 1.0)
    file.unlink()
    with pytest.raises(CoreError, match=r"holds it \(Cannot read .*nothing was run"):
        rerun(workspace, 1, 1.0)


def test_the_process_says_then_and_now(workspace: Workspace) -> None:
    found = asyncio.run(Rerun().run(workspace, 1, 20.0))
    assert found is not None
    assert [(test.then, test.now) for test in found.tests] == [
        ("timeout", "passed"),
        ("passed", "passed"),
    ]
    with pytest.raises(StorageError, match="There is no program 9"):
        asyncio.run(Rerun().run(workspace, 9, 1.0))


def test_a_process_that_is_ended_is_gone_at_once(workspace: Workspace) -> None:
    async def begin_and_end() -> tuple[ThenNow | None, float]:
        running = Rerun()
        task = asyncio.create_task(running.run(workspace, 1, 60.0))
        while running._process is None:
            await asyncio.sleep(0.01)
        ended = time.monotonic()
        running.end()
        return await task, time.monotonic() - ended

    found, seconds = asyncio.run(begin_and_end())
    assert found is None
    assert seconds < 2


ASK = """
import asyncio, sys
from pathlib import Path
from btp_tui.control.rerun import Rerun
from storage.workspace import Workspace

async def ask():
    running = Rerun()
    task = asyncio.create_task(running.run(Workspace(Path(sys.argv[1])), 2, 60.0))
    while running._process is None:
        await asyncio.sleep(0.01)
    print(running._process.pid, flush=True)
    await task

asyncio.run(ask())
"""


def test_a_program_that_runs_ends_with_the_screen_however_that_ends(workspace: Workspace) -> None:
    store(workspace, "while True: pass")
    command = [sys.executable, "-c", ASK, str(workspace.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as screen:
        assert screen.stdout is not None
        running = os.pidfd_open(int(screen.stdout.readline()))
        time.sleep(2)  # until the program runs
        screen.kill()
    ended, _, _ = select.select([running], [], [], 10)
    os.close(running)
    assert ended


def test_what_a_program_says_cannot_move_the_cursor(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store(workspace, 'raise ValueError("\\x1b]0;title\\x07\\x9b2J\\u202e")')
    asked = ["btp-tui", "rerun", "2", "--workspace", str(workspace.path)]
    monkeypatch.setattr("sys.argv", asked)
    with pytest.raises(SystemExit):
        run_command(programs_app)
    said = capsys.readouterr().out
    assert "ValueError:  ]0;title  2J" in said
    assert all(line.isprintable() for line in said.splitlines())


# The dialog


def dialog_app(monkeypatch: pytest.MonkeyPatch, answer: Any) -> BtpApp:
    """The application on a program's own screen; `answer` is what a re-run comes to."""

    async def run(_self: Rerun, _workspace: Workspace, sample: int, limit_s: float) -> Any:
        asked.append((sample, limit_s))
        return await answer()

    asked: list[tuple[int, float]] = []
    monkeypatch.setattr(Rerun, "run", run)
    app = still_app(snapshot())
    app.asked = asked  # type: ignore[attr-defined]
    return app


async def slow_but_right() -> ThenNow:
    tests = (
        TestThenNow("timeout", "passed", "", 5.2),
        TestThenNow("passed", "passed", "", 0.01),
        TestThenNow(None, "error", "ValueError: no", 0.02),
    )
    return ThenNow(20.0, "timeout", "error", tests)


async def test_capital_r_asks_for_a_limit_ten_times_the_runs_and_shows_then_and_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = dialog_app(monkeypatch, slow_but_right)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("b", "enter")
        await pilot.pause()
        await pilot.press("R")
        await pilot.pause()
        assert isinstance(app.screen, RerunDialog)
        assert app.screen.query_one(Input).value == "20"
        assert "stored verdict stays" in text_of(pilot)
        await pilot.press("enter")
        await app.workers.wait_for_complete()
        await pilot.pause()
        shown = text_of(pilot)
        assert app.asked == [(1000, 20.0)]  # type: ignore[attr-defined]
        assert "◔ timeout" in shown and "✓ passed  5.20 s" in shown
        assert "not run" in shown and "ValueError: no" in shown
        assert "2 of 3 tests passed with 20 s each, 1 under its run's limit." in shown
        await pilot.press("escape")
        assert isinstance(app.screen, ProgramScreen)


async def test_a_task_may_have_brackets_in_its_name() -> None:
    app = still_app(snapshot())
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(RerunDialog(app.workspace, 7, "mine/[/x][red]", 2.0))
        await pilot.pause()
        assert "mine/[/x][red]" in text_of(pilot)


async def test_escape_ends_a_program_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    async def forever() -> None:
        await asyncio.sleep(3600)

    ended: list[Rerun] = []
    monkeypatch.setattr(Rerun, "end", lambda rerun: ended.append(rerun))
    app = dialog_app(monkeypatch, forever)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("b")
        await pilot.pause()
        await pilot.press("R", "enter")
        await pilot.pause()
        assert "Running in the sandbox" in text_of(pilot)
        await pilot.press("escape")
        await pilot.pause()
        assert len(ended) == 1
        assert not isinstance(app.screen, RerunDialog)


async def test_what_cannot_be_run_is_said_in_the_dialog(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused() -> None:
        raise StorageError("The tests of mbpp/1 cannot be had any more; nothing was run.")

    app = dialog_app(monkeypatch, refused)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("b")
        await pilot.pause()
        await pilot.press("R", "a", "enter")
        await pilot.pause()
        assert "Write a number of seconds" in text_of(pilot)
        assert app.asked == []  # type: ignore[attr-defined]
        await pilot.press("backspace", "enter")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "cannot be had any more" in text_of(pilot)


@pytest.mark.parametrize(
    ("text", "limit_s"),
    [("20", 20.0), ("0.5", 0.5), ("0", None), ("nan", None), ("4000", None), ("", None)],
)
def test_a_limit_is_a_number_of_seconds(text: str, limit_s: float | None) -> None:
    assert read_limit(text) == limit_s
