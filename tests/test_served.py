"""A run whose student is sampled by a server, which is handed each new checkpoint."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import core.nano
from core.config import Config
from core.config_reading import build_config
from core.engine import Listeners, resume, start
from core.errors import CoreError
from storage.reader import Reader
from storage.workspace import Workspace
from tests.engine_runs import small_held_out
from tests.loopback import Call, Says, behaving, completion

MODEL = Path(core.nano.__file__).parent / "models" / "nano"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace").create()


def served(tmp_path: Path, url: str, **endpoint: Any) -> Config:
    """Two iterations of four tasks with two programs each, all written by the server."""
    settings = {"base_url": url, "model": str(MODEL), "api": "completions", **endpoint}
    return build_config(
        {
            "max_iterations": 2,
            "tasks": {"limit": 12, "held_out": [f"nano:{small_held_out(tmp_path, 2)}"]},
            "sampler": {"tasks_per_iteration": 4, "beams": 2, "where": "endpoint"},
            "trainer": {"updates_per_iteration": 2, "minibatch": 4, "learning_rate": 3e-3},
            "executor": {"workers": 1},
            "endpoint": settings,
        },
        "test",
    )


def test_a_real_server_writes_with_the_weights_of_each_iteration(
    workspace: Workspace, tmp_path: Path, transformers_serve: str
) -> None:
    config = served(
        tmp_path, transformers_serve, server="transformers", publish="transformers-folder"
    )
    result = start(workspace, config, "run", Listeners())
    assert (result.programs, result.updates) == (16, 4)
    assert result.decoder == {"endpoint": 2 + 4 + 4 + 2}, "measured, sampled twice, measured"
    with Reader(workspace) as reader:
        rows = reader.query(
            "SELECT s.iteration, o.name FROM samples s JOIN sources o ON o.id = s.source"
        )
        scored = reader.query("SELECT count(DISTINCT sample) FROM possibilities")
        drawn = [draw for update in reader.updates(1) for draw in update.draws]
    assert Counter(rows) == {(0, "self"): 8, (1, "self"): 8}
    assert scored[0][0] >= 8, "the server says no log-probabilities: the student here scores"
    assert drawn


def models_asked(calls: list[Call]) -> list[str]:
    """The model that each completion was asked of, repetitions left out."""
    asked = [call.body["model"] for call in calls if call.path.endswith("/completions")]
    return [name for name, before in zip(asked, [None, *asked], strict=False) if name != before]


def test_checkpoints_are_handed_over_before_what_they_are_asked_for(
    workspace: Workspace, tmp_path: Path
) -> None:
    def answers(call: Call) -> Says:
        if not call.path.endswith("/completions"):
            return Says({"success": True})
        return Says(completion(*["return 1\n"] * call.body.get("n", 1)))

    with behaving(answers) as server:
        config = served(tmp_path, server.url, server="vllm", publish="vllm-lora")
        start(workspace, config, "run", Listeners())
        first, *others = models_asked(server.calls)
        loaded = [call.body for call in server.calls if call.path.endswith("/load_lora_adapter")]
        asked = [call for call in server.calls if call.path.endswith("/completions")]
        assert {call.body["temperature"] for call in asked} == {0.0, 0.8}, "greedy when measured"
        before = len(server.calls)
        resume(workspace, "run", Listeners())
        assert [call.path for call in server.calls[before : before + 1]] != ["/v1/completions"]
    assert first == str(MODEL)
    assert others == [body["lora_name"] for body in loaded][: len(others)] and len(others) == 2
    assert all("update-" in body["lora_path"] for body in loaded)


def test_a_server_that_takes_no_checkpoint_ends_the_run_with_one_sentence(
    workspace: Workspace, tmp_path: Path
) -> None:
    def answers(call: Call) -> Says:
        if not call.path.endswith("/completions"):
            return Says({"error": {"message": "no such route"}}, status=404)
        return Says(completion(*["return 1\n"] * call.body.get("n", 1)))

    with behaving(answers) as server:
        config = served(tmp_path, server.url, server="vllm", publish="vllm-lora")
        with pytest.raises(CoreError, match="could not be handed the new weights"):
            start(workspace, config, "run", Listeners())
    with Reader(workspace) as reader:
        assert reader.run("run").progress.state == "failed"


def test_settings_that_contradict_each_other_are_refused_before_anything_is_written(
    workspace: Workspace, tmp_path: Path
) -> None:
    config = served(tmp_path, "http://127.0.0.1:9/v1", publish="sglang-lora", server="vllm")
    with pytest.raises(CoreError, match='endpoint: publish = "sglang-lora" does not fit'):
        start(workspace, config, "run", Listeners())
    with Reader(workspace) as reader:
        assert reader.run("run") is None
