"""Metrics beside a run: lines that any tool can read, and a clear word on a missing extra."""

import importlib.util
import json
from pathlib import Path

import pytest

from core.config import LoggingConfig
from core.errors import CoreError
from core.metrics import JsonLines, check_installed


def test_a_line_that_found_no_room_is_not_kept_for_later(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").symlink_to("/dev/full")
    sink = JsonLines(tmp_path / "metrics.jsonl")
    for _ in range(3):
        with pytest.raises(OSError, match="No space left"):
            sink.write(1, {"loss": 0.5})
    sink.close()


def test_every_record_is_one_line_of_json_with_step_and_time(tmp_path: Path) -> None:
    sink = JsonLines(tmp_path / "metrics.jsonl")
    sink.write(1, {"loss": 2.5})
    sink.write(2, {"loss": 2.0, "grad_norm": 0.5})
    sink.close()
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2]
    assert lines[1]["grad_norm"] == 0.5
    assert lines[0]["at"] <= lines[1]["at"]


def test_a_resumed_run_appends_to_its_metrics(tmp_path: Path) -> None:
    for step in (1, 2):
        sink = JsonLines(tmp_path / "metrics.jsonl")
        sink.write(step, {"loss": 1.0})
        sink.close()
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 2


def test_a_line_is_on_disk_before_the_next_is_written(tmp_path: Path) -> None:
    sink = JsonLines(tmp_path / "metrics.jsonl")
    sink.write(1, {"loss": 1.0})
    assert (tmp_path / "metrics.jsonl").read_text().endswith("}\n")


@pytest.mark.parametrize("extra", ["tensorboard", "trackio"])
def test_a_sink_that_is_not_installed_is_named_with_the_way_out(extra: str) -> None:
    if importlib.util.find_spec(extra):
        pytest.skip(f"{extra} is installed here")
    with pytest.raises(CoreError, match=rf"btp-tui\[{extra}\].*logging\.{extra} = false"):
        check_installed(LoggingConfig.model_validate({extra: True}))
