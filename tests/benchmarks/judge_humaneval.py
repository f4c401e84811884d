"""Judges the canonical HumanEval solutions in one way; exit code 0 where all of them pass."""

from __future__ import annotations

import gzip
import json
import sys
from concurrent.futures import ThreadPoolExecutor

from tests.benchmarks.human_eval_way import check_program
from tests.conftest import REAL_DATA

FILE = REAL_DATA / "HumanEval.jsonl.gz"


def by_human_eval() -> bool:
    """One process a program, all of its assertions in it."""
    with gzip.open(FILE, "rt") as file:
        records = [json.loads(line) for line in file]
    sources = [
        f"{r['prompt']}{r['canonical_solution']}\n{r['test']}\ncheck({r['entry_point']})"
        for r in records
    ]
    with ThreadPoolExecutor(2) as pool:
        return all(pool.map(check_program, sources))


def by_executor() -> bool:
    """This project's executor."""
    from core.executor import Executor
    from core.tasks.load import load_tasks

    tasks = load_tasks(f"humaneval:{FILE}")
    with Executor(workers=2) as executor:
        programs = ((task, task.reference or "") for task in tasks)
        return all(verdict.passed for _, verdict in executor.run(programs))


if __name__ == "__main__":
    sys.exit(not {"executor": by_executor, "human-eval": by_human_eval}[sys.argv[1]]())
