"""`btp-tui doctor`: what it tries, what it says of what is missing, its exit code."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import pty
import re
import sqlite3
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import pytest
from rich.console import Console

import core.doctor.workspace
from core.config import ExecutorConfig
from core.doctor import Check, report
from core.doctor.check import State, verdict
from core.doctor.devices import check_device
from core.doctor.isolation import check_isolation
from core.doctor.nvidia import Driver, judge_cuda
from core.doctor.workspace import check_workspace
from core.executor import Executor
from core.executor.sandbox.kernel import ARCHITECTURE, LANDLOCK_CREATE_RULESET
from storage.filesystem import filesystem_type, refuse_network
from storage.workspace import Workspace
from storage.writer import Writer

BIN = Path(sys.executable).parent

#: Runs Python code where the kernel answers ENOSYS to one system call.
WITHOUT_CALL = f"""
import sys
from core.executor.sandbox.seccomp import ALLOW, Filter, forbid_new_privileges, refuse
call, code = int(sys.argv.pop(1)), sys.argv.pop(1)
forbid_new_privileges()
denied = [(0x20, 0, 0, 0), (0x15, 0, 1, call), (0x06, 0, 0, refuse({errno.ENOSYS}))]
Filter([*denied, (0x06, 0, 0, ALLOW)]).apply()
exec(code)
"""

#: The checks of the sandbox alone; the word after it says whether Landlock may be missing.
OF_SANDBOX = """
import json, sys
from dataclasses import asdict
from core.config import ExecutorConfig
from core.doctor.isolation import check_isolation
config = ExecutorConfig(allow_without_landlock=sys.argv[1] == "allowed")
print(json.dumps({"checks": [asdict(check) for check in check_isolation(config)]}))
"""


def run(*command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    wide = {**os.environ, "COLUMNS": "80", **environment}
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, env=wide)


def doctor(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return run(str(BIN / "btp-tui"), "doctor", *arguments, cwd=cwd, **environment)


def run_without(
    call: int, code: str, *arguments: str, cwd: Path
) -> subprocess.CompletedProcess[str]:
    """Runs Python code where the kernel lacks a system call."""
    return run(sys.executable, "-P", "-c", WITHOUT_CALL, str(call), code, *arguments, cwd=cwd)


def checks_of(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, str]]:
    """The checks of a run with --json, by name."""
    return {check["name"]: check for check in json.loads(done.stdout.splitlines()[-1])["checks"]}


def of_workspace(folder: Path) -> dict[str, Check]:
    return {check.name: check for check in check_workspace(folder)}


def listing(folder: Path) -> list[tuple[object, ...]]:
    """Every file with its size and the time of its last change."""
    files = sorted(folder.rglob("*"))
    return [(file, file.stat().st_size, file.stat().st_mtime_ns) for file in [folder, *files]]


@pytest.fixture(scope="module")
def empty_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("doctor")


@pytest.fixture(scope="module")
def printed(empty_folder: Path) -> subprocess.CompletedProcess[str]:
    """What it prints on this machine, where there is no workspace yet."""
    return doctor(cwd=empty_folder)


@pytest.fixture(scope="module")
def as_json(empty_folder: Path) -> subprocess.CompletedProcess[str]:
    return doctor("--json", cwd=empty_folder)


def test_on_this_machine_runs_would_start(printed: subprocess.CompletedProcess[str]) -> None:
    assert printed.returncode == 0, printed.stdout + printed.stderr
    assert printed.stdout.splitlines()[-1].startswith("Runs would start")


def test_every_layer_of_the_sandbox_is_shown_with_its_proof(
    as_json: subprocess.CompletedProcess[str],
) -> None:
    with Executor(workers=1) as executor:
        proofs = executor.isolation.proofs
    assert {"seccomp", "landlock"} <= set(proofs)
    checks = checks_of(as_json)
    for layer, attempt in proofs.items():
        assert checks[layer]["state"] == "ok"
        assert re.sub(r"\d+", "", checks[layer]["found"]) == re.sub(r"\d+", "", attempt)


def test_programs_are_judged_plain_with_numpy_and_by_calls(
    as_json: subprocess.CompletedProcess[str],
) -> None:
    checks = checks_of(as_json)
    for way in ("stdin test", "with numpy", "call test"):
        assert checks[way]["state"] == "ok", checks[way]


def test_json_is_the_last_line_and_has_the_checks_that_are_printed(
    printed: subprocess.CompletedProcess[str], as_json: subprocess.CompletedProcess[str]
) -> None:
    told = json.loads(as_json.stdout.splitlines()[-1])
    assert told["ok"] is True
    rows = re.findall(r"^[✓!✗] (ok|note|fails) +(\S+(?: \S+)*)", printed.stdout, re.MULTILINE)
    assert [(check["state"], check["name"]) for check in told["checks"]] == rows


def test_nothing_is_made_where_there_is_no_workspace(
    printed: subprocess.CompletedProcess[str], empty_folder: Path
) -> None:
    assert "does not exist yet" in printed.stdout
    assert list(empty_folder.iterdir()) == []


def test_without_a_terminal_none_is_judged(as_json: subprocess.CompletedProcess[str]) -> None:
    sections = {check["section"] for check in checks_of(as_json).values()}
    assert sections == {"software", "devices", "isolation", "workspace"}


def test_a_workspace_beneath_a_file_is_refused_with_advice(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, not a folder")
    done = doctor("--workspace", "taken/runs", cwd=tmp_path)
    assert done.returncode == 1
    assert "✗ fails  folder" in done.stdout
    assert "--workspace or BTP_WORKSPACE" in " ".join(done.stdout.split())
    assert done.stdout.splitlines()[-1] == "Runs would be refused: folder (workspace)."


def test_a_file_in_place_of_the_workspace_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, not a folder")
    folder = of_workspace(tmp_path / "taken")["folder"]
    assert folder.fails
    assert "is a file" in folder.found


@contextmanager
def as_nobody() -> Iterator[None]:
    """Permissions are asked for the real user; root, whom none binds, becomes somebody else."""
    if os.geteuid() != 0:
        yield
        return
    os.setresuid(65534, -1, -1)
    try:
        yield
    finally:
        os.setresuid(0, -1, -1)


def test_a_folder_that_may_not_be_written_to_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with as_nobody():
        folder = of_workspace(tmp_path / "runs")["folder"]
    assert folder.fails
    assert folder.advice.startswith(f"Change the permissions of {tmp_path}")


def test_a_database_that_may_not_be_written_to_is_refused() -> None:
    with TemporaryDirectory(prefix="btp-doctor-") as folder:  # reachable for everybody
        database = Workspace(folder).create().database
        Path(folder).chmod(0o777)
        database.chmod(0o444)
        with as_nobody():
            check = of_workspace(Path(folder))["folder"]
    assert check.fails
    assert check.found == f"{database} may not be written to"


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"disk / ext4 rw 0 0\nserver:/home {tmp_path} nfs4 rw 0 0\n")
    for function in (refuse_network, filesystem_type):
        there = partial(function, mounts=mounts)
        monkeypatch.setattr(core.doctor.workspace, function.__name__, there)
    local = of_workspace(tmp_path / "runs")["file system"]
    assert local.fails
    assert local.found.startswith("nfs4")
    assert "local disk" in local.advice


@pytest.mark.parametrize(
    ("free", "state"), [(1 << 20, "fails"), (1 << 30, "note"), (1 << 40, "ok")]
)
def test_little_room_is_noted_and_next_to_none_fails(
    free: int, state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda place: SimpleNamespace(free=free))
    assert of_workspace(tmp_path)["room"].state == state


def test_a_workspace_is_left_as_it_was(tmp_path: Path) -> None:
    Workspace(tmp_path).create()
    before = listing(tmp_path)
    assert of_workspace(tmp_path)["database"].state == "ok"
    assert listing(tmp_path) == before


def test_what_an_engine_wrote_a_moment_ago_is_read(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path).create()
    with Writer(workspace), closing(sqlite3.connect(workspace.database)) as connection:
        connection.execute("PRAGMA user_version = 99")  # lies in the log, not yet in the database
        database = of_workspace(tmp_path)["database"]
    assert database.fails
    assert "newer btp-tui" in database.advice


def test_the_database_of_another_program_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "btp.db")) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    database = of_workspace(tmp_path)["database"]
    assert database.fails
    assert "another program" in database.advice


def test_an_older_workspace_is_noted_and_would_be_brought_up_to_date(tmp_path: Path) -> None:
    with closing(sqlite3.connect(Workspace(tmp_path).create().database)) as connection:
        connection.execute("PRAGMA user_version = 0")
    assert of_workspace(tmp_path)["database"].state == "note"


@pytest.mark.parametrize(
    ("build", "driver", "available", "state", "said"),
    [
        ("13.0", (12, 4), False, "note", "Update the driver"),
        ("13.0", (12, 4), True, "ok", "finds a GPU"),  # by a compatibility package
        ("12.8", (12, 4), False, "note", "CUDA_VISIBLE_DEVICES"),  # one major version: it fits
        ("12.8", (13, 0), False, "note", "CUDA_VISIBLE_DEVICES"),
        ("12.8", (12, 8), True, "ok", "supports up to CUDA 12.8"),
        (None, (12, 4), False, "note", "built for CUDA 12"),
        (None, None, False, "ok", "no NVIDIA driver here"),
        ("13.0", None, False, "ok", "no NVIDIA driver here"),
    ],
)
def test_torch_is_held_against_the_driver(
    build: str | None, driver: tuple[int, int] | None, available: bool, state: State, said: str
) -> None:
    check = judge_cuda(build, Driver("550.54.15", driver) if driver else None, available)
    assert check.state == state
    assert said in f"{check.found} {check.advice}"
    assert (check.state == "ok") == (not check.advice)


def test_a_device_that_is_not_there_fails_with_its_sentence() -> None:
    check = check_device("cuda:7")
    assert check.fails
    assert "cuda:7" in check.found
    assert "--set device=auto" in check.advice


def test_the_device_that_auto_takes_computes() -> None:
    assert check_device("auto").state == "ok"


def test_a_torch_that_cannot_be_imported_fails_and_the_rest_is_still_tried(tmp_path: Path) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise ImportError('libtorch.so is missing')")
    done = doctor("--json", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    checks = checks_of(done)
    assert "libtorch.so is missing" in checks["torch"]["found"]
    assert "pip install" in checks["torch"]["advice"]
    assert [name for name, check in checks.items() if check["state"] == "fails"] == ["torch"]
    assert checks["call test"]["state"] == "ok"


def test_a_sandbox_that_refuses_fails_with_its_sentence(tmp_path: Path) -> None:
    main = "from core.cli import app; from core.entry import run_command; run_command(app)"
    done = run_without(ARCHITECTURE.seccomp, main, "doctor", cwd=tmp_path)
    assert done.returncode == 1
    said = " ".join(done.stdout.split())
    assert "✗ fails start This machine has no seccomp filters" in said
    assert "→ Use Linux on x86-64 or aarch64" in said
    assert said.endswith("Runs would be refused: start (isolation).")


def test_without_landlock_the_sandbox_fails(tmp_path: Path) -> None:
    done = run_without(LANDLOCK_CREATE_RULESET, OF_SANDBOX, "refused", cwd=tmp_path)
    start = checks_of(done)["start"]
    assert start["state"] == "fails"
    assert "allow_without_landlock" in start["found"]


def test_landlock_that_may_be_missing_is_noted(tmp_path: Path) -> None:
    done = run_without(LANDLOCK_CREATE_RULESET, OF_SANDBOX, "allowed", cwd=tmp_path)
    checks = checks_of(done)
    assert checks["landlock"]["state"] == "note"
    assert "5.13" in checks["landlock"]["advice"]
    assert not any(check["state"] == "fails" for check in checks.values())


def test_limits_under_which_no_program_passes_are_found() -> None:
    checks = {check.name: check for check in check_isolation(ExecutorConfig(time_limit_s=1e-6))}
    assert checks["start"].state == "ok"
    assert [checks[way].state for way in ("stdin test", "with numpy")] == ["fails", "note"]
    assert "executor.time_limit_s" in checks["stdin test"].advice


def test_a_wrong_setting_is_wrong_use(tmp_path: Path) -> None:
    done = doctor("--set", "devise=cpu", cwd=tmp_path)
    assert done.returncode == 2
    assert "Did you mean 'device'" in done.stderr


def test_a_small_terminal_without_colours_is_noted() -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 70, 0, 0))
    code = (
        "import sys; from core.doctor.terminal import check_terminal\n"
        "for check in check_terminal(): print(check.name, check.state, file=sys.stderr)"
    )
    environment = {"TERM": "dumb", "LANG": "C.UTF-8", "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdout=theirs,
        stderr=subprocess.PIPE,
        text=True,
        check=True,
        env=environment,
    )
    os.close(theirs)
    os.close(ours)
    assert done.stderr.split("\n")[:3] == ["size note", "colours note", "characters ok"]


@pytest.mark.parametrize("width", [80, 200])
def test_every_word_is_shown_within_the_width_and_aligned(width: int) -> None:
    checks = [
        Check("software", "torch", "ok", "found " * 30),
        Check("isolation", "no_new_privs", "note", "found", "advice " * 30),
        Check("workspace", "folder", "fails", "/a/very/long/path" * 12, "advice"),
    ]
    console = Console(file=StringIO(), width=width, color_system=None)
    report.show(checks, console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    for words, count in (("found", 31), ("advice", 31), ("✓ ok", 1), ("! note", 1), ("✗ fails", 1)):
        assert text.count(words) == count
    assert "/a/very/long/path" * 12 in "".join(text.split())
    rows = [line for line in text.splitlines() if line.strip() and line[0] in "✓!✗ "]
    assert all(line[22] == " " and line[23] != " " for line in rows)


@pytest.mark.parametrize(
    ("states", "sentence"),
    [
        (["ok"], "Runs would start."),
        (["ok", "note"], "Runs would start; 1 note above."),
        (["fails", "note"], "Runs would be refused: 0 (s)."),
    ],
)
def test_the_verdict_is_one_sentence(states: list[State], sentence: str) -> None:
    assert verdict([Check("s", str(i), state, "") for i, state in enumerate(states)]) == sentence
