"""Experiments as real processes: what is finished stays, what was killed goes on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import typer

import core.cli
from core.errors import CoreError
from storage.reader import Reader
from storage.workspace import Workspace
from tests.engine_runs import small_held_out

SETTINGS = {
    "sampler.beams": 2,
    "sampler.tasks_per_iteration": 4,
    "trainer.updates_per_iteration": 2,
    "trainer.minibatch": 4,
}
#: Two iterations.
PROGRAMS = 16


@dataclass
class Experiment:
    """`btp-tui experiment` in a workspace of its own, on six held-out tasks."""

    folder: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.workspace = Workspace(self.folder / "workspace")
        self.reader = Reader(self.workspace)
        held_out = small_held_out(self.folder)
        self.given = [f"--held-out=nano:{held_out}", f"--programs={PROGRAMS}", "--json"]
        self.given += [f"--set={key}={value}" for key, value in SETTINGS.items()]
        self.given += ["--workspace", str(self.workspace.path)]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "core", "experiment", *arguments, *self.given]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self.started.append(process)
        return process

    def close(self) -> None:
        """Ends what a failed test has left, with its cells."""
        for process in self.started:
            if process.poll() is None:
                kill_all(process)

    def run(self, *arguments: str) -> tuple[int, list[dict[str, Any]], str]:
        """Exit code, events, and what stands on stderr."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=120)
        return process.returncode, [json.loads(line) for line in out.splitlines()], err

    def repeat(self, *arguments: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
        """The events of the same command, in this process: for what starts no cell."""
        typer.main.get_command(core.cli.app)(
            ["experiment", *arguments, *self.given], standalone_mode=False
        )
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    def samples(self) -> int:
        """How many programs are stored."""
        rows = self.reader.query("SELECT count(*) FROM samples")
        return int(rows[0][0]) if rows else 0

    def has_checkpoint(self, run: str) -> bool:
        folder = self.workspace.run_folder(run) / "checkpoints"
        return any(folder.glob("update-*"))


@pytest.fixture
def experiment(tmp_path: Path) -> Iterator[Experiment]:
    with closing(Experiment(tmp_path)) as experiment:
        yield experiment


def kill_all(process: subprocess.Popen[str]) -> None:
    """`kill -9` of an experiment and of the cells under way."""
    for each in [*psutil.Process(process.pid).children(recursive=True), process]:
        with suppress(psutil.NoSuchProcess):  # a cell's executor ends with the cell
            each.kill()
    process.communicate()


def wait_until(reached: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not reached():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def runs(events: list[dict[str, Any]], event: str) -> set[str]:
    return {each["run"] for each in events if each["event"] == event}


def test_what_was_killed_goes_on_what_is_finished_stays_and_what_fails_is_named(
    experiment: Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["c1", "--teacher=nano", "--seeds=2", "--jobs=2"]
    process = experiment.start(*arguments)
    wait_until(lambda: experiment.has_checkpoint("c1-own-self-0"), process)
    kill_all(process)
    names = {f"c1-own-{arm}-{seed}" for arm in ("self", "by-nano") for seed in (0, 1)}

    code, events, err = experiment.run(*arguments)
    assert code == 0, err
    assert "c1-own-self-0" in runs(events, "resumed")
    assert runs(events, "finished") == names
    assert experiment.samples() == 4 * PROGRAMS
    assert {run.name for run in experiment.reader.runs()} == names
    assert not experiment.has_checkpoint("c1-own-self-0")
    out = experiment.workspace.path / "experiments"
    table = (out / "c1.md").read_text("utf-8")
    assert "| self (baseline) |" in table
    assert "2 seeds" in table
    assert len((out / "c1.jsonl").read_text("utf-8").splitlines()) == 4 * 3

    events = experiment.repeat(*arguments, capsys=capsys)  # all of it is there
    assert (runs(events, "started"), runs(events, "resumed")) == (set(), set())
    assert events[0] == {"event": "planned", "cells": 4, "finished": 4}
    assert (out / "c1.md").read_text("utf-8") == table

    with pytest.raises(CoreError, match=r"replay\.alpha is 0\.2 there and 0\.7 here"):
        experiment.repeat(*arguments, "--set=replay.alpha=0.7", capsys=capsys)

    code, events, _ = experiment.run("c1", "--teacher=./gone", "--seeds=1")
    failed = [event for event in events if event["event"] == "failed"]
    assert code == 1
    assert [event["run"] for event in failed] == ["c1-own-by-gone-0"]
    assert "gone" in failed[0]["reason"]
    assert events[-1] == {"event": "ended", "failed": 1, "stopped": False}
    table = (out / "c1.md").read_text("utf-8")
    assert "| self (baseline) |" in table
    assert "**1 of 2 cells are missing.**" in table


def test_ctrl_c_leaves_cells_stopped_with_a_checkpoint(experiment: Experiment) -> None:
    process = experiment.start("c2", "--seeds=1")
    wait_until(lambda: experiment.has_checkpoint("c2-own-ours-0"), process)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=120)
    events = [json.loads(line) for line in out.splitlines()]
    assert process.returncode == 1
    assert events[-1] == {"event": "ended", "failed": 0, "stopped": True}
    run = experiment.reader.run("c2-own-ours-0")
    assert run is not None
    assert run.progress is not None
    assert run.progress.state == "stopped"
    assert experiment.has_checkpoint("c2-own-ours-0")
