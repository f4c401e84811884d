"""What the dashboard is told: seeds, room on the disk, commands, readings; and how a run stops."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pynvml
import pytest

from btp_tui import words
from btp_tui.reading.observer import Observer
from btp_tui.reading.room import DiskWatch, lasting
from btp_tui.reading.seeds import Seeds, accuracy_at
from btp_tui.reading.wishes import Wishes
from btp_tui.snapshot import Watched
from core.telemetry import Machine
from storage.reader import Reader
from storage.schema import Progress, Telemetry
from tests.engine_runs import new_run
from tests.stores import Store, evaluation, sample


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path) as made:
        yield made


def look(store: Store, watch: str = "demo-1") -> Watched:
    with Observer(store.workspace) as observer:
        watched = observer.snapshot(Wishes(watch=watch)).watched
    assert watched is not None
    return watched


def run_with(store: Store, config: str, accuracies: dict[int, float]) -> int:
    """A run of a configuration, measured after so many updates."""
    number = len(store.reader.runs()) + 1
    run = store.writer.create_run(f"demo-{number}", "train", config, "nano", "all")
    measure(store, run, accuracies)
    return run


def measure(store: Store, run: int, accuracies: dict[int, float]) -> None:
    for update, accuracy in accuracies.items():
        record = replace(evaluation("during", update, update), accuracy=accuracy)
        store.writer.add_evaluation(run, record)


# Seeds


def test_runs_that_differ_only_in_their_seed_make_a_band(store: Store) -> None:
    measure(store, store.run, {0: 0.3, 10: 0.6})
    run_with(store, "seed = 1\n", {0: 0.2, 10: 0.8})
    run_with(store, "seed = 2\n", {0: 0.4, 20: 0.6})  # at 10 updates half way between: 0.5
    band = look(store).band
    assert band is not None
    assert band.runs == 3
    assert [edges for _, *edges in band.points] == [[0.2, 0.4], [0.5, 0.8]]


def test_another_setting_or_a_turned_knob_makes_it_another_run(store: Store) -> None:
    measure(store, store.run, {0: 0.3, 10: 0.6})
    run_with(store, "seed = 1\n[replay]\nalpha = 0.7\n", {0: 0.2, 10: 0.8})
    turned = run_with(store, "seed = 2\n", {0: 0.2, 10: 0.8})
    store.writer.add_command(turned, "set", {"key": "replay.alpha", "value": 0.9})
    (command,) = store.writer.pending_commands(turned)
    store.writer.answer_command(command.id, "set")
    assert look(store).band is None


def test_a_run_alone_has_no_band(store: Store) -> None:
    measure(store, store.run, {0: 0.3})
    assert look(store).band is None


def test_a_band_of_many_runs_is_worked_out_only_when_one_was_measured(store: Store) -> None:
    measure(store, store.run, {0: 0.3, 10: 0.6})
    run_with(store, "seed = 1", {0: 0.2, 20: 0.6})
    seeds, runs = Seeds(store.reader), store.reader.runs()
    run = next(each for each in runs if each.id == store.run)
    first = seeds.band(run, runs, store.reader.evaluations(run.id))
    assert first is not None
    assert seeds.band(run, runs, store.reader.evaluations(run.id)) is first
    measure(store, store.run, {20: 0.9})
    assert seeds.band(run, runs, store.reader.evaluations(run.id)) != first


def test_nothing_is_said_of_a_run_beyond_its_last_measurement() -> None:
    measured = [replace(evaluation("during", update), accuracy=update / 10) for update in (2, 4)]
    found = [accuracy_at(update, measured) for update in (1, 2, 3, 4, 5)]
    assert found == [None, 0.2, pytest.approx(0.3), 0.4, None]


# What the engine was asked


def test_commands_without_an_answer_are_named_and_a_refusal_is_quoted(store: Store) -> None:
    store.writer.add_command(store.run, "set", {"key": "replay.alpha", "value": 7})
    (command,) = store.writer.pending_commands(store.run)
    store.writer.answer_command(command.id, "replay.alpha = 7 is wrong")
    store.writer.add_command(store.run, "pause", {})
    watched = look(store)
    assert (watched.asked, watched.refusal) == (("pause",), "replay.alpha = 7 is wrong")


def test_what_a_file_was_tested_with_is_told(store: Store) -> None:
    config = 'tasks = "nano:train"\nprograms = "theirs.parquet"\nrun = ""\n'
    store.writer.create_run("import-1", "import", config, "", "all")
    watched = look(store, "import-1")
    assert watched.inputs == (("tasks", "nano:train"), ("programs", "theirs.parquet"))
    assert look(store).inputs == ()


# The histogram of a preview


@pytest.mark.parametrize("unknown_lengths", [False, True])
def test_turning_the_possibility_shows_what_a_fresh_look_would(
    store: Store, unknown_lengths: bool
) -> None:
    programs = store.sampled("x", "y", "z", logprob=-3.0)
    store.judged(dict(zip(programs, (0.0, 0.5, 1.0), strict=True)))
    if unknown_lengths:
        record = sample("b", "w", logprob=-1.0, n_tokens=None)
        (stored,) = store.writer.add_samples(store.run, 2, [record])
        store.judged({stored.program: 1.0})
    joint = Wishes(turned=(("possibility", "joint"),))
    with Observer(store.workspace) as observer:
        before = observer.snapshot(Wishes()).watched
        turned = observer.snapshot(joint).watched
        back = observer.snapshot(Wishes()).watched
    with Observer(store.workspace) as observer:
        fresh = observer.snapshot(joint).watched
    assert before is not None and turned is not None and back is not None and fresh is not None
    assert turned.histogram == fresh.histogram
    assert back.histogram == before.histogram
    assert turned.histogram != before.histogram
    assert fresh.histogram is not None
    assert fresh.histogram.candidates == 3 + unknown_lengths


# The machine


def test_readings_are_remembered_over_the_whole_run(store: Store) -> None:
    now = time.time()
    for second in range(400):
        reading = Telemetry(50.0, 1, 2, 1, (), at=now - 400 + second, cores=(40.0, 60.0))
        store.writer.add_telemetry(store.run, reading)
    shown = look(store).telemetry
    assert shown[-1].at - shown[0].at > 390
    assert shown[-1].cores == (40.0, 60.0)


@pytest.mark.parametrize(
    ("visible", "seen"),
    [(None, "abcd"), ("2,0", "ca"), ("", ""), ("GPU-b", "b"), ("1,9,2", "b"), ("MIG-x", "abcd")],
)
def test_devices_are_those_that_cuda_counts(
    monkeypatch: pytest.MonkeyPatch, visible: str | None, seen: str
) -> None:
    def unsupported(*_: object) -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)

    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlShutdown", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetCount", lambda: 4)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByIndex", lambda index: "abcd"[index])
    monkeypatch.setattr(pynvml, "nvmlDeviceGetUUID", lambda handle: f"GPU-{handle}")
    monkeypatch.setattr(pynvml, "nvmlDeviceGetName", lambda handle: handle)
    for question in ("MemoryInfo", "UtilizationRates", "Temperature", "PowerUsage"):
        monkeypatch.setattr(pynvml, f"nvmlDeviceGet{question}", unsupported)
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with Machine() as machine:
        assert "".join(device.name for device in machine.read().devices) == seen


def test_every_core_is_read() -> None:
    with Machine() as machine:
        time.sleep(0.05)
        reading = machine.read()
    assert len(reading.cores) >= 1
    assert all(0 <= core <= 100 for core in reading.cores)
    assert reading.cpu == pytest.approx(sum(reading.cores) / len(reading.cores), abs=1)


# Room on the disk


def test_how_long_the_disk_lasts_follows_from_what_was_used_up() -> None:
    gib = 1 << 30
    assert lasting(10 * gib, 9 * gib, 100.0, gib) == pytest.approx(800.0)
    assert lasting(10 * gib, 9 * gib, 10.0, gib) is None, "too short to say"
    assert lasting(9 * gib, 10 * gib, 100.0, gib) is None, "it was freed"
    assert lasting(10 * gib, gib // 2, 100.0, gib) == 0.0


def test_what_is_needed_counts_the_next_checkpoint(store: Store) -> None:
    disk = DiskWatch(store.workspace).look("demo-1")
    folder = store.workspace.run_folder("demo-1") / "checkpoints" / "update-1"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"x" * 5000)
    more = DiskWatch(store.workspace).look("demo-1")
    assert disk is not None and more is not None
    assert disk.free > 0
    assert more.needed == disk.needed + 5000


# Stopping without the screen


def test_ctrl_c_while_it_loads_says_that_it_stopped_and_how_to_go_on(tmp_path: Path) -> None:
    # The interrupt comes while torch loads: no earlier, no later, however fast the machine is.
    code = (
        "import os, signal, sys, builtins;"
        "load = builtins.__import__\n"
        "def interrupted(name, *rest):\n"
        "    if name == 'torch': os.kill(os.getpid(), signal.SIGINT)\n"
        "    return load(name, *rest)\n"
        "builtins.__import__ = interrupted\n"
        "sys.argv[0] = 'core'\n"
        "from core.cli import app\n"
        "from core.entry import run_command\n"
        "run_command(app)\n"
    )
    command = [sys.executable, "-c", code, "train", "--workspace", str(tmp_path / "ws")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    said = "Stopped while it was loading: nothing was done. The same command starts it again.\n"
    assert (done.returncode, done.stderr) == (1, said)


def test_ctrl_c_of_a_run_is_answered_at_once_and_says_how_to_go_on(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    process = run.start()
    deadline = time.monotonic() + 60
    while not (told := run.progress()) or told.phase not in ("evaluate", "sample"):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "SIGINT: stopping after this step, with a checkpoint." in said
    with Reader(run.workspace) as reader:
        stored = reader.run("small")
        assert stored is not None and isinstance(stored.progress, Progress)
        assert stored.progress.state == "stopped"


# Words


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (1632, "1,632"),
        (9999, "9,999"),
        (12_345, "12.3k"),
        (99_960, "100k"),
        (123_456, "123k"),
        (999_600, "1.00M"),
        (4_567_000, "4.57M"),
        (45_670_000, "45.7M"),
    ],
)
def test_a_count_in_little_room_has_at_most_five_characters(number: int, said: str) -> None:
    assert words.short_count(number) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "about 1 s"),
        (12.4, "about 12 s"),
        (89, "about 89 s"),
        (170, "about 3 min"),
        (5300, "about 88 min"),
        (7000, "about 2 h"),
        (200_000, "about 2 d"),
    ],
)
def test_an_estimate_has_one_unit(seconds: float, said: str) -> None:
    assert words.about(seconds) == said
