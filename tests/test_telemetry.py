"""Readings of the machine this test runs on."""

import psutil

from core.telemetry import Machine


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
