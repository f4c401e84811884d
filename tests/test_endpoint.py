"""Programs from a served model: what is asked, what is made of the answers, and every trouble.

The server is our own, on loopback, and says what a test has it say; real ones are in
test_endpoint_servers.py.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from core.config import EndpointConfig
from core.endpoint import Endpoint, EndpointBudgetSpent, asking
from core.endpoint.answers import MAX_BYTES
from core.endpoint.pace import Pace
from core.errors import CoreError
from core.program import Program
from core.prompts import PromptFormat
from core.tasks import StdioTest, Task
from tests.loopback import Behaving, Call, Says, behaving, completion, free_port
from tests.tiny_models import byte_tokenizer

KEY = "sk-very-secret-0123456789"
Run = Callable[..., Endpoint]


def task(number: int, completes_prompt: bool = False) -> Task:
    return Task(
        task_id=f"toy/{number}",
        dataset="toy",
        description="",
        prompt=f"# {number}\ndef f():\n",
        tests=(StdioTest("", ("",)),),
        entry_point="f",
        completes_prompt=completes_prompt,
    )


TASKS = [task(number) for number in range(6)]


def number_of(call: Call) -> int:
    """Which task a call is about."""
    return int(call.body["prompt"].split()[1])


def logprobs(*values: float) -> dict[str, Any]:
    return {"tokens": ["x"] * len(values), "token_logprobs": list(values)}


@pytest.fixture(autouse=True)
def _quick_and_without_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "FIRST_WAIT_S", 0.02)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture
def server() -> Iterator[Behaving]:
    with behaving(lambda call: Says(completion("pass"))) as server:
        yield server


@pytest.fixture
def run(server: Behaving, tmp_path: Path) -> Iterator[Run]:
    """Makes endpoints to the server; `events` of each hold what it told."""
    opened: list[Endpoint] = []

    def make(**settings: Any) -> Endpoint:
        own = {name: settings.pop(name) for name in ("student", "end_tokens") if name in settings}
        usual = {"base_url": server.url, "model": "m", "api": "completions", "programs": 1}
        settings = {**usual, **settings}
        endpoint = Endpoint(EndpointConfig(**settings), tmp_path / "answers.db", "teacher:m", **own)
        events: list[tuple[str, str]] = []
        endpoint.on_event = lambda level, message: events.append((level, message))
        endpoint.events = events  # type: ignore[attr-defined]
        opened.append(endpoint)
        return endpoint

    yield make
    for endpoint in opened:
        endpoint.close()


def events(endpoint: Endpoint) -> list[tuple[str, str]]:
    told: list[tuple[str, str]] = endpoint.events  # type: ignore[attr-defined]
    return told


def one(endpoint: Endpoint, **more: Any) -> tuple[Program, ...]:
    return next(programs for _, programs in endpoint.sample(TASKS[:1], **more))


# What is asked


def test_a_server_that_gives_fewer_programs_than_asked_is_told_of_once(
    run: Run, server: Behaving
) -> None:
    endpoint = run(programs=3)
    assert [len(programs) for _, programs in endpoint.sample(TASKS[:3])] == [1, 1, 1]
    [(level, message)] = events(endpoint)
    assert (level, "gives 1 of 3 programs" in message) == ("warning", True)


def test_a_base_model_is_given_the_prompt_as_it_is(run: Run, server: Behaving) -> None:
    one(run(programs=2, max_tokens=7, temperature=0.5, top_p=0.9, stop=["\n\n"]))
    assert server.calls[0].path == "/v1/completions"
    assert server.calls[0].body == {
        "model": "m",
        "prompt": TASKS[0].prompt,
        "n": 2,
        "max_tokens": 7,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": ["\n\n"],
        "logprobs": 1,
    }


def test_an_instruct_model_is_given_one_message(run: Run, server: Behaving) -> None:
    server.behave = lambda call: Says({"choices": [{"message": {"content": "pass"}}]})
    one(run(api="chat"))
    assert server.calls[0].path == "/v1/chat/completions"
    assert [message["role"] for message in server.calls[0].body["messages"]] == ["user"]
    assert TASKS[0].prompt.strip() in server.calls[0].body["messages"][0]["content"]
    assert server.calls[0].body["logprobs"] is True


def test_where_a_server_gives_one_answer_a_request_it_is_asked_with_seeds_of_their_own(
    run: Run, server: Behaving
) -> None:
    assert len(one(run(server="llama.cpp", programs=3))) == 3
    assert len({call.body["seed"] for call in server.calls}) == 3
    assert all("n" not in call.body for call in server.calls)


def test_vllm_searches_beams_scored_by_the_sum_of_their_logprobs(
    run: Run, server: Behaving
) -> None:
    one(run(server="vllm", strategy="beam", programs=4))
    body = server.calls[0].body
    assert body["use_beam_search"] is True
    assert (body["n"], body["length_penalty"], body["temperature"]) == (4, 0.0, 1.0)
    assert body["return_token_ids"] is True


def test_another_iteration_draws_anew_and_finds_the_same_beams(run: Run, server: Behaving) -> None:
    drawing, searching = run(server="vllm"), run(server="vllm", strategy="beam")
    for iteration in (0, 1):
        one(drawing, iteration=iteration)
        one(searching, iteration=iteration)
    drawn = [call.body["seed"] for call in server.calls if "seed" in call.body]
    assert len(set(drawn)) == 2
    assert len(server.calls) == 3


def test_greedily_one_program_is_asked_for_whatever_the_settings_say(
    run: Run, server: Behaving
) -> None:
    for settings in ({"strategy": "beam"}, {"strategy": "sample"}):
        endpoint = run(server="vllm", programs=3, **settings)
        for iteration in (0, 1):
            assert len(list(endpoint.sample(TASKS[:1], iteration, greedy=True))) == 1
    (call,) = server.calls
    assert call.body["temperature"] == 0
    assert not {"n", "use_beam_search"} & set(call.body)


def test_no_key_of_another_service_is_sent(
    run: Run, server: Behaving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    one(run(api_key_env="OTHER_KEY"))
    assert KEY not in str(server.calls)


# What is made of the answers


def test_programs_come_best_first_where_logprobs_are_known(run: Run, server: Behaving) -> None:
    bodies = completion("worse", "better")
    bodies["choices"][0]["logprobs"] = logprobs(-2.0, -1.5)
    bodies["choices"][1]["logprobs"] = logprobs(-0.5, -0.25, -0.25)
    server.behave = lambda call: Says(bodies)
    better, worse = one(run())
    assert (better.text, better.rank, better.logprob) == ("better", 0, -1.0)
    assert (worse.text, worse.rank, worse.logprob) == ("worse", 1, -3.5)
    assert better.source == "teacher:m"
    assert better.token_ids is None


@pytest.mark.parametrize(
    "found", [None, {}, logprobs(), {"token_logprobs": [None, -1.0]}, logprobs(0.5)]
)
def test_programs_keep_their_order_and_have_no_logprob_where_none_is_given(
    found: Any, run: Run, server: Behaving
) -> None:
    server.behave = lambda call: Says(completion("a", "b", logprobs=found))
    programs = one(run())
    assert [(program.text, program.rank, program.logprob) for program in programs] == [
        ("a", 0, None),
        ("b", 1, None),
    ]


def test_a_program_that_completes_its_prompt_begins_with_it(run: Run) -> None:
    whole = task(0, completes_prompt=True)
    [(_, programs)] = run(programs=1).sample([whole])
    assert programs[0].text == whole.prompt + "pass"


def test_of_a_chat_only_the_tokens_that_spell_the_code_count(run: Run, server: Behaving) -> None:
    tokens = ["Sure", ":\n```", "python\n", "def f():", "\n    pass\n", "```\n", "Done."]
    values = [-9.0, -9.0, -9.0, -0.5, -0.25, -9.0, -9.0]
    content = [
        {"token": token, "logprob": value} for token, value in zip(tokens, values, strict=True)
    ]
    choice = {"message": {"content": "".join(tokens)}, "logprobs": {"content": content}}
    server.behave = lambda call: Says({"choices": [choice]})
    (program,) = one(run(api="chat"))
    assert program.text == "def f():\n    pass\n"
    assert program.logprob == -0.75


END = byte_tokenizer().eos_token_id


def student() -> dict[str, Any]:
    return {"student": PromptFormat(byte_tokenizer()), "end_tokens": (END,)}


def test_the_served_student_is_asked_with_its_tokens_and_its_own_ids_are_kept(
    run: Run, server: Behaving
) -> None:
    own = student()
    ids = {"token_ids": [5, 6, END], "logprobs": logprobs(-0.5, -0.25, -0.25)}
    server.behave = lambda call: Says(completion("xy", **ids))
    (program,) = one(run(server="vllm", **own))
    assert server.calls[0].body["prompt"] == own["student"].prompt(TASKS[0])
    assert program.token_ids is not None
    assert program.token_ids.tolist() == [5, 6, END]
    assert program.logprob == -1.0


def test_where_the_server_takes_no_tokens_the_student_is_asked_with_their_text(
    run: Run, server: Behaving
) -> None:
    one(run(server="transformers", **student()))
    assert server.calls[0].body["prompt"] == TASKS[0].prompt


@pytest.mark.parametrize(
    "lacking",
    [
        {"token_ids": [5, 6, 7]},
        {"token_ids": [5, END]},
        {"token_ids": None},
        {"logprobs": None},
    ],
    ids=["no end token", "fewer ids", "no ids", "no logprobs"],
)
def test_of_a_served_student_nothing_is_kept_where_something_is_missing(
    lacking: dict[str, Any], run: Run, server: Behaving
) -> None:
    whole = {"token_ids": [5, 6, END], "logprobs": logprobs(-0.5, -0.25, -0.25)}
    server.behave = lambda call: Says(completion("xy", **{**whole, **lacking}))
    (program,) = one(run(server="vllm", **student()))
    assert (program.token_ids, program.token_logprobs) == (None, None)


def test_a_task_that_the_students_context_is_too_short_for_is_left_out_with_a_warning(
    run: Run, server: Behaving
) -> None:
    narrow = {**student(), "student": PromptFormat(byte_tokenizer(), room=40, least_share=1.0)}
    long = replace(TASKS[1], prompt=TASKS[1].prompt * 20)
    endpoint = run(**narrow)
    assert [task.task_id for task, _ in endpoint.sample([TASKS[0], long])] == ["toy/0"]
    [(level, message)] = events(endpoint)
    assert level == "warning"
    assert "toy/1" in message


# Side by side


def test_tasks_come_in_the_order_in_which_they_finish(run: Run, server: Behaving) -> None:
    server.behave = lambda call: Says(
        completion("pass"), delay_s=0.5 if number_of(call) == 0 else 0.0
    )
    finished = [task.task_id for task, _ in run().sample(TASKS)]
    assert finished[-1] == "toy/0"
    assert sorted(finished) == [task.task_id for task in TASKS]


def test_requests_go_on_while_the_caller_does_other_work(run: Run, server: Behaving) -> None:
    tasks = run(concurrency=2).sample(TASKS)
    next(tasks)
    time.sleep(0.5)
    assert len(server.calls) > 2
    assert len(list(tasks)) == len(TASKS) - 1


def test_no_more_requests_are_under_way_than_allowed(run: Run, server: Behaving) -> None:
    server.behave = lambda call: Says(completion("pass"), delay_s=0.05)
    list(run(server="llama.cpp", programs=3, concurrency=2).sample(TASKS))
    assert server.most_at_once == 2


def test_nothing_is_asked_far_ahead_of_a_caller_who_takes_nothing(
    run: Run, server: Behaving
) -> None:
    many = [task(number) for number in range(30)]
    tasks = run(concurrency=2).sample(many)
    next(tasks)
    time.sleep(0.5)
    assert len(server.calls) <= 5
    assert len(list(tasks)) == 29


def test_a_stop_while_an_answer_is_waited_for_cancels_what_is_under_way(
    run: Run, server: Behaving
) -> None:
    server.behave = lambda call: Says(completion("pass"), delay_s=30.0)
    endpoint = run()

    def stop() -> None:
        raise KeyboardInterrupt

    endpoint.on_wait = stop
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        next(endpoint.sample(TASKS))
    endpoint.close()
    assert time.monotonic() - began < 3.0
    assert not [thread for thread in threading.enumerate() if thread.name == "endpoint"]


def test_closing_the_endpoint_ends_an_iterator_that_was_left_in_the_middle(
    run: Run, server: Behaving
) -> None:
    endpoint = run(concurrency=1)
    server.behave = lambda call: (
        Says(completion("pass"))
        if number_of(call) == 0
        else Says(b"", status=429, headers={"Retry-After": "30"})
    )
    tasks = endpoint.sample(TASKS)
    next(tasks)
    time.sleep(0.3)
    began = time.monotonic()
    endpoint.close()
    tasks.close()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 3.0


# Trouble


def failing(times: int, trouble: Says) -> Callable[[Call], Says]:
    """The first so many answers of every task are the trouble."""
    seen: dict[int, int] = {}

    def behave(call: Call) -> Says:
        number = number_of(call)
        seen[number] = seen.get(number, 0) + 1
        return trouble if seen[number] <= times else Says(completion("pass"))

    return behave


HTML = {"Content-Type": "text/html"}
TROUBLES = {
    "busy": Says({"error": {"message": "slow down"}}, status=429),
    "broken": Says(b"oops", status=500),
    "hanging": Says(completion("late"), delay_s=5.0),
    "dripping": Says(completion("late"), dripping_s=0.1),
    "breaking off": Says(b'{"choices": [', promised=1000),
    "a page": Says(b"<html>Welcome</html>", headers=HTML),
    "no choices": Says({"choices": []}),
    "no text": Says({"choices": [{"text": None}]}),
    "a list": Says([1, 2]),
    "empty": Says(b""),
    "binary": Says(b"\xff\xfe\x00"),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_after_passing_trouble_every_task_has_its_programs(
    name: str, run: Run, server: Behaving
) -> None:
    server.behave = failing(1, TROUBLES[name])
    endpoint = run(timeout_s=0.5)
    assert len(list(endpoint.sample(TASKS[:3]))) == 3
    assert endpoint.counters.requests == 6
    assert events(endpoint) == []


@pytest.mark.parametrize("name", ["broken", "breaking off", "a page", "no choices", "no text"])
def test_a_task_whose_trouble_stays_is_left_out_with_a_warning(
    name: str, run: Run, server: Behaving
) -> None:
    server.behave = lambda call: (
        TROUBLES[name] if number_of(call) == 1 else Says(completion("pass"))
    )
    endpoint = run(retries=1)
    assert sorted(task.task_id for task, _ in endpoint.sample(TASKS[:3])) == ["toy/0", "toy/2"]
    [(level, message)] = events(endpoint)
    assert level == "warning"
    assert message.startswith("No program for toy/1: ")


def test_an_answer_that_does_not_end_is_not_read_to_its_end(run: Run, server: Behaving) -> None:
    endless = json.dumps(completion("pass")).encode() + b" " * (MAX_BYTES + 2**20)
    server.behave = failing(1, Says(endless))
    endpoint = run()
    assert len(list(endpoint.sample(TASKS[:1]))) == 1
    assert endpoint.counters.malformed == 1


@pytest.mark.parametrize("says", ["1", "a date"])
def test_a_busy_server_is_left_alone_for_as_long_as_it_says(
    says: str, run: Run, server: Behaving
) -> None:
    at = says if says == "1" else formatdate(time.time() + 2, usegmt=True)
    server.behave = failing(1, Says(b"", status=429, headers={"Retry-After": at}))
    assert len(list(run(concurrency=1).sample(TASKS[:1]))) == 1
    first, second = server.calls
    assert second.at - first.at >= 0.9


def test_what_a_server_refuses_is_not_asked_again(run: Run, server: Behaving) -> None:
    too_long = Says({"error": {"message": "the prompt is too long"}}, status=400)
    server.behave = lambda call: too_long if number_of(call) == 1 else Says(completion("pass"))
    endpoint = run()
    assert len(list(endpoint.sample(TASKS[:2]))) == 1
    assert len(server.calls) == 2
    assert events(endpoint) == [
        ("warning", "No program for toy/1: HTTP 400: the prompt is too long.")
    ]


def test_a_server_that_answers_nobody_is_given_up(run: Run, server: Behaving) -> None:
    server.behave = lambda call: Says(b"", status=500)
    many = [task(number) for number in range(40)]
    with pytest.raises(CoreError, match="no usable answer for 8 tasks in a row"):
        list(run(retries=0).sample(many))
    assert len(server.calls) < 40


SENTENCES = {
    "the server at .* wants a key": Says(b"", status=401),
    "has no model 'm'": Says({"error": {"message": "The model `m` does not exist"}}, status=404),
    "no API of OpenAI's kind": Says(b"<html>Not Found</html>", status=404, headers=HTML),
    "has no credit left": Says({"error": {"code": "insufficient_quota"}}, status=429),
    "asks to wait for 60 minutes": Says(b"", status=429, headers={"Retry-After": "3600"}),
}


@pytest.mark.parametrize("sentence", SENTENCES)
def test_where_asking_on_is_of_no_use_one_sentence_says_so(
    sentence: str, run: Run, server: Behaving
) -> None:
    server.behave = lambda call: SENTENCES[sentence]
    with pytest.raises(CoreError, match=f"(?i){sentence}") as error:
        list(run().sample(TASKS))
    assert server.url in str(error.value)
    assert "\n" not in str(error.value)


def test_a_dead_server_is_named_after_the_last_try(run: Run) -> None:
    dead = f"http://127.0.0.1:{free_port()}/v1"
    with pytest.raises(CoreError, match=f"^Nothing answers at {dead} "):
        list(run(base_url=dead, retries=1).sample(TASKS))


def test_the_key_is_sent_and_comes_out_nowhere_else(
    run: Run,
    server: Behaving,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level("DEBUG")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    echo = [400, 500, 200, 401]
    shown: list[str] = []

    def behave(call: Call) -> Says:
        said = call.headers["authorization"]
        if echo[0] == 200:
            pieces = {"tokens": ["# Bearer ", KEY[:5], KEY[5:]], "token_logprobs": [-1, -1, -1]}
            body = json.dumps(completion(f"# {said}", logprobs=pieces))
            return Says(body.replace(KEY, KEY.replace("-", "\\u002d")).encode())
        return Says({"error": {"message": f"bad key {said}", "param": said}}, status=echo[0])

    server.behave = behave
    while echo:
        endpoint = run(retries=1)
        try:
            shown += [str(programs) for _, programs in endpoint.sample(TASKS[:1])]
        except CoreError as error:
            shown += [str(error), repr(error), repr(error.__cause__)]
        shown += [str(events(endpoint)), repr(endpoint._client.secret)]
        endpoint.close()
        echo.pop(0)
    assert server.calls[0].headers["authorization"] == f"Bearer {KEY}"
    written = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert b"# Bearer [key]" in written
    assert KEY.encode() not in written
    assert KEY[5:].encode() not in written
    assert KEY not in "".join((*shown, caplog.text, *capfd.readouterr()))


@pytest.mark.parametrize("key", ["two words", "schlüssel", "a\nb"])
def test_what_cannot_be_a_key_is_refused_without_showing_it(
    key: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(CoreError, match="OPENAI_API_KEY holds no key") as error:
        run()
    assert key not in str(error.value)


# Limits and budgets


async def test_no_minute_has_more_requests_or_tokens_than_allowed() -> None:
    pace, began = Pace(requests=3, tokens=100, window_s=0.3), time.monotonic()
    left = []
    for tokens in (10, 10, 10, 10, 70, 40, 500):
        await pace.wait(tokens)
        left.append(int((time.monotonic() - began) / 0.3))
    assert left == [0, 0, 0, 1, 1, 2, 3]


def test_a_budget_of_requests_ends_the_run_after_what_it_allows(run: Run, server: Behaving) -> None:
    finished = []
    with pytest.raises(EndpointBudgetSpent, match="max_requests = 4"):
        for found, _ in run(max_requests=4, concurrency=2).sample(TASKS):
            finished.append(found)
    assert len(finished) == len(server.calls) == 4


def test_tries_count_against_the_budget(run: Run, server: Behaving) -> None:
    server.behave = lambda call: Says(b"", status=500)
    with pytest.raises(EndpointBudgetSpent):
        list(run(max_requests=3).sample(TASKS))
    assert len(server.calls) == 3


def test_half_a_task_is_not_paid_for(run: Run, server: Behaving) -> None:
    with pytest.raises(EndpointBudgetSpent):
        list(run(server="llama.cpp", programs=3, max_requests=5).sample(TASKS))
    assert len(server.calls) == 3


def test_a_budget_of_money_is_never_passed_though_requests_run_side_by_side(
    run: Run, server: Behaving
) -> None:
    """A request may cost 0.5 and does cost 0.1: until only 0.5 are left they go on."""
    body = completion("pass")
    body["usage"] = {"prompt_tokens": 0, "completion_tokens": 100_000}
    server.behave = lambda call: Says(body, delay_s=0.05)
    endpoint = run(
        max_cost=0.85, completion_price=1.0, max_tokens=500_000, programs=1, concurrency=4
    )
    finished = []
    with pytest.raises(EndpointBudgetSpent, match=r"max_cost = 0.85 .* 0.4 is spent"):
        for found, _ in endpoint.sample(TASKS):
            finished.append(found)
    assert len(finished) == 4
    assert endpoint.counters.cost == pytest.approx(0.4)


def test_tokens_and_cost_are_counted_by_the_prices(run: Run) -> None:
    endpoint = run(prompt_price=2.0, completion_price=4.0)
    list(endpoint.sample(TASKS[:2]))
    counters = endpoint.counters
    assert (counters.requests, counters.prompt_tokens, counters.completion_tokens) == (2, 20, 10)
    assert counters.cost == pytest.approx(80e-6)


# Handing over new weights

NEW = Path("/checkpoints/update-7")
ADAPTER = "btp-6b4cb96a-v7"


@pytest.mark.parametrize(
    ("way", "calls"),
    [
        (
            "vllm-lora",
            [
                ("/v1/unload_lora_adapter", {"lora_name": ADAPTER}),
                ("/v1/load_lora_adapter", {"lora_name": ADAPTER, "lora_path": str(NEW)}),
            ],
        ),
        (
            "vllm-weights",
            [
                (
                    "/collective_rpc",
                    {"method": "reload_weights", "kwargs": {"weights_path": str(NEW)}},
                ),
                ("/reset_prefix_cache", {}),
            ],
        ),
        (
            "sglang-lora",
            [
                ("/unload_lora_adapter", {"lora_name": ADAPTER}),
                ("/load_lora_adapter", {"lora_name": ADAPTER, "lora_path": str(NEW)}),
            ],
        ),
        (
            "sglang-weights",
            [("/update_weights_from_disk", {"model_path": str(NEW), "weight_version": "7"})],
        ),
    ],
)
def test_new_weights_are_handed_over_in_the_way_of_the_server(
    way: str, calls: list[tuple[str, Any]], run: Run, server: Behaving
) -> None:
    endpoint = run(server=way.split("-")[0], publish=way)
    endpoint.publish(NEW, 7)
    assert [(call.path, call.body) for call in server.calls] == calls
    one(endpoint)
    model = {"vllm-lora": ADAPTER, "sglang-lora": f"m:{ADAPTER}"}.get(way, "m")
    assert server.calls[-1].body["model"] == model


def test_the_next_adapter_takes_the_place_of_the_last(run: Run, server: Behaving) -> None:
    endpoint = run(server="vllm", publish="vllm-lora")
    endpoint.publish(NEW, 7)
    server.calls.clear()
    endpoint.publish(NEW, 8)
    assert [call.path.rpartition("/")[2] for call in server.calls] == [
        "unload_lora_adapter",
        "load_lora_adapter",
        "unload_lora_adapter",
    ]
    assert server.calls[-1].body["lora_name"] == ADAPTER


def test_new_weights_are_asked_although_the_old_ones_had_answered(
    run: Run, server: Behaving
) -> None:
    endpoint = run(server="vllm", publish="vllm-weights")
    for version in (1, 2, 2):
        endpoint.publish(NEW, version)
        one(endpoint)
    assert len([call for call in server.calls if call.path == "/v1/completions"]) == 2


@pytest.mark.parametrize(
    "says",
    [
        Says(b"", status=404),
        Says({"success": False, "message": "no such file"}),
        Says({"error": {"message": "bad"}}, status=400),
        Says(b"", status=500),
    ],
)
def test_a_server_that_does_not_take_new_weights_ends_the_run_with_one_sentence(
    says: Says, run: Run, server: Behaving
) -> None:
    server.behave = lambda call: says
    with pytest.raises(CoreError, match=r"could not be handed the new weights at .*SGLang"):
        run(server="sglang", publish="sglang-weights").publish(NEW, 7)


def test_a_refused_key_is_told_apart_from_weights_that_are_not_taken(
    run: Run, server: Behaving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server.behave = lambda call: Says({"error": {"message": f"no: {KEY[:9]}"}}, status=401)
    with pytest.raises(CoreError, match="refuses the key in the environment variable") as error:
        run(server="vllm", publish="vllm-weights").publish(NEW, 7)
    assert KEY[:9] not in str(error.value)


# Settings


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"base_url": "localhost:8000"}, "is no URL"),
        ({"base_url": "http://me:secret@host/v1"}, "holds a password"),
        ({"model": ""}, "model is empty"),
        ({"strategy": "beam"}, "has no beam search"),
        ({"publish": "vllm-lora"}, "does not fit"),
        ({"temperature": 0, "programs": 2}, "draws one program 2 times"),
        ({"max_cost": 1.0}, "without prices"),
        ({"api": "chat", **student()}, "its own tokens"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    settings: dict[str, Any], sentence: str, run: Run
) -> None:
    with pytest.raises(CoreError, match=sentence) as error:
        run(**settings)
    assert "secret" not in str(error.value)


def test_only_a_request_loads_the_library() -> None:
    code = "import sys, core.endpoint; print({'openai', 'httpx2', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
