"""The sentence of the moment: what the engine does, or why it does nothing, and for how long."""

from __future__ import annotations

from dataclasses import dataclass

from btp_tui import words
from btp_tui.keys.names import key_of
from btp_tui.snapshot import RunLine, Watched
from storage.schema import Progress

#: What each phase moves, as the sentence counts it.
_COUNTED = {
    "evaluate": ("evaluated", "evaluate_total"),
    "sample": ("sampled", "sample_total"),
    "test": ("tested", "test_total"),
    "replay": ("updated", "update_total"),
}


@dataclass(frozen=True, slots=True)
class Now:
    """A sentence that can be shortened: its first part stays, the last of `more` goes first.

    Each of `more` is there twice: as it reads where there is room, and shorter.
    """

    first: str
    more: tuple[tuple[str, str], ...] = ()
    style: str = ""

    def fitted(self, width: int) -> str:
        """The sentence for a width in cells, as much of it as fits."""
        for which in (0, 1):
            whole = self.first + "".join(part[which] for part in self.more)
            if len(whole) < width:
                return f"{whole}."
        for parts in range(len(self.more) - 1, 0, -1):
            part = self.first + "".join(short for _, short in self.more[:parts])
            if len(part) < width:
                return f"{part}."
        return f"{self.first}."

    @property
    def full(self) -> str:
        """All of it."""
        return self.fitted(10_000)


def now_in_words(watched: Watched, at: float) -> Now:
    """What is true of the watched run at a moment, in seconds since the epoch."""
    run, progress = watched.line, watched.line.progress
    match run.state:
        case "starting":
            return _starting(run, at)
        case "died":
            return _died(run, at)
        case "failed":
            return Now(f"Failed: {_reason(watched)}", ((_again(run), _again(run)),), "$failed")
        case "finished" | "stopped" if progress is not None:
            return _ended(run, progress)
    if progress is None:
        return Now("The engine has not said anything yet")
    if not run.trains:
        return Now(
            "Testing the programs of a file",
            (_counted(progress), _left(watched.phase_left_s), _both("; nothing trains here")),
        )
    if run.state == "paused":
        return _paused(watched, progress)
    return _at_work(watched, progress)


def _at_work(watched: Watched, progress: Progress) -> Now:
    if progress.phase == "stopping":
        return Now("Stopping: it saves a checkpoint, then the engine ends", style="$timeout")
    for name, said in _ASKED.items():
        if name in watched.asked:
            return Now(
                f"{said} the engine finishes its step first", ((f": {_doing(progress)}", ""),)
            )
    more = [_counted(progress), _left(watched.phase_left_s)]
    if progress.eta_s is not None:
        whole = words.about(progress.eta_s)
        more.append((f"; whole run {whole}", f"; run {whole.removeprefix('about ')}"))
    more.append(_both(_spent(progress)))
    return Now(_doing(progress), tuple(more))


#: What was asked and is not done yet, the most important first.
_ASKED = {
    "stop": "Asked to stop:",
    "pause": "Asked to pause:",
    "set": "Asked to turn a knob:",
}


def _starting(run: RunLine, at: float) -> Now:
    if run.progress is not None:
        return Now(
            "Starting the engine again: it loads its newest checkpoint",
            (_both(" and goes on from there"),),
        )
    so_far = f", {words.duration(at - run.at)} so far" if at > run.at > 0 else ""
    return Now(
        "Starting the engine: it loads the model and its tasks", ((so_far, so_far), _both(""))
    )


def _died(run: RunLine, at: float) -> Now:
    if run.progress is None:
        how = f"{key_of('resume')} starts it again" if run.trains else "run the command again"
        return Now(f"The engine died before it began: its log says why, {how}", style="$failed")
    silent = words.duration(at - run.progress.heartbeat)
    ago = f", {silent} ago" if at > run.progress.heartbeat > 0 else ""
    do = (
        f"{key_of('resume')} resumes from the last checkpoint"
        if run.trains
        else "import the file again"
    )
    return Now(
        f"The engine died{ago}",
        ((f"; results are safe: {do}", f"; {do}"), (f" (then: {_doing(run.progress)})", "")),
        "$failed",
    )


def _ended(run: RunLine, progress: Progress) -> Now:
    took = words.duration(progress.elapsed_s)
    if not run.trains:
        tested = words.plural(progress.tested, "program")
        return Now(f"{run.state.capitalize()}: {tested} tested in {took}", (_both(_browse()),))
    result = _result(run)
    if run.state == "finished":
        return Now(f"Finished in {took}: {result}", (_both(_browse()),))
    where = f" {_turn(progress)}" if progress.iteration < (progress.iterations or 1 << 62) else ""
    return Now(f"Stopped{where} ({key_of('resume')} resumes it)", (_both(f": {result}"),))


def _paused(watched: Watched, progress: Progress) -> Now:
    if "resume" in watched.asked:
        return Now("Asked to go on: the engine has not answered yet", style="$timeout")
    if "stop" in watched.asked:
        return Now("Asked to stop: it saves a checkpoint first", style="$timeout")
    if progress.message:
        return Now(f"Paused: {progress.message.rstrip('.')}", style="$timeout")
    return Now(
        f"Training is paused, nothing is lost: {key_of('pause')} goes on",
        (_both(f"; it stands {_turn(progress)}"),),
        "$timeout",
    )


def _doing(progress: Progress) -> str:
    match progress.phase:
        case "starting":
            return "Getting ready: the sandbox and the store are opened"
        case "evaluate":
            return f"Measuring held-out accuracy{_which(progress)}"
        case "sample" if progress.sampled >= progress.sample_total > 0:
            return f"Testing the last programs of {_iteration(progress)}"
        case "sample":
            writes = f"{progress.teacher} writes" if progress.teacher else "Writing"
            return f"{writes} programs of {_iteration(progress)}"
        case "test":
            return f"Testing programs of {_iteration(progress)}"
        case "replay":
            return f"Learning from replayed programs, {_iteration(progress)}"
        case "stopping":
            return "Saving a checkpoint to stop"
        case "done":
            return "Done"
    return progress.phase


def _which(progress: Progress) -> str:
    if progress.updates == 0:
        return " before the first update"
    if progress.iterations and progress.iteration >= progress.iterations:
        return " for the last time"
    return ""


def _counted(progress: Progress) -> tuple[str, str]:
    """How much of the phase is done."""
    phase = progress.phase
    if phase == "sample" and progress.sampled >= progress.sample_total > 0:
        phase = "test"
    if phase not in _COUNTED:
        return _both("")
    done, total = (int(getattr(progress, name)) for name in _COUNTED[phase])
    if not total:
        return _both("")
    unit = {"evaluate": " tasks", "sample": " tasks", "test": "", "replay": " updates"}[phase]
    amount = f": {words.count(done)} of {words.count(total)}"
    return f"{amount}{unit}", amount


def _left(seconds: float | None) -> tuple[str, str]:
    """How long the phase will still take."""
    if seconds is None or seconds < 1:
        return _both("")
    said = words.about(seconds)
    return f", {said}", f", {said.removeprefix('about ')}"


def _iteration(progress: Progress) -> str:
    turn = f"iteration {progress.iteration + 1}"  # the store counts what is done
    return f"{turn} of {progress.iterations}" if progress.iterations else turn


def _turn(progress: Progress) -> str:
    return f"in {_iteration(progress)}"


def _spent(progress: Progress) -> str:
    """What a teacher behind a server cost so far."""
    if not progress.teacher_requests:
        return ""
    requests = words.plural(progress.teacher_requests, "request")
    cost = f", {progress.teacher_cost:,.2f} spent" if progress.teacher_cost else ""
    return f" ({requests}, {words.count(progress.teacher_tokens)} tokens{cost})"


def _result(run: RunLine) -> str:
    if run.initial is None or run.newest is None:
        return "no held-out measurement yet"
    newest = words.percent(run.newest)
    first = "" if run.initial == run.newest else f"{words.percent(run.initial)} → "
    return f"held-out accuracy {first}{newest}"


def _reason(watched: Watched) -> str:
    """Why it failed: what the engine said of it, else its newest line, without the full stop."""
    progress = watched.line.progress
    newest = watched.log[-1].message if watched.log else "the engine's log says why"
    said = progress.message if progress and progress.message else newest
    return said.rstrip(".")


def _again(run: RunLine) -> str:
    return f"; {key_of('resume')} goes on from the last checkpoint" if run.trains else ""


def _browse() -> str:
    return f"; {key_of('go.programs')} shows its programs"


def _both(text: str) -> tuple[str, str]:
    return text, text
