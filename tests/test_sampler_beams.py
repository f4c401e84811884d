"""The search rule, against beam search written out in plain Python and against enumeration."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.sampler.beams import Beams
from core.sampler.ends import Ends

Scored = tuple[float, tuple[int, ...]]


def next_logprobs(table: np.ndarray, history: tuple[int, ...]) -> np.ndarray:
    """A toy model: the next token depends on the last two, by a table (V, V, V) of logits."""
    first, second = (0, 0, *history)[-2:]
    logits = table[first, second].astype(np.float64)
    return logits - math.log(np.exp(logits).sum())


def run(table: np.ndarray, k: int, longest: int, ends: tuple[int, ...]) -> list[Scored]:
    """`Beams` driven by the toy model until it says it is done."""
    beams = Beams(1, k, longest, Ends(ends, torch.device("cpu")))
    histories: list[tuple[int, ...]] = [()] * k
    while not bool(beams.done[0]):
        logits = np.stack([next_logprobs(table, history) for history in histories])
        parents = beams.extend(torch.tensor(logits, dtype=torch.float32)[None])
        tokens = beams.tokens[0].tolist()
        histories = [(*histories[p], t) for p, t in zip(parents[0].tolist(), tokens, strict=True)]
    [found] = beams.hypotheses([0])
    return [(one.logprob, tuple(one.token_ids.tolist())) for one in found]


def plain_beam_search(
    table: np.ndarray, k: int, longest: int, ends: tuple[int, ...]
) -> list[Scored]:
    """The rule in words: of the best candidates the first k may finish, k others go on."""
    live: list[Scored] = [(0.0, ())]
    finished: list[Scored] = []
    for step in range(1, longest + 1):
        candidates = sorted(
            (
                (score + float(logprob), (*history, token))
                for score, history in live
                for token, logprob in enumerate(next_logprobs(table, history))
            ),
            reverse=True,
        )
        refuse_ties(score for score, _ in candidates[: 3 * k])
        over = [len(h) == longest or h[-1] in ends for _, h in candidates]
        finished += [c for c, end in zip(candidates[:k], over[:k], strict=True) if end]
        finished = sorted(finished, reverse=True)[:k]
        live = [c for c, end in zip(candidates, over, strict=True) if not end][:k]
        if not live or (len(finished) == k and finished[-1][0] >= live[0][0]):
            break
        assert step < longest
    return finished


def refuse_ties(scores: Iterable[float]) -> None:
    """Where two candidates are as probable, rounding decides which of them goes on."""
    for better, worse in pairwise(scores):
        assume(better - worse > 1e-5)


def tables(size: int) -> st.SearchStrategy[np.ndarray]:
    seeds = st.integers(0, 2**32 - 1)
    return seeds.map(lambda s: np.random.default_rng(s).normal(scale=1.5, size=(size,) * 3))


def assert_same(found: list[Scored], wanted: list[Scored]) -> None:
    assert [sequence for _, sequence in found] == [sequence for _, sequence in wanted]
    np.testing.assert_allclose([s for s, _ in found], [s for s, _ in wanted], atol=1e-4)


@settings(max_examples=150, deadline=None)
@given(
    table=tables(9),
    k=st.integers(1, 4),
    longest=st.integers(1, 9),
    ends=st.sampled_from([(1,), (1, 5), ()]),
)
def test_the_rule_is_that_of_plain_beam_search(
    table: np.ndarray, k: int, longest: int, ends: tuple[int, ...]
) -> None:
    assert_same(run(table, k, longest, ends), plain_beam_search(table, k, longest, ends))


@settings(max_examples=50, deadline=None)
@given(table=tables(3))
def test_as_many_beams_as_there_are_sequences_find_the_most_probable_ones(
    table: np.ndarray,
) -> None:
    end, longest, k = 2, 3, 8  # 15 sequences; k exceeds the vocabulary
    sequences = [
        history
        for length in range(1, longest + 1)
        for history in itertools.product(range(3), repeat=length)
        if end not in history[:-1] and (history[-1] == end or length == longest)
    ]
    scores = [
        sum(next_logprobs(table, history[:i])[token] for i, token in enumerate(history))
        for history in sequences
    ]
    ranked = sorted(zip(scores, sequences, strict=True), reverse=True)
    refuse_ties(score for score, _ in ranked[: k + 1])
    best = ranked[:k]
    assert_same(run(table, k, longest, (end,)), best)


@settings(max_examples=30, deadline=None)
@given(table=tables(9), more=st.integers(1, 8))
def test_a_task_that_is_done_stays_as_it_is(table: np.ndarray, more: int) -> None:
    beams = Beams(1, 2, 6, Ends([1], torch.device("cpu")))
    logits = torch.tensor(table[0, :2], dtype=torch.float32)[None]
    while not bool(beams.done[0]):
        beams.extend(logits)
    before = beams.hypotheses([0])[0]
    for _ in range(more):
        beams.extend(logits)
    after = beams.hypotheses([0])[0]
    assert [one.token_ids.tolist() for one in after] == [one.token_ids.tolist() for one in before]
    assert bool(beams.done[0])


def test_scores_stay_float32_for_half_precision_logits() -> None:
    beams = Beams(1, 2, 4, Ends([1], torch.device("cpu")))
    beams.extend(torch.randn(1, 2, 9).bfloat16())
    assert beams.scores.dtype == torch.float32
