"""The sentence of the moment: every state and phase in words, with how long it takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from btp_tui.now import now_in_words
from btp_tui.reading.pace import Pace
from btp_tui.snapshot import Watched
from storage.schema import Event, Progress
from tests.screens import START, progress, run_line

NOW = START + 40


def said(state: str = "running", width: int = 200, **changes: Any) -> str:
    """The sentence for a run in a state; `changes` are of its progress or of Watched."""
    own = {key: changes.pop(key) for key in ("asked", "phase_left_s", "log") if key in changes}
    kind = changes.pop("kind", "train")
    line = run_line(state=state, kind=kind)
    told: Progress | None = replace(line.progress or progress(), **changes)
    if changes.get("phase") is None and changes.get("state") == "":
        told = None
    return now_in_words(Watched(replace(line, progress=told), **own), NOW).fitted(width)


@pytest.mark.parametrize(
    ("phase", "sentence"),
    [
        ("evaluate", "Measuring held-out accuracy: 50 of 200 tasks, about 12 s; whole run about"),
        ("sample", "Writing programs of iteration 6 of 10: 64 of 96 tasks, about 12 s; whole run"),
        ("test", "Testing programs of iteration 6 of 10: 171 of 192, about 12 s; whole run about"),
        ("replay", "Learning from replayed programs, iteration 6 of 10: 12 of 24 updates, about"),
        ("starting", "Getting ready: the sandbox and the store are opened"),
        ("stopping", "Stopping: it saves a checkpoint, then the engine ends."),
    ],
)
def test_each_phase_says_what_how_much_and_how_long(phase: str, sentence: str) -> None:
    shown = said(phase=phase, phase_left_s=12.0, evaluated=50, evaluate_total=200, updated=12)
    assert shown.startswith(sentence)


@pytest.mark.parametrize("width", [78, 60, 45, 30])
def test_a_sentence_is_shortened_from_its_end_and_stays_whole(width: int) -> None:
    shown = said(phase="test", phase_left_s=12.0, eta_s=170.0, width=width)
    assert len(shown) <= max(width, len("Testing programs of iteration 6 of 10."))
    assert shown.startswith("Testing programs of iteration 6 of 10")
    assert shown.endswith(".")
    if width == 78:
        assert shown.endswith("171 of 192, 12 s; run 3 min.")


def test_the_first_and_the_last_measurement_are_named() -> None:
    assert "before the first update" in said(phase="evaluate", updates=0, iteration=0)
    assert "for the last time" in said(phase="evaluate", iteration=10)


def test_when_all_is_written_it_says_what_is_still_done() -> None:
    shown = said(phase="sample", sampled=96)
    assert shown.startswith("Testing the last programs of iteration 6 of 10: 171 of 192")


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (("pause",), "Asked to pause: the engine finishes its step first"),
        (("pause", "stop"), "Asked to stop: the engine finishes its step first"),
        (("set", "set"), "Asked to turn a knob: the engine finishes its step first"),
    ],
)
def test_what_was_asked_and_is_not_done_yet_is_said(asked: tuple[str, ...], sentence: str) -> None:
    assert said(asked=asked).startswith(sentence)


def test_a_paused_run_says_which_key_goes_on_or_what_it_waits_for() -> None:
    assert said("paused").startswith("Training is paused, nothing is lost: p goes on; it stands in")
    short_of_room = "Only 12 MB are free on the disk, 64 MB are needed: free some and it goes on."
    assert said("paused", message=short_of_room) == f"Paused: {short_of_room}"
    assert said("paused", asked=("resume",)).startswith("Asked to go on")


def test_a_run_that_starts_says_for_how_long_it_has_been_at_it() -> None:
    line = run_line(state="starting", progress=None)
    shown = now_in_words(Watched(line), START + 7).full
    assert shown == "Starting the engine: it loads the model and its tasks, 7 s so far."
    again = now_in_words(Watched(run_line(state="starting")), START + 7).full
    assert (
        again == "Starting the engine again: it loads its newest checkpoint and goes on from there."
    )


def test_a_dead_engine_says_when_it_was_last_heard_of_and_what_to_do() -> None:
    shown = said("died", heartbeat=NOW - 95)
    assert shown.startswith("The engine died, 1 min 35 s ago; results are safe: r resumes")
    assert "(then: Writing programs of iteration 6 of 10)" in shown
    bare = now_in_words(Watched(run_line(state="died", progress=None)), NOW).full
    assert bare.startswith("The engine died before it began")


def test_a_failure_says_why() -> None:
    why = "Training diverged: loss nan, gradient norm nan."
    assert said("failed", message=why).startswith(f"Failed: {why.rstrip('.')}; r goes on")
    from_log = (Event("error", "Run failed: no room.", 0.0),)
    assert "Run failed: no room" in said("failed", log=from_log)


def test_an_end_says_what_came_of_it() -> None:
    assert said("finished").startswith("Finished in 38 s: held-out accuracy 33.0 % → 86.5 %; b ")
    assert said("stopped").startswith("Stopped in iteration 6 of 10 (r resumes it): held-out ")


def test_a_run_that_only_tests_a_file_says_that_nothing_trains() -> None:
    shown = said("running", kind="import", phase="test", phase_left_s=3.0)
    assert shown == "Testing the programs of a file: 171 of 192, about 3 s; nothing trains here."
    assert said("finished", kind="import").startswith("Finished: 171 programs tested in 38 s")


def at(seconds: float, done: int, **changes: Any) -> Progress:
    told = replace(progress(phase="test"), tested=done, test_total=100, heartbeat=START + seconds)
    return replace(told, **changes)


def test_the_time_a_phase_takes_follows_from_its_speed_so_far() -> None:
    pace = Pace()
    assert pace.left(at(0, 0)) is None, "nothing is known yet"
    pace.left(at(5, 10))
    assert pace.left(at(10, 20)) == pytest.approx(40.0)
    assert pace.left(at(10.25, 20)) == pytest.approx(39.75), "it counts down within a step"


def test_another_phase_or_iteration_begins_anew() -> None:
    pace = Pace()
    pace.left(at(0, 0))
    pace.left(at(10, 20))
    assert pace.left(at(11, 30, iteration=6)) is None
    pace.left(at(12, 40, iteration=6))
    assert pace.left(at(13, 0, iteration=6)) is None, "what was done was taken back"
    assert pace.left(at(12, 5, phase="done")) is None
