"""What a user should know and act on: found in every snapshot anew, gone when it holds no more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from btp_tui import words
from btp_tui.keys.names import key_of
from btp_tui.snapshot import Watched
from storage.schema import Progress

#: Tested programs before it says something that none of them passes.
_ENOUGH_PROGRAMS = 50

#: Updates that "now" and at least "before" are, and how many times larger gradients have to become.
_NEW_STEPS, _OLD_STEPS, _EXPLODED = 5, 10, 10.0

#: The share of programs, and the fewest, without a verdict by a fault of the harness.
_HARNESS_SHARE, _HARNESS_LEAST = 0.02, 3

#: Seconds without a heartbeat, which comes four times a second; and without room on the disk.
_SILENT_S = 15.0
_SOON_S = 3600.0

#: Bytes above what is needed with which a disk is nearly full.
_MARGIN = 512 << 20


@dataclass(frozen=True, slots=True)
class Alert:
    """One warning: what is wrong and what to do about it; `short` says both in 66 characters.

    `kind` is the same as long as it is the same warning, whatever its figures.
    """

    kind: str
    short: str
    what: str
    todo: str


def alerts_of(watched: Watched, at: float) -> tuple[Alert, ...]:
    """Everything that calls for somebody at a moment, the most urgent first."""
    return tuple(_alerts(watched, at))


def _alerts(watched: Watched, at: float) -> Iterator[Alert]:
    progress = watched.line.progress
    if watched.line.alive and progress is not None:
        yield from _silence(watched, progress, at)
        yield from _disk(watched)
    if watched.line.alive or not watched.line.trains:
        yield from _harness(watched)
    if watched.line.alive and watched.line.trains:
        yield from _gradients(watched)
        yield from _nothing_passes(watched)
    yield from _sandbox(watched)
    if watched.line.alive and watched.line.trains and progress is not None:
        yield from _prompts(progress)
        yield from _decoder(progress)


def _silence(watched: Watched, progress: Progress, at: float) -> Iterator[Alert]:
    silent = at - progress.heartbeat
    if watched.line.state != "starting" and silent >= _SILENT_S and progress.heartbeat > 0:
        yield Alert(
            "silence",
            f"No sign of life for {words.duration(silent)}: look at its engine.log",
            f"No sign of life for {words.duration(silent)}, though the engine's process is there.",
            "Look at its engine.log; after kill -9, "
            f"{key_of('resume')} resumes {watched.line.name}.",
        )


def _disk(watched: Watched) -> Iterator[Alert]:
    disk = watched.disk
    if disk is None:
        return
    soon = disk.lasts_s is not None and disk.lasts_s < _SOON_S
    if soon or disk.free < disk.needed + _MARGIN:
        lasts = f", enough for {words.about(disk.lasts_s)}" if disk.lasts_s is not None else ""
        yield Alert(
            "disk",
            f"Disk nearly full, {words.memory(disk.free)} free{lasts}: free some",
            f"The disk is nearly full: {words.memory(disk.free)} free{lasts}.",
            f"Free some: training pauses below {words.memory(disk.needed)}.",
        )


def _harness(watched: Watched) -> Iterator[Alert]:
    """Over the newest two iterations: what was mended is forgotten."""
    newest = watched.iterations[-2:]
    failed = sum(dict(one.outcomes).get("harness error", 0) for one in newest)
    judged = sum(one.programs - dict(one.outcomes).get("", 0) for one in newest)
    if failed >= max(_HARNESS_LEAST, _HARNESS_SHARE * judged):
        yield Alert(
            "harness",
            f"{words.plural(failed, 'program')} without verdict, harness failed: run doctor",
            f"{words.count(failed)} of the newest {words.plural(judged, 'program')} have no "
            "verdict: the test harness failed.",
            "They are not learned from; btp-tui doctor tries the sandbox.",
        )


def _gradients(watched: Watched) -> Iterator[Alert]:
    norms = [step.grad_norm for step in watched.steps]
    if len(norms) < _NEW_STEPS + _OLD_STEPS:
        return
    before, now = _median(norms[:-_NEW_STEPS]), _median(norms[-_NEW_STEPS:])
    if now > _EXPLODED * max(before, 1e-6) and now > 1.0:
        yield Alert(
            "gradients",
            f"Gradients explode ({before:.3g} → {now:.3g}): "
            f"{key_of('stop')}, smaller learning_rate",
            f"Gradients explode: norm {now:.3g}, {before:.3g} before.",
            f"If it lasts, stop ({key_of('stop')}) and start with a smaller trainer.learning_rate.",
        )


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def _nothing_passes(watched: Watched) -> Iterator[Alert]:
    counts = [dict(one.outcomes) for one in watched.iterations]
    tested = sum(sum(each.values()) - each.get("", 0) for each in counts)
    if tested < _ENOUGH_PROGRAMS or any(each.get("passed") for each in counts):
        return
    rates = [one.pass_rate for one in watched.iterations if one.pass_rate is not None]
    some = any(rate > 0 for rate in rates)
    yield Alert(
        "nothing passes",
        f"None of {words.short_count(tested)} programs passes: easier tasks or a teacher",
        f"None of {words.plural(tested, 'tested program')} passes "
        f"{'all its tests' if some else 'a single test'}.",
        "Try easier tasks (tasks.train), more beams (sampler.beams) or a teacher.",
    )


def _sandbox(watched: Watched) -> Iterator[Alert]:
    for layer, (name, short, open_) in _LAYERS.items():
        if f"WITHOUT {layer}" in watched.isolation:
            yield Alert(
                f"without {layer}",
                f"Sandbox without {name}: programs may {short}",
                f"The sandbox has no {name}: programs may {open_}.",
                "Use a kernel that has it, or a machine with nothing to lose.",
            )


#: Layers of core.executor.isolation that may be missing: their name and what they hold back.
_LAYERS = {
    "seccomp": ("seccomp", "start processes", "start processes, open sockets and send signals"),
    "landlock": ("Landlock", "read files of this machine", "read files of this machine"),
}


def _prompts(progress: Progress) -> Iterator[Alert]:
    said = []
    if progress.skipped_tasks:
        said.append(words.plural(progress.skipped_tasks, "task is skipped", "tasks are skipped"))
    if progress.cut_tasks:
        said.append(words.plural(progress.cut_tasks, "prompt is cut", "prompts are cut"))
    if said:
        counts = words.short_count(progress.skipped_tasks), words.short_count(progress.cut_tasks)
        short = f"{counts[0]} tasks skipped, {counts[1]} prompts cut"
        yield Alert(
            "prompts",
            f"{short}: smaller max_new_tokens",
            f"{' and '.join(said)}: too long for the model's context.",
            "A smaller sampler.max_new_tokens leaves them more room.",
        )


def _decoder(progress: Progress) -> Iterator[Alert]:
    if progress.decoder == "generate":
        yield Alert(
            "decoder",
            f"Beam search takes its slow path: the log ({key_of('dashboard.log')}) says why",
            "Beam search takes its slow path: this model failed the check of the fast one.",
            f"Nothing is wrong, it takes longer; the log ({key_of('dashboard.log')}) says why.",
        )
