"""Presets and the file that a run is started from: valid, complete, and read back to the same."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from btp_tui.form.fields import form_fields
from core.config import Config, setting
from core.config_file import changed, commented_toml
from core.config_reading import build_config, find_problems, load_config
from core.presets import DEMO, PRESETS, find_preset
from storage.reader import Reader
from storage.workspace import Workspace
from tests.engine_runs import small_held_out
from tests.test_cli import BIN, btp_tui
from tests.tiny_models import byte_tokenizer

#: What makes any run small.
_SMALL: dict[str, object] = {
    "max_iterations": 1,
    "sampler.tasks_per_iteration": 3,
    "sampler.max_new_tokens": 24,
    "trainer.updates_per_iteration": 1,
    "trainer.minibatch": 2,
    "tasks.limit": 6,
    "tasks.train": '["nano:train"]',
    "executor.workers": 1,
}


def values(key: str) -> st.SearchStrategy[Any]:
    """Any value of a setting that might do; whether it does, the validation says."""
    field = next(field for field in form_fields() if field.key == key)
    default = setting(Config(), key)
    if field.choices:
        return st.sampled_from(field.choices)
    texts = st.text(st.characters(codec="utf-8"), max_size=12)
    match default:
        case int():
            return st.integers(0, 70)
        case float():
            return st.floats(0, 1)
        case str():
            return texts
        case (float(), float()):
            return st.tuples(st.floats(0, 1), st.floats(0, 1))
        case tuple():
            return st.lists(texts, max_size=3)
        case _:
            entry = st.fixed_dictionaries({"path": texts, "prompt": texts.filter(bool)})
            return st.dictionaries(st.from_regex(r"[\w.+-]+", fullmatch=True), entry, max_size=2)


@st.composite
def configurations(draw: st.DrawFn) -> Config:
    """Any configuration with some settings that are not as by default."""
    keys = draw(st.lists(st.sampled_from([field.key for field in form_fields()]), max_size=6))
    wanted: dict[str, Any] = {}
    for key in keys:
        *sections, name = key.split(".")
        table = wanted
        for section in sections:
            table = table.setdefault(section, {})
        value = draw(values(key))
        table[name] = value
        if find_problems(wanted):
            del table[name]
    return build_config(wanted, origin="test")


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(configurations())
def test_any_configuration_is_read_back_from_the_file_with_its_comments(config: Config) -> None:
    assert build_config(tomllib.loads(commented_toml(config)), origin="test") == config


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(configurations())
def test_what_the_form_shows_of_a_value_is_read_as_that_value(config: Config) -> None:
    for field in form_fields():
        value = setting(config, field.key)
        again = field.read(field.shown(value))
        plain = json.loads(json.dumps(value, default=lambda each: each.model_dump()))
        read = json.loads(json.dumps(again))
        if not isinstance(plain, dict):  # a table leaves out what is as by default
            assert read == plain, field.key


def test_the_file_says_first_what_is_not_as_by_default() -> None:
    head = commented_toml(load_config(None, ["sampler.beams=5"])).partition("\n\n")[0]
    assert "sampler.beams = 5" in head
    assert "replay" not in head
    assert "All of them are as by default" in commented_toml(Config())


def test_every_setting_in_the_file_stands_under_its_description() -> None:
    lines = commented_toml(Config()).splitlines()
    place = lines.index("beams = 3")
    assert lines[place - 1] == "# k: the programs written for a task."


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_a_preset_is_a_valid_configuration_and_sets_nothing_twice(preset: Any) -> None:
    config = preset.config()
    assert set(changed(config)) <= set(preset.settings)
    assert preset.sentence.endswith(".")


def test_the_demo_is_what_a_run_begins_with_where_nothing_else_is_said() -> None:
    assert DEMO is find_preset("demo")
    assert DEMO.config() == Config()


def test_the_paper_is_one_pass_with_one_letter_for_both_exponents() -> None:
    config = find_preset("paper").config()
    assert config.max_iterations == 1
    assert config.replay.alpha == config.replay.exponent
    assert (config.replay.possibility, config.replay.floor) == ("joint", 0.0)
    assert (config.replay.beta, config.sampler.beams) == (0.0, 3)


def save_tiny_model(folder: Path) -> Path:
    """A model of one token a byte that knows nothing yet."""
    import torch
    import transformers

    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=257,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=1024,
        bos_token_id=None,
        eos_token_id=256,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


@pytest.mark.parametrize("name", ["self-improvement", "teacher", "paper"])
def test_a_preset_trains_and_its_file_repeats_the_run(tmp_path: Path, name: str) -> None:
    """Each at a tiny size: the model from the hub is a tiny one, the tasks are the embedded."""
    from core.engine import Listeners, start

    small = {**_SMALL, "tasks.held_out": f"['nano:{small_held_out(tmp_path, 2)}']"}
    if name == "self-improvement":
        small["model.path"] = str(save_tiny_model(tmp_path / "tiny"))
    overrides = [f"{key}={value}" for key, value in small.items()]
    config = load_config(None, [*find_preset(name).overrides, *overrides])
    workspace = Workspace(tmp_path / "workspace").create()
    first = start(workspace, config, "one", Listeners())
    again = load_config(workspace.run_folder("one") / "config.toml")
    assert again == config
    second = start(workspace, again, "two", Listeners())
    assert first.programs == second.programs > 0
    assert (first.state, first.updates, second.updates) == ("finished", 1, 1)
    with Reader(workspace) as reader:
        sql = "SELECT iteration, task, rank, program, logprob FROM samples WHERE run = ?"
        samples = [sorted(reader.query(sql, [number])) for number in (1, 2)]
        losses = [[update.loss for update in reader.updates(number)] for number in (1, 2)]
    assert samples[0] == samples[1]
    assert losses[0] == losses[1]


def refused(*arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        [BIN / "btp-tui", *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


def test_a_preset_that_there_is_not_is_refused_with_the_nearest(tmp_path: Path) -> None:
    said = refused("train", "--preset", "papr", "--dry-run", cwd=tmp_path)
    assert "did you mean 'paper'?" in said


def test_a_file_and_a_preset_are_not_both_what_a_run_begins_with(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text("seed = 1\n")
    said = refused("train", "--preset", "demo", "--config", "run.toml", cwd=tmp_path)
    assert "give one of them" in said


def test_presets_are_listed_and_printed_as_what_config_takes(tmp_path: Path) -> None:
    listed = btp_tui("presets", cwd=tmp_path).stdout
    assert [line.split()[0] for line in listed.splitlines()] == [each.name for each in PRESETS]
    (tmp_path / "paper.toml").write_text(btp_tui("presets", "paper", cwd=tmp_path).stdout)
    assert load_config(tmp_path / "paper.toml") == find_preset("paper").config()
