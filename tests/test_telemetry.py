"""Readings of the machine this test runs on, and the thread that stores them and the progress."""

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pynvml
import pytest

import core.reporter
from core.reporter import Reporter, Totals
from core.telemetry import Machine
from storage.errors import StorageError
from storage.schema import Progress, Telemetry
from storage.writer import Writer
from tests.stores import Store


def test_a_reading_lies_within_what_the_machine_has() -> None:
    with Machine() as machine:
        reading = machine.read()
    assert 0 <= reading.cpu <= 100
    assert 0 < reading.memory_used < reading.memory_total == psutil.virtual_memory().total
    assert 0 < reading.engine_memory < reading.memory_total


def test_every_device_reports_its_memory() -> None:
    with Machine() as machine:
        for device in machine.read().devices:
            assert device.name
            assert 0 <= device.memory_used <= device.memory_total


def test_a_device_that_reports_nothing_is_read_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unsupported(*_: object) -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)

    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetCount", lambda: 1)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByIndex", lambda index: index)
    questions = ("Name", "MemoryInfo", "UtilizationRates", "Temperature", "PowerUsage")
    for question in questions:
        monkeypatch.setattr(pynvml, f"nvmlDeviceGet{question}", unsupported)
    monkeypatch.setattr(pynvml, "nvmlShutdown", unsupported)
    with Machine() as machine:
        (device,) = machine.read().devices
    assert device.name == "NVIDIA device"
    assert (device.memory_used, device.memory_total) == (0, 0)
    assert device.utilization is device.temperature is device.power is None


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path) as made:
        yield made


def reporter_of(store: Store) -> Reporter:
    return Reporter(store.workspace, store.run, Progress("running", "sample"), Totals)


def test_the_heartbeat_outlives_a_failing_driver(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(machine: Machine) -> Telemetry:
        raise OSError("the driver was replaced under this process")

    monkeypatch.setattr(Machine, "read", broken)
    monkeypatch.setattr(core.reporter, "INTERVAL_S", 0.01)
    with reporter_of(store) as reporter:
        time.sleep(0.1)
        reporter.set(state="finished")
    progress = store.reader.progress(store.run)
    assert progress is not None
    assert progress.state == "finished"


def test_an_event_that_could_not_be_stored_is_stored_later_and_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_event, failures = Writer.add_event, iter([True, False, True, False])

    def often_locked(writer: Writer, run: int, level: str, message: str) -> None:
        if next(failures, False):
            raise StorageError("locked")
        add_event(writer, run, level, message)

    monkeypatch.setattr(Writer, "add_event", often_locked)
    monkeypatch.setattr(core.reporter, "INTERVAL_S", 0.01)
    with reporter_of(store) as reporter:
        reporter.event("info", "first")
        reporter.event("info", "second")
        reporter.set(state="finished")
    assert [event.message for event in store.reader.events(store.run)] == ["first", "second"]
    progress = store.reader.progress(store.run)
    assert progress is not None
    assert progress.state == "finished"
