"""The language of the filter bar."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btp_tui.query import complete_query, next_outcome, next_sort, reversed_sort
from core.tasks.verdict import Outcome
from storage.query import ANY, OUTCOMES, SORTS, Query, QueryError, parse_query


def test_every_key_of_the_language_is_read() -> None:
    query = parse_query(
        "pass:0.5..1 task:humaneval/* outcome:timeout source:self run:demo-1 iter:2..4 "
        'sort:-p2value "for x in" return'
    )
    assert query == Query(
        text=("for x in", "return"),
        task="humaneval/*",
        outcome="timeout",
        source="self",
        run="demo-1",
        pass_rate=(0.5, 1.0),
        iteration=(2.0, 4.0),
        sort="p2value",
        descending=True,
    )


@pytest.mark.parametrize("text", ["iter:inf", "iter:>nan", "pass:-inf..1", "iter:..infinity"])
def test_a_range_that_is_not_finite_is_refused(text: str) -> None:
    with pytest.raises(QueryError, match="is no range"):
        parse_query(text)


def test_status_is_another_word_for_outcome() -> None:
    assert parse_query("status:denied") == parse_query("outcome:denied")


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("iter:3", [3], [2, 4]),
        ("iter:>3", [4, 9], [3]),
        ("iter:>=3", [3, 9], [2]),
        ("iter:<3", [2], [3]),
        ("iter:<=3", [3], [4]),
        ("iter:2..4", [2, 4], [1, 5]),
        ("iter:2..", [2, 99], [1]),
        ("iter:..4", [0, 4], [5]),
        ("iter:", [0, 99], []),
        ("iter:>", [0, 99], []),
    ],
)
def test_ranges(text: str, inside: list[int], outside: list[int]) -> None:
    low, high = parse_query(text).iteration
    assert all(low <= value <= high for value in inside)
    assert not any(low <= value <= high for value in outside)


def test_an_outcome_is_known_by_its_beginning_and_may_be_quoted() -> None:
    assert parse_query("outcome:wrong").outcome == "wrong answer"
    assert parse_query('outcome:"wrong answer"').outcome == "wrong answer"
    assert parse_query("outcome:wrong-answer").outcome == "wrong answer"
    assert parse_query("outcome:error").outcome == "error"


def test_every_outcome_of_a_program_can_be_asked_for() -> None:
    assert set(OUTCOMES) == {outcome.value for outcome in Outcome} - {"skipped"}


def test_code_in_quotes_is_text_whatever_it_looks_like() -> None:
    assert parse_query('"task:x" "if a: b"').text == ("task:x", "if a: b")
    assert parse_query("x[0] it's").text == ("x[0]", "it's")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tsk:a", "Did you mean 'task'?"),
        ("outcome:timout", "Did you mean 'timeout'?"),
        ("sort:-p2", "Cannot sort by 'p2'"),
        ("pass:half", "pass:half is no range: write pass:0.5..1"),
        ("iter:x", "iter:x is no range: write iter:1..4"),
        ("pass:2", "pass:2 lets nothing through: pass rates go from 0 to 1"),
    ],
)
def test_what_is_not_understood_is_said_in_one_sentence(text: str, said: str) -> None:
    with pytest.raises(QueryError, match=said.replace("?", r"\?")):
        parse_query(text)


@given(st.text(max_size=40))
def test_anything_that_can_be_typed_is_read_or_refused(text: str) -> None:
    try:
        parse_query(text)
    except QueryError as error:
        assert str(error)


def test_nothing_asks_for_everything() -> None:
    assert parse_query("") == Query()
    assert Query().pass_rate == ANY


@pytest.mark.parametrize(
    ("text", "completed"),
    [
        ("ta", "task:"),
        ("iter:3 out", "iter:3 outcome:"),
        ("outcome:sy", "outcome:syntax-error"),
        ("task:na", "task:nano/1"),
        ("sort:-pa", "sort:-pass"),
        ("nothing", None),
        ("task:nano/1", None),
        ("iter:3 ", None),
    ],
)
def test_the_last_word_is_completed(text: str, completed: str | None) -> None:
    assert complete_query(text, ("nano/1",), ("self",)) == completed


def test_the_sort_key_goes_through_every_order_and_comes_back() -> None:
    text, seen = "iter:3", []
    for _ in SORTS:
        text = next_sort(text)
        seen.append(parse_query(text).sort)
    assert set(seen) == set(SORTS)
    assert text == "iter:3"


def test_reversing_twice_changes_nothing() -> None:
    assert reversed_sort(reversed_sort("sort:-pass a")) == "a sort:-pass"
    assert not parse_query(reversed_sort("")).descending


def test_outcomes_follow_each_other_and_leave_the_rest_alone() -> None:
    assert next_outcome("iter:3") == "iter:3 outcome:passed"
    assert next_outcome("outcome:harness-error iter:3") == "iter:3"
