"""Where figures come from: the command, the machine, the versions, the day."""

from __future__ import annotations

import os
import platform
import shlex
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from core.experiments.plan import Asked
from core.experiments.results import Results
from core.telemetry import Machine
from storage.reader import Reader

_PACKAGES = ("btp-tui", "torch", "transformers")


def command(name: str, asked: Asked) -> str:
    """The command that makes an experiment's tables."""
    words = ["btp-tui", "experiment", name]
    words += ["--quick"] if asked.quick else []
    for option, number in (("seeds", asked.seeds), ("programs", asked.programs)):
        words += [f"--{option}", str(number)] if number else []
    words += ["--model", asked.model] if asked.model else []
    for option, values in (
        ("train", asked.train),
        ("validation", asked.validation),
        ("held-out", asked.held_out),
        ("teacher", asked.teachers),
        ("set", asked.settings),
    ):
        for value in values:
            words += [f"--{option}", value]
    words += ["--config", str(asked.config)] if asked.config else []
    return shlex.join(words)


def said(name: str, asked: Asked, results: list[Results], reader: Reader) -> str:
    """What stands above the tables of an experiment, in Markdown."""
    seeds = sorted({outcome.cell.seed for one in results for outcome in one.outcomes()})
    outcomes = {outcome.cell.run: outcome for one in results for outcome in one.outcomes()}
    minutes = sum(outcome.seconds for outcome in outcomes.values()) / 60
    days = sorted(
        datetime.fromtimestamp(run.at, UTC).date().isoformat()
        for run in map(reader.run, outcomes)
        if run is not None
    )
    span = f"{days[0]} to {days[-1]}" if days and days[0] != days[-1] else "".join(days[:1])
    packages = ", ".join(f"{package} {version(package)}" for package in _PACKAGES)
    return (
        f"`{command(name, asked)}`\n\n"
        f"Seeds {', '.join(map(str, seeds)) or 'none'}; {len(outcomes)} runs of "
        f"{minutes:,.0f} minutes together; {machine()}; Python {platform.python_version()}, "
        f"{packages}; {span}."
    )


def machine() -> str:
    """The processor and the accelerators of this machine."""
    with Machine() as readings:
        devices = [device.name for device in readings.read().devices]
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
        named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        name = next(iter(named), name)
    cores = len(os.sched_getaffinity(0))
    return ", ".join([f"{cores} {'core' if cores == 1 else 'cores'} of {name}", *devices])
