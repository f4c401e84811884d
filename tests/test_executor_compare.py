"""How a program's output is compared with what is accepted."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.executor.compare import accepting_rule

EXACT, FLOAT = "exact", "float 1e-6"


@pytest.mark.parametrize(
    ("actual", "expected", "rule"),
    [
        ("3\n", "3", EXACT),
        ("1 2 \n3\n\n", "1 2\n3", EXACT),
        ("a\r\nb\r\n", "a\nb", EXACT),
        ("0.3333333", "0.33333333", FLOAT),
        ("3", "3.0", FLOAT),
        ("x 1000000.5", "x 1000000.0", FLOAT),
        ("1e-7", "0.0", FLOAT),
    ],
)
def test_right_output_passes_by_the_named_rule(actual: str, expected: str, rule: str) -> None:
    assert accepting_rule(actual, (expected,)) == rule


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        ("3.0", "3"),  # an integer is expected: a float is another answer
        ("0.33", "0.333333"),
        (" 3", "3"),
        ("1  2", "1 2"),
        ("1\n2", "1 2"),
        ("", "3"),
        ("3 3", "3"),
        ("nan", "1.0"),
        ("inf", "1.0"),
        ("1_0.0", "10.0"),
        ("yes", "Yes"),
        ("passed", "3"),
    ],
)
def test_other_output_does_not_pass(actual: str, expected: str) -> None:
    assert accepting_rule(actual, (expected,)) is None


def test_the_time_to_compare_grows_with_the_output_alone() -> None:
    """A program chooses its output: a second for a million digits, or the executor stands still."""
    digits = "1" * 1_000_000 + "x"
    started = time.process_time()
    assert accepting_rule(digits, ("0.5",), tokenwise=True) is None
    assert time.process_time() - started < 5


def test_any_of_several_accepted_outputs_passes() -> None:
    assert accepting_rule("2", ("1", "2")) == EXACT
    assert accepting_rule("3", ("1", "2")) is None


@pytest.mark.parametrize(
    ("actual", "expected", "rule"),
    [
        ("1 2", "1 2", EXACT),
        (" 1\t2\n\n3", "1 2 3", "tokens"),
        ("0.5000001\n2", "0.5 2", "tokens, float 1e-6"),
        ("1 2", "1 2 3", None),
        ("12", "1 2", None),
    ],
)
def test_token_by_token_white_space_never_counts(
    actual: str, expected: str, rule: str | None
) -> None:
    assert accepting_rule(actual, (expected,), tokenwise=True) == rule


@given(st.text(), st.sampled_from(["", "\n", " \n", "\t\n\n"]))
def test_white_space_at_the_end_never_counts(text: str, ending: str) -> None:
    assert accepting_rule(text + ending, (text,)) == EXACT


@given(st.floats(-1e9, 1e9), st.floats(-1.0, 1.0))
def test_a_float_may_differ_by_a_millionth(value: float, part: float) -> None:
    near = value + 0.9e-6 * part * max(1.0, abs(value))
    assert accepting_rule(f"{near!r}", (f"{value!r}",)) is not None
