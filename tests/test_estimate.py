"""What a run would take: figures against the real parts, and what is said where it won't fit."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from btp_tui import words as screen_words
from core import words as core_words
from core.config import Config
from core.config_reading import load_config
from core.estimate import Estimate, estimate
from core.estimate.machine import Machine
from core.estimate.memory import learning_bytes, row_bytes, weight_bytes
from core.estimate.shape import find_shape
from core.estimate.words import between, count, size
from core.estimate.work import plan_work
from core.models import EMBEDDED, load_student
from core.objectives import NegativeLogLikelihood
from core.sampler import plan
from core.tasks.load import load_tasks
from core.tasks.spec import parse_spec
from core.training import Trainer
from tests.engine_runs import small_held_out
from tests.test_cli import btp_tui
from tests.test_presets import save_tiny_model

GIB = 1 << 30
LAPTOP = Machine("cpu", "this machine", 4, 12 * GIB, 100 * GIB)
GPU = Machine("cuda", "NVIDIA H200", 16, 139 * GIB, 1000 * GIB)

#: What the config.json of a model of 7.6B parameters says.
BIG = {
    "hidden_act": "silu",
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "max_position_embeddings": 32768,
    "num_attention_heads": 28,
    "num_hidden_layers": 28,
    "num_key_value_heads": 4,
    "tie_word_embeddings": False,
    "vocab_size": 152064,
}


def config(*overrides: str) -> Config:
    return load_config(None, overrides)


def estimate_on(machine: Machine, *overrides: str) -> Estimate:
    """The estimate on a machine that this one is not."""
    return estimate(config(*overrides), Path("nowhere"), machine)


def said(found: Estimate, what: str) -> str:
    """How much of something, in words."""
    return next(how_much for name, how_much, _ in found.lines() if name == what)


@pytest.fixture
def big(tmp_path: Path) -> str:
    """A setting that names a model of 7.6B parameters, of which just config.json is there."""
    (tmp_path / "config.json").write_text(json.dumps(BIG))
    return f"model.path={tmp_path}"


@pytest.mark.parametrize("name", EMBEDDED)
def test_the_shape_of_a_model_is_that_of_the_loaded_one(name: str) -> None:
    model = load_student(
        Config().model.model_copy(update={"path": name}), torch.device("cpu")
    ).model
    shape = find_shape(name)
    assert shape.parameters == sum(weight.numel() for weight in model.parameters())
    assert (shape.layers, shape.hidden) == (2, 256)


def test_without_safetensors_the_parameters_follow_from_the_shapes(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path)
    exact = find_shape(str(folder)).parameters
    (folder / "model.safetensors").unlink()
    assert find_shape(str(folder)).parameters == pytest.approx(exact, rel=0.02)


def test_what_an_adapter_trains_is_what_peft_makes() -> None:
    chosen = config("model.lora_rank=4", "model.path=nano")
    student = load_student(chosen.model, torch.device("cpu"))
    trained = sum(w.numel() for w in student.model.parameters() if w.requires_grad)
    assert find_shape("nano").linear * 4 == trained


@pytest.mark.parametrize("overrides", [(), ("model.lora_rank=4",)])
def test_weights_gradients_and_moments_are_those_of_a_real_step(overrides: tuple[str, ...]) -> None:
    chosen = config(*overrides)
    student = load_student(chosen.model, torch.device("cpu"))
    trainer = Trainer(student.model, chosen.trainer, NegativeLogLikelihood(), 0)
    weights = list(student.model.parameters())
    for weight in weights:
        if weight.requires_grad:
            weight.grad = torch.zeros_like(weight)
    trainer.optimizer.step()
    held = sum(each.numel() * each.element_size() for each in weights)
    moments = [
        moment
        for state in trainer.optimizer.state.values()
        for name, moment in state.items()
        if name != "step"
    ]
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    learning = sum(each.numel() * each.element_size() for each in (*moments, *gradients))
    shape = find_shape("nano")
    assert weight_bytes(chosen.model, shape) == held
    assert learning_bytes(chosen, shape) == learning


def test_a_sampled_task_takes_what_the_sampler_counts() -> None:
    for columns, column_bytes, beams, vocabulary in (
        (350, 4096, 3, 1024),
        (2000, 57344, 8, 152064),
    ):
        arguments = (columns, column_bytes, beams, vocabulary)
        assert row_bytes(*arguments) == plan.row_bytes(*arguments)


def test_the_work_of_the_demo_is_what_it_does() -> None:
    work = plan_work(Config())
    assert (work.iterations, work.tasks, work.programs, work.updates) == (10, 960, 2880, 240)
    assert work.measured == 300 + 4 * 100 + 300


@pytest.mark.parametrize(
    ("overrides", "programs"),
    [
        (("tasks.limit=10",), 300),
        (("max_programs=100",), 99),
        (("sampler.tasks_per_iteration=100000", "max_iterations=1"), 7200),
        (("max_iterations=0", "max_minutes=5"), 288),
    ],
)
def test_budgets_and_the_number_of_tasks_bound_the_programs(
    overrides: tuple[str, ...], programs: int
) -> None:
    work = plan_work(config(*overrides))
    assert work.programs == programs
    assert work.endless == ("max_iterations=0" in overrides)


def test_embedded_and_local_tasks_are_counted_and_unknown_ones_are_a_bound(tmp_path: Path) -> None:
    file = small_held_out(tmp_path, 6)
    for spec, tasks in (("nano:train", 2400), (f"nano:{file}", 6), ("mbpp:train", 374)):
        work = plan_work(config(f"tasks.train={spec}", "sampler.tasks_per_iteration=9999"))
        assert (work.tasks, work.bounds) == (10 * tasks, False)
        if parse_spec(spec).name == "nano":
            assert len(load_tasks(spec)) == tasks
    assert plan_work(config("tasks.train=livecodebench")).bounds


def test_a_big_model_on_a_laptop_does_not_fit_and_the_sentence_says_what_to_change(
    big: str,
) -> None:
    found = estimate_on(LAPTOP, big)
    assert found.parameters == pytest.approx(7.6e9, rel=0.01)
    assert not found.fits
    assert "are needed and 12 GB are free; take a smaller model" in found.problems[0]


@pytest.mark.parametrize("memory", [24, 40, 80, 139])
def test_following_the_advice_ends_with_a_run_that_fits(big: str, memory: int) -> None:
    device = replace(GPU, memory=memory * GIB)
    [said] = estimate_on(device, big).problems
    changes = re.findall(r"([\w.]+ = [\w\".]+?)(?: and|\.$)", said)
    assert changes, said
    assert estimate_on(device, big, *changes).fits
    for fewer in (changes[:place] + changes[place + 1 :] for place in range(len(changes))):
        assert not estimate_on(device, big, *fewer).fits, "no change more than it takes"


def test_a_full_disk_is_a_problem() -> None:
    found = estimate_on(replace(LAPTOP, disk=10 << 20))
    assert "checkpoint.keep" in found.problems[0]


def test_a_model_that_is_not_here_yet_is_no_problem_but_leaves_the_time_unknown(
    tmp_path: Path,
) -> None:
    found = estimate(config("model.path=nobody/no-such-model"), tmp_path)
    assert found.fits
    assert "not on this machine yet" in found.notes[0]
    assert said(found, "time") == said(found, "memory") == "unknown"


def test_a_time_limit_bounds_the_time() -> None:
    found = estimate_on(LAPTOP, "max_minutes=1")
    assert found.seconds is not None
    assert found.seconds[1] == 60
    endless = estimate_on(LAPTOP, "max_minutes=5", "max_iterations=0")
    assert said(endless, "time") == "about 5 min"


def test_after_a_run_the_time_is_as_that_one_went(tmp_path: Path) -> None:
    settings = [
        *("max_iterations=1", "sampler.tasks_per_iteration=4", "trainer.updates_per_iteration=2"),
        *("trainer.minibatch=4", f"tasks.held_out=nano:{small_held_out(tmp_path, 3)}"),
    ]
    from core.engine import Listeners, start
    from storage.workspace import Workspace

    chosen = config(*settings)
    before = estimate(chosen, tmp_path / "workspace")
    assert before.measured_on == ()
    took = start(Workspace(tmp_path / "workspace").create(), chosen, "first", Listeners()).seconds
    after = estimate(chosen, tmp_path / "workspace")
    assert after.measured_on == ("first",)
    assert after.seconds is not None
    assert after.seconds[0] < took + 6 < after.seconds[1]
    other = estimate(chosen.model_copy(update={"device": "cuda:7"}), tmp_path / "workspace")
    assert other.measured_on == (), "a run on another device tells nothing"


def test_a_dry_run_starts_nothing_and_says_time_memory_and_disk(tmp_path: Path) -> None:
    done = btp_tui("train", "--dry-run", "--preset", "paper", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        *("time", "memory", "disk", "work")
    ]
    assert list(tmp_path.iterdir()) == []
    figures: dict[str, Any] = json.loads(
        btp_tui("train", "--dry-run", "--json", cwd=tmp_path).stdout
    )
    assert figures["fits"]
    assert figures["memory"]["peak"] > 2**28
    assert figures["work"]["programs"] == 2880


def test_a_dry_run_of_what_cannot_run_ends_with_one_and_of_wrong_values_with_two(
    tmp_path: Path,
) -> None:
    gone = btp_tui("train", "--dry-run", "--set", "model.path=./gone", cwd=tmp_path)
    assert (gone.returncode, "no model folder" in gone.stdout) == (1, True)
    wrong = btp_tui("train", "--dry-run", "--set", "sampler.beams=0", cwd=tmp_path)
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [((40, 80), "40–80 s"), ((120, 240), "2–4 min"), ((3600, 9000), "1–2.5 h"), ((60, 60), "60 s")],
)
def test_ranges_are_in_the_unit_of_their_end(seconds: tuple[float, float], words: str) -> None:
    assert between(*seconds) == words


def test_sizes_and_counts_have_the_figures_that_an_estimate_knows() -> None:
    assert (size(776 << 20), size(int(1.5 * GIB)), size(0)) == ("776 MB", "1.5 GB", "0 MB")
    assert (count(1_966_000), count(494_000_000), count(12)) == ("1.97M", "494M", "12")


def test_a_share_is_written_as_on_the_screen() -> None:
    for share in (0.0, 0.33, 0.6666, 1.0):
        assert core_words.percent(share) == screen_words.percent(share)
    assert core_words.percent(0.333, 0) == "33 %"


def test_no_sentence_of_the_program_writes_per_cent_in_another_way() -> None:
    root = Path(core_words.__file__).parents[1]
    modules = [file for folder in ("core", "btp_tui") for file in (root / folder).rglob("*.py")]
    assert [file.name for file in modules if re.search(r":\.\d%}", file.read_text())] == []
