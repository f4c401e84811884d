"""Teacher to student on the embedded models, against self-training with as many programs.

    python -m tests.benchmarks.bench_teacher [--seeds 0 1 2] [--json]

288 programs and 24 updates each, from the same student. The teacher writes its most probable
program for each of 288 tasks. The student by itself is given the better of two ways to spend as
many programs: one for each of 288 tasks, or three for each of 96. Held-out accuracy is of all
tasks.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

WIDE = {"sampler.beams": 1, "sampler.tasks_per_iteration": 288}
WAYS: dict[str, dict[str, object]] = {
    "teacher": {**WIDE, "teacher.kind": "model"},
    "self, 288 tasks": WIDE,
    "self, 96 tasks": {"sampler.beams": 3, "sampler.tasks_per_iteration": 96},
}


def accuracy(settings: dict[str, object], seed: int) -> float:
    """Held-out accuracy after one iteration."""
    chosen = {**settings, "seed": seed, "max_iterations": 1}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "core", "train", "--json", "--workspace", folder]
        command += [f"--set={key}={value}" for key, value in chosen.items()]
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
        )
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["programs"] == 288, result
    return float(result["final"]["accuracy"])


def main() -> None:
    """Prints a line a way, and with --json one JSON object at the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    result: dict[str, list[float]] = {}
    for name, settings in WAYS.items():
        result[name] = [round(accuracy(settings, seed), 4) for seed in chosen.seeds]
        each = "  ".join(f"{value:.1%}" for value in result[name])
        print(f"{name:<16} {statistics.mean(result[name]):.1%}   {each}", flush=True)
    if chosen.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
