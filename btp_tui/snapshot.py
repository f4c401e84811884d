"""Everything the screen shows of one moment, as one immutable value.

The feed builds a Snapshot from the store, the panels draw themselves from it; nothing else passes
between them. Light on purpose: no numpy, so that the first frame needs none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from btp_tui.reading.lineage import Lineage
from btp_tui.reading.spans import ALL, Span
from storage.schema import EvaluationRecord, Event, Progress, Telemetry, UpdateFigures


@dataclass(frozen=True, slots=True)
class Knobs:
    """The settings of the replay that say what is drawn how often: see core.config.ReplayConfig."""

    alpha: float = 0.2
    exponent: float = 4.0
    prioritization: Literal["proportional", "rank"] = "proportional"
    possibility: Literal["per_token", "joint"] = "per_token"
    floor: float = 1e-6
    possibility_under: Literal["sampler", "student"] = "sampler"
    capacity: int = 0
    half_life: float = 0.0
    task_balance: float = 0.0
    learn_from: Literal["all", "passed", "newest"] = "all"
    draw: Literal["prioritized", "entire", "groups"] = "prioritized"

    def turned(self, knob: str, steps: int) -> Knobs:
        """The knobs with one of them turned: α by 0.05 a step, ω by 0.5, the others to and fro."""
        match knob:
            case "alpha":
                return replace(self, alpha=_between(0.0, self.alpha + 0.05 * steps, 1.0))
            case "exponent":
                return replace(self, exponent=_between(0.0, self.exponent + 0.5 * steps, 20.0))
            case "prioritization":
                rank = self.prioritization != "rank"
                return replace(self, prioritization="rank" if rank else "proportional")
            case "possibility":
                joint = self.possibility != "joint"
                return replace(self, possibility="joint" if joint else "per_token")
            case _:
                raise ValueError(f"there is no knob {knob!r}")


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run as the list shows it.

    `state` is what is true now: starting, running, paused, finished, stopped, failed, or died (the
    store says running but no engine holds the run's lock). Accuracies are held-out, in [0, 1].
    An `archived` one is put away: only the list of runs shows it, and only when asked.
    """

    name: str
    state: str
    kind: str
    model: str
    at: float
    progress: Progress | None = None
    initial: float | None = None
    newest: float | None = None
    id: int = 0
    archived: bool = False

    @property
    def trains(self) -> bool:
        """Whether an engine learns in it, and can be asked to pause; else it only tests a file."""
        return self.kind == "train"

    @property
    def alive(self) -> bool:
        """Whether an engine is at work on it."""
        return self.state in ("starting", "running", "paused")

    @property
    def resumable(self) -> bool:
        """Whether an engine could go on with it: it was training, and none is at work."""
        return self.trains and self.state in ("stopped", "failed", "died")


@dataclass(frozen=True, slots=True)
class ProgramLine:
    """One sample in a table: numbers from the mirror, text from the store."""

    sample: int
    task: str
    iteration: int
    rank: int
    source: str
    outcome: str | None
    pass_rate: float | None
    logprob: float | None
    n_tokens: int | None
    possibility: float | None
    p2value: float | None
    replays: int
    text: str
    partial: bool  # tests were skipped after one that timed out
    run_id: int = 0
    excluded: bool = False  # from the replay
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Histogram:
    """Stored programs by P2Value: how many there are, and how often each bin is drawn.

    `stored` and `drawn` are shares of 1 over equal bins of [0, 1]; `candidates` counts programs, of
    which the share `never` was not replayed yet.
    """

    stored: tuple[float, ...]
    drawn: tuple[float, ...]
    candidates: int
    never: float = 0.0


@dataclass(frozen=True, slots=True)
class IterationOutcomes:
    """What the programs of one iteration came to: counts by outcome ("" is not tested yet)."""

    iteration: int
    outcomes: tuple[tuple[str, int], ...]
    pass_rate: float | None

    @property
    def programs(self) -> int:
        """How many programs were sampled."""
        return sum(number for _, number in self.outcomes)


@dataclass(frozen=True, slots=True)
class SeedBand:
    """Held-out accuracy of `runs` runs that differ only in their seed.

    `points` are (time, lowest, highest) at the measurements of the watched run, which is one of
    them; the others count as they were after the same number of updates.
    """

    runs: int
    points: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True, slots=True)
class Disk:
    """The file system of the workspace, in bytes: free, and free below which runs pause.

    `lasts_s` says in how many seconds they will, at the speed of the last minutes; None where no
    end is in sight.
    """

    free: int
    needed: int
    lasts_s: float | None = None


@dataclass(frozen=True, slots=True)
class Watched:
    """The run on the dashboard, as far as it was read.

    `steps` and `telemetry` are thinned the older they are. `knobs` are those shown, `in_force`
    those of the engine, which has not answered the commands named in `asked` yet; `refusal` is what
    it said to a knob that it did not take last. `phase_left_s` is for the phase at work. `inputs`
    are what a run that only tests a file was given: tasks, programs, run. `whole` is False until
    its programs were read.
    """

    line: RunLine
    knobs: Knobs = Knobs()
    in_force: Knobs = Knobs()
    asked: tuple[str, ...] = ()
    refusal: str = ""
    isolation: str = ""
    evaluations: tuple[EvaluationRecord, ...] = ()
    band: SeedBand | None = None
    steps: tuple[UpdateFigures, ...] = ()
    iterations: tuple[IterationOutcomes, ...] = ()
    histogram: Histogram | None = None
    telemetry: tuple[Telemetry, ...] = ()
    log: tuple[Event, ...] = ()
    latest: tuple[ProgramLine, ...] = ()
    phase_left_s: float | None = None
    disk: Disk | None = None
    inputs: tuple[tuple[str, str], ...] = ()
    whole: bool = True

    @property
    def preview(self) -> bool:
        """Whether other knobs are shown than those in force."""
        return self.knobs != self.in_force


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the store said at one moment; `problem` is a sentence where it could not be read.

    `held`, `said` and `span` are the screen's own: whether its display is held still, what a key
    did, and the time that its plots show.
    """

    workspace: str
    at: float = 0.0
    runs: tuple[RunLine, ...] = ()
    watched: Watched | None = None
    problem: str = ""
    loaded: bool = True
    held: bool = False
    said: str = ""
    span: Span = ALL


#: CPU seconds of a test where a run's configuration states none: see core.config.ExecutorConfig.
LIMIT_S = 2.0

#: Rows of a page.
PAGE = 500


@dataclass(frozen=True, slots=True)
class Page:
    """One page of programs: what a filter found, sorted; `problem` where it was not understood.

    `unsearched` counts programs whose text is not indexed yet. While it is `searching`, its rows
    are the newest hits, and neither sorted nor counted.
    """

    query: str
    rows: tuple[ProgramLine, ...] = ()
    offset: int = 0
    total: int = 0
    of: int = 0
    sort: str = ""
    descending: bool = False
    problem: str = ""
    tasks: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    unsearched: int = 0
    searching: bool = False


@dataclass(frozen=True, slots=True)
class ShownTest:
    """One test of a program as a reader sees it; outcome None where it was not run."""

    given: str
    expected: str
    outcome: str | None = None
    actual: str = ""
    message: str = ""
    line: int | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a program stands in the replay under the knobs of the moment.

    `probability` is that of one draw (eq. 7), `place` 1 for the most often drawn of `candidates`;
    both are 0 of a program that was excluded.
    """

    knobs: Knobs
    possibility: float
    p2value: float
    probability: float
    place: int
    candidates: int


@dataclass(frozen=True, slots=True)
class SampledTokens:
    """The tokens of a program as (text, log-probability in nats), or why there are none."""

    tokens: tuple[tuple[str, float], ...] = ()
    why_none: str = ""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Since when a program is kept from the replay: a moment, and the last update before it."""

    at: float
    update: int


@dataclass(frozen=True, slots=True)
class ProgramCard:
    """Everything about one sample; `standing` is None where it cannot be replayed.

    `copies` counts the samples of its text in its run, `replays` the draws of any of them; `draws`
    are the newest updates that drew one, (number, times). `student_logprob` is log P(t) as the
    student said last, None where it was not asked since. `tokens` are read only when asked for.
    `limit_s` is what its run gave each test, in CPU seconds.
    """

    sample: int
    run: str
    task: str
    description: str
    prompt: str
    text: str
    iteration: int
    rank: int
    source: str
    outcome: str | None
    pass_rate: float | None
    logprob: float | None
    n_tokens: int | None
    replays: int = 0
    draws: tuple[tuple[int, int], ...] = ()
    copies: int = 1
    student_logprob: float | None = None
    tests: tuple[ShownTest, ...] = ()
    standing: Standing | None = None
    lineage: Lineage | None = None
    tokens: SampledTokens | None = None
    run_id: int = 0
    excluded: Exclusion | None = None
    marked: bool = False
    limit_s: float = LIMIT_S


def _between(low: float, value: float, high: float) -> float:
    """The value within its limits, without the dust of binary fractions."""
    return round(min(high, max(low, value)), 4)
