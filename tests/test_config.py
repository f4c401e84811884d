"""The configuration: what is refused, what is read back, what is documented."""

import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import LIVE_KNOBS, Config, Section, fields, setting, to_toml, toml_value
from core.config_reading import build_config, load_config, with_setting
from core.errors import CoreError


def test_every_setting_is_described_where_it_is_declared() -> None:
    undescribed = [key for key, field in fields() if not field.description]
    assert undescribed == []


def test_an_unknown_key_is_refused_with_the_nearest_right_one() -> None:
    with pytest.raises(CoreError, match=r"no setting 'replay.alpa'.*'replay.alpha'"):
        load_config(None, ["replay.alpa=0.3"])


def test_an_unknown_section_in_a_file_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text("[repaly]\nalpha = 0.3\n")
    with pytest.raises(CoreError, match=r"run\.toml.*'repaly'.*'replay'"):
        load_config(file)


@pytest.mark.parametrize("alpha", ["-0.1", "1.1", "nan", "high"])
def test_alpha_outside_its_range_is_refused(alpha: str) -> None:
    with pytest.raises(CoreError, match=r"replay\.alpha = .* is wrong"):
        load_config(None, [f"replay.alpha={alpha}"])


@pytest.mark.parametrize("key", ["trainer.max_grad_norm", "replay.exponent", "max_minutes"])
def test_a_number_that_is_not_finite_is_refused(key: str) -> None:
    with pytest.raises(CoreError, match=rf"{key} = inf is wrong: .*finite"):
        load_config(None, [f"{key}=inf"])


@pytest.mark.parametrize("key", ["tasks.train", "tasks.held_out"])
def test_an_empty_list_of_datasets_is_refused(key: str) -> None:
    with pytest.raises(CoreError, match=rf"{key} = \(?\[?.*is wrong"):
        load_config(None, [f"{key}=[]"])


@given(st.text())
def test_every_text_is_read_back_from_its_toml(text: str) -> None:
    assert tomllib.loads(f"value = {toml_value(text)}")["value"] == text


def test_a_missing_file_and_broken_toml_are_named(tmp_path: Path) -> None:
    with pytest.raises(CoreError, match=r"Cannot read .*gone\.toml"):
        load_config(tmp_path / "gone.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("seed = = 1")
    with pytest.raises(CoreError, match=r"broken\.toml is not valid TOML"):
        load_config(broken)


def test_an_override_without_a_value_says_what_was_expected() -> None:
    with pytest.raises(CoreError, match="KEY=VALUE"):
        load_config(None, ["seed"])


def test_a_section_given_a_value_and_a_value_given_a_section_are_refused() -> None:
    for override in ("replay=3", "seed.x=1"):
        with pytest.raises(CoreError):
            load_config(None, [override])


def test_overrides_win_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text("seed = 1\n[replay]\nalpha = 0.3\n")
    config = load_config(file, ["replay.alpha=0.7"])
    assert (config.seed, config.replay.alpha) == (1, 0.7)


@given(
    seed=st.integers(0, 2**31),
    alpha=st.floats(0, 1),
    exponent=st.floats(0, 1e6),
    path=st.text(st.characters(codec="utf-8", exclude_characters="\x7f"), min_size=1),
)
def test_toml_reads_back_to_the_same_configuration(
    seed: int, alpha: float, exponent: float, path: str
) -> None:
    settings = {
        "seed": seed,
        "model": {"path": path},
        "replay": {"alpha": alpha, "exponent": exponent},
    }
    config = build_config(settings, origin="test")
    assert build_config(tomllib.loads(to_toml(config)), origin="test") == config


def test_live_knobs_are_settings_and_a_change_is_validated() -> None:
    config = Config()
    for key in LIVE_KNOBS:
        assert setting(with_setting(config, key, setting(config, key)), key) is not None
    with pytest.raises(CoreError):
        with_setting(config, "replay.alpha", 7)


def _another(value: object) -> list[str]:
    """Values of the same type, as `--set` takes them."""
    match value:
        case bool():
            return [str(not value).lower()]
        case int() | float():
            return [str(value + 1), str(value / 2), str(value + 2), "1"]
        case str():
            return ["other", "model", "file", "endpoint", "sample", "rank", "joint", "student"]
    return []


@pytest.mark.parametrize("key", [key for key, _ in fields()])
def test_a_setting_given_alone_leaves_all_others_as_they_are_by_default(key: str) -> None:
    name = key.rpartition(".")[2]
    kind = dict(fields())[key].annotation
    for text in [*map(str, get_args(kind)), *_another(setting(Config(), key)), '["x:y"]']:
        try:
            config = load_config(None, [f"{key}={text}"])
        except CoreError:  # not of this setting, or not without another
            continue
        changed = {one for one, _ in fields() if setting(config, one) != setting(Config(), one)}
        assert changed <= {key}, f"{name} = {text}"


def test_a_section_of_a_file_in_part_keeps_what_is_declared_for_it(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text('[teacher.model]\ndtype = "float32"\n')
    assert load_config(file).teacher.model == Config().teacher.model.model_copy(
        update={"dtype": "float32"}
    )


class _Inner(Section):
    first: int = 1
    second: int = 2
    third: tuple[int, ...] = (3,)


class _Middle(Section):
    inner: _Inner = _Inner(first=10)
    other: int = 0


class _Outer(Section):
    middle: _Middle = _Middle(inner=_Inner(second=20))


@pytest.mark.parametrize(
    ("given", "inner"),
    [
        ({}, (1, 20, (3,))),
        ({"middle": {}}, (1, 20, (3,))),
        ({"middle": {"other": 5}}, (1, 20, (3,))),
        ({"middle": {"inner": {"third": [7]}}}, (1, 20, (7,))),
        ({"middle": {"inner": {"second": 5}}}, (1, 5, (3,))),
        ({"middle": {"inner": {"second": 5, "first": 6, "third": []}}}, (6, 5, ())),
    ],
)
def test_the_outermost_declaration_of_a_section_is_its_default(
    given: dict[str, Any], inner: tuple[Any, ...]
) -> None:
    read = _Outer.model_validate(given).middle.inner
    assert (read.first, read.second, read.third) == inner
