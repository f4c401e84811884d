"""Putting a run together: what a refused start leaves behind, and what a failed run says."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from core.config import Config
from core.config_reading import build_config
from core.engine import Listeners, start
from core.errors import CoreError
from core.pipeline import Pipeline
from storage.errors import StorageError
from storage.reader import Reader
from storage.schema import TaskRecord
from storage.workspace import Workspace
from storage.writer import Writer
from tests.engine_runs import small_held_out


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace").create()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return build_config(
        {
            "model": {"offline": True},
            "tasks": {"limit": 4, "held_out": [f"nano:{small_held_out(tmp_path)}"]},
            "executor": {"workers": 1},
        },
        origin="the test",
    )


def test_a_start_under_a_taken_name_leaves_that_run_as_it_was(
    workspace: Workspace, config: Config
) -> None:
    with Writer(workspace) as writer:
        writer.create_run("first", "train", "seed = 1", "nano", "")
    file = workspace.run_folder("first") / "config.toml"
    file.write_text("seed = 1")
    with pytest.raises(StorageError, match="There is a run first already"):
        start(workspace, config, "first", Listeners())
    assert file.read_text() == "seed = 1"
    assert Reader(workspace).query("SELECT count(*) FROM tasks") == [(0,)]


def test_a_start_with_other_tests_than_those_stored_leaves_no_run(
    workspace: Workspace, config: Config
) -> None:
    from core.tasks.load import load_tasks

    task = load_tasks("nano:train")[0]
    with Writer(workspace) as writer:
        writer.add_tasks([TaskRecord(task.task_id, "nano", "", "another prompt", None, ())])
    with pytest.raises(StorageError, match="with another prompt"):
        start(workspace, config, None, Listeners())
    assert Reader(workspace).runs() == []


@pytest.mark.parametrize("extra", ["tensorboard", "trackio"])
def test_a_start_without_the_package_it_needs_leaves_no_run(
    workspace: Workspace, config: Config, extra: str
) -> None:
    if importlib.util.find_spec(extra):
        pytest.skip(f"{extra} is installed here")
    wanting = config.model_copy(update={"logging": config.logging.model_copy(update={extra: True})})
    with pytest.raises(CoreError, match=rf"logging\.{extra} = true needs a package"):
        start(workspace, wanting, None, Listeners())
    assert Reader(workspace).runs() == []
    assert not (workspace.path / "runs").exists()


@pytest.mark.parametrize("broken", ["__post_init__", "run_to_end"])
def test_a_failed_run_says_why(
    workspace: Workspace, config: Config, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def fail(_: Pipeline) -> None:
        raise RuntimeError("CUDA error:\n no kernel image")

    monkeypatch.setattr(Pipeline, broken, fail)
    with pytest.raises(RuntimeError):
        start(workspace, config, None, Listeners())
    (run,) = Reader(workspace).runs()
    assert run.progress is not None
    assert run.progress.state == "failed"
    assert run.progress.message == "RuntimeError: CUDA error: no kernel image"
    (event,) = [each for each in Reader(workspace).events(run.id) if each.level == "error"]
    assert event.message == "Run failed: RuntimeError: CUDA error: no kernel image"


def test_a_run_that_has_ended_leaves_all_of_it_in_one_file(
    workspace: Workspace, config: Config
) -> None:
    """So that whoever copies the database alone has everything."""
    small = {"max_iterations": 1, "trainer": {"updates_per_iteration": 1}}
    short = build_config({**config.model_dump(), **small}, origin="the test")
    start(workspace, short, None, Listeners())
    assert not workspace.database.with_name("btp.db-wal").exists()
