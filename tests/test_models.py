"""Devices and model folders: what loads, what is refused, and that one sentence says why."""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from core.config import ModelConfig
from core.errors import CoreError
from core.models import Student, check_trainable, choose_device, load_student, save_student
from tests.tiny_models import byte_tokenizer

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def saved(tiny_llama: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "student"
    save_student(Student(tiny_llama, byte_tokenizer(), "toy"), folder)
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A copy to break."""
    return Path(shutil.copytree(saved, tmp_path / "student"))


def refusal(path: object, **more: Any) -> str:
    with pytest.raises(CoreError) as caught:
        load_student(ModelConfig(path=str(path), **more), CPU)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 500
    return message


def test_what_is_saved_loads_as_it_was(saved: Path, tiny_llama: Any) -> None:
    student = load_student(ModelConfig(path=str(saved)), CPU)
    assert student.name == str(saved)
    assert student.tokenizer("x = 1")["input_ids"] == byte_tokenizer()("x = 1")["input_ids"]
    prompt = torch.tensor([[5, 6, 7]])
    assert torch.equal(student.model(prompt).logits, tiny_llama(prompt).logits)


def test_weights_are_float32_unless_asked_otherwise(tiny_llama: Any, tmp_path: Path) -> None:
    small = copy.deepcopy(tiny_llama).to(torch.bfloat16)
    save_student(Student(small, byte_tokenizer(), "toy"), tmp_path)
    for dtype, wanted in (("auto", torch.float32), ("bfloat16", torch.bfloat16)):
        student = load_student(ModelConfig(path=str(tmp_path), dtype=dtype), CPU)
        assert student.model.dtype == wanted


def test_a_missing_folder_is_named() -> None:
    assert refusal("./no/such/folder") == (
        "There is no model folder no/such/folder: check the path (model.path)."
    )


BREAKS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no config": (lambda f: (f / "config.json").unlink(), "has no config.json"),
    "config is no JSON": (
        lambda f: (f / "config.json").write_text("{"),
        "config.json cannot be read",
    ),
    "unknown architecture": (
        lambda f: (f / "config.json").write_text(json.dumps({"model_type": "abacus"})),
        "cannot be loaded: .*abacus",
    ),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "has no weights"),
    "weights cut off": (
        lambda f: (f / "model.safetensors").write_bytes(
            (f / "model.safetensors").read_bytes()[:2000]
        ),
        "cannot be loaded",
    ),
    "no tokenizer": (
        lambda f: [file.unlink() for file in f.glob("tokenizer*")],
        "has no tokenizer",
    ),
    "broken tokenizer": (lambda f: (f / "tokenizer.json").write_text("[]"), "cannot be loaded"),
}


@pytest.mark.parametrize("what", BREAKS)
def test_a_broken_folder_is_refused_in_one_sentence(folder: Path, what: str) -> None:
    break_it, expected = BREAKS[what]
    break_it(folder)
    message = refusal(folder)
    assert str(folder) in message
    assert re.search(expected, message)


def test_a_folder_that_lacks_some_weights_is_refused(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    weights.pop("model.norm.weight")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert "lacks 1 weights, as model.norm.weight" in refusal(folder)


def test_weights_of_another_shape_are_refused(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "hidden_size": 16}))
    assert "its weights have not the shapes that its config.json states" in refusal(folder)


def test_a_hub_model_without_network_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import HfApi

    def unreachable(*_: object, **__: object) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr(HfApi, "model_info", unreachable)
    started = time.perf_counter()
    message = refusal("nobody/no-such-model")
    assert "nobody/no-such-model is no embedded model (nano, nano-sparse, nano-teacher" in message
    assert "Name or service not known" in message
    assert time.perf_counter() - started < 5


def test_offline_never_asks_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import HfApi

    monkeypatch.setattr(HfApi, "model_info", lambda *_, **__: pytest.fail("asked the hub"))
    assert "model.offline is set" in refusal("nobody/no-such-model", offline=True)


def test_the_base_of_a_hub_adapter_and_the_adapter_are_found_in_the_cache(
    saved: Path, tmp_path: Path
) -> None:
    adapter = tmp_path / "adapter"
    save_student(load_student(ModelConfig(path=str(saved), lora_rank=2), CPU), adapter)
    described = json.loads((adapter / "adapter_config.json").read_text())
    described["base_model_name_or_path"] = "someone/base"
    (adapter / "adapter_config.json").write_text(json.dumps(described))
    cache = tmp_path / "cache"
    for name, source in (("base", saved), ("adapter", adapter)):
        kept = cache / f"models--someone--{name}"
        shutil.copytree(source, kept / "snapshots" / ("0" * 40))
        (kept / "refs").mkdir()
        (kept / "refs" / "main").write_text("0" * 40)
    code = (
        "import socket, torch\n"
        "from core.config import ModelConfig; from core.models import load_student\n"
        "socket.getaddrinfo = None  # whoever looks for the hub fails\n"
        "student = load_student(ModelConfig(path='someone/adapter', offline=True), "
        "torch.device('cpu'))\n"
        "print(student.name, sum(w.requires_grad for w in student.model.parameters()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "HF_HUB_CACHE": str(cache)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout == "someone/adapter 28\n", done.stderr


def test_what_needs_a_gpu_is_refused_without_one() -> None:
    for bits in ("8bit", "4bit"):
        message = refusal("nano", quantization=bits)
        assert message == (
            f'model.quantization = "{bits}" needs a CUDA GPU, and device is cpu: leave it out.'
        )


def test_quantised_weights_are_trained_by_an_adapter_alone(tiny_llama: Any) -> None:
    quantised = copy.deepcopy(tiny_llama)
    quantised.is_quantized = True
    with pytest.raises(CoreError, match=r"cannot be trained: set model\.lora_rank"):
        check_trainable(Student(quantised, byte_tokenizer(), "toy"))
    check_trainable(Student(quantised, byte_tokenizer(), "toy", adapter=object()))
    check_trainable(Student(tiny_llama, byte_tokenizer(), "toy"))


def test_spreading_over_gpus_changes_nothing_where_there_are_none(saved: Path) -> None:
    student = load_student(ModelConfig(path=str(saved), device_map="auto"), CPU)
    assert student.model.device == CPU


def test_asking_by_chat_needs_a_template(saved: Path) -> None:
    assert "has no chat template" in refusal(saved, chat="always")


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ raise_exception('no') }}", "it ends with TemplateError: no; use"),
        ("{% for x in %}", "it ends with TemplateSyntaxError"),
        ("{{ messages[0].role }}", "it leaves out what the user says"),
    ],
)
def test_a_template_through_which_nothing_can_be_asked_is_refused(
    folder: Path, template: str, reason: str
) -> None:
    student = load_student(ModelConfig(path=str(folder)), CPU)
    student.tokenizer.chat_template = template
    student.tokenizer.save_pretrained(folder)
    assert reason in refusal(folder, chat="always")
    assert not load_student(ModelConfig(path=str(folder)), CPU).chat


def test_a_model_that_stops_where_its_template_ends_an_answer_is_asked_by_chat(
    folder: Path,
) -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = "{% for turn in messages %}{{ turn.content }}|{% endfor %}"
    tokenizer.save_pretrained(folder)
    pipe = tokenizer("|")["input_ids"][0]
    for ends, chat in ((1, False), ([1, pipe], True)):
        settings = json.loads((folder / "generation_config.json").read_text())
        (folder / "generation_config.json").write_text(
            json.dumps({**settings, "eos_token_id": ends})
        )
        for setting, expected in (("auto", chat), ("always", True), ("never", False)):
            student = load_student(ModelConfig(path=str(folder), chat=setting), CPU)
            assert student.chat == expected


def test_loading_and_saving_print_nothing(
    saved: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    save_student(load_student(ModelConfig(path=str(saved)), CPU), tmp_path / "again")
    assert capfd.readouterr() == ("", "")


def test_auto_takes_the_best_device_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("auto").type == "mps"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_device("auto") == CPU
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    assert choose_device("auto") == torch.device("cuda:0")


def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    for text, expected in {
        "cuda": "PyTorch finds no CUDA GPU here",
        "mps": "this machine has no Apple GPU",
        "gpu": "use auto, cpu, cuda, cuda:N or mps",
        "meta": "use auto, cpu, cuda, cuda:N or mps",
    }.items():
        with pytest.raises(CoreError, match=expected):
            choose_device(text)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(CoreError, match="this machine has cuda:0 to cuda:1"):
        choose_device("cuda:2")
