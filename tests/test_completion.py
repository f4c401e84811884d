"""What the filter bar offers for the word at the cursor."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btp_tui.filters.completion import Names, find_choices, may_become_key
from storage.query import KEYS, QueryError, parse_query

NAMES = Names(
    tasks=("nano/train/1", "nano/train/2", "nano/held out/3"),
    sources=("self", "teacher:gpt2"),
    runs=("demo-1", "mine-1"),
)


def offered(text: str, cursor: int | None = None) -> list[str]:
    choices = find_choices(text, len(text) if cursor is None else cursor, NAMES)
    return [candidate.text for candidate in choices.candidates]


def test_an_empty_filter_offers_every_key_with_what_it_filters_by() -> None:
    choices = find_choices("", 0, NAMES)
    assert [each.text for each in choices.candidates] == [f"{key}:" for key in KEYS]
    assert all(each.meaning for each in choices.candidates)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ta", ["task:"]),
        ("iter:3 sta", ["status:"]),
        ("-out", ["-outcome:"]),
        ("-so", ["-source:"]),
        ("outcome:sy", ["syntax-error"]),
        ("status:timeout,no", ["not-tested"]),
        ("task:nano/t", ["nano/train/*", "nano/train/1", "nano/train/2"]),
        ("task:2", ["nano/train/2"]),
        ("task:held", ['"nano/held out/3"']),
        ("source:", ["self", "teacher:gpt2"]),
        ("run:", ["*", "demo-1", "mine-1"]),
        ("sort:-pa", ["-pass"]),
        ("sort:pa", ["-pass", "pass"]),
        ("pass:0", ["0.5..1"]),
        ("outcome:timeout", []),
        ("for", []),
        ('"ta', []),
    ],
)
def test_a_word_is_completed_to_what_begins_like_it(text: str, expected: list[str]) -> None:
    assert offered(text) == expected


def test_the_word_at_the_cursor_is_completed_and_what_follows_stays() -> None:
    choices = find_choices("ta iter:3", 2, NAMES)
    assert choices.taken(0) == ("task: iter:3", 5)


def test_only_the_last_of_several_values_is_completed() -> None:
    choices = find_choices("outcome:error,ti", 16, NAMES)
    assert choices.taken(0)[0] == "outcome:error,timeout"


@given(st.text(max_size=20), st.integers(0, 20))
def test_a_completion_of_a_filter_that_is_understood_is_understood(text: str, cursor: int) -> None:
    try:
        parse_query(text)
    except QueryError:
        return
    choices = find_choices(text, min(cursor, len(text)), NAMES)
    for at in range(len(choices.candidates)):
        parse_query(choices.taken(at)[0])


def test_no_key_is_put_before_a_comma() -> None:
    assert find_choices(",0", 0, NAMES).candidates == ()
    assert find_choices("ou,0", 2, NAMES).candidates == ()


def test_a_word_that_may_become_a_key_is_told_from_text() -> None:
    assert may_become_key("iter:3 pa", 9)
    assert not may_become_key("iter:3 pass:", 12)
    assert not may_become_key("iter:3 ", 7)
    assert not may_become_key("for", 3)
