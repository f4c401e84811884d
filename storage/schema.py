"""The tables of a workspace and the records that cross its border.

Rows are appended and never changed, but for `progress` (one row a run: where it stands) and
`commands` (answered by the engine). Priorities are never stored: they follow from the columns and
the knobs of the moment. Text is unique per task in `programs`; each sampling of it is a row of
`samples`; verdicts belong to the text, and the newest one counts.

What is read by the million (`programs`, `samples`, `verdicts`) is narrow and has no secondary
index, but for that of verdicts by program, whose entries come nearly in order. What is read a page
at a time (`texts`, `tokens`, `reports`) lies in tables of its own under the same ids: a scan of all
samples reads 50 bytes a row instead of 3,000.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

SCHEMA_VERSION = 4

#: Kinds of a run whose rows are being deleted, or were: its own row stays, nameless, for its id and
#: the highest ids of the others, which are never given to other rows. See storage.removal.
DELETED_KINDS = ("deleting", "deleted")

#: What a user can say of a program of a run: never draw it again, or only that it is worth a look.
Flag = Literal["excluded", "marked"]

#: The commands that say so, or take it back: the flag, and whether it is raised.
FLAG_COMMANDS: dict[str, tuple[Flag, bool]] = {
    "exclude": ("excluded", True),
    "include": ("excluded", False),
    "mark": ("marked", True),
    "unmark": ("marked", False),
}

#: Written into the database's header, so that another program's database is not taken for ours.
APPLICATION_ID = 0x42545054  # "BTPT"

#: The tables of version 1; `storage.migrations` holds what came after.
DDL = """
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,            -- train, score, import, salvaged, or see DELETED_KINDS
    config TEXT NOT NULL,          -- TOML; of a deleted run JSON, see storage.removal
    model TEXT NOT NULL,
    host TEXT NOT NULL,
    isolation TEXT NOT NULL,       -- what the executor proved to hold, in words
    at REAL NOT NULL               -- seconds since the epoch, as in every table
);
CREATE TABLE progress (
    run INTEGER PRIMARY KEY REFERENCES runs,
    detail TEXT NOT NULL,          -- JSON, see Progress
    heartbeat REAL NOT NULL
);
CREATE TABLE tasks (
    id INTEGER PRIMARY KEY,
    task_id TEXT NOT NULL UNIQUE,
    dataset TEXT NOT NULL,
    description TEXT NOT NULL,
    prompt TEXT NOT NULL,
    difficulty TEXT,
    tests TEXT NOT NULL            -- JSON: [[input, expected], ...], as shown to a reader
);
CREATE TABLE sources (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE      -- self, teacher:..., import:...
);
CREATE TABLE outcomes (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE      -- passed, wrong answer, ...
);
CREATE TABLE programs (
    id INTEGER PRIMARY KEY,
    task INTEGER NOT NULL REFERENCES tasks,
    digest INTEGER NOT NULL        -- of the text, to find it again, all different; see Texts
);
CREATE TABLE texts (
    id INTEGER PRIMARY KEY REFERENCES programs,
    text TEXT NOT NULL
);
CREATE TABLE samples (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs,
    iteration INTEGER NOT NULL,
    task INTEGER NOT NULL REFERENCES tasks,
    rank INTEGER NOT NULL,
    source INTEGER NOT NULL REFERENCES sources,
    program INTEGER NOT NULL REFERENCES programs,
    logprob REAL,                  -- log P(t), nats; null where the source reports none
    n_tokens INTEGER,
    at REAL NOT NULL
);
CREATE TABLE tokens (
    id INTEGER PRIMARY KEY REFERENCES samples,
    tokens BLOB NOT NULL           -- int32 ids, then float32 log-probabilities, little endian
);
CREATE TABLE verdicts (
    id INTEGER PRIMARY KEY,
    program INTEGER NOT NULL REFERENCES programs,
    run INTEGER NOT NULL REFERENCES runs,
    pass_rate REAL,                -- null: unknown
    outcome INTEGER NOT NULL REFERENCES outcomes,
    path TEXT NOT NULL,
    seconds REAL NOT NULL,
    at REAL NOT NULL
);
CREATE INDEX verdicts_program ON verdicts (program);
CREATE TABLE reports (
    id INTEGER PRIMARY KEY REFERENCES verdicts,
    tests TEXT NOT NULL            -- JSON: [[outcome, message, line, actual, rule, seconds], ...]
);
CREATE TABLE updates (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs,
    iteration INTEGER NOT NULL,
    number INTEGER NOT NULL,       -- 1, 2, ... over the whole run
    loss REAL NOT NULL,            -- nats a token
    grad_norm REAL NOT NULL,
    n_tokens INTEGER NOT NULL,
    seconds REAL NOT NULL,
    draws BLOB NOT NULL,           -- int64 sample ids of the minibatch, with repetition
    at REAL NOT NULL,
    UNIQUE (run, number)
);
CREATE TABLE rewinds (             -- updates and evaluations taken back when a run was resumed
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs,
    number INTEGER NOT NULL,       -- the last update that was kept
    at REAL NOT NULL
);
CREATE TABLE evaluations (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs,
    iteration INTEGER NOT NULL,
    update_number INTEGER NOT NULL,
    label TEXT NOT NULL,           -- initial, during, final
    accuracy REAL NOT NULL,
    pass_rate REAL NOT NULL,
    tasks TEXT NOT NULL,           -- JSON: {task_id: pass rate}
    seconds REAL NOT NULL,
    at REAL NOT NULL,
    UNIQUE (run, label, iteration, update_number)
);
CREATE TABLE telemetry (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs,
    reading TEXT NOT NULL,         -- JSON, see Telemetry
    at REAL NOT NULL
);
CREATE INDEX telemetry_run ON telemetry (run);
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs,
    level TEXT NOT NULL,           -- info, warning, error
    message TEXT NOT NULL,
    at REAL NOT NULL
);
CREATE INDEX events_run ON events (run);
CREATE TABLE commands (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs,
    name TEXT NOT NULL,            -- pause, resume, stop, set, or see FLAG_COMMANDS
    argument TEXT NOT NULL,        -- JSON: {}, {"key": "replay.alpha", "value": 0.4} or
                                   -- {"samples": [7, 9]}
    at REAL NOT NULL,
    handled_at REAL,
    answer TEXT
);
CREATE INDEX commands_run ON commands (run);
"""


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """A task as the screen shows it; `tests` holds (input, expected) as readable text."""

    task_id: str
    dataset: str
    description: str
    prompt: str
    difficulty: str | None
    tests: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SampleRecord:
    """One sampled or imported program of one task; `tokens` is the blob of `samples.tokens`."""

    task_id: str
    rank: int
    source: str
    text: str
    logprob: float | None
    n_tokens: int | None
    tokens: bytes | None


class StoredSample(NamedTuple):
    """Where a sample landed; `judged` says that its run already knows the text's pass rate."""

    sample: int
    program: int
    judged: bool


@dataclass(frozen=True, slots=True)
class TestRecord:
    """The outcome of one test, as stored in `verdicts.tests`."""

    outcome: str
    message: str
    line: int | None
    actual: str
    rule: str
    seconds: float

    __test__ = False  # not a pytest class


@dataclass(frozen=True, slots=True)
class VerdictRecord:
    """The verdict on one program's text."""

    program: int
    pass_rate: float | None
    outcome: str
    tests: tuple[TestRecord, ...]
    path: str
    seconds: float
    partial: bool = False  # tests were skipped after one that timed out


@dataclass(frozen=True, slots=True)
class PossibilityRecord:
    """What the student says of a stored sample: log P(t) in nats over so many tokens."""

    sample: int
    logprob: float
    n_tokens: int


@dataclass(frozen=True, slots=True)
class UpdateRecord:
    """One update of the trainer; `draws` are the sample ids of its minibatch."""

    iteration: int
    number: int
    loss: float
    grad_norm: float
    n_tokens: int
    seconds: float
    draws: tuple[int, ...]
    at: float = 0.0


class UpdateFigures(NamedTuple):
    """One update without its draws; `loss` in nats a token, `grad_norm` before clipping."""

    number: int
    loss: float
    grad_norm: float
    at: float


@dataclass(frozen=True, slots=True)
class EvaluationRecord:
    """One held-out measurement; `tasks` maps each task to the pass rate of its top program."""

    iteration: int
    update_number: int
    label: str
    accuracy: float
    pass_rate: float
    tasks: dict[str, float]
    seconds: float
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class DeviceReading:
    """One accelerator at one moment; None, or 0 bytes, where it does not report the figure."""

    name: str
    utilization: float | None  # per cent
    memory_used: int  # bytes
    memory_total: int  # bytes
    temperature: float | None  # °C
    power: float | None  # W


@dataclass(frozen=True, slots=True)
class Telemetry:
    """The machine at one moment; `cpu` in per cent of all `cores`, memory in bytes."""

    cpu: float
    memory_used: int
    memory_total: int
    engine_memory: int
    devices: tuple[DeviceReading, ...]
    at: float = 0.0
    cores: tuple[float, ...] = ()  # per cent each; none in what older engines stored


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the engine's log."""

    level: str
    message: str
    at: float


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands: written by the engine at most 4 times a second.

    `sampled`, `tested` and `updated` with their totals are the three bars of the iteration (tasks,
    programs, updates); `evaluated` counts held-out tasks. Rates are of the newest few seconds;
    `programs` and `updates` count over the whole run. `knobs` holds the live settings in force
    ("replay.alpha": 0.2, ...). Of the run's tasks `cut_tasks` have a prompt longer than the model's
    context, and `skipped_tasks` one of which too little fits; `skipped_updates` moved no weight,
    for they diverged. `teacher` says who writes programs in the student's place; its requests,
    tokens and cost are of all the run. `eta_s` is the time left of the whole run in seconds, None
    while unknown.
    """

    state: str
    phase: str
    iteration: int = 0
    iterations: int = 0
    sampled: int = 0
    sample_total: int = 0
    tested: int = 0
    test_total: int = 0
    updated: int = 0
    update_total: int = 0
    evaluated: int = 0
    evaluate_total: int = 0
    programs: int = 0
    updates: int = 0
    tokens_per_s: float = 0.0
    tests_per_s: float = 0.0
    updates_per_s: float = 0.0
    eta_s: float | None = None
    elapsed_s: float = 0.0
    device: str = ""
    decoder: str = ""
    cut_tasks: int = 0
    skipped_tasks: int = 0
    skipped_updates: int = 0
    teacher: str = ""
    teacher_requests: int = 0
    teacher_tokens: int = 0
    teacher_cost: float = 0.0
    message: str = ""
    knobs: dict[str, float | str] | None = None
    heartbeat: float = 0.0


@dataclass(frozen=True, slots=True)
class Run:
    """A run's unchanging row and its progress."""

    id: int
    name: str
    kind: str
    config: str
    model: str
    host: str
    isolation: str
    at: float
    progress: Progress | None


@dataclass(frozen=True, slots=True)
class FlagRecord:
    """What was said of a program of a run; `update_number` is the last update it does not touch."""

    id: int
    program: int
    raised: bool
    update_number: int
    at: float


@dataclass(frozen=True, slots=True)
class Command:
    """What a screen asks of the engine."""

    id: int
    name: str
    argument: dict[str, object]
