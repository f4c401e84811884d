"""The layers as what an import leaves behind: the screen's path stays light."""

import json
import subprocess
import sys

import pytest

HEAVY = {"torch", "transformers", "datasets", "pyarrow", "sqlite_utils", "pandas"}


@pytest.mark.parametrize(
    "module",
    ["btp_tui.app", "btp_tui.command_line", "storage.columns", "core.priority", "core.tasks.load"],
)
def test_importing_it_loads_nothing_heavy(module: str) -> None:
    code = f"import json, sys, {module}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(json.loads(done.stdout)) & HEAVY == set()


def test_help_of_a_handed_over_command_answers_without_torch() -> None:
    code = "import sys, core.cli; print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
