"""The embedded demo over several seeds: held-out accuracy before and after, programs, seconds.

    python tests/benchmarks/bench_demo.py [--seeds 0 1 2] [--quick] [--json] [--set KEY=VALUE ...]

Each run is `btp-tui train --json` as a process of its own; `seconds` is that process's wall time,
start-up included.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from typing import Any


def train(seed: int, overrides: list[str]) -> dict[str, Any]:
    """Runs one seed and returns what `train --json` printed, with the process's seconds."""
    with tempfile.TemporaryDirectory() as workspace:
        command = [sys.executable, "-P", "-m", "core", "train", "--json", "--workspace", workspace]
        for override in [*overrides, f"seed={seed}"]:
            command += ["--set", override]
        started = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - started
    if done.returncode:
        sys.exit(done.stderr)
    return {**json.loads(done.stdout.splitlines()[-1]), "seed": seed, "seconds": seconds}


def main() -> None:
    """Prints a row a seed, and with --json one JSON object at the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--quick", action="store_true", help="one seed, two iterations")
    parser.add_argument("--set", dest="overrides", action="append", default=[])
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    seeds = chosen.seeds[:1] if chosen.quick else chosen.seeds
    overrides = chosen.overrides + (["max_iterations=2"] if chosen.quick else [])
    print("seed   initial     final  programs  updates  seconds")
    results = []
    for seed in seeds:
        result = train(seed, overrides)
        results.append(result)
        print(
            f"{seed:>4}  {result['initial']['accuracy']:>8.1%}  {result['final']['accuracy']:>8.1%}"
            f"  {result['programs']:>8,}  {result['updates']:>7}  {result['seconds']:>7.1f}",
            flush=True,
        )
    if chosen.json:
        print(json.dumps({"runs": results}))


if __name__ == "__main__":
    main()
