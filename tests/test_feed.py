"""What the screen reads: snapshots, pages and programs from real stores, and engines it starts."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from textual.message import Message

from btp_tui.control import engine
from btp_tui.control.engine import Launch
from btp_tui.reading.answers import Answers
from btp_tui.reading.candidates import Candidates, find_pool
from btp_tui.reading.feed import Feed
from btp_tui.reading.messages import CardReady, FeedEnded, PageReady, SnapshotReady
from btp_tui.reading.observer import Observer
from btp_tui.reading.run_list import run_state
from btp_tui.reading.wishes import Wishes
from btp_tui.snapshot import Knobs, Page, ProgramCard, Snapshot
from core.config import ReplayConfig
from core.replay import ReplayBuffer
from storage.schema import PossibilityRecord, Progress
from storage.workspace import Workspace
from tests.stores import Store, evaluation, sample, update


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Two iterations: of the first all is tested, of the second nothing."""
    with Store(tmp_path) as made:
        first = made.sampled("x = 1", "x = 2", "x = 3", iteration=0, logprob=-2.0)
        made.judged(dict(zip(first, (1.0, 0.5, 0.0), strict=True)))
        made.writer.add_samples(made.run, 1, [sample("b", "y = 1"), sample("b", "y = 2", 1)])
        yield made


def look(store: Store, **wishes: Any) -> Snapshot:
    with Observer(store.workspace) as observer:
        return observer.snapshot(Wishes(**wishes))


def page(store: Store, text: str, knobs: Knobs | None = None) -> Page:
    return next(
        message.page
        for message in answers(store, Wishes(page=(text, 0), turned=_turned(knobs)))
        if isinstance(message, PageReady)
    )


def _turned(knobs: Knobs | None) -> tuple[tuple[str, Any], ...]:
    return tuple(asdict(knobs).items()) if knobs else ()


def answers(store: Store, wishes: Wishes) -> list[Message]:
    with Observer(store.workspace) as observer:
        return list(Answers(observer).to(wishes, observer.snapshot(wishes)))


def texts(found: Page) -> list[str]:
    return [row.text for row in found.rows]


def test_a_workspace_that_does_not_exist_yet_is_empty_and_is_not_made(tmp_path: Path) -> None:
    with Observer(Workspace(tmp_path / "none")) as observer:
        shown = observer.snapshot(Wishes())
    assert (shown.runs, shown.watched, shown.problem) == ((), None, "")
    assert not (tmp_path / "none").exists()


def test_a_snapshot_holds_what_the_store_does(store: Store) -> None:
    store.writer.add_evaluation(store.run, evaluation("initial"))
    store.writer.add_update(store.run, update(1, [1, 1, 2]))
    store.writer.set_progress(store.run, Progress("running", "replay", updates=1))
    store.writer.add_event(store.run, "warning", "careful")
    watched = look(store).watched
    assert watched is not None
    assert watched.evaluations[0].accuracy == 0.5
    assert [(step.number, step.loss) for step in watched.steps] == [(1, 0.5)]
    assert [event.message for event in watched.log] == ["careful"]
    assert [line.text for line in watched.latest] == ["y = 2", "y = 1", "x = 3", "x = 2", "x = 1"]
    assert [line.replays for line in watched.latest] == [0, 0, 0, 1, 2]


def test_outcomes_and_pass_rates_are_told_by_iteration_counted_from_one(store: Store) -> None:
    watched = look(store).watched
    assert watched is not None
    first, second = watched.iterations
    assert (first.iteration, first.programs, first.pass_rate) == (1, 3, 0.5)
    assert (second.iteration, dict(second.outcomes), second.pass_rate) == (2, {"": 2}, None)


def test_the_first_look_needs_no_mirror_but_tells_the_runs(store: Store) -> None:
    with Observer(store.workspace) as observer:
        shown = observer.first_look(Wishes())
        assert [run.name for run in shown.runs] == ["demo-1"]
        assert len(observer.mirror.columns) == 0


@pytest.mark.parametrize("prioritization", ["proportional", "rank"])
@pytest.mark.parametrize(
    "knobs",
    [
        {"possibility": "joint"},
        {"possibility_under": "student"},
        {"capacity": 7},
        {"half_life": 1.5, "task_balance": 0.5},
        {"learn_from": "passed"},
        {"learn_from": "newest", "capacity": 7},
        {"draw": "entire", "half_life": 1.5},
        {"draw": "groups"},
    ],
)
def test_the_screen_shows_the_probabilities_that_the_engine_draws_by(
    tmp_path: Path, prioritization: Any, knobs: dict[str, Any]
) -> None:
    rng = np.random.default_rng(0)
    knobs = {"alpha": 0.3, "exponent": 1.5, "prioritization": prioritization, **knobs}
    with Store(tmp_path) as store:
        for iteration in range(4):
            programs = store.sampled(
                *(f"x = {number}" for number in rng.integers(0, 30, 12)),
                iteration=iteration,
                logprob=float(-rng.random() * 5),
            )
            store.judged({program: float(rng.integers(0, 5) / 4) for program in programs[::2]})
        teachers = [sample("b", f"y = {n}", n, "teacher", -float(n)) for n in range(9)]
        stored = store.writer.add_samples(store.run, 4, teachers)
        store.judged({each.program: 0.5 for each in stored})
        scored = [PossibilityRecord(each, -each / 10, 5) for each in range(1, 50, 3)]
        store.writer.add_possibilities(store.run, 1, scored)
        store.columns.refresh()
        buffer = ReplayBuffer(store.columns, store.run, ReplayConfig(**knobs))
        if "draw" in knobs:
            draw = buffer.draw_in_passes(4000, np.random.default_rng(1), 0)
        else:
            draw = buffer.draw(4000, np.random.default_rng(1))
        pool = find_pool(store.columns, store.run, Knobs(**knobs))
        shown = Candidates(pool, Knobs(**knobs))
    samples = store.columns.sample[pool.rows]
    assert 0 < len(buffer) == len(pool.rows)
    expected = dict(zip(samples.tolist(), shown.probability.tolist(), strict=True))
    drawn = dict(zip(draw.samples.tolist(), draw.probabilities.tolist(), strict=True))
    assert set(drawn) <= set(expected)
    for one, probability in drawn.items():
        assert probability == pytest.approx(expected[one], rel=1e-6)


@pytest.mark.parametrize("prioritization", ["proportional", "rank"])
@pytest.mark.parametrize("draw", ["entire", "groups"])
def test_in_passes_all_that_is_held_is_drawn_alike(
    store: Store, prioritization: Any, draw: Any
) -> None:
    store.columns.refresh()
    knobs = Knobs(prioritization=prioritization, draw=draw, half_life=1.0)
    shown = Candidates(find_pool(store.columns, store.run, knobs), knobs).histogram()
    assert shown.drawn == shown.stored
    assert sum(shown.drawn) == pytest.approx(1.0)


def test_the_share_that_was_never_replayed_counts_texts_not_samples(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.judged(dict.fromkeys(store.sampled("x", "y", "z"), 0.5))
        store.sampled("x", iteration=2)  # the newest sample of "x" was not drawn, an older one was
        store.writer.add_update(store.run, update(1, [1, 1]))
        store.columns.refresh()
        pool = find_pool(store.columns, store.run, Knobs())
        shown = Candidates(pool, Knobs()).histogram()
        assert (shown.candidates, shown.never) == (3, pytest.approx(2 / 3))


def test_a_search_is_answered_again_until_everything_is_indexed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.search._BATCH", 10)
    monkeypatch.setattr("storage.reader._FEED_S", 0.0)  # one batch an answer
    wishes = Wishes(page=("name", 0))
    with Store(tmp_path) as store, Observer(store.workspace) as observer:
        store.sampled(*(f"name {number}" for number in range(25)))
        answers = Answers(observer)
        shown = []
        for _ in range(5):
            for message in answers.to(wishes, observer.snapshot(wishes)):
                assert isinstance(message, PageReady)
                shown.append((message.page.total, message.page.unsearched))
    assert shown == [(10, 15), (20, 5), (25, 0)]


def test_iterations_may_have_any_numbers(tmp_path: Path) -> None:
    """Those of an imported run, for instance."""
    with Store(tmp_path) as store, Observer(store.workspace) as observer:
        store.judged(dict.fromkeys(store.sampled("x", "y", iteration=3), 0.5))
        store.judged(dict.fromkeys(store.sampled("z", iteration=2_000_000_000), 1.0))
        observer.mirror.look()
        shown = observer.mirror.iterations(store.run)
    assert [(each.iteration, each.programs, each.pass_rate) for each in shown] == [
        (4, 2, 0.5),
        (2_000_000_001, 1, 1.0),
    ]


def test_the_histogram_moves_at_once_with_the_wished_knobs(store: Store) -> None:
    with Observer(store.workspace) as observer:
        before = observer.snapshot(Wishes()).watched
        after = observer.snapshot(Wishes(turned=(("alpha", 1.0), ("exponent", 0.0)))).watched
    assert before is not None and after is not None
    assert before.histogram != after.histogram
    assert (before.preview, after.preview) == (False, True)


def test_knobs_in_force_are_those_that_the_engine_reports(store: Store) -> None:
    knobs: dict[str, float | str] = {"replay.alpha": 0.7, "replay.prioritization": "rank"}
    store.writer.set_progress(store.run, Progress("running", "sample", knobs=knobs))
    watched = look(store).watched
    assert watched is not None
    assert watched.knobs == replace(Knobs(), alpha=0.7, prioritization="rank")


def test_losses_that_a_resumed_run_took_back_are_forgotten(store: Store) -> None:
    for number in (1, 2, 3):
        store.writer.add_update(store.run, update(number, [1]))
    store.writer.set_progress(store.run, Progress("running", "replay", updates=3))
    with Observer(store.workspace) as observer:
        observer.snapshot(Wishes())
        store.writer.rewind_updates(store.run, 1)
        store.writer.set_progress(store.run, Progress("running", "replay", updates=1))
        time.sleep(1.1)  # plots are read once a second
        watched = observer.snapshot(Wishes()).watched
    assert watched is not None
    assert [step.number for step in watched.steps] == [1]


@pytest.mark.parametrize(
    ("filter_", "found"),
    [
        ("", ["y = 2", "y = 1", "x = 3", "x = 2", "x = 1"]),
        ("sort:newest", ["x = 1", "x = 2", "x = 3", "y = 1", "y = 2"]),
        ("task:b", ["y = 2", "y = 1"]),
        ("pass:0.5..1", ["x = 2", "x = 1"]),
        ("pass:>0.5", ["x = 1"]),
        ("pass:<1 sort:pass", ["x = 3", "x = 2"]),
        ("iter:2", ["y = 2", "y = 1"]),
        ("iter:<2 sort:-pass", ["x = 1", "x = 2", "x = 3"]),
        ('"x ="', ["x = 3", "x = 2", "x = 1"]),
        ('x "= 1"', ["x = 1"]),
        ("outcome:wrong", ["x = 3", "x = 2", "x = 1"]),
        ("outcome:timeout", []),
        ("source:self task:a pass:0", ["x = 3"]),
        ("source:teacher", []),
        ("sort:-p2value task:a", ["x = 1", "x = 2", "x = 3"]),
    ],
)
def test_a_filter_finds_what_it_says(store: Store, filter_: str, found: list[str]) -> None:
    shown = page(store, filter_)
    assert texts(shown) == found
    assert (shown.problem, shown.total, shown.of) == ("", len(found), 5)


def test_the_browser_shows_the_watched_run_unless_asked_for_others(store: Store) -> None:
    other = store.writer.create_run("demo-2", "train", "seed = 0\n", "nano", "all")
    store.writer.add_samples(other, 0, [sample("c", "z = 1")])
    assert texts(page(store, "")) == ["z = 1"]
    assert len(page(store, "run:*").rows) == 6
    assert len(page(store, "run:demo-1").rows) == 5
    assert "There is no run 'demo-9'" in page(store, "run:demo-9").problem


def test_p2value_follows_the_knobs(store: Store) -> None:
    by_pass_rate = page(store, "task:a", Knobs(alpha=0.0)).rows
    assert [row.p2value for row in by_pass_rate] == [0.0, 0.5, 1.0]
    by_possibility = page(store, "task:a", Knobs(alpha=1.0)).rows
    assert [row.p2value for row in by_possibility] == pytest.approx([np.exp(-0.5)] * 3)


def test_a_program_card_puts_its_numbers_together(store: Store) -> None:
    store.writer.add_update(store.run, update(1, [1, 1]))
    [message] = answers(store, Wishes(sample=1))
    assert isinstance(message, CardReady)
    card = message.card
    assert card is not None and card.standing is not None
    assert (card.run, card.text, card.iteration, card.replays) == ("demo-1", "x = 1", 1, 2)
    assert card.standing.p2value == pytest.approx(0.2 * np.exp(-0.5) + 0.8)
    assert (card.standing.place, card.standing.candidates) == (1, 3)


def test_a_program_without_a_verdict_cannot_be_replayed(store: Store) -> None:
    [message] = answers(store, Wishes(sample=5))
    assert isinstance(message, CardReady) and message.card is not None
    assert (message.card.outcome, message.card.standing) == (None, None)


def test_a_standing_wish_is_answered_again_only_when_the_store_has_moved(store: Store) -> None:
    wishes = Wishes(page=("", 0), sample=1)
    with Observer(store.workspace) as observer:
        answering = Answers(observer)
        assert len(list(answering.to(wishes, observer.snapshot(wishes)))) == 2
        assert list(answering.to(wishes, observer.snapshot(wishes))) == []
        store.sampled("x = 9")
        time.sleep(1.1)  # the mirror is brought up to date once a second
        assert len(list(answering.to(wishes, observer.snapshot(wishes)))) == 2


def told(state: str, heartbeat: float = 0.0) -> Progress:
    return Progress(state=state, phase="sample", heartbeat=heartbeat)


def test_a_run_that_ends_shows_its_last_measurement(store: Store) -> None:
    """Though it was measured within the same second as what was shown before."""
    with Observer(store.workspace) as observer:
        store.writer.add_evaluation(store.run, evaluation("initial"))
        store.writer.set_progress(store.run, told("running"))
        observer.snapshot(Wishes())
        last = replace(evaluation("final", 9), accuracy=0.9)
        store.writer.add_evaluation(store.run, last)
        store.writer.set_progress(store.run, told("finished"))
        (line,) = observer.snapshot(Wishes()).runs
    assert line.newest == 0.9


class Alive(Launch):
    """An engine that lives."""

    @property
    def alive(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("progress", "locked", "launched", "state"),
    [
        (None, False, False, "died"),
        (None, True, False, "starting"),
        (None, False, True, "starting"),
        (told("running"), True, False, "running"),
        (told("running"), False, False, "died"),
        (told("running"), False, True, "starting"),
        (told("paused"), True, False, "paused"),
        (told("finished"), False, False, "finished"),
        (told("stopped"), False, True, "starting"),
        (told("stopped", heartbeat=2e12), False, True, "stopped"),
    ],
)
def test_the_state_of_a_run_is_what_is_true_now(
    progress: Progress | None, locked: bool, launched: bool, state: str
) -> None:
    launch: Any = Alive("demo-1", None, Path("engine.log")) if launched else None  # type: ignore[arg-type]
    assert run_state(progress, locked, launch) == state


def test_a_run_whose_engine_died_says_so(store: Store) -> None:
    store.writer.set_progress(store.run, told("running"))
    assert look(store).runs[0].state == "died"
    with store.workspace.engine_lock("demo-1"):
        assert look(store).runs[0].state == "running"


def test_the_run_at_work_is_watched_unless_another_is_asked_for(store: Store) -> None:
    store.writer.set_progress(store.run, told("running"))
    other = store.writer.create_run("demo-2", "train", "seed = 0\n", "nano", "all")
    store.writer.set_progress(other, told("finished"))
    with store.workspace.engine_lock("demo-1"):
        shown, asked = look(store).watched, look(store, watch="demo-2").watched
    assert shown is not None and asked is not None
    assert (shown.line.name, asked.line.name) == ("demo-1", "demo-2")


def test_an_unreadable_store_is_a_sentence_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / "btp.db").write_bytes(b"not a database" * 100)
    with Observer(Workspace(tmp_path)) as observer:
        assert "is not a SQLite database" in observer.snapshot(Wishes()).problem


def test_an_engine_that_dies_at_once_is_quoted(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace")
    launch = engine.start(workspace, "demo", "replay.alpha = 2.0\n")
    assert os.getsid(launch.process.pid) == launch.process.pid  # it outlives the terminal
    with Observer(workspace) as observer:
        wishes = Wishes(launch=launch, watch="demo-1")
        assert observer.snapshot(wishes).runs[0].state == "starting"
        launch.process.wait(timeout=60)
        problem = observer.snapshot(wishes).problem
    assert "exit code 2" in problem
    assert "replay.alpha = 2.0 is wrong" in problem
    assert str(launch.log) in problem


@pytest.mark.parametrize(
    ("state", "code", "said"),
    [
        ("running", -9, "r goes on from its last checkpoint"),
        ("failed", 1, "out of memory"),
        ("stopped", 1, ""),  # a signal: it checkpointed and said so
        ("finished", 0, ""),
    ],
)
def test_the_end_of_an_engine_is_a_problem_only_where_it_is_one(
    store: Store, state: str, code: int, said: str
) -> None:
    store.writer.set_progress(store.run, told(state))
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait(timeout=60)
    process.returncode = code
    log = store.workspace.run_folder("demo-1") / "engine.log"
    log.write_text("loading\nout of memory\n")
    launch = Launch("demo-1", process, log, at=0.0)
    problem = look(store, launch=launch, watch="demo-1").problem
    assert said in problem
    assert bool(said) == bool(problem)
    assert look(store, launch=launch, watch="demo-2").problem == ""


def test_engines_started_one_after_the_other_get_names_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_launch", lambda workspace, name, arguments: name)
    names = [engine.start(Workspace(tmp_path), "demo") for _ in range(3)]
    assert names == ["demo-1", "demo-2", "demo-3"]


class Inbox:
    """Takes what the feed posts."""

    def __init__(self) -> None:
        self.messages: queue.Queue[Message] = queue.Queue()

    def post(self, message: Message) -> None:
        self.messages.put(message)

    def until(self, wanted: Callable[[Message], bool]) -> Message:
        while True:
            message = self.messages.get(timeout=30)
            if wanted(message):
                return message


def test_the_feed_posts_snapshots_and_answers_wishes_from_its_thread(store: Store) -> None:
    inbox = Inbox()
    feed = Feed(store.workspace.path, inbox.post)
    feed.start()
    inbox.until(lambda message: isinstance(message, SnapshotReady))
    feed.wish(Wishes(page=("task:a", 0), sample=2))
    found: Any = inbox.until(lambda message: isinstance(message, PageReady))
    card: Any = inbox.until(lambda message: isinstance(message, CardReady))
    feed.close()
    feed.join(timeout=30)
    assert len(found.page.rows) == 3
    assert isinstance(card.card, ProgramCard)
    assert not any(isinstance(message, FeedEnded) for message in inbox.messages.queue)


def test_a_feed_that_breaks_says_so(
    store: Store, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    def broken(*_: object) -> Snapshot:
        raise ZeroDivisionError

    monkeypatch.setattr(Observer, "snapshot", broken)
    monkeypatch.setattr("threading.excepthook", lambda arguments: None)
    inbox = Inbox()
    Feed(store.workspace.path, inbox.post).start()
    inbox.until(lambda message: isinstance(message, FeedEnded))


def test_only_the_newest_message_of_a_kind_matters() -> None:
    old, new = SnapshotReady(Snapshot("a")), SnapshotReady(Snapshot("b"))
    assert old.can_replace(new)
    assert not old.can_replace(PageReady(Page("")))


def test_the_knobs_shown_before_any_run_are_the_configurations_own() -> None:
    own = ReplayConfig()
    assert all(getattr(own, name) == value for name, value in asdict(Knobs()).items())
