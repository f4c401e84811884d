"""The notation NAME[:PART][:PATH][*WEIGHT]: what it says, and what it refuses."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import CoreError
from core.tasks.spec import CHOICES, SPLITS, TaskSpec, parse_spec


@st.composite
def specs(draw: st.DrawFn) -> TaskSpec:
    """Specs that the notation can express, in its own order of words."""
    name = draw(st.sampled_from(list(SPLITS)))
    splits = draw(st.sets(st.sampled_from(SPLITS[name])))
    choices = draw(st.sets(st.sampled_from(CHOICES[name]))) if name in CHOICES else set()
    path = draw(st.one_of(st.just(""), st.text(min_size=1).map(lambda text: f"./{text}")))
    weight = draw(st.floats(0, exclude_min=True, allow_infinity=False))
    return TaskSpec(
        name,
        tuple(split for split in SPLITS[name] if split in splits),
        tuple(choice for choice in CHOICES.get(name, ()) if choice in choices),
        path,
        weight,
    )


@given(specs())
def test_what_is_printed_is_read_back(spec: TaskSpec) -> None:
    assert parse_spec(str(spec)) == spec


@given(st.sampled_from(list(SPLITS)), st.text(":,*.0123456789e+-/atesrin", max_size=20))
def test_reading_and_printing_once_more_changes_nothing(name: str, rest: str) -> None:
    try:
        spec = parse_spec(f"{name}:{rest}")
    except CoreError as error:
        assert "weight" in str(error)
        return
    assert parse_spec(str(spec)) == spec


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("nano", TaskSpec("nano")),
        ("nano:held-out", TaskSpec("nano", ("held-out",))),
        ("nano:mine.jsonl", TaskSpec("nano", path="mine.jsonl")),
        (
            "nano:hard,train,stdin*2",
            TaskSpec("nano", ("train",), ("stdin", "hard"), weight=2.0),
        ),
        ("nano-sparse:validation", TaskSpec("nano-sparse", ("validation",))),
        ("nano:asserts:x.jsonl", TaskSpec("nano", (), ("asserts",), "x.jsonl")),
        ("humaneval:a:b.jsonl", TaskSpec("humaneval", path="a:b.jsonl")),
        ("mbpp:validation,test", TaskSpec("mbpp", ("test", "validation"))),
        ("apps:introductory*2", TaskSpec("apps", (), ("introductory",), weight=2.0)),
        ("apps:train,interview:x*.5", TaskSpec("apps", ("train",), ("interview",), "x", 0.5)),
        ("apps:./train", TaskSpec("apps", path="./train")),
        ("apps:test:train", TaskSpec("apps", ("test",), path="train")),
        ("mbpp:data*.jsonl", TaskSpec("mbpp", path="data*.jsonl")),
        ("mbpp:data*2*1", TaskSpec("mbpp", path="data*2")),
    ],
)
def test_each_piece_is_told_by_its_place(text: str, spec: TaskSpec) -> None:
    assert parse_spec(text) == spec == parse_spec(str(spec))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("humanevel", r"no dataset 'humanevel' .*did you mean 'humaneval'\?"),
        ("xyz:1", r"no dataset 'xyz' .*give a local file as NAME:PATH\."),
        ("", r"no dataset '' .*NAME:PATH\."),
        ("mbpp*0", r"'mbpp\*0': the weight of a dataset must be a number above 0\."),
        ("mbpp*1e999", r"must be a number above 0\."),
        ("mbpp:test*-1", r"must be a number above 0\."),
    ],
)
def test_a_wrong_spec_is_refused_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(CoreError) as caught:
        parse_spec(text)
    assert re.search(sentence, str(caught.value))


def test_datasets_of_the_configuration_have_names_of_their_own() -> None:
    assert parse_spec("mine:x.jsonl*3", ["mine"]) == TaskSpec("mine", path="x.jsonl", weight=3.0)
    with pytest.raises(CoreError, match="no dataset 'mine'"):
        parse_spec("mine")
    with pytest.raises(CoreError, match=r"tasks\.custom\.mbpp: there is such a dataset already"):
        parse_spec("humaneval", ["mbpp"])
