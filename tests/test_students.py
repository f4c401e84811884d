"""The paper's students, GPT-2 and GPT-Neo, trained end to end, with all weights and by LoRA.

Tiny random weights in their real configuration classes, over bytes, in real engines.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, GPTNeoConfig, GPTNeoForCausalLM

from btp_tui.alerts import alerts_of
from btp_tui.snapshot import RunLine, Watched
from core.checkpoints import Checkpoints
from core.config import Config, ModelConfig, SamplerConfig, to_toml
from core.config_reading import build_config
from core.engine import Listeners, Result, resume, start
from core.models import Student, load_student, save_student
from core.prompts.chat import user_message
from core.sampler import Sampler
from core.tasks.load import load_tasks
from storage.reader import Reader
from storage.schema import Progress, Run
from storage.workspace import Workspace
from tests.engine_runs import BEAMS, TASKS, UPDATES, finish, new_run, wait_until
from tests.engine_runs import small_held_out as small_file
from tests.tiny_models import byte_tokenizer

CPU = torch.device("cpu")
ENDS = {"vocab_size": 257, "bos_token_id": 256, "eos_token_id": 256}
LORA = {"model.lora_rank": 2, "model.lora_dropout": 0.1, "trainer.gradient_checkpointing": True}


@pytest.fixture(scope="module")
def students(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("students")
    torch.manual_seed(0)
    models: dict[str, Any] = {
        "gpt2": GPT2LMHeadModel(GPT2Config(**ENDS, n_embd=64, n_layer=2, n_head=2)),
        "gpt_neo": GPTNeoForCausalLM(
            GPTNeoConfig(
                **ENDS,
                hidden_size=64,
                num_layers=2,
                num_heads=2,
                attention_types=[[["global", "local"], 1]],
            )
        ),
    }
    for name, model in models.items():
        save_student(Student(model, byte_tokenizer(), name), folder / name)
    return {name: folder / name for name in models}


def trained(path: Path, folder: Path, **more: Any) -> tuple[Result, Workspace]:
    """Two iterations of a small run."""
    workspace = Workspace(folder / "workspace").create()
    return start(workspace, config_of(path, folder, **more), "run", Listeners()), workspace


def config_of(path: Path, folder: Path, model: Any = None, sampler: Any = None) -> Config:
    settings = {
        "max_iterations": 2,
        "model": {"path": str(path), "offline": True, **(model or {})},
        "tasks": {"limit": 20, "held_out": [f"nano:{small_file(folder, tasks=3)}"]},
        "sampler": {
            "beams": 2,
            "max_new_tokens": 12,
            "tasks_per_iteration": 4,
            "batch_tasks": 4,
            **(sampler or {}),
        },
        "trainer": {"updates_per_iteration": 2, "minibatch": 4},
        "executor": {"workers": 1},
    }
    return build_config(settings, origin="the test")


@pytest.mark.parametrize("name", ["gpt2", "gpt_neo"])
def test_the_papers_students_train_with_all_weights(
    students: dict[str, Path], name: str, tmp_path: Path
) -> None:
    result, workspace = trained(students[name], tmp_path)
    assert (result.state, result.programs, result.updates) == ("finished", 2 * 4 * 2, 4)
    assert result.final is not None
    [newest] = list((workspace.run_folder("run") / "checkpoints").glob("update-00000004"))
    before, after = (load_student(ModelConfig(path=str(p)), CPU) for p in (students[name], newest))
    assert type(after.model) is type(before.model)
    assert after.model.config.to_dict()["model_type"] == name
    assert not torch.equal(weights_of(before), weights_of(after))


def test_gpt2_learns_by_an_adapter_and_only_that_is_saved(
    students: dict[str, Path], tmp_path: Path
) -> None:
    result, workspace = trained(students["gpt2"], tmp_path, model={"lora_rank": 2})
    assert (result.state, result.updates) == ("finished", 4)
    newest = workspace.run_folder("run") / "checkpoints" / "update-00000004"
    assert not (newest / "model.safetensors").exists()
    of_the_adapter = sum((newest / name).stat().st_size for name in ADAPTER_FILES)
    assert of_the_adapter < (students["gpt2"] / "model.safetensors").stat().st_size / 3
    after = load_student(ModelConfig(path=str(newest)), CPU)
    moved = [weight for name, weight in after.model.named_parameters() if "lora_B" in name]
    assert len(moved) == 8
    assert all(weight.any() for weight in moved)


ADAPTER_FILES = ("adapter_model.safetensors", "optimizer.pt")


def test_a_killed_lora_run_goes_on_as_if_nothing_had_happened(
    students: dict[str, Path], tmp_path: Path
) -> None:
    settings = {"model.path": students["gpt2"], "sampler.max_new_tokens": 12, **LORA}
    settings["max_iterations"] = 2
    run = replace(new_run(tmp_path), settings=settings)
    engine = run.start()
    assert wait_until(lambda: bool((at := run.progress()) and at.updates > UPDATES), engine)
    engine.kill()
    engine.wait()
    newest = Checkpoints(run.workspace.run_folder(run.name) / "checkpoints", keep=2).newest()
    assert newest is not None
    assert not (newest / "model.safetensors").exists()
    finish(run.resume())
    samples = run.samples()
    assert len(samples) == len(set(samples)) == 2 * TASKS * BEAMS
    numbers = [update.number for update in Reader(run.workspace).updates(1)]
    assert numbers == [*range(1, 2 * UPDATES + 1)]


def test_a_resumed_adapter_takes_the_same_step(students: dict[str, Path], tmp_path: Path) -> None:
    """Weights, moments and dropout are those that the run would have had."""
    config = config_of(students["gpt2"], tmp_path, model={"lora_rank": 2, "lora_dropout": 0.2})
    constant = config.trainer.model_copy(update={"decay_to": 1.0})  # whenever the run is to end
    config = config.model_copy(update={"trainer": constant})
    at_once, in_two = (Workspace(tmp_path / name).create() for name in ("at_once", "in_two"))
    start(at_once, config, "run", Listeners())
    cut_short = config.model_copy(update={"max_iterations": 1})
    start(in_two, cut_short, "run", Listeners())
    with closing(sqlite3.connect(in_two.database)) as store, store:
        store.execute("UPDATE runs SET config = ?", [to_toml(config)])
    resume(in_two, "run", Listeners())
    adapters = [
        weights_of(load_student(ModelConfig(path=str(folder / "update-00000004")), CPU))
        for folder in (each.run_folder("run") / "checkpoints" for each in (at_once, in_two))
    ]
    assert torch.equal(*adapters)


def sampling(run: Run) -> Progress:
    """What the run says of itself, as if it were still writing programs."""
    assert run.progress is not None
    return replace(run.progress, state="running", phase="sample")


def weights_of(student: Student) -> torch.Tensor:
    """Every trained weight, end to end."""
    trained = (weight for weight in student.model.parameters() if weight.requires_grad)
    return torch.cat([weight.detach().flatten() for weight in trained])


def test_an_adapter_is_gone_on_with_as_a_model(students: dict[str, Path], tmp_path: Path) -> None:
    _, workspace = trained(students["gpt2"], tmp_path, model={"lora_rank": 2})
    first = workspace.run_folder("run") / "checkpoints" / "update-00000004"
    (tmp_path / "again").mkdir()
    result, again = trained(first, tmp_path / "again")
    assert result.updates == 4
    second = again.run_folder("run") / "checkpoints" / "update-00000004"
    students_of = [load_student(ModelConfig(path=str(path)), CPU) for path in (first, second)]
    assert not torch.equal(weights_of(students_of[0]), weights_of(students_of[1]))


def test_a_student_is_asked_by_chat_where_that_is_set(
    students: dict[str, Path], tmp_path: Path
) -> None:
    chatting = load_student(ModelConfig(path=str(students["gpt2"])), CPU)
    chatting.tokenizer.chat_template = (
        "{% for turn in messages %}<{{ turn.role }}>{{ turn.content }}|{% endfor %}"
        "{% if add_generation_prompt %}<assistant>{% endif %}"
    )
    save_student(chatting, tmp_path / "chatting")
    assert not load_student(ModelConfig(path=str(tmp_path / "chatting")), CPU).chat
    result, workspace = trained(tmp_path / "chatting", tmp_path, model={"chat": "always"})
    assert (result.state, result.updates) == ("finished", 4)
    newest = workspace.run_folder("run") / "checkpoints" / "update-00000004"
    asked = Sampler(
        load_student(ModelConfig(path=str(newest), chat="always"), CPU), SamplerConfig()
    )
    [task] = load_tasks("nano:train")[:1]
    prompt = asked.student.tokenizer.decode(asked.prompts.prompt(task))
    assert prompt == f"<user>{user_message(task)}|<assistant>"


def test_what_does_not_fit_is_said_counted_and_not_solved(
    tmp_path: Path,
) -> None:
    near = GPT2LMHeadModel(GPT2Config(**ENDS, n_embd=8, n_layer=1, n_head=1, n_positions=112))
    save_student(Student(near, byte_tokenizer(), "near-sighted"), tmp_path / "near")
    result, workspace = trained(tmp_path / "near", tmp_path, sampler={"min_prompt_share": 0.85})
    reader = Reader(workspace)
    run = reader.run("run")
    assert run is not None
    assert run.progress is not None
    cut, skipped = run.progress.cut_tasks, run.progress.skipped_tasks
    assert cut > 0
    assert skipped > 0
    [said] = [event.message for event in reader.events(run.id) if "skipped" in event.message]
    assert said.startswith("Of 23 prompts cut to the 100 tokens")
    assert f"beside a program of 12: {cut}; tasks skipped" in said
    assert said.endswith(f"would fit: {skipped}.")
    watched = Watched(RunLine("run", "running", "train", "", 0.0, sampling(run)))
    assert f"{skipped} tasks skipped, {cut} prompts cut" in alerts_of(watched, 0.0)[0].short
    assert result.final is not None
    assert len(result.final.tasks) == 3, "none is dropped from the measurement"
