"""The order by coverage: what is new comes first, and of what is as new the shorter."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.coverage import Coverage, phrases
from core.mixture import Mixture

words = st.sampled_from(["sort", "the", "list", "sum", "numbers", "reverse", "text"])
descriptions = st.lists(st.lists(words, max_size=6).map(" ".join), min_size=1, max_size=20)


def worth(description: str, held: Counter[tuple[str, ...]]) -> float:
    """The mean of 1/(1+n)^2 over the phrases of a description."""
    found = phrases(description)
    return float(np.mean([(1 + held[phrase]) ** -2.0 for phrase in found])) if found else 0.0


@given(descriptions, st.integers(0, 5), st.integers(0, 3))
def test_every_next_task_is_worth_the_most_of_those_left(
    texts: list[str], seed: int, epoch: int
) -> None:
    order = Coverage(texts, seed).order(epoch).tolist()
    assert sorted(order) == list(range(len(texts)))
    held: Counter[tuple[str, ...]] = Counter()
    left = set(order)
    for task in order:
        best = max(worth(texts[other], held) for other in left)
        assert abs(worth(texts[task], held) - best) < 1e-12
        left.remove(task)
        held.update(phrases(texts[task]))


def test_of_tasks_with_the_same_new_words_the_one_without_old_ones_comes_first() -> None:
    texts = ["Sum the list.", "Sum the list, then reverse the text.", "Reverse the text."]
    assert Coverage(texts, 0).order(0).tolist()[2] == 1


def test_what_was_said_once_comes_after_what_was_never_said() -> None:
    texts = ["Sort the list by 3.", "Sort the list by 5.", "Reverse a text."]
    assert Coverage(texts, 1).order(0).tolist().index(2) < 2


def test_ties_are_broken_by_the_seed_and_each_epoch_anew() -> None:
    texts = [f"{letter * 4} one" for letter in "abcdefghij"]
    orders = [Coverage(texts, seed).order(epoch).tolist() for seed in (0, 1) for epoch in (0, 1)]
    assert len({tuple(order) for order in orders}) == 4
    assert Coverage(texts, 0).order(0).tolist() == orders[0]


def test_a_description_without_words_comes_last_and_phrases_have_up_to_three_words() -> None:
    assert Coverage(["123", "Sum it."], 0).order(0).tolist() == [1, 0]
    assert phrases("Add 1 to it") == {
        ("add",), ("to",), ("it",), ("add", "to"), ("to", "it"), ("add", "to", "it")
    }  # fmt: skip


def test_iterations_take_the_tasks_in_this_order_and_begin_again_after_the_last() -> None:
    texts = ["Sum the list.", "Reverse the text.", "Sort the numbers by size."]
    coverage = Coverage(texts, 0)
    mixture = Mixture([1.0] * 3, coverage=coverage)
    taken = [int(task) for iteration in range(3) for task in mixture.choose(0, 2, iteration)]
    assert taken[:3] == coverage.order(0).tolist()
    assert sorted(taken[3:]) == [0, 1, 2]
