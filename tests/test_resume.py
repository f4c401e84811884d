"""Crashes, signals and commands, on real engines in processes of their own."""

import json
import signal
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from storage.reader import Reader
from storage.writer import Writer
from tests.engine_runs import (
    BEAMS,
    ITERATIONS,
    TASKS,
    UPDATES,
    EngineRun,
    finish,
    new_run,
    wait_until,
)


@pytest.fixture
def run(tmp_path: Path) -> EngineRun:
    return new_run(tmp_path)


def updates_made(run: EngineRun) -> list[int]:
    """The number of every update that any engine of this run made, in order."""
    lines = (run.workspace.run_folder(run.name) / "metrics.jsonl").read_text().splitlines()
    return [record["step"] for line in lines if "loss" in (record := json.loads(line))]


def kill_and_resume(run: EngineRun, moments: Sequence[int | str]) -> list[str]:
    """Kills the engine whenever its store holds so many rows, or it says to be in a phase.

    Returns the phases that it died in.
    """
    phases = []
    engine = run.start()
    for moment in moments:
        if wait_until(lambda moment=moment: run.has_reached(moment), engine):
            engine.kill()
            progress = run.progress()
            phases.append(progress.phase if progress else "starting")
        engine.wait()
        engine = run.resume()
    finish(engine)
    return phases


def assert_whole(run: EngineRun) -> None:
    samples = run.samples()
    assert len(samples) == len(set(samples)) == ITERATIONS * TASKS * BEAMS
    assert {iteration for iteration, _, _ in samples} == set(range(ITERATIONS))
    reader = Reader(run.workspace)
    stored = reader.run(run.name)
    assert stored is not None
    assert [update.number for update in reader.updates(stored.id)] == list(
        range(1, ITERATIONS * UPDATES + 1)
    )
    assert reader.unjudged(stored.id) == []
    labels = [record.label for record in reader.evaluations(stored.id)]
    assert labels[0] == "initial"
    assert labels[-1] == "final"
    assert labels.count("initial") == labels.count("final") == 1


def test_killed_in_every_phase_it_ends_as_if_nothing_had_happened(
    run: EngineRun, tmp_path: Path
) -> None:
    phases = kill_and_resume(run, moments=[1, 12, 36, 70])
    assert len(phases) == 4
    assert_whole(run)
    made = updates_made(run)
    again = len(made) - len(set(made))
    assert again <= len(phases), "at most one minibatch a crash may be done again"


@pytest.mark.soak
def test_killed_twenty_times_the_samples_are_those_of_an_undisturbed_run(
    run: EngineRun, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    undisturbed = new_run(tmp_path / "other")
    finish(undisturbed.start())
    moments = [1 + round(place * undisturbed.rows() / 25) for place in range(20)]
    kills = ["evaluate", *moments[:3], "replay", *moments[3:5], "sample", *moments[5:8], "evaluate"]
    kills += moments[8:]  # by chance alone one phase or another would be missed
    phases = kill_and_resume(run, kills)
    assert len(phases) >= 20  # of 24: the engine may end before a late one
    assert {"evaluate", "sample", "replay"} <= set(phases), phases
    assert run.samples() == undisturbed.samples()
    assert_whole(run)
    made = updates_made(run)
    assert len(made) - len(set(made)) <= len(phases)


def test_sigterm_checkpoints_and_the_run_can_be_resumed(run: EngineRun) -> None:
    engine = run.start()
    assert wait_until(lambda: bool((at := run.progress()) and at.updates >= 2), engine)
    engine.send_signal(signal.SIGTERM)
    out, err = engine.communicate(timeout=30)
    assert engine.returncode == 1, err
    stopped = json.loads(out.splitlines()[-1])
    assert (stopped["state"], stopped["reason"]) == ("stopped", "received SIGTERM")
    checkpoints = run.workspace.run_folder(run.name) / "checkpoints"
    newest = sorted(checkpoints.glob("update-*"))[-1]
    assert int(newest.name.removeprefix("update-")) == stopped["updates"]
    assert json.loads(finish(run.resume()).splitlines()[-1])["state"] == "finished"
    assert_whole(run)
    made = updates_made(run)
    assert len(made) == len(set(made)), "a stop loses no update"


def test_a_torn_checkpoint_is_passed_over_and_the_log_says_so(run: EngineRun) -> None:
    engine = run.start()
    assert wait_until(lambda: bool((at := run.progress()) and at.updates >= UPDATES + 2), engine)
    engine.kill()
    engine.wait()
    checkpoints = run.workspace.run_folder(run.name) / "checkpoints"
    newest = sorted(checkpoints.glob("update-*"))[-1]
    (newest / "model.safetensors").write_bytes(b"")
    finish(run.resume())
    assert_whole(run)
    events = Reader(run.workspace).query("SELECT message FROM events WHERE level = 'warning'")
    assert any(newest.name in message and "Going on from" in message for (message,) in events)


def test_commands_pause_change_and_stop_the_engine(run: EngineRun) -> None:
    engine = run.start()
    assert wait_until(lambda: bool((at := run.progress()) and at.programs), engine)
    stored = Reader(run.workspace).run(run.name)
    assert stored is not None
    with Writer(run.workspace) as writer:
        writer.add_command(stored.id, "pause", {})
        assert wait_until(lambda: bool((at := run.progress()) and at.state == "paused"), engine)
        still = run.rows()
        time.sleep(0.5)
        assert run.rows() <= still + TASKS * BEAMS  # at most the verdicts that were under way
        writer.add_command(stored.id, "set", {"key": "replay.alpha", "value": 0.9})
        writer.add_command(stored.id, "set", {"key": "seed", "value": 1})
        writer.add_command(stored.id, "stop", {})
    out, err = engine.communicate(timeout=30)
    assert engine.returncode == 0, err
    assert json.loads(out.splitlines()[-1])["state"] == "stopped"
    progress = run.progress()
    assert progress is not None
    assert progress.knobs is not None
    assert progress.knobs["replay.alpha"] == 0.9
    with Writer(run.workspace) as writer:
        writer.add_command(stored.id, "stop", {})  # pressed again: too late for that engine
    finish(run.resume())
    assert_whole(run)
    answers = Reader(run.workspace).query("SELECT answer FROM commands ORDER BY id")
    words = [answer.split()[0] for (answer,) in answers]
    assert words == ["paused", "set", "seed", "stopping", "lapsed:"]


def test_two_engines_on_one_run_are_refused(run: EngineRun) -> None:
    engine = run.start()
    assert wait_until(lambda: run.progress() is not None, engine)
    engine.send_signal(signal.SIGSTOP)  # it must not end before the other one looks
    second = run.resume()
    _, err = second.communicate(timeout=60)
    assert second.returncode == 2
    assert "Another engine is at work on run small" in err
    engine.kill()
    engine.wait()


def test_two_engines_on_one_workspace_do_not_disturb_each_other(run: EngineRun) -> None:
    other = replace(run, name="other")
    engines = [run.start(), other.start()]
    for engine in engines:
        finish(engine)
    reader = Reader(run.workspace)
    counts = reader.query(
        "SELECT count(*), count(DISTINCT iteration || ' ' || task || ' ' || rank) FROM samples "
        "GROUP BY run"
    )
    assert counts == [(ITERATIONS * TASKS * BEAMS,) * 2] * 2
    for stored in reader.runs():
        assert reader.unjudged(stored.id) == []
        numbers = [update.number for update in reader.updates(stored.id)]
        assert numbers == [*range(1, ITERATIONS * UPDATES + 1)]


def test_possibilities_are_computed_anew_and_a_killed_run_goes_on_with_them(
    tmp_path: Path,
) -> None:
    def results(run: EngineRun) -> tuple[list[object], list[tuple[int, ...]]]:
        reader = Reader(run.workspace)
        said = reader.query(
            "SELECT update_number, sample, round(logprob, 3) FROM possibilities ORDER BY 1, 2"
        )
        return said, [update.draws for update in reader.updates(1)]

    settings = {"replay.refresh": 6, "replay.alpha": 0.9, "checkpoint.every_updates": 1}
    whole = replace(new_run(tmp_path / "whole"), settings=settings)
    finish(whole.start())
    killed = replace(new_run(tmp_path / "killed"), settings=settings)
    engine = killed.start()
    for moment in ("sample", "replay", "replay"):
        wait_until(lambda moment=moment: _rescored(killed) and killed.has_reached(moment), engine)
        engine.kill()
        engine.wait()
        engine = killed.resume()
    finish(engine)
    said, _ = results(whole)
    assert [update for update, _, _ in said] == [0] * 6 + [4] * 6 + [8] * 6
    assert results(killed) == results(whole)


def _rescored(run: EngineRun) -> bool:
    return bool(Reader(run.workspace).query("SELECT 1 FROM possibilities LIMIT 1"))
