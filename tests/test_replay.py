"""Replay draws each candidate exactly as often as equations 6-8 say, whatever happened before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from core.config import ReplayConfig
from core.drawing import in_passes
from core.errors import CoreError
from core.exclusions import Exclusions
from core.priority import p2value, possibility, priorities, probabilities
from core.replay import ReplayBuffer
from storage.columns import Columns
from storage.reader import Reader
from storage.schema import PossibilityRecord
from tests.stores import Store, sample, verdict

KNOBS = st.builds(
    ReplayConfig,
    alpha=st.sampled_from([0.0, 0.2, 0.5, 1.0]),
    exponent=st.sampled_from([0.0, 0.5, 1.0, 2.0, 7.5]),
    prioritization=st.sampled_from(["proportional", "rank"]),
    possibility=st.sampled_from(["per_token", "joint"]),
    beta=st.sampled_from([0.0, 0.4, 1.0]),
    floor=st.sampled_from([0.0, 1e-6, 0.1]),
    possibility_under=st.sampled_from(["sampler", "student"]),
    capacity=st.sampled_from([0, 0, 1, 5, 1000]),
    half_life=st.sampled_from([0.0, 0.0, 0.5, 3.0]),
    task_balance=st.sampled_from([0.0, 0.0, 0.5, 1.0]),
    learn_from=st.sampled_from(["all", "all", "passed", "newest"]),
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path) as opened:
        yield opened


def expected(reader: Reader, run: int, knobs: ReplayConfig) -> dict[int, float]:
    """P(i) by sample id, by the formulas, over candidates found by SQL and plain Python."""
    rows = reader.query(
        "SELECT s.id, s.program, s.task, s.iteration, c.name, s.logprob, s.n_tokens, "
        "(SELECT v.pass_rate FROM verdicts v WHERE v.program = s.program ORDER BY v.id DESC "
        "LIMIT 1), (SELECT p.logprob || ' ' || p.n_tokens FROM possibilities p "
        "WHERE p.sample = s.id ORDER BY p.id DESC LIMIT 1) "
        "FROM samples s JOIN sources c ON c.id = s.source WHERE s.run = ? "
        "ORDER BY s.iteration, s.task, s.rank, s.id",
        (run,),
    )
    excluded = {
        program
        for program, raised, _ in reader.query(
            "SELECT program, raised, max(id) FROM flags WHERE run = ? AND flag = 'excluded' "
            "GROUP BY program",
            (run,),
        )
        if raised
    }
    by_program: dict[int, tuple[Any, ...]] = {}
    for sample_id, program, task_id, iteration, source, logprob, n_tokens, rate, said in rows:
        student = tuple(map(float, said.split())) if said else None
        own = (logprob, n_tokens) if logprob is not None else None
        if source == "self":
            counts = student or own
        else:
            counts = student if knobs.possibility_under == "student" else own or student
        if counts is not None:  # the newest sample that has one stands for the text
            by_program.pop(program, None)
            by_program[program] = (sample_id, task_id, iteration, *counts, rate)
    held = [
        row
        for program, row in by_program.items()
        if row[-1] is not None and program not in excluded
    ]
    if knobs.learn_from == "passed":
        held = [row for row in held if row[-1] == 1.0]
    if knobs.learn_from == "newest":
        newest = max((iteration for _, _, iteration, *_ in held), default=0)
        held = [row for row in held if row[2] == newest]
    held = held[-knobs.capacity :] if knobs.capacity else held
    ids, tasks, iterations, logprobs, n_tokens, rates = np.array(held, np.float64).reshape(-1, 6).T
    value = p2value(possibility(logprobs, n_tokens, knobs.possibility), rates, knobs.alpha)
    priority = priorities(value, np.arange(len(ids)), knobs.prioritization, knobs.floor)
    weight = probabilities(priority, knobs.exponent)
    if knobs.half_life:
        weight = weight * 0.5 ** ((iterations.max(initial=0) - iterations) / knobs.half_life)
    if knobs.task_balance:
        weight = weight / np.array([np.sum(tasks == each) for each in tasks]) ** knobs.task_balance
    return dict(zip(ids.astype(int).tolist(), weight / weight.sum(), strict=True))


def exclude(
    store: Store, rng: np.random.Generator, buffer: ReplayBuffer, exclusions: Exclusions
) -> None:
    """Excludes a few programs, or takes some back into the replay."""
    samples = store.reader.query("SELECT id FROM samples WHERE run = ?", (store.run,))
    chosen = [sample for (sample,) in samples if rng.random() < 0.3]
    store.writer.set_flag(store.run, "excluded", bool(rng.random() < 0.7), chosen)
    exclusions.read()
    exclusions.apply(buffer, 1)


def check_draws(buffer: ReplayBuffer, chances: dict[int, float], beta: float) -> None:
    """The draws are candidates, with the probabilities and weights of the formulas."""
    assert len(buffer) == len(chances)
    if not chances:
        return
    drawn = buffer.draw(64, np.random.default_rng(0))
    assert_allclose(drawn.probabilities, [chances[each] for each in drawn.samples], rtol=1e-7)
    weights = drawn.probabilities**-beta
    assert_allclose(drawn.weights, weights / weights.max(), rtol=1e-6)
    assert drawn.samples.dtype == np.int64


def fill(store: Store, rng: np.random.Generator, iteration: int, run: int) -> None:
    """Samples a few texts, some of them known ones; judges and scores some of what is there."""
    records = [
        sample(
            "abc"[rng.integers(3)],
            f"text {rng.integers(20)}",
            rank,
            ["self", "self", "teacher"][rng.integers(3)],
            -float(rng.integers(1, 5)),
            4,
        )
        for rank in range(rng.integers(1, 6))
    ]
    if rng.random() < 0.2:
        records.append(sample("a", f"text {rng.integers(20)}", 9, "import", None, None))
    stored = store.writer.add_samples(run, iteration, records)
    judged = [each.program for each in stored if rng.random() < 0.6]
    rates: list[float | None] = [None, 0.0, 0.25, 0.5, 1.0]
    verdicts = [verdict(program, rates[rng.integers(5)]) for program in judged]
    store.writer.add_verdicts(run, verdicts)
    if rng.random() < 0.3:
        newest = stored[-1].sample
        scored = rng.integers(1, newest + 1, 3).tolist()
        store.writer.add_possibilities(
            run, 0, [PossibilityRecord(each, -float(rng.integers(1, 8)), 6) for each in scored]
        )


@given(st.integers(0, 2**32 - 1), st.lists(KNOBS, min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_a_buffer_that_grew_and_was_retuned_draws_by_the_formulas(
    seed: int, knobs: list[ReplayConfig]
) -> None:
    rng = np.random.default_rng(seed)
    with TemporaryDirectory() as folder, Store(Path(folder)) as store:
        other = store.writer.create_run("demo-2", "train", "", "nano", "")
        buffer = ReplayBuffer(store.columns, store.run, knobs[0])
        exclusions = Exclusions(store.run, store.reader)
        for iteration in range(12):
            fill(store, rng, iteration, store.run)
            fill(store, rng, iteration, other)
            if rng.random() < 0.6:
                store.columns.refresh()
                buffer.extend()
            if rng.random() < 0.4:
                buffer.configure(knobs[iteration % len(knobs)])
            if rng.random() < 0.3:
                exclude(store, rng, buffer, exclusions)
        store.columns.refresh()
        buffer.extend()
        buffer.configure(knobs[-1])
        chances = expected(store.reader, store.run, knobs[-1])
        check_draws(buffer, chances, knobs[-1].beta)
        fresh = Columns(store.reader)
        fresh.refresh()
        resumed = ReplayBuffer(fresh, store.run, knobs[-1])
        again = Exclusions(store.run, store.reader)
        again.read()
        again.apply(resumed, 1)
        check_draws(resumed, chances, knobs[-1].beta)


@pytest.mark.parametrize("prioritization", ["proportional", "rank"])
@pytest.mark.parametrize("kind", ["per_token", "joint"])
def test_frequencies_match_probabilities(store: Store, prioritization: Any, kind: Any) -> None:
    """Chi² per degree of freedom near 1 over 5,000 categories, of at least 20 draws each."""
    rng = np.random.default_rng(1)
    logprobs = -4 * rng.random(5000)
    records = [
        sample("a", f"text {number}", number, "self", logprob, 4)
        for number, logprob in enumerate(logprobs.tolist())
    ]
    stored = store.writer.add_samples(store.run, 1, records)
    rates = rng.integers(1, 7, 5000) / 6
    store.judged({each.program: rate for each, rate in zip(stored, rates.tolist(), strict=True)})
    store.columns.refresh()
    # A rank exponent of 0.4 leaves the last of 5,000 ranks a share of 1/250 of the first one's.
    exponent = 0.4 if prioritization == "rank" else 1.5
    knobs = ReplayConfig(prioritization=prioritization, possibility=kind, exponent=exponent)
    buffer = ReplayBuffer(store.columns, store.run, knobs)
    drawn = buffer.draw(1_000_000, np.random.default_rng(2))
    chances = expected(store.reader, store.run, knobs)
    shares = np.array(list(chances.values()))
    counts = np.bincount(np.searchsorted(list(chances), drawn.samples), minlength=5000)
    assert shares.min() * 1_000_000 >= 20
    chi_square = ((counts - shares * 1_000_000) ** 2 / (shares * 1_000_000)).sum() / (5000 - 1)
    assert 0.9 < chi_square < 1.1


def test_draws_are_independent_and_repeat(store: Store) -> None:
    store.judged(dict.fromkeys(store.sampled("x", "y"), 0.5))
    store.columns.refresh()
    buffer = ReplayBuffer(store.columns, store.run, ReplayConfig())
    drawn = buffer.draw(10_000, np.random.default_rng(0)).samples == 1
    assert 0.45 < drawn.mean() < 0.55
    assert 0.45 < (drawn[1:] == drawn[:-1]).mean() < 0.55  # also from one draw to the next


def test_the_same_seed_draws_the_same(store: Store) -> None:
    store.judged(dict.fromkeys(store.sampled(*"abcdefgh"), 0.5))
    store.columns.refresh()
    first, second = (
        ReplayBuffer(store.columns, store.run, ReplayConfig()).draw(8, np.random.default_rng(3))
        for _ in range(2)
    )
    assert first.samples.tolist() == second.samples.tolist()


def test_a_text_sampled_often_is_one_candidate_at_its_newest_sample(store: Store) -> None:
    for iteration in (1, 2, 3):
        programs = store.sampled("same", iteration=iteration, logprob=-float(iteration))
    store.judged({programs[0]: 0.5})
    store.columns.refresh()
    buffer = ReplayBuffer(store.columns, store.run, ReplayConfig())
    assert len(buffer) == 1
    assert set(buffer.draw(10, np.random.default_rng(0)).samples.tolist()) == {3}


def test_a_newly_judged_program_enters_and_an_unknown_pass_rate_leaves(store: Store) -> None:
    first, second = store.sampled("x", "y")
    buffer = ReplayBuffer(store.columns, store.run, ReplayConfig())
    for verdicts, candidates in (({}, 0), ({first: 0.5, second: 1.0}, 2), ({first: None}, 1)):
        store.judged(verdicts)
        store.columns.refresh()
        buffer.extend()
        assert len(buffer) == candidates


def test_programs_of_another_run_are_not_drawn_but_their_verdicts_count(store: Store) -> None:
    other = store.writer.create_run("demo-2", "train", "", "nano", "")
    store.judged(dict.fromkeys(store.sampled("x", "y"), 0.5))
    (stored,) = store.writer.add_samples(other, 1, [sample("a", "y")])
    store.columns.refresh()
    buffer = ReplayBuffer(store.columns, other, ReplayConfig())
    assert buffer.draw(3, np.random.default_rng(0)).samples.tolist() == [stored.sample] * 3


def test_changed_knobs_hold_from_the_next_draw_on(store: Store) -> None:
    first, second = store.sampled("x", "y")
    store.judged({first: 0.0, second: 1.0})
    store.columns.refresh()
    buffer = ReplayBuffer(store.columns, store.run, ReplayConfig(alpha=0.0, floor=0.0))
    assert set(buffer.draw(50, np.random.default_rng(0)).samples.tolist()) == {2}
    buffer.configure(ReplayConfig(alpha=0.0, floor=0.0, exponent=0.0))
    assert set(buffer.draw(50, np.random.default_rng(0)).samples.tolist()) == {1, 2}


def test_what_leaves_the_buffer_is_not_drawn(store: Store) -> None:
    """By a knob: the teacher's programs have no possibility under a student that never scored."""
    records = [sample("a", f"text {n}", n, "self" if n < 3 else "teacher") for n in range(9)]
    stored = store.writer.add_samples(store.run, 1, records)
    store.judged({each.program: 1.0 for each in stored})
    store.columns.refresh()
    buffer = ReplayBuffer(store.columns, store.run, ReplayConfig())
    assert len(buffer) == 9
    buffer.configure(ReplayConfig(possibility_under="student"))
    assert set(buffer.draw(100, np.random.default_rng(0)).samples.tolist()) == {1, 2, 3}


@pytest.mark.parametrize("knobs", [{"exponent": 60.0}, {"floor": 0.0}])
def test_the_best_program_may_lose_all_its_worth(store: Store, knobs: dict[str, Any]) -> None:
    best, other = store.sampled("x", "y")
    store.judged({best: 1.0, other: 0.0})
    store.columns.refresh()
    buffer = ReplayBuffer(store.columns, store.run, ReplayConfig(alpha=0.0, **knobs))
    store.judged({best: 0.0})
    store.columns.refresh()
    buffer.extend()
    drawn = buffer.draw(100, np.random.default_rng(0))
    assert set(drawn.samples.tolist()) == {1, 2}
    assert_allclose(drawn.probabilities, 0.5)


def test_age_counts_from_the_newest_candidate(store: Store) -> None:
    """Not from a program that is still to be tested."""
    for iteration in (0, 1):
        store.judged(dict.fromkeys(store.sampled(f"x{iteration}", iteration=iteration), 0.5))
    store.sampled("not judged", iteration=5000)
    store.columns.refresh()
    buffer = ReplayBuffer(store.columns, store.run, ReplayConfig(half_life=1.0))
    drawn = buffer.draw(100, np.random.default_rng(0))
    chances = dict(zip(drawn.samples.tolist(), drawn.probabilities.tolist(), strict=True))
    assert chances == {1: pytest.approx(1 / 3), 2: pytest.approx(2 / 3)}


def test_draws_do_not_depend_on_the_order_in_which_tasks_were_done(tmp_path: Path) -> None:
    """A run that was killed in the middle of sampling does some of them again in another order."""
    drawn = []
    for order in ("abc", "cab"):
        with Store(tmp_path / order) as store:
            for name in order:
                records = [sample(name, f"{name} {rank}", rank) for rank in range(3)]
                stored = store.writer.add_samples(store.run, 1, records)
                rates = {each.program: 0.25 * rank for rank, each in enumerate(stored)}
                store.judged(rates)
            store.columns.refresh()
            buffer = ReplayBuffer(store.columns, store.run, ReplayConfig())
            samples = buffer.draw(50, np.random.default_rng(0)).samples
            drawn.append([each.text for each in store.reader.tokens(samples)])
    assert drawn[0] == drawn[1]


def test_a_full_buffer_holds_what_was_sampled_last(store: Store) -> None:
    """What was crowded out comes back when it is sampled again; the store keeps all of it."""
    knobs = ReplayConfig(capacity=2)
    buffer = ReplayBuffer(store.columns, store.run, knobs)
    held = []
    for iteration, text in enumerate("xyzx"):
        store.judged(dict.fromkeys(store.sampled(text, iteration=iteration), 0.5))
        store.columns.refresh()
        buffer.extend()
        held.append(set(buffer.draw(50, np.random.default_rng(0)).samples.tolist()))
    assert held == [{1}, {1, 2}, {2, 3}, {3, 4}]
    assert len(store.columns) == 4


def test_a_half_life_of_one_iteration_halves_the_draws_with_each(store: Store) -> None:
    for iteration, text in enumerate("xyz"):
        store.judged(dict.fromkeys(store.sampled(text, iteration=iteration), 0.5))
    store.columns.refresh()
    buffer = ReplayBuffer(store.columns, store.run, ReplayConfig(half_life=1.0))
    drawn = buffer.draw(50, np.random.default_rng(0))
    assert dict(zip(drawn.samples.tolist(), drawn.probabilities.tolist(), strict=True)) == {
        1: pytest.approx(1 / 7),
        2: pytest.approx(2 / 7),
        3: pytest.approx(4 / 7),
    }


def test_balanced_tasks_are_drawn_alike_however_many_programs_they_have(store: Store) -> None:
    records = [sample("a", f"text {n}", n) for n in range(9)] + [sample("b", "alone", 0)]
    stored = store.writer.add_samples(store.run, 1, records)
    store.judged({each.program: 0.5 for each in stored})
    store.columns.refresh()
    buffer = ReplayBuffer(store.columns, store.run, ReplayConfig(task_balance=1.0))
    drawn = buffer.draw(50, np.random.default_rng(0))
    chances = dict(zip(drawn.samples.tolist(), drawn.probabilities.tolist(), strict=True))
    assert chances.pop(10) == pytest.approx(1 / 2)
    assert_allclose([*chances.values()], 1 / 18)


def test_a_possibility_computed_anew_counts_from_the_next_draw_on(store: Store) -> None:
    store.judged(dict.fromkeys(store.sampled("x", "y"), 0.0))
    store.columns.refresh()
    buffer = ReplayBuffer(store.columns, store.run, ReplayConfig(alpha=1.0, exponent=1.0))
    store.writer.add_possibilities(store.run, 1, [PossibilityRecord(2, -1e9, 4)])
    store.columns.refresh()
    buffer.extend()
    assert set(buffer.draw(100, np.random.default_rng(0)).samples.tolist()) == {1}


def test_an_empty_buffer_says_what_is_missing(store: Store) -> None:
    store.sampled("never judged")
    store.columns.refresh()
    buffer = ReplayBuffer(store.columns, store.run, ReplayConfig())
    with pytest.raises(CoreError, match="nothing to replay yet"):
        buffer.draw(1, np.random.default_rng(0))


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=12),
    st.integers(0, 60),
    st.integers(1, 20),
    st.integers(0, 9),
)
def test_a_pass_holds_everything_once_with_groups_together(
    groups: list[int], begin: int, n: int, seed: int
) -> None:
    def drawn(begin: int, n: int) -> list[int]:
        return in_passes(np.array(groups), begin, n, np.random.default_rng(seed)).tolist()

    assert drawn(begin, n) == drawn(0, begin + n)[begin:], "the same, however it is cut"
    one = drawn(begin // len(groups) * len(groups), len(groups))
    assert sorted(one) == list(range(len(groups)))
    names = [groups[place] for place in one]
    changes = sum(before != after for before, after in pairwise(names))
    assert changes == len(set(groups)) - 1
    assert all(before < after for before, after in pairwise(one) if groups[before] == groups[after])


def test_passes_come_in_every_order_alike(store: Store) -> None:
    orders = Counter(
        tuple(in_passes(np.arange(3), 0, 3, np.random.default_rng(seed)).tolist())
        for seed in range(1200)
    )
    assert len(orders) == 6
    assert all(150 < times < 250 for times in orders.values())


def test_passes_go_through_all_candidates_whatever_they_are_worth(store: Store) -> None:
    first, second, third, fourth = store.sampled(*"wxyz")
    store.judged({first: 0.0, second: 1.0, third: 0.5, fourth: None})
    store.columns.refresh()
    buffer = ReplayBuffer(store.columns, store.run, ReplayConfig(draw="entire", beta=1.0))
    draws = [buffer.draw_in_passes(2, np.random.default_rng(0), 2 * k) for k in range(6)]
    samples = np.concatenate([draw.samples for draw in draws])
    assert Counter(samples.tolist()) == {1: 4, 2: 4, 3: 4}
    for begin in (0, 3, 6, 9):
        assert len(set(samples[begin : begin + 3].tolist())) == 3
    assert_allclose([draw.probabilities for draw in draws], 1 / 3)
    assert_allclose([draw.weights for draw in draws], 1.0)


def test_passes_by_groups_keep_the_programs_of_a_task_together(store: Store) -> None:
    records = [sample(name, f"{name} {n}", n) for name in "abc" for n in range(4)]
    stored = store.writer.add_samples(store.run, 1, records)
    store.judged({each.program: 0.5 for each in stored})
    store.columns.refresh()
    buffer = ReplayBuffer(store.columns, store.run, ReplayConfig(draw="groups"))
    begun = set()
    for seed in range(20):
        draw = buffer.draw_in_passes(8, np.random.default_rng(seed), 0)
        tasks = ((draw.samples - 1) // 4).tolist()
        assert tasks == [tasks[0]] * 4 + [tasks[4]] * 4 and tasks[0] != tasks[4]
        begun.add(tasks[0])
    assert begun == {0, 1, 2}


def test_what_fails_is_let_in_when_all_may_be_learned_from_again(store: Store) -> None:
    first, second = store.sampled("x", "y")
    store.judged({first: 0.5, second: 1.0})
    store.columns.refresh()
    buffer = ReplayBuffer(store.columns, store.run, ReplayConfig(learn_from="passed"))
    assert len(buffer) == 1
    buffer.configure(ReplayConfig())
    assert len(buffer) == 2


def test_a_buffer_of_which_nothing_passed_says_so(store: Store) -> None:
    store.judged(dict.fromkeys(store.sampled("x"), 0.5))
    store.columns.refresh()
    buffer = ReplayBuffer(store.columns, store.run, ReplayConfig(learn_from="passed"))
    for draw in (buffer.draw, lambda n, rng: buffer.draw_in_passes(n, rng, 0)):
        with pytest.raises(CoreError, match=r"replay\.learn_from names"):
            draw(1, np.random.default_rng(0))
