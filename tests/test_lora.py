"""LoRA adapters: what is trained, what is saved, what loads, and that merging changes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from core.checkpoints import Checkpoints, Counters
from core.config import ModelConfig, SamplerConfig, TrainerConfig
from core.errors import CoreError
from core.models import Student, load_student, save_student
from core.models.merging import find_checkpoint, write_merged
from core.objectives import NegativeLogLikelihood
from core.sampler import Sampler
from core.tasks import StdioTest, Task
from core.training import Example, Trainer
from storage.workspace import Workspace
from tests.tiny_models import byte_tokenizer, teacher_forced

CPU = torch.device("cpu")
WIDTH = 32
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "gpt2": ("GPT2LMHeadModel", {"n_embd": WIDTH, "n_layer": 2, "n_head": 2}),
    "gpt_neo": (
        "GPTNeoForCausalLM",
        {
            "hidden_size": WIDTH,
            "num_layers": 2,
            "num_heads": 2,
            "attention_types": [[["global", "local"], 1]],
        },
    ),
    "gpt_neox": (
        "GPTNeoXForCausalLM",
        {
            "hidden_size": WIDTH,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 64,
        },
    ),
    "llama": (
        "LlamaForCausalLM",
        {
            "hidden_size": WIDTH,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 64,
        },
    ),
}
EXAMPLES = [
    Example([5, 6, 7], [8, 9, 256]),
    Example([5], [10, 11, 12, 13, 256]),
    Example([20, 21, 22, 23], [256]),
]
PROBE = torch.tensor([[5, 6, 7, 8, 9, 10]])


def save_base(kind: str, folder: Path) -> Path:
    """A model of a real configuration class with random weights over bytes."""
    name, settings = KINDS[kind]
    cls = getattr(transformers, name)
    torch.manual_seed(3)
    ends = {"bos_token_id": 256, "eos_token_id": 256, "pad_token_id": None}
    config = cls.config_class(vocab_size=257, initializer_range=0.2, **ends, **settings)
    save_student(Student(cls(config), byte_tokenizer(), kind), folder)
    return folder


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("bases")
    return {kind: save_base(kind, folder / kind) for kind in KINDS}


def adapted(path: Path, **more: Any) -> Student:
    settings = {"lora_rank": 4, "lora_alpha": 8.0, **more}
    return load_student(ModelConfig(path=str(path), **settings), CPU)


def loaded(path: Path) -> Student:
    return load_student(ModelConfig(path=str(path)), CPU)


def train(student: Student, updates: int = 3, **more: Any) -> list[float]:
    config = TrainerConfig(learning_rate=1e-2, **more)
    trainer = Trainer(student.model, config, NegativeLogLikelihood(), pad_token_id=0)
    losses = [trainer.update(EXAMPLES).loss for _ in range(updates)]
    student.model.eval()
    return losses


@torch.no_grad()
def logits(student: Student) -> torch.Tensor:
    found: torch.Tensor = student.model.eval()(PROBE).logits
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_an_adapter_learns_and_the_base_stays_as_it_was(bases: dict[str, Path], kind: str) -> None:
    base, student = loaded(bases[kind]), adapted(bases[kind])
    assert torch.equal(logits(student), logits(base)), "a fresh adapter changes nothing"
    losses = train(student, updates=25)
    assert losses[-1] < losses[0] / 2
    assert not torch.allclose(logits(student), logits(base), atol=1e-2)
    weights = dict(student.model.named_parameters())
    for name, weight in base.model.named_parameters():
        at, _, last = name.rpartition(".")
        assert torch.equal(weights.get(name, weights.get(f"{at}.base_layer.{last}")), weight)


@pytest.mark.parametrize("kind", KINDS)
def test_all_linear_layers_but_the_last_get_an_adapter(bases: dict[str, Path], kind: str) -> None:
    names = {
        name for name, weight in adapted(bases[kind]).model.named_parameters() if "lora_A" in name
    }
    per_layer = {"gpt2": 4, "gpt_neo": 6, "gpt_neox": 4, "llama": 7}
    assert len(names) == 2 * per_layer[kind]
    assert not any("lm_head" in name or "embed_out" in name for name in names)


def test_layers_can_be_named(bases: dict[str, Path]) -> None:
    student = adapted(bases["llama"], lora_targets="q_proj, v_proj")
    trained = {
        name.split(".")[-4] for name, w in student.model.named_parameters() if w.requires_grad
    }
    assert trained == {"q_proj", "v_proj"}
    with pytest.raises(CoreError, match=r'model\.lora_targets = "norm" does not fit the model'):
        adapted(bases["llama"], lora_targets="norm")


@pytest.mark.parametrize("targets", ["q_prj", "q_proj,v_prj", "q_proj,", "proj"])
def test_a_layer_that_there_is_not_is_refused_beside_one_that_there_is(
    bases: dict[str, Path], targets: str
) -> None:
    with pytest.raises(CoreError, match=r"has no layer '.*'; its linear ones are .*q_proj"):
        adapted(bases["llama"], lora_targets=targets)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_saved_is_the_adapter_and_goes_on_learning(
    bases: dict[str, Path], kind: str, tmp_path: Path
) -> None:
    student = adapted(bases[kind])
    train(student)
    save_student(student, tmp_path)
    assert not (tmp_path / "model.safetensors").exists()
    again = loaded(tmp_path)
    assert torch.equal(logits(again), logits(student))
    trained = [weight.shape for weight in again.model.parameters() if weight.requires_grad]
    assert trained == [w.shape for w in student.model.parameters() if w.requires_grad]
    before = logits(again)
    train(again, updates=1)
    assert not torch.equal(logits(again), before)


def test_an_adapter_is_far_smaller_than_its_model(tmp_path: Path) -> None:
    student = load_student(ModelConfig(lora_rank=4), CPU)
    save_student(student, tmp_path / "adapter")
    save_student(load_student(ModelConfig(), CPU), tmp_path / "model")
    adapter, model = (
        sum(file.stat().st_size for file in (tmp_path / name).glob("*.safetensors"))
        for name in ("adapter", "model")
    )
    assert adapter < model / 20


def test_an_adapter_finds_its_base_from_any_working_directory(
    bases: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(bases["gpt2"].parent)
    save_student(adapted(Path("gpt2")), tmp_path / "adapter")
    monkeypatch.chdir("/")
    assert loaded(tmp_path / "adapter").adapter is not None
    save_student(load_student(ModelConfig(path="nano", lora_rank=1), CPU), tmp_path / "embedded")
    described = json.loads((tmp_path / "embedded" / "adapter_config.json").read_text())
    assert described["base_model_name_or_path"] == "nano", "wherever the package lies"


def test_an_adapter_without_a_tokenizer_takes_that_of_its_base(
    bases: dict[str, Path], tmp_path: Path
) -> None:
    """As peft itself saves one."""
    adapted(bases["gpt2"]).adapter.save_pretrained(tmp_path)
    assert not list(tmp_path.glob("tokenizer*"))
    again = loaded(tmp_path)
    assert again.tokenizer("x")["input_ids"] == byte_tokenizer()("x")["input_ids"]


def test_dropout_is_for_training_alone(bases: dict[str, Path]) -> None:
    student = adapted(bases["llama"], lora_dropout=0.5)  # which has no dropout of its own
    train(student, updates=5)
    assert torch.equal(logits(student), logits(student))
    student.model.train()
    assert not torch.equal(student.model(PROBE).logits, student.model(PROBE).logits)


@pytest.mark.parametrize("kind", KINDS)
def test_recomputed_activations_give_the_same_step(bases: dict[str, Path], kind: str) -> None:
    if kind == "gpt2":  # its dropout must be the same in both, too
        plain, saving = (adapted(bases[kind], lora_dropout=0.1) for _ in range(2))
    else:
        plain, saving = (adapted(bases[kind]) for _ in range(2))
    saving.model.load_state_dict(plain.model.state_dict())
    losses = []
    for student, checkpointing in ((plain, False), (saving, True)):
        torch.manual_seed(7)
        losses.append(train(student, updates=3, gradient_checkpointing=checkpointing))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert torch.allclose(logits(plain), logits(saving), atol=1e-4)


TASKS = [
    Task(f"toy/{n}", "toy", "", "# add\n" * n + "x = ", (StdioTest("", ("",)),)) for n in range(4)
]


@pytest.mark.parametrize("checkpointing", [False, True])
def test_the_adapted_model_is_sampled_as_a_tree(
    bases: dict[str, Path], checkpointing: bool
) -> None:
    student = adapted(bases["gpt2"], lora_dropout=0.3)
    train(student, gradient_checkpointing=checkpointing)
    student.model.train()
    sampler = Sampler(student, SamplerConfig(beams=2, max_new_tokens=8, batch_tasks=2))
    for task, programs in sampler.sample(TASKS):
        for program in programs:
            assert program.token_ids is not None
            expected = teacher_forced(
                student.model, sampler.prompts.prompt(task), program.token_ids.tolist()
            )
            np.testing.assert_allclose(program.token_logprobs, expected, atol=2e-5)
    assert sampler.counts == {"tree": len(TASKS)}


def refusal(path: Path, **more: Any) -> str:
    with pytest.raises(CoreError) as caught:
        load_student(ModelConfig(path=str(path), **more), CPU)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def change(folder: Path, **fields: object) -> None:
    file = folder / "adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


def test_an_adapter_that_cannot_be_used_is_refused_in_one_sentence(
    bases: dict[str, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "adapter"
    save_student(adapted(bases["gpt2"]), folder)
    assert "has rank 4: model.lora_rank = 8 cannot change it" in refusal(folder, lora_rank=8)
    change(folder, base_model_name_or_path="/no/such/model")
    assert refusal(folder) == (
        f"The adapter {folder} needs its base model: "
        "There is no model folder /no/such/model: check the path (model.path)."
    )
    weights = load_file(folder / "adapter_model.safetensors")
    save_file(dict(list(weights.items())[1:]), folder / "adapter_model.safetensors")
    change(folder, base_model_name_or_path=str(bases["gpt2"]))
    assert f"{folder} is incomplete: it lacks 1 weights, as " in refusal(folder)
    save_file(weights, folder / "adapter_model.safetensors")
    assert loaded(folder).adapter is not None
    change(folder, base_model_name_or_path=None)
    assert "does not say which model it belongs to" in refusal(folder)
    change(folder, base_model_name_or_path=str(bases["llama"]))
    assert "cannot be loaded" in refusal(folder)
    change(folder, base_model_name_or_path=str(bases["gpt2"]), peft_type="IA3")
    assert "only LoRA adapters can be loaded" in refusal(folder)
    (folder / "adapter_config.json").write_text("{")
    assert "adapter_config.json cannot be read" in refusal(folder)
    (folder / "adapter_model.safetensors").unlink()
    assert "has no weights" in refusal(folder)


@pytest.mark.parametrize("kind", KINDS)
def test_a_merged_adapter_is_an_ordinary_model_that_says_the_same(
    bases: dict[str, Path], kind: str, tmp_path: Path
) -> None:
    student = adapted(bases[kind])
    train(student)
    save_student(student, tmp_path / "adapter")
    assert write_merged(tmp_path / "adapter", tmp_path / "merged", offline=True)
    merged = loaded(tmp_path / "merged")
    assert merged.adapter is None
    assert torch.allclose(logits(merged), logits(student), atol=1e-4)
    plain = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    assert torch.equal(plain(PROBE).logits, logits(merged))
    assert not (tmp_path / "merged" / "adapter_config.json").exists()


def test_merging_keeps_the_number_format_of_the_base(tmp_path: Path) -> None:
    save_student(load_student(ModelConfig(path="nano", lora_rank=1), CPU), tmp_path / "adapter")
    assert write_merged(tmp_path / "adapter", tmp_path / "merged", offline=True)
    own = transformers.AutoConfig.from_pretrained(tmp_path / "merged").dtype
    assert own == torch.bfloat16, "as core/nano/models/nano"


def test_merging_a_checkpoint_of_all_weights_copies_its_model_alone(
    bases: dict[str, Path], tmp_path: Path
) -> None:
    checkpoint = tmp_path / "update-00000001"
    save_student(loaded(bases["gpt2"]), checkpoint)
    (checkpoint / "optimizer.pt").write_bytes(b"moments")
    (checkpoint / "counters.json").write_text("{}")
    assert not write_merged(checkpoint, tmp_path / "copy", offline=True)
    names = {file.name for file in (tmp_path / "copy").iterdir()}
    assert names == {file.name for file in bases["gpt2"].iterdir()}
    with pytest.raises(CoreError, match="it is there already"):
        write_merged(checkpoint, tmp_path / "copy", offline=True)


def test_a_place_where_nothing_can_be_written_is_named(
    bases: dict[str, Path], tmp_path: Path
) -> None:
    save_student(adapted(bases["gpt2"]), tmp_path / "adapter")
    for checkpoint in (bases["gpt2"], tmp_path / "adapter"):
        with pytest.raises(CoreError, match=r"^Cannot write /proc/merged: .*\.$"):
            write_merged(checkpoint, Path("/proc/merged"), offline=True)


def test_of_a_run_the_best_checkpoint_is_taken_else_the_newest(tmp_path: Path) -> None:
    student = load_student(ModelConfig(path="nano", lora_rank=1), CPU)
    objective = NegativeLogLikelihood()
    optimizer = Trainer(student.model, TrainerConfig(), objective, pad_token_id=0).optimizer
    workspace = Workspace(tmp_path / "workspace").create()
    checkpoints = Checkpoints(workspace.run_folder("first") / "checkpoints", keep=2)
    early, late = (
        checkpoints.save(student, optimizer, Counters(0, update, update), durable=False)
        for update in (1, 2)
    )
    assert find_checkpoint("first", workspace) == late
    checkpoints.mark_best(early)
    assert find_checkpoint("first", workspace) == checkpoints.folder / "best"
    assert find_checkpoint(str(late), workspace) == late
    for name in ("ghost", "./no/folder"):
        with pytest.raises(CoreError, match="neither a checkpoint's folder"):
            find_checkpoint(name, workspace)
    done = subprocess.run(
        [sys.executable, "-m", "core", "merge", "first", str(tmp_path / "out")],
        env={**os.environ, "BTP_WORKSPACE": str(workspace.path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    best = checkpoints.folder / "best"
    assert done.stdout == f"Merged {best} into {tmp_path / 'out'}.\n", done.stderr
    assert (tmp_path / "out" / "model.safetensors").exists()
