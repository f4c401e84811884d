"""Programs and seconds until the embedded model solves 90 % of the held-out tasks: ours, and TRL's.

    pip install trl==1.16.0
    python -m tests.benchmarks.bench_grpo [--seeds 0 1 2] [--threads 1] [--quick] [--json]
    python -m tests.benchmarks.bench_grpo --tune 10

Ours is an ordinary `btp-tui train` with the default configuration, in a workspace of its own, but
that every iteration is measured, on all held-out tasks. TRL's is its GRPOTrainer, as `grpo_peer`
says, with TUNED: the same model, training tasks, executor and measurement. Both are processes of
their own with the same number of torch threads, by turns, seed by seed.

Held-out accuracy is that of the most probable program, measured after so many programs as an
iteration of ours has. Seconds are those since the model was loaded, without the measuring; those
from the start of the process until then stand apart as start-up. What never gets there in its
programs counts with all of them: its figure and the ratio are then lower bounds, marked with a
">". Of several seeds it is the median, with the lowest and the highest.

`--tune` tries so many settings of TRL's on the validation tasks, the first of them Settings(), the
others drawn at random from SPACE. Each is stopped after --minutes of CPU, or where it has lost 10
points of accuracy. The best three go on, from the beginning and with another seed, for as long as
the comparison lets them.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from core.config import Config
from core.tasks.spec import parts_of
from storage.reader import Reader
from storage.workspace import Workspace
from tests.benchmarks.grpo_peer import PeerRun, Settings

ROOT = Path(__file__).parents[2]
TARGET = 0.90

#: Programs of TRL's in the comparison, and in the short form.
PROGRAMS, QUICK_PROGRAMS = 15_360, 576

#: Programs between two measurements: those of one of our iterations.
GRID = Config().sampler.beams * Config().sampler.tasks_per_iteration

SPACE: dict[str, tuple[Any, ...]] = {
    "learning_rate": (1e-4, 3e-4, 6e-4, 1e-3),
    "generations": (4, 8, 16),
    "batch": (32, 64, 128),
    "updates": (1, 2, 4),
    "reward": ("pass_rate", "strict"),
    "decay": (False, True),
}

#: Not tuned yet.
TUNED = Settings()


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement: programs written and seconds until then, and held-out accuracy."""

    programs: int
    seconds: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Course:
    """The measurements of one run, the first of the untrained model."""

    side: str
    seed: int
    start_up: float
    points: Sequence[Point]

    @property
    def reached(self) -> bool:
        """Whether it got to the target at all."""
        return self.best.accuracy >= TARGET

    @property
    def end(self) -> Point:
        """The first measurement at the target, or the last of all."""
        return next((p for p in self.points if p.accuracy >= TARGET), self.points[-1])

    @property
    def best(self) -> Point:
        """The first of those with the highest accuracy."""
        return max(self.points, key=lambda point: point.accuracy)

    def row(self) -> str:
        """As the table shows it."""
        mark, best, end = " " if self.reached else ">", self.best, self.end
        return (
            f"{self.side:<5} {self.seed:>4}  {self.start_up:>8.1f}  {mark}{end.programs:>8,}  "
            f"{mark}{end.seconds:>7.1f}  {best.accuracy:>6.1%} after {best.programs:>6,}  "
            f"{self.points[0].accuracy:>6.1%}  {self.points[-1].accuracy:>6.1%}"
        )


def our_run(seed: int, threads: int, overrides: Iterable[str]) -> Course:
    """One run of ours, read from its workspace."""
    settings = ["evaluation.every=1", "evaluation.limit=0", *overrides, f"seed={seed}"]
    with TemporaryDirectory() as workspace:
        command = ["core", "train", "--json", "--workspace", workspace]
        for setting in settings:
            command += ["--set", setting]
        began = time.time()
        _run(command, threads)
        with Reader(Workspace(workspace).open()) as reader:
            [run] = reader.runs()
            evaluations = reader.evaluations(run.id)
            programs = dict(
                reader.query(
                    "SELECT iteration, COUNT(*) FROM samples WHERE run = ? GROUP BY iteration",
                    (run.id,),
                )
            )
    points, measuring = [], 0.0
    for record in evaluations:
        measuring += record.seconds
        written = sum(count for number, count in programs.items() if number < record.iteration)
        points.append(Point(written, record.at - run.at - measuring, record.accuracy))
    return Course("ours", seed, run.at - began, points)


def peer_run(run: PeerRun, threads: int, clock: str = "seconds") -> Course:
    """One run of TRL's; `clock` "cpu" counts CPU seconds in place of those of the wall."""
    began = time.time()
    out = _run(["tests.benchmarks.grpo_peer", run.to_json()], threads)
    first, *rest = map(json.loads, out.splitlines())
    points = [Point(said["programs"], said[clock], said["accuracy"]) for said in rest]
    return Course("TRL", run.seed, first["began"] - began, points)


def _run(module: Sequence[str], threads: int) -> str:
    """Runs a module from this folder and returns what it printed; ends with its error."""
    # Both as `btp-tui train` sets it: threads that wait must not take the executor's cores.
    environment = {"OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run(
        [sys.executable, "-m", *module],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


def compare(seeds: Sequence[int], threads: int, quick: bool, overrides: list[str]) -> list[Course]:
    """Both sides seed by seed, whoever was second before first, a row as each is done."""
    short = [f"max_programs={QUICK_PROGRAMS}"] if quick else []
    programs = QUICK_PROGRAMS if quick else PROGRAMS
    print("side  seed  start-up  programs   seconds            best accuracy    first    last")
    courses = []
    for turn, seed in enumerate(seeds):
        sides = [
            lambda seed=seed: our_run(seed, threads, [*short, *overrides]),
            lambda seed=seed: peer_run(PeerRun(TUNED, seed, programs, GRID), threads),
        ]
        for side in sides if turn % 2 == 0 else sides[::-1]:
            courses.append(side())
            print(courses[-1].row(), flush=True)
    return courses


def summary(courses: Sequence[Course]) -> dict[str, Any]:
    """Median, lowest and highest of what each side needs, and of the ratios seed by seed."""
    ours, theirs = (
        {course.seed: course for course in courses if course.side == side}
        for side in ("ours", "TRL")
    )
    said: dict[str, Any] = {"target": TARGET, "settings": asdict(TUNED)}
    for name, side in (("ours", ours), ("trl", theirs)):
        said[f"{name}_reached"] = sum(course.reached for course in side.values())
        said[f"{name}_programs"] = _spread(course.end.programs for course in side.values())
        said[f"{name}_seconds"] = _spread(course.end.seconds for course in side.values())
        said[f"{name}_best"] = _spread(course.best.accuracy for course in side.values())
    pairs = [(ours[seed].end, theirs[seed].end) for seed in ours]
    if all(course.reached for course in ours.values()):
        said["times_programs"] = _spread(their.programs / our.programs for our, their in pairs)
        said["times_seconds"] = _spread(their.seconds / our.seconds for our, their in pairs)
    said["courses"] = [asdict(course) for course in courses]
    return said


def _spread(values: Iterable[float]) -> list[float]:
    ordered = sorted(values)
    return [round(value, 3) for value in (statistics.median(ordered), ordered[0], ordered[-1])]


def show(said: dict[str, Any], seeds: int) -> None:
    """The summary in lines."""
    print(f"\nto {TARGET:.0%} held-out      median   lowest  highest")
    for name in ("ours", "trl", "times"):
        for figure in ("programs", "seconds", "best"):
            if (values := said.get(f"{name}_{figure}")) is None:
                continue
            bound = name != "ours" and figure != "best" and said["trl_reached"] < seeds
            columns = "".join(f"{value:>9,.{3 if value < 1 else 1}f}" for value in values)
            print(f"{name + ' ' + figure:<16}{'>' if bound else ' '}{columns}")
    if "times_programs" not in said:
        print(f"Ours got there with {said['ours_reached']} of {seeds} seeds: no ratio.")


def trials(count: int) -> Iterator[Settings]:
    """The settings that are tried: the starting point, then others at random, none twice."""
    tried = [Settings()]
    grid = [Settings(*values) for values in product(*SPACE.values())]
    others = [one for one in grid if one not in tried and one.batch % one.generations == 0]
    return iter([*tried, *random.Random(0).sample(others, count - 1)])


def tune(count: int, minutes: float, threads: int) -> list[dict[str, Any]]:
    """Short runs of `count` settings, then long ones of the best three; a row as each is done."""
    tasks = "nano:validation" if "validation" in parts_of("nano") else "nano:held-out"
    print(f"accuracy on {tasks}\n{_TRIAL_HEADER}")
    short = {"held_out": tasks, "stop_at": TARGET, "hopeless": 0.1, "grid": 4 * GRID}
    results: list[tuple[Settings, Course]] = []
    for settings in trials(count):
        run = PeerRun(settings, 0, PROGRAMS, seconds=60 * minutes, **short)
        results.append((settings, _trial(run, threads)))
    best = sorted(results, key=lambda result: _merit(result[1]))[:3]
    print("the best three, in full")
    for settings, _ in best:
        results.append((settings, _trial(PeerRun(settings, 1, PROGRAMS, **short), threads)))
    return [asdict(settings) | asdict(course) for settings, course in results]


_TRIAL_HEADER = (
    "step size  generations  batch  updates  reward     decay  programs    CPU s   best accuracy"
)


def _trial(run: PeerRun, threads: int) -> Course:
    course, one = peer_run(run, threads, "cpu"), run.settings
    mark, best, end = " " if course.reached else ">", course.best, course.end
    print(
        f"{one.learning_rate:>9g}  {one.generations:>11}  {one.batch:>5}  {one.updates:>7}  "
        f"{one.reward:<9}  {'yes' if one.decay else 'no':<5}  {mark}{end.programs:>7,}  "
        f"{mark}{end.seconds:>6.0f}   {best.accuracy:.1%} after {best.programs:,}",
        flush=True,
    )
    return course


def _merit(course: Course) -> tuple[float, float]:
    """The fewest programs to the target first, then the highest accuracy."""
    return (course.end.programs if course.reached else float("inf"), -course.best.accuracy)


def main() -> None:
    """Prints a row a run and the summary, and with --json one JSON object at the end."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--threads", type=int, default=1, help="torch threads of both sides")
    parser.add_argument("--quick", action="store_true", help="one seed, few programs: no ratio")
    parser.add_argument("--set", dest="overrides", action="append", default=[], help="of ours")
    parser.add_argument("--tune", type=int, metavar="TRIALS", help="try settings of TRL's instead")
    parser.add_argument("--minutes", type=float, default=3.0, help="CPU time of a trial")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    if chosen.tune:
        said: dict[str, Any] = {"trials": tune(chosen.tune, chosen.minutes, chosen.threads)}
    else:
        seeds = chosen.seeds[:1] if chosen.quick else chosen.seeds
        said = summary(compare(seeds, chosen.threads, chosen.quick, chosen.overrides))
        show(said, len(seeds))
    if chosen.json:
        print(json.dumps(said))


if __name__ == "__main__":
    main()
