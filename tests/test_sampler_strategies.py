"""Drawn programs and diverse beams: their rules written out, and one face for all strategies."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import CoreError
from core.sampler import BeamSearch, DiverseBeamSearch, Hypothesis, Sampling, Search, SearchSettings
from core.sampler.check import Check
from core.sampler.diverse import DiverseBeams
from core.sampler.draws import Draws
from core.sampler.ends import Ends, cut_at_stop, stop_table, token_texts
from tests.test_sampler_beams import Scored, next_logprobs, refuse_ties, run, tables
from tests.tiny_models import ENDS, PAD, byte_tokenizer, some_prompts, teacher_forced, tiny_model

CPU = torch.device("cpu")
PROMPTS = some_prompts(9)


def search(strategy: Any, check: Check | None = None, **changes: Any) -> Search:
    settings = SearchSettings(4, 12, 3, ENDS, PAD, strategy)
    return Search(tiny_model("llama"), replace(settings, **changes), check)


def tokens(hypotheses: list[Hypothesis]) -> list[list[int]]:
    return [hypothesis.token_ids.tolist() for hypothesis in hypotheses]


# Diverse beams


def plain_diverse_search(
    table: np.ndarray, groups: int, size: int, strength: float, longest: int, end: int
) -> list[Scored]:
    """Group after group: the best by log P minus strength a beam before that took the token."""
    live: list[list[Scored]] = [[(0.0, ())] for _ in range(groups)]
    finished: list[list[Scored]] = [[] for _ in range(groups)]
    for step in range(1, longest + 1):
        taken: list[int] = []
        for group in range(groups):
            if not live[group]:
                continue
            ranked = sorted(
                (
                    (
                        score + float(logprob) - strength * taken.count(token),
                        score + float(logprob),
                        (*history, token),
                    )
                    for score, history in live[group]
                    for token, logprob in enumerate(next_logprobs(table, history))
                ),
                reverse=True,
            )
            refuse_ties(score for score, _, _ in ranked[: 3 * size])
            over = [len(h) == longest or h[-1] == end for _, _, h in ranked]
            ended = [(s, h) for (_, s, h), is_over in zip(ranked, over, strict=True) if is_over]
            first = {h for _, _, h in ranked[:size]}
            finished[group] += [(s, h) for s, h in ended if h in first]
            finished[group] = sorted(finished[group], reverse=True)[:size]
            on = [(s, h) for (_, s, h), is_over in zip(ranked, over, strict=True) if not is_over]
            live[group] = on[:size]
            best = max((score for score, _ in live[group]), default=-np.inf)
            taken += [history[-1] for _, history in live[group]]
            if len(finished[group]) == size and finished[group][-1][0] >= best:
                live[group] = []
        if not any(live):
            break
        assert step < longest
    return sorted((one for group in finished for one in group), reverse=True)


def run_diverse(
    table: np.ndarray, groups: int, size: int, strength: float, longest: int, end: int
) -> list[Scored]:
    beams = DiverseBeams(1, groups * size, longest, Ends([end], CPU), groups, strength)
    histories: list[tuple[int, ...]] = [()] * (groups * size)
    while not bool(beams.done[0]):
        logits = np.stack([next_logprobs(table, history) for history in histories])
        parents = beams.extend(torch.tensor(logits, dtype=torch.float32)[None])
        newest = beams.tokens[0].tolist()
        histories = [(*histories[p], t) for p, t in zip(parents[0].tolist(), newest, strict=True)]
    [found] = beams.hypotheses([0])
    return [(one.logprob, tuple(one.token_ids.tolist())) for one in found]


@settings(max_examples=120, deadline=None)
@given(
    table=tables(6),
    groups=st.integers(1, 3),
    size=st.integers(1, 2),
    strength=st.sampled_from([0.0, 0.4, 3.0]),
    longest=st.integers(1, 6),
)
def test_diverse_beams_maximise_their_written_objective_group_by_group(
    table: np.ndarray, groups: int, size: int, strength: float, longest: int
) -> None:
    found = run_diverse(table, groups, size, strength, longest, end=1)
    wanted = plain_diverse_search(table, groups, size, strength, longest, end=1)
    assert [sequence for _, sequence in found] == [sequence for _, sequence in wanted]
    np.testing.assert_allclose([s for s, _ in found], [s for s, _ in wanted], atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(table=tables(6))
def test_one_group_is_beam_search_and_strong_groups_begin_differently(table: np.ndarray) -> None:
    assert run_diverse(table, 1, 3, 9.0, 5, end=1) == run(table, 3, 5, (1,))
    apart = run_diverse(table, 3, 1, 1e3, 5, end=1)
    going_on = [sequence for _, sequence in apart if sequence[0] != 1]
    assert len({sequence[0] for sequence in going_on}) == len(going_on)


def test_diverse_beams_need_a_tree_and_say_so() -> None:
    with pytest.raises(CoreError, match='strategy = "diverse" needs a model'):
        list(search(DiverseBeamSearch(2, 0.5), Check("generate", "")).search(PROMPTS))


# Draws


def frequencies(temperature: float, top_p: float, n: int = 20_000) -> tuple[Any, Any]:
    """How often each first token is drawn, and the model's probabilities."""
    logits = torch.tensor([1.0, 0.2, -0.5, 2.0, -3.0, 0.9])
    draws = Draws([(7, task) for task in range(n // 50)], 50, 1, Ends([], CPU), temperature, top_p)
    draws.extend(logits.expand(n // 50, 50, -1))
    drawn = draws.tokens.flatten().numpy()
    return np.bincount(drawn, minlength=6) / n, logits.double().numpy()


def test_tokens_are_drawn_as_often_as_the_model_says_at_a_temperature() -> None:
    for temperature in (0.5, 1.0, 2.0):
        found, logits = frequencies(temperature, 1.0)
        wanted = np.exp(logits / temperature) / np.exp(logits / temperature).sum()
        assert np.abs(found - wanted).max() < 4 * np.sqrt(0.25 / 20_000)


def test_top_p_keeps_the_smallest_set_of_probable_tokens_that_reaches_it() -> None:
    _, logits = frequencies(1.0, 1.0, 50)
    probability = np.exp(logits) / np.exp(logits).sum()  # of 3, 0, 5, 1, 2, 4 in this order
    for top_p, kept in ((0.1, {3}), (probability[3] + 0.01, {3, 0}), (0.999, {0, 1, 2, 3, 5, 4})):
        found, _ = frequencies(1.0, float(top_p))
        assert set(np.flatnonzero(found)) <= kept
        inside = np.where(np.isin(np.arange(6), list(kept)), probability, 0.0)
        assert np.abs(found - inside / inside.sum()).max() < 4 * np.sqrt(0.25 / 20_000)


def test_what_is_drawn_follows_from_the_seed_and_not_from_the_company() -> None:
    seeds = [(5, index) for index in range(len(PROMPTS))]
    together = dict(search(Sampling(0.9, 0.9)).search(PROMPTS, seeds))
    again = dict(search(Sampling(0.9, 0.9), batch_tasks=7).search(PROMPTS[::-1], seeds[::-1]))
    others = dict(search(Sampling(0.9, 0.9)).search(PROMPTS, [(6, *seed) for seed in seeds]))
    for index in range(len(PROMPTS)):
        assert tokens(together[index]) == tokens(again[len(PROMPTS) - 1 - index])
    assert any(tokens(together[index]) != tokens(others[index]) for index in together)


@pytest.mark.parametrize("check", [None, Check("generate", "")])
def test_draws_come_with_the_models_own_log_probabilities_most_probable_first(
    check: Check | None,
) -> None:
    for index, hypotheses in search(Sampling(0.7, 0.8), check).search(PROMPTS):
        assert len(hypotheses) == 4
        scores = [one.logprob for one in hypotheses]
        assert scores == sorted(scores, reverse=True)
        for one in hypotheses:
            alone = teacher_forced(tiny_model("llama"), PROMPTS[index], one.token_ids.tolist())
            np.testing.assert_allclose(one.logprobs, alone, atol=2e-5)
            ends = [int(token) in ENDS for token in one.token_ids]
            assert not any(ends[:-1]) and ends[-1] == one.finished
            assert one.finished or len(ends) == 12


def test_the_fallback_repeats_its_draws() -> None:
    generate = Check("generate", "")
    first, second = (dict(search(Sampling(), generate).search(PROMPTS[:3])) for _ in range(2))
    assert [tokens(first[i]) for i in range(3)] == [tokens(second[i]) for i in range(3)]


@pytest.mark.parametrize("check", (None, Check("generate", "")))
def test_at_the_lowest_temperature_the_most_probable_token_is_drawn(check: Check | None) -> None:
    lowest = dict(search(Sampling(1e-45, 0.9), check).search(PROMPTS[:2]))
    greedy = dict(search(BeamSearch(), check, beams=1).search(PROMPTS[:2]))
    for index in range(2):
        assert tokens(lowest[index]) == 4 * tokens(greedy[index])


def test_a_token_can_cost_any_number_of_nats() -> None:
    most, many = (dict(search(DiverseBeamSearch(2, nats)).search(PROMPTS)) for nats in (1e300, 1e3))
    for index in range(len(PROMPTS)):
        assert tokens(most[index]) == tokens(many[index])


# Stop strings


@settings(max_examples=200, deadline=None)
@given(
    stops=st.lists(st.text("ar\n", min_size=1, max_size=4), min_size=1, max_size=3, unique=True),
    texts=st.lists(st.text("arx\n", max_size=5), min_size=1, max_size=8),
    order=st.lists(st.integers(0, 7), max_size=12),
)
def test_the_automaton_stops_exactly_at_the_token_that_completes_a_stop_string(
    stops: list[str], texts: list[str], order: list[int]
) -> None:
    ends = Ends([], CPU, stop_table(stops, texts))
    chosen = [index % len(texts) for index in order]
    state, stopped_at = torch.tensor(0), None
    for step, token in enumerate(chosen):
        stopped, state = ends.after(state, torch.tensor(token))
        if stopped:
            stopped_at = step
            break
    whole = list(itertools.accumulate((texts[token] for token in chosen), initial=""))[1:]
    wanted = [step for step, text in enumerate(whole) if any(stop in text for stop in stops)]
    assert stopped_at == (wanted[0] if wanted else None)


def test_a_letter_of_no_stop_string_begins_none() -> None:
    ends = Ends([], CPU, stop_table(["r("], ["print", "(", "x"]))
    _, state = ends.after(torch.tensor(0), torch.tensor(0))
    stopped, _ = ends.after(state, torch.tensor(1))
    assert not stopped


def test_stop_strings_too_long_to_be_watched_for_are_refused() -> None:
    with pytest.raises(CoreError, match=r"sampler\.stop have 1,001 characters"):
        stop_table(["a" * 600, "b" * 401], ["a"])


def test_a_program_is_cut_at_the_first_stop_string() -> None:
    assert cut_at_stop("x = 1\nprint(x)\ndef f():", ("\ndef", "\nprint")) == "x = 1"
    assert cut_at_stop("x = 1", ("\ndef",)) == "x = 1"


def test_token_texts_are_what_tokens_add_and_nothing_for_special_ones() -> None:
    tokenizer = byte_tokenizer()
    texts = token_texts(tokenizer, len(tokenizer) + 3)
    [space], [letter] = (tokenizer(text)["input_ids"] for text in (" ", "q"))
    assert (texts[space], texts[letter]) == (" ", "q")
    assert texts[tokenizer.eos_token_id] == "" and texts[-3:] == ["", "", ""]
