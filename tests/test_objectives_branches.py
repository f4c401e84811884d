"""The trie of a task's programs says which token was the worse choice, and by how much."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.objectives.branches import LEAST_DIFFERENCE, Ids, Lesson, lesson
from core.training import Contrast

PROGRAMS = st.dictionaries(
    st.lists(st.integers(0, 2), min_size=1, max_size=5).map(tuple),
    st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    min_size=1,
    max_size=8,
)


def test_the_values_are_mean_pass_rates_of_what_lies_beneath() -> None:
    """Three ways on after 7: by 1 (1.0 and 0.5 beneath), by 2 (0.5 and 0.0), and by 3 (0.75)."""
    programs = {
        (7, 1, 5): 1.0,
        (7, 1, 6): 0.5,
        (7, 2, 5): 0.5,
        (7, 2, 6): 0.0,
        (7, 3): 0.75,
        (8,): 0.51,
    }
    taught = lesson((7, 1, 5), programs)
    assert taught.weight == 1.0
    assert set(taught.contrasts) == {
        Contrast(1, 2, 0.75 - 0.25),
        Contrast(2, 6, 1.0 - 0.5),
    }, "3 is worth as much as the program's own way, 8 but 0.04 less"


def test_a_program_that_fails_teaches_only_by_what_is_worse() -> None:
    programs = {(1, 2): 0.5, (1, 3): 0.0, (4,): 1.0}
    assert lesson((1, 2), programs) == Lesson(0.0, (Contrast(1, 3, 0.5),))


def nodes(program: Ids, programs: dict[Ids, float], place: int) -> dict[int, float]:
    """By token: the mean pass rate of the programs that go on by it where `program` is."""
    beneath: dict[int, list[float]] = {}
    for other, rate in programs.items():
        if other[:place] == program[:place] and len(other) > place:
            beneath.setdefault(other[place], []).append(rate)
    return {token: sum(rates) / len(rates) for token, rates in beneath.items()}


@given(PROGRAMS)
def test_contrasts_are_all_worse_nodes_beside_the_programs_way(programs: dict[Ids, float]) -> None:
    for program in programs:
        expected = {}
        for place, own in enumerate(program):
            values = nodes(program, programs, place)
            for token, value in values.items():
                if values[own] - value > LEAST_DIFFERENCE:
                    expected[place, token] = pytest.approx(values[own] - value)
        found = {
            (one.position, one.token): one.weight for one in lesson(program, programs).contrasts
        }
        assert found == expected


@given(PROGRAMS)
def test_a_contrast_never_names_the_own_token_and_weighs_at_most_one(
    programs: dict[Ids, float],
) -> None:
    for program in programs:
        for contrast in lesson(program, programs).contrasts:
            assert program[contrast.position] != contrast.token
            assert LEAST_DIFFERENCE < contrast.weight <= 1.0


@given(PROGRAMS, st.sampled_from([0.0, 1 / 3, 1.0]))
def test_where_all_pass_alike_there_is_no_contrast(programs: dict[Ids, float], rate: float) -> None:
    alike = dict.fromkeys(programs, rate)
    assert all(not lesson(program, alike).contrasts for program in alike)


@given(PROGRAMS)
def test_only_programs_that_pass_everything_become_more_probable_as_a_whole(
    programs: dict[Ids, float],
) -> None:
    for program, rate in programs.items():
        assert lesson(program, programs).weight == (1.0 if rate == 1.0 else 0.0)


@given(PROGRAMS, st.randoms())
def test_the_order_in_which_programs_are_held_does_not_matter(
    programs: dict[Ids, float], random: object
) -> None:
    shuffled = [*programs.items()]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    for program in programs:
        assert lesson(program, dict(shuffled)) == lesson(program, programs)
