"""`--offline`: not one connection to the hub, for models and datasets, and one sentence instead."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.config import ModelConfig, to_toml
from core.config_reading import build_config
from core.offline import stay_offline, stay_offline_as


class Hub:
    """Counts who connects, and hangs up."""

    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.connections = 0
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.getsockname()[1]}"

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()


@pytest.fixture
def hub() -> Iterator[Hub]:
    opened = Hub()
    yield opened
    opened.server.close()


def command(hub: Hub, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    names = {"HF_ENDPOINT": hub.address, "HF_HOME": str(folder / "cache")}
    cleared = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "TRANSFORMERS_"))}
    return subprocess.run(
        [sys.executable, "-m", "core", *arguments, "--set=executor.workers=1"],
        env={**cleared, **names},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("model", "tasks", "said"),
    [
        ("nobody/nothing", "nano:held-out", "model.offline is set"),
        ("nano", "humaneval", "Cannot fetch the dataset humaneval"),
    ],
)
def test_offline_connects_to_nothing(
    hub: Hub, tmp_path: Path, model: str, tasks: str, said: str
) -> None:
    done = command(hub, tmp_path, "sample", model, tasks, "--offline")
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert hub.connections == 0


def test_without_it_the_hub_is_asked(hub: Hub, tmp_path: Path) -> None:
    done = command(hub, tmp_path, "sample", "nobody/nothing", "nano:held-out")
    assert done.returncode == 2, done.stderr
    assert "nobody/nothing is no embedded model" in done.stderr
    assert done.stderr.count("\n") == 1
    assert hub.connections > 0


def test_a_resumed_run_stays_as_offline_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    for offline in (False, True):
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        config = build_config({"model": ModelConfig(offline=offline).model_dump()}, "the test")
        stay_offline_as(to_toml(config))
        assert ("HF_HUB_OFFLINE" in os.environ) == offline
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        stay_offline(config)
        assert ("HF_HUB_OFFLINE" in os.environ) == offline
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
