"""The endpoint against real servers on loopback, with the embedded model behind them.

`transformers serve` gives texts only. llama.cpp's Python server gives log-probabilities too; it is
used where `llama_cpp` can be imported, or BTP_LLAMA_CPP_PYTHON names an interpreter that can.
"""

from __future__ import annotations

import copy
import gzip
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import core.nano
from core.config import EndpointConfig
from core.endpoint import Endpoint
from core.errors import CoreError
from core.program import Program
from core.prompts import PromptFormat
from core.tasks import StdioTest, Task
from tests.gguf_file import write_gguf
from tests.loopback import child_server, free_port

_NANO = Path(core.nano.__file__).parent
MODEL = _NANO / "models" / "nano"
MAX_TOKENS = 64

#: Float32 on both sides, but other kernels: nats a token.
TOLERANCE = 5e-3


def _tasks() -> Iterator[Task]:
    with gzip.open(_NANO / "tasks" / "nano" / "held-out.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line, _ in zip(lines, range(6), strict=False):
            record = json.loads(line)
            yield Task(
                task_id=record["task_id"],
                dataset="nano",
                description=record["description"],
                prompt=record["prompt"],
                tests=(StdioTest("", ("",)),),
                entry_point=record["entry_point"],
                completes_prompt=record["completes_prompt"],
            )


TASKS = list(_tasks())


@pytest.fixture(scope="module")
def embedded() -> tuple[Any, Any]:
    """Our own model in float32, and its tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32)
    return model.eval(), AutoTokenizer.from_pretrained(MODEL)


def continued(embedded: tuple[Any, Any], task: Task) -> tuple[str, Any]:
    """Our model's greedy program, and the log-probability of each token with the closing one."""
    import torch

    model, tokenizer = embedded
    ids = tokenizer(task.prompt, return_tensors="pt").input_ids
    with torch.inference_mode():
        whole = model.generate(ids, max_new_tokens=MAX_TOKENS, do_sample=False)
        logprobs = model(whole).logits[0].log_softmax(-1)
    new = whole[0, ids.shape[1] :]
    scores = logprobs[ids.shape[1] - 1 : -1].gather(1, new[:, None])[:, 0]
    text = tokenizer.decode(new, skip_special_tokens=True)
    return (task.prompt + text if task.completes_prompt else text), scores.numpy()


def programs(config: EndpointConfig, cache: Path) -> dict[str, tuple[Program, ...]]:
    with Endpoint(config, cache, "teacher:nano") as endpoint:
        return {task.task_id: found for task, found in endpoint.sample(TASKS)}


# transformers serve


def served(url: str, **settings: Any) -> EndpointConfig:
    return EndpointConfig(
        **{
            "base_url": url,
            "model": str(MODEL),
            "server": "transformers",
            "api": "completions",
            "max_tokens": MAX_TOKENS,
            "timeout_s": 60,
            "programs": 3,
            **settings,
        }
    )


def test_transformers_continues_as_our_own_model_does_and_the_student_is_left_to_score(
    transformers_serve: str, embedded: tuple[Any, Any], tmp_path: Path
) -> None:
    config = served(transformers_serve, temperature=0, programs=1)
    found = programs(config, tmp_path / "answers.db")
    assert {task_id: program.text for task_id, (program,) in found.items()} == {
        task.task_id: continued(embedded, task)[0] for task in TASKS
    }
    assert {program.logprob for (program,) in found.values()} == {None}


def test_transformers_draws_programs_that_differ(transformers_serve: str, tmp_path: Path) -> None:
    config = served(transformers_serve, temperature=1.5, top_p=1, programs=4)
    found = programs(config, tmp_path / "answers.db")
    assert max(len({program.text for program in four}) for four in found.values()) > 1
    assert {len(four) for four in found.values()} == {4}


def test_transformers_answers_a_chat(transformers_serve: str, tmp_path: Path) -> None:
    """The embedded model is no instruct model: whatever it says comes out as programs."""
    instruct = shutil.copytree(MODEL, tmp_path / "instruct")
    settings = json.loads((instruct / "tokenizer_config.json").read_text())
    settings["chat_template"] = "{{ messages[0]['content'] }}"
    (instruct / "tokenizer_config.json").write_text(json.dumps(settings))
    config = served(transformers_serve, model=str(instruct), api="chat", programs=1)
    found = programs(config, tmp_path / "answers.db")
    assert len(found) == len(TASKS)


def test_the_student_served_by_transformers_writes_with_the_weights_it_was_handed_last(
    transformers_serve: str, embedded: tuple[Any, Any], tmp_path: Path
) -> None:
    """The next checkpoint is another model of the same kind, whose last layer says nothing."""
    model, tokenizer = embedded
    changed = copy.deepcopy(model)
    changed.model.layers[-1].mlp.down_proj.weight.data.zero_()
    for name, weights in (("first", model), ("second", changed)):
        weights.save_pretrained(tmp_path / name)
        tokenizer.save_pretrained(tmp_path / name)
    config = served(transformers_serve, temperature=0, programs=1, publish="transformers-folder")
    assert (
        continued((model, tokenizer), TASKS[0])[0] != continued((changed, tokenizer), TASKS[0])[0]
    )
    student = PromptFormat(tokenizer)
    with Endpoint(config, tmp_path / "a.db", "self", 0, student, (0,)) as endpoint:
        for version, (name, weights) in enumerate((("first", model), ("second", changed))):
            endpoint.publish(tmp_path / name, version)
            for task, (program,) in endpoint.sample(TASKS):
                assert program.text == continued((weights, tokenizer), task)[0]
                assert program.source == "self"


def test_a_model_that_transformers_does_not_find_ends_the_run_with_one_sentence(
    transformers_serve: str, tmp_path: Path
) -> None:
    config = served(transformers_serve, model=str(tmp_path / "absent"), retries=0)
    with pytest.raises(CoreError, match=transformers_serve) as error:
        programs(config, tmp_path / "answers.db")
    assert "\n" not in str(error.value)


# llama.cpp's Python server


def _llama_cpp_python() -> str:
    """An interpreter that can import llama_cpp; skips where there is none."""
    named = os.environ.get("BTP_LLAMA_CPP_PYTHON", sys.executable)
    check = [named, "-c", "import llama_cpp.server.app"]
    if subprocess.run(check, capture_output=True, check=False).returncode:
        pytest.skip(
            "no llama.cpp server: set BTP_LLAMA_CPP_PYTHON to a Python that has "
            "llama-cpp-python[server] (it builds from source, ten minutes)"
        )
    return named


@pytest.fixture(scope="module")
def llama_cpp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    python = _llama_cpp_python()
    folder = tmp_path_factory.mktemp("llama")
    write_gguf(MODEL, folder / "nano.gguf")
    port = free_port()
    options = {
        "model": folder / "nano.gguf",
        "model_alias": "nano",
        "host": "127.0.0.1",
        "port": port,
        "logits_all": "true",
        "n_ctx": 256,
        "n_threads": 2,
    }
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    command = [python, "-m", "llama_cpp.server", *words]
    with child_server(command, port, folder / "log") as url:
        yield url


def test_llama_cpp_continues_as_our_own_model_does_with_the_same_log_probabilities(
    llama_cpp: str, embedded: tuple[Any, Any], tmp_path: Path
) -> None:
    config = served(llama_cpp, model="nano", server="llama.cpp", temperature=0, programs=1)
    found = programs(config, tmp_path / "answers.db")
    for task in TASKS:
        text, logprobs = continued(embedded, task)
        (program,) = found[task.task_id]
        assert program.text == text
        assert program.token_ids is None
        # llama.cpp says nothing of the token that ends a program.
        assert program.token_logprobs is not None
        np.testing.assert_allclose(program.token_logprobs, logprobs[:-1], atol=TOLERANCE)
        assert program.logprob == pytest.approx(logprobs[:-1].sum(), abs=20 * TOLERANCE)


def test_llama_cpp_draws_as_many_programs_as_asked_best_first(
    llama_cpp: str, tmp_path: Path
) -> None:
    config = served(llama_cpp, model="nano", server="llama.cpp", temperature=1.5, programs=4)
    found = programs(config, tmp_path / "answers.db")
    assert max(len({program.text for program in four}) for four in found.values()) > 1
    for four in found.values():
        logprobs = [program.logprob for program in four]
        assert len(logprobs) == 4
        assert logprobs == sorted(logprobs, key=lambda logprob: -(logprob or 0.0))
