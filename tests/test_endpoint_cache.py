"""What was paid for once is not asked again: over iterations of a run, kills and damage."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.config import EndpointConfig
from core.endpoint import Counters, Endpoint, EndpointBudgetSpent
from core.endpoint.answers import Answer
from core.endpoint.cache import AnswerCache
from core.errors import CoreError
from core.tasks import StdioTest, Task
from tests.loopback import Behaving, Says, behaving, completion

TASKS = [
    Task(f"toy/{number}", "toy", "", f"# {number}\n", (StdioTest("", ("",)),))
    for number in range(8)
]
ANSWERS = (Answer("a", True, ("a",), (-0.25,), (7,)), Answer("b", False))


@pytest.fixture
def server() -> Iterator[Behaving]:
    with behaving(lambda call: Says(completion(f"# {call.body['prompt']!r}"))) as server:
        yield server


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "answers.db"


def endpoint(server: Behaving, file: Path, **settings: Any) -> Endpoint:
    settings = {**settings_of(server), **settings}
    return Endpoint(EndpointConfig(**settings), file, "teacher:m")


def opened(file: Path) -> tuple[AnswerCache, list[str]]:
    warnings: list[str] = []
    return AnswerCache(file, warnings.append), warnings


def test_a_resumed_run_asks_nothing_twice_and_gets_the_same_programs(
    server: Behaving, file: Path
) -> None:
    texts = []
    for _ in range(2):
        with endpoint(server, file) as asked:
            found = [(task.task_id, [p.text for p in ps]) for task, ps in asked.sample(TASKS)]
            texts.append(sorted(found))
            counters = asked.counters
    assert texts[0] == texts[1]
    assert len(server.calls) == counters.requests == counters.cached == len(TASKS)


@pytest.mark.parametrize(
    "change",
    [
        {"model": "other"},
        {"api": "chat"},
        {"programs": 2},
        {"temperature": 0.1},
        {"max_tokens": 9},
        {"stop": ("x",)},
    ],
)
def test_other_settings_ask_anew(change: dict[str, Any], server: Behaving, file: Path) -> None:
    server.behave = lambda call: Says(
        {"choices": [{"text": "pass", "message": {"content": "pass"}}]}
    )
    for settings in ({}, change):
        with endpoint(server, file, **settings) as asked:
            list(asked.sample(TASKS[:1]))
    assert len(server.calls) == 2


def test_another_server_is_asked_anew(server: Behaving, file: Path) -> None:
    with behaving(server.behave) as other:
        for one in (server, other):
            with endpoint(one, file) as asked:
                list(asked.sample(TASKS[:1]))
        assert (len(server.calls), len(other.calls)) == (1, 1)


def test_an_engine_killed_in_the_middle_has_its_answers_and_counters_when_it_comes_back(
    server: Behaving, file: Path
) -> None:
    """The child is killed while its fourth answer is under way: the first three are not asked."""
    enough = threading.Event()

    def behave(call: Any) -> Says:
        if len(server.calls) > 3 and not enough.is_set():
            enough.wait(30)
        return Says(completion("pass"))

    server.behave = behave
    child = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from core.config import EndpointConfig
from core.endpoint import Endpoint
from tests.test_endpoint_cache import TASKS
config = EndpointConfig(**{json.dumps(settings_of(server))}, concurrency=1)
for task, _ in Endpoint(config, Path({str(file)!r}), "teacher:m").sample(TASKS):
    print(task.task_id, flush=True)
"""
    process = subprocess.Popen([sys.executable, "-c", child], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    printed = [process.stdout.readline().strip() for _ in range(3)]
    while len(server.calls) < 4:
        assert process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    enough.set()
    server.calls.clear()
    with endpoint(server, file) as asked:
        assert asked.counters.requests == 4
        assert len(list(asked.sample(TASKS))) == len(TASKS)
    assert printed == ["toy/0", "toy/1", "toy/2"]
    assert sorted(call.body["prompt"] for call in server.calls) == [t.prompt for t in TASKS[3:]]


def settings_of(server: Behaving) -> dict[str, str]:
    return {"base_url": server.url, "model": "m", "api": "completions", "programs": 3}


def test_a_budget_holds_over_a_resumed_run(server: Behaving, file: Path) -> None:
    for allowed in (3, 0):
        with (
            endpoint(server, file, max_requests=3) as asked,
            pytest.raises(EndpointBudgetSpent, match="max_requests = 3"),
        ):
            list(asked.sample(TASKS[3 - allowed :]))
    assert len(server.calls) == 3


def test_what_the_cache_has_comes_out_though_the_budget_is_spent(
    server: Behaving, file: Path
) -> None:
    with endpoint(server, file) as asked:
        list(asked.sample(TASKS[4:]))
    found = []
    with (
        endpoint(server, file, max_requests=4) as asked,
        pytest.raises(EndpointBudgetSpent),
    ):
        for task, _ in asked.sample(TASKS):
            found.append(task)
    assert sorted(task.task_id for task in found) == [task.task_id for task in TASKS[4:]]


def test_answers_come_back_as_they_were_put(file: Path) -> None:
    cache, _ = opened(file)
    cache.put("key", ANSWERS, Counters(prompt_tokens=3, cost=0.5))
    cache.close()
    again, _ = opened(file)
    assert again.counters == Counters(prompt_tokens=3, cost=0.5)
    assert again.get("key") == ANSWERS
    assert again.get("another") is None
    assert again.counters.cached == 1


@pytest.mark.parametrize(
    "garbage", [b"no database at all" * 100, b"SQLite format 3\0" + bytes(4096)]
)
def test_a_file_that_is_no_database_is_set_aside_with_a_warning(garbage: bytes, file: Path) -> None:
    file.write_bytes(garbage)
    cache, warnings = opened(file)
    cache.put("key", ANSWERS, Counters())
    assert cache.get("key") == ANSWERS
    assert file.with_name("answers.db.damaged-1").read_bytes() == garbage
    assert len(warnings) == 1
    assert f"{file} is damaged: it was set aside as answers.db.damaged-1" in warnings[0]


def test_damage_that_shows_only_later_is_coped_with_then(file: Path) -> None:
    cache, _ = opened(file)
    for number in range(400):
        cache.put(f"{number:064}", ANSWERS, Counters(requests=1))
    cache.close()
    raw = bytearray(file.read_bytes())
    raw[8192:-4096] = b"\xa5" * (len(raw) - 12288)
    file.write_bytes(raw)
    again, warnings = opened(file)
    assert all(again.get(f"{number:064}") in (None, ANSWERS) for number in range(400))
    again.put("key", ANSWERS, Counters())
    assert again.get("key") == ANSWERS
    assert len(warnings) == 1


def test_a_row_that_cannot_be_read_is_asked_again(file: Path) -> None:
    cache, _ = opened(file)
    cache.put("key", ANSWERS, Counters())
    cache._connect().execute("update answers set answers = '[[1]]'")
    assert cache.get("key") is None


def test_a_warning_of_damage_reaches_the_user(server: Behaving, file: Path) -> None:
    file.write_bytes(b"no database at all" * 100)
    with endpoint(server, file) as asked:
        told: list[str] = []
        asked.on_event = lambda level, message: told.append(f"{level}: {message}")
        list(asked.sample(TASKS[:1]))
    assert told[0].startswith(f"warning: {file} is damaged")


def test_a_folder_that_is_not_there_is_named_in_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "answers.db"
    with pytest.raises(CoreError, match=f"Cannot keep a server's answers in {file}"):
        opened(file)
