"""Whole runs whose student is sampled by a server: budgets, broken servers, new weights."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.config import Config
from core.config_reading import build_config
from core.engine import Listeners, Result, resume, start
from core.errors import CoreError
from storage.reader import Reader
from storage.workspace import Workspace
from storage.writer import Writer
from tests.engine_runs import small_held_out
from tests.loopback import Behaving, Call, Says, behaving, completion


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace").create()


def answers(call: Call) -> Says:
    """The same two programs, whatever is asked; new weights are always welcome."""
    return Says(completion("def nothing():\n    pass\n", "x = 1\n"))


def served(
    folder: Path, url: str, endpoint: dict[str, Any] | None = None, **settings: Any
) -> Config:
    """Two iterations of four tasks with two programs each, three held-out tasks."""
    base: dict[str, Any] = {
        "max_iterations": 2,
        "tasks": {"limit": 12, "held_out": [f"nano:{small_held_out(folder, 3)}"]},
        "sampler": {"where": "endpoint", "tasks_per_iteration": 4, "beams": 2},
        "trainer": {"updates_per_iteration": 2, "minibatch": 4},
        "executor": {"workers": 1},
        "endpoint": {"base_url": url, "model": "m", "api": "completions", **(endpoint or {})},
        **settings,
    }
    return build_config(base, "test")


def run(workspace: Workspace, config: Config) -> Result:
    return start(workspace, config, "run", Listeners())


def events(workspace: Workspace) -> str:
    with Reader(workspace) as reader:
        return "\n".join(message for (message,) in reader.query("SELECT message FROM events"))


def state(workspace: Workspace) -> str:
    with Reader(workspace) as reader:
        stored = reader.run("run")
    assert stored is not None and stored.progress is not None
    return stored.progress.state


HANDS_OVER = {"publish": "vllm-weights", "server": "vllm"}


def kinds(server: Behaving) -> list[str]:
    """What was asked, in order, without repetitions: handing over, greedy programs, draws."""
    found: list[str] = []
    for call in server.calls:
        greedy = call.body.get("temperature") == 0
        kind = "ask" if call.path.endswith("completions") else call.path.rpartition("/")[2]
        kind = "measure" if kind == "ask" and greedy else kind
        if found[-1:] != [kind]:
            found.append(kind)
    return found


# Budgets


def test_a_budget_of_the_served_student_ends_the_run_after_what_it_wrote_is_learned_from(
    workspace: Workspace, tmp_path: Path
) -> None:
    with behaving(answers) as server:
        result = run(workspace, served(tmp_path, server.url, {"max_requests": 5}))
        assert len(server.calls) == 5
        again = resume(workspace, "run", Listeners())
        assert len(server.calls) == 5
    assert (result.state, result.updates) == ("finished", 2)
    assert result.reason == "endpoint.max_requests = 5 is used up"
    assert (again.state, again.updates, again.reason) == ("finished", 2, result.reason)


def test_a_budget_that_leaves_nothing_for_the_last_measurement_says_so(
    workspace: Workspace, tmp_path: Path
) -> None:
    with behaving(answers) as server:
        endpoint = {"max_requests": 5, **HANDS_OVER}
        result = run(workspace, served(tmp_path, server.url, endpoint))
    assert (result.state, result.updates, result.final) == ("finished", 2, None)
    assert "There is no last measurement: endpoint.max_requests = 5 is used up." in events(
        workspace
    )


@pytest.mark.parametrize("who", ("student", "teacher"))
def test_the_time_ends_a_run_whose_server_hangs(
    workspace: Workspace, tmp_path: Path, who: str
) -> None:
    def hangs(call: Call) -> Says:
        measured = call.body.get("temperature") == 0
        return answers(call) if measured else Says(delay_s=60.0)

    with behaving(hangs) as server:
        config = served(tmp_path, server.url, max_minutes=0.02)
        if who == "teacher":
            teacher = {"kind": "endpoint", "endpoint": config.endpoint.model_dump()}
            sampler = {"tasks_per_iteration": 4, "beams": 2}
            config = served(
                tmp_path, server.url, max_minutes=0.02, teacher=teacher, sampler=sampler
            )
        begun = time.monotonic()
        result = run(workspace, config)
    assert time.monotonic() - begun < 15
    assert (result.state, result.reason) == ("finished", "max_minutes = 0.02 reached")
    assert result.final is not None


# Broken servers


def test_a_held_out_task_without_an_answer_counts_as_not_solved(
    workspace: Workspace, tmp_path: Path
) -> None:
    held_out = small_held_out(tmp_path, 3).read_text().splitlines()
    asked: list[Any] = []

    def refuses_one(call: Call) -> Says:
        if call.body.get("temperature") != 0:
            return answers(call)
        asked.append(call.body["prompt"])
        return Says({"error": {"message": "no"}}, 400) if len(asked) == 1 else answers(call)

    with behaving(refuses_one) as server:
        run(workspace, served(tmp_path, server.url, {"concurrency": 1}, max_iterations=1))
    with Reader(workspace) as reader:
        first = reader.evaluations(1)[0]
    assert len(first.tasks) == len(held_out) == 3
    assert "No program for" in events(workspace)


def test_what_cannot_be_a_key_is_refused_before_anything_is_written(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "two words")
    with pytest.raises(CoreError, match="endpoint: The environment variable OPENAI_API_KEY"):
        run(workspace, served(tmp_path, "http://127.0.0.1:1/v1"))
    with Reader(workspace) as reader:
        assert reader.run("run") is None


def test_a_run_whose_answers_cannot_be_kept_has_failed(
    workspace: Workspace, tmp_path: Path
) -> None:
    (workspace.run_folder("run") / "student-answers.db").mkdir(parents=True)
    with pytest.raises(CoreError, match=r"student-answers\.db"):
        run(workspace, served(tmp_path, "http://127.0.0.1:1/v1"))
    assert state(workspace) == "failed"


# New weights


def test_weights_are_handed_over_before_they_are_measured_or_sampled(
    workspace: Workspace, tmp_path: Path
) -> None:
    with behaving(answers) as server:
        run(workspace, served(tmp_path, server.url, HANDS_OVER, evaluation={"every": 1}))
        handed = ["collective_rpc", "reset_prefix_cache"]
        assert kinds(server) == ["measure", "ask", *handed, "measure", "ask", *handed, "measure"]


def test_a_run_that_the_time_ends_amid_its_updates_is_measured_with_its_newest_weights(
    workspace: Workspace, tmp_path: Path
) -> None:
    with behaving(answers) as server:
        trainer = {"updates_per_iteration": 100_000, "minibatch": 4}
        config = served(tmp_path, server.url, HANDS_OVER, max_minutes=0.03, trainer=trainer)
        result = run(workspace, config)
        assert result.updates > 0
        assert kinds(server)[-3:] == ["collective_rpc", "reset_prefix_cache", "measure"]


def test_a_run_whose_server_took_no_weights_hands_them_over_when_it_goes_on(
    workspace: Workspace, tmp_path: Path
) -> None:
    def refuses(call: Call) -> Says:
        return answers(call) if call.path.endswith("completions") else Says(status=500)

    with behaving(refuses) as server:
        config = served(tmp_path, server.url, HANDS_OVER, max_iterations=1)
        with pytest.raises(CoreError, match="could not be handed the new weights"):
            run(workspace, config)
        assert state(workspace) == "failed"
        server.calls.clear()
        server.behave = answers
        result = resume(workspace, "run", Listeners())
        assert kinds(server) == ["collective_rpc", "reset_prefix_cache", "measure"]
    assert (result.state, result.updates, result.programs) == ("finished", 2, 8)


def test_a_stop_is_heard_while_a_server_takes_its_time_with_new_weights(
    workspace: Workspace, tmp_path: Path
) -> None:
    handing = threading.Event()

    def hangs(call: Call) -> Says:
        if call.path.endswith("completions"):
            return answers(call)
        handing.set()
        return Says(delay_s=60.0)

    with behaving(hangs) as server:
        config = served(tmp_path, server.url, HANDS_OVER, max_iterations=1)
        for go_on in (
            lambda: run(workspace, config),
            lambda: resume(workspace, "run", Listeners()),
        ):
            handing.clear()
            seconds = _seconds_to_stop(workspace, handing, go_on)
            assert seconds < 3
            assert state(workspace) == "stopped"


def _seconds_to_stop(
    workspace: Workspace, begun: threading.Event, go_on: Callable[[], Result]
) -> float:
    asked: list[float] = []

    def stop() -> None:
        begun.wait(30)
        asked.append(time.monotonic())
        with Writer(workspace) as writer:
            writer.add_command(1, "stop", {})

    thread = threading.Thread(target=stop)
    thread.start()
    go_on()
    thread.join()
    return time.monotonic() - asked[0]


def test_a_signal_is_heard_while_a_server_is_waited_for_and_another_thread_is_busy(
    tmp_path: Path,
) -> None:
    """As when the library that asks is imported: the signal is handled after the wait's time."""
    with behaving(lambda call: Says(delay_s=60.0)) as server:
        command = [sys.executable, "-c", _WAITS, server.url, str(tmp_path / "answers.db")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout == "heard\n", done.stderr


_WAITS = """
import os, signal, sys, threading, time
from pathlib import Path
from core.config import EndpointConfig
from core.endpoint import Endpoint
from core.tasks.load import load_tasks

heard = []
signal.signal(signal.SIGTERM, lambda *_: heard.append(True))

def signals_and_is_busy():
    time.sleep(0.3)
    for _ in range(5):
        os.kill(os.getpid(), signal.SIGTERM)
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            pass

def look():
    if len(heard) >= 2:
        print("heard", flush=True)
        os._exit(0)

url, cache = sys.argv[1:]
settings = EndpointConfig(base_url=url, model="m", programs=1)
with Endpoint(settings, Path(cache), "teacher:m") as endpoint:
    endpoint.on_wait = look
    import openai
    sys.setswitchinterval(0.4)
    threading.Thread(target=signals_and_is_busy, daemon=True).start()
    threading.Timer(15.0, os._exit, (1,)).start()
    list(endpoint.sample(load_tasks("nano:train")[:2]))
"""


def test_a_server_that_keeps_its_weights_is_warned_of(workspace: Workspace, tmp_path: Path) -> None:
    with behaving(answers) as server:
        run(workspace, served(tmp_path, server.url, max_iterations=1))
    assert "The server goes on with the weights it has" in events(workspace)
