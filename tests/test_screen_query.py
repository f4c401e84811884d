"""The language of filters, and what the keys make of a written one."""

from __future__ import annotations

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from btp_tui.filters.book import BUILT_IN
from btp_tui.filters.query import next_outcome, next_sort, reversed_sort, sorted_by, task_query
from core.tasks.verdict import Outcome
from storage.query import KEYS, OUTCOMES, RANGES, SORTS, Query, QueryError, Range, Term, parse_query
from storage.query_format import format_query


def test_every_part_of_the_language_is_read() -> None:
    query = parse_query(
        "pass:0.5..1 task:humaneval/* status:timeout,error -source:teacher:* run:demo-1 iter:>3 "
        'replays:0 sort:-p2value "for x in" return -print'
    )
    assert query == Query(
        terms=(
            Term("pass", (Range(0.5, 1.0),)),
            Term("task", ("humaneval/*",)),
            Term("outcome", ("timeout", "error")),
            Term("source", ("teacher:*",), negated=True),
            Term("run", ("demo-1",)),
            Term("iter", (Range(low=3.0, above=True),)),
            Term("replays", (Range(0.0, 0.0),)),
            Term("text", ("for x in",)),
            Term("text", ("return",)),
            Term("text", ("print",), negated=True),
        ),
        sort="p2value",
        descending=True,
    )


def test_the_example_of_every_key_is_understood() -> None:
    for key, (written, _) in KEYS.items():
        query = parse_query(written)
        assert query.of(key) or key == "sort"


def test_the_built_in_filters_are_understood() -> None:
    for text in BUILT_IN.values():
        assert parse_query(text) != Query()


@pytest.mark.parametrize("text", ["iter:inf", "iter:>nan", "pass:-inf..1", "iter:..infinity"])
def test_a_range_that_is_not_finite_is_refused(text: str) -> None:
    with pytest.raises(QueryError, match="is no range"):
        parse_query(text)


def test_status_is_another_word_for_outcome_and_capitals_do_not_count() -> None:
    assert parse_query("Status:Denied") == parse_query("outcome:denied")


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("iter:3", [3], [2, 4]),
        ("iter:>3", [4, 9, 3.001], [3]),
        ("iter:>=3", [3, 9], [2]),
        ("iter:<3", [2], [3]),
        ("iter:<=3", [3], [4]),
        ("iter:2..4", [2, 4], [1, 5]),
        ("iter:2..", [2, 99], [1]),
        ("iter:..4", [0, 4], [5]),
    ],
)
def test_ranges(text: str, inside: list[float], outside: list[float]) -> None:
    [term] = parse_query(text).terms
    [found] = term.values
    assert isinstance(found, Range)
    assert all(value in found for value in inside)
    assert not any(value in found for value in outside)


@pytest.mark.parametrize("text", ["iter:", "iter:>", "iter:..", "outcome:", "task:,", '""', "-"])
def test_what_is_still_being_written_asks_for_nothing(text: str) -> None:
    assert parse_query(text) == Query()


def test_an_outcome_is_known_by_its_beginning_and_may_be_quoted() -> None:
    for written in ("wrong", '"wrong answer"', "wrong-answer"):
        [term] = parse_query(f"outcome:{written}").terms
        assert term.values == ("wrong answer",)


def test_every_outcome_of_a_program_can_be_asked_for_and_that_there_is_none() -> None:
    ends = {outcome.value for outcome in Outcome} - {"skipped"}
    assert set(OUTCOMES) == ends | {"not tested"}


def test_quotes_keep_commas_and_spaces_together() -> None:
    assert parse_query('task:"a, b",c').terms == (Term("task", ("a, b", "c")),)


def test_code_in_quotes_is_text_whatever_it_looks_like() -> None:
    texts = [term.values for term in parse_query('"task:x" "if a: b" x[0] it\'s').terms]
    assert texts == [("task:x",), ("if a: b",), ("x[0]",), ("it's",)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tsk:a", "There is no filter 'tsk': did you mean 'task'?"),
        ("else:", "There is no filter 'else': write one of outcome, pass,"),
        ("outcome:timout", "There is no outcome 'timout': did you mean 'timeout'?"),
        ("sort:-p2", "Cannot sort by 'p2': did you mean 'p2value'?"),
        ("sort:beauty", "Cannot sort by 'beauty': write one of newest, pass,"),
        ("-sort:pass", "-sort: means nothing: write sort:-newest"),
        ("sort:pass,iter", "sort:pass,iter is more than one order: write sort:pass."),
        ("pass:half", "pass:half is no range: write pass:0.5..1"),
        ("iteration:x", "iteration:x is no range: write iteration:1..4"),
        ("iter:4..2", "iter:4..2 holds nothing: write the smaller number first."),
        ("pass:2", "pass:2 lets nothing through: pass rates go from 0 to 1."),
        ("marked:perhaps", "marked:perhaps is neither yes nor no: write marked:yes."),
    ],
)
def test_what_is_not_understood_is_said_in_one_sentence_with_what_would_be_right(
    text: str, said: str
) -> None:
    with pytest.raises(QueryError) as refused:
        parse_query(text)
    assert str(refused.value).startswith(said)


_ALPHABET = st.text(alphabet=string.ascii_letters + string.digits + ':,".-<>=* _', max_size=40)


@given(st.text(max_size=40) | _ALPHABET)
@example('task:"a')
@example("-sort:")
@example("iter:1..2..3")
def test_any_text_gives_a_filter_or_one_sentence(text: str) -> None:
    try:
        parse_query(text)
    except QueryError as error:
        said = str(error)
        assert said.endswith((".", "?"))
        assert "\n" not in said


@given(st.text(max_size=40) | _ALPHABET)
def test_what_was_understood_is_written_so_that_it_reads_the_same(text: str) -> None:
    try:
        query = parse_query(text)
    except QueryError:
        return
    assert parse_query(format_query(query)) == query


_NUMBERS = st.floats(0, 1).map(lambda value: round(value, 6)) | st.integers(0, 1).map(float)
_ENDS = st.tuples(_NUMBERS, _NUMBERS).map(sorted)
_RANGES = (
    _ENDS.map(lambda ends: Range(*ends))
    | st.builds(lambda low, above: Range(low=low, above=above), _NUMBERS, st.booleans())
    | st.builds(lambda high, below: Range(high=high, below=below), _NUMBERS, st.booleans())
)
_NAMES = st.text(st.characters(exclude_characters='"', exclude_categories=["Cs"]), min_size=1)
_TERMS = (
    st.builds(
        Term,
        st.sampled_from([*RANGES]),
        st.lists(_RANGES, min_size=1, max_size=3).map(tuple),
        st.booleans(),
    )
    | st.builds(
        Term,
        st.sampled_from(["task", "source", "run"]),
        st.lists(_NAMES, min_size=1, max_size=3).map(tuple),
        st.booleans(),
    )
    | st.builds(
        Term,
        st.just("outcome"),
        st.lists(st.sampled_from(OUTCOMES), min_size=1).map(tuple),
        st.booleans(),
    )
    | st.builds(Term, st.just("text"), st.tuples(_NAMES), st.booleans())
)
_QUERIES = st.builds(
    Query, st.lists(_TERMS, max_size=4).map(tuple), st.sampled_from([*SORTS]), st.booleans()
)


@given(_QUERIES)
def test_every_filter_can_be_written(query: Query) -> None:
    assert parse_query(format_query(query)) == query


# Keys that change a written filter


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


def test_a_column_sorts_the_largest_first_then_the_smallest() -> None:
    assert sorted_by("a", "pass") == "a sort:-pass"
    assert sorted_by("a sort:-pass", "pass") == "a sort:pass"
    assert sorted_by("a sort:-pass", "task") == "a sort:task"


def test_outcomes_follow_each_other_and_leave_the_rest_alone() -> None:
    assert next_outcome("iter:3") == "iter:3 outcome:passed"
    assert next_outcome("status:timeout,error iter:3") == "iter:3 outcome:syntax-error"
    assert next_outcome("outcome:not-tested iter:3") == "iter:3"


def test_the_programs_of_one_task_are_asked_for_whatever_its_name() -> None:
    for task in ("nano/4", "a b", "a,b", "x[1]"):
        [term] = parse_query(task_query(task)).terms
        assert term.values == ("*" + task.replace("[", "[[]"),)
