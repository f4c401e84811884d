"""What is filtered, sorted, drawn or plotted, as numpy arrays: one entry a sample.

The engine draws from them, the screen filters, sorts, counts and plots them; text is fetched only
for what is shown or trained on. Loaded once, then extended by one cursor per append-only table.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.growing import Growing
from storage.reader import Reader

#: The outcome code of a program without a verdict.
UNJUDGED = -1

#: Rows read at once when a large workspace is opened.
_CHUNK = 1 << 17

_SAMPLES = """SELECT id, run, iteration, program, task, rank, source, ifnull(logprob, 9e999),
ifnull(n_tokens, 0) FROM samples WHERE id > ? ORDER BY id LIMIT ?"""

_VERDICTS = """SELECT id, program, ifnull(pass_rate, 9e999), outcome
FROM verdicts WHERE id > ? ORDER BY id LIMIT ?"""


@dataclass(frozen=True, slots=True, eq=False)
class Filter:
    """Which samples to show; None lets everything through.

    `programs` are program ids, as Reader.search gives them. `task` is a part of the task_id, or a
    pattern where it holds "*" or "?"; case does not count. `outcome` "" stands for programs that
    are not judged yet. `pass_rate` and `iteration` are ranges, both ends included.
    """

    run: int | None = None
    programs: NDArray[np.int64] | None = None
    task: str | None = None
    outcome: str | None = None
    pass_rate: tuple[float, float] | None = None
    source: str | None = None
    iteration: tuple[int, int] | None = None


class Columns:
    """The mirror: arrays with one entry a row of `samples`, in the order of their ids.

    `logprob` is in nats and `pass_rate` in [0, 1], both NaN where unknown; `n_tokens` is 0 where
    unknown; `outcome` is UNJUDGED (-1) without a verdict; `replays` counts how often the sample was
    drawn into a minibatch. `task`, `source` and `outcome` are codes, indexes into `tasks`,
    `sources` and `outcomes`. An array that was handed out keeps its length; a later `refresh` may
    change in it what new verdicts and updates say.
    """

    sample: NDArray[np.int32]
    run: NDArray[np.int16]
    iteration: NDArray[np.int32]
    program: NDArray[np.int32]
    task: NDArray[np.int32]
    rank: NDArray[np.int16]
    source: NDArray[np.int16]
    logprob: NDArray[np.float64]
    n_tokens: NDArray[np.int32]
    pass_rate: NDArray[np.float32]
    outcome: NDArray[np.int8]
    replays: NDArray[np.int32]

    def __init__(self, reader: Reader) -> None:
        self.tasks: list[str] = []
        self.sources: list[str] = []
        self.outcomes: list[str] = []
        self.revision = 0
        """Counts the refreshes that brought samples or verdicts."""
        self._reader = reader
        self._columns: dict[str, Growing[Any]] = {
            "sample": Growing(np.int32),
            "run": Growing(np.int16),
            "iteration": Growing(np.int32),
            "program": Growing(np.int32),
            "task": Growing(np.int32),
            "rank": Growing(np.int16),
            "source": Growing(np.int16),
            "logprob": Growing(np.float64),
            "n_tokens": Growing(np.int32),
            "pass_rate": Growing(np.float32),
            "outcome": Growing(np.int8),
            "replays": Growing(np.int32),
        }
        # The newest verdict by program, for the samples that come after it.
        self._program_pass_rate = Growing(np.float32, fill=np.nan)
        self._program_outcome = Growing(np.int8, fill=UNJUDGED)
        self._verdict = self._update = self._rewind = self._version = 0
        self._publish()

    def __len__(self) -> int:
        return len(self.sample)

    @property
    def nbytes(self) -> int:
        """Bytes held in arrays."""
        programs = self._program_pass_rate.nbytes + self._program_outcome.nbytes
        return programs + sum(column.nbytes for column in self._columns.values())

    def refresh(self) -> bool:
        """Takes in what was stored since; returns whether anything here changed."""
        version = self._reader.version()
        if version == self._version:
            return False
        with self._reader.snapshot():
            self._add_names()
            # Verdicts first: new samples of a judged program then find its verdict.
            verdicts = self._add_verdicts()
            samples = self._add_samples()
            updates = self._add_updates()
        self._publish()
        self._version = version
        self.revision += verdicts or samples
        return verdicts or samples or updates

    def select(self, wanted: Filter) -> NDArray[np.int64]:
        """Indexes of the rows that a filter lets through, oldest first."""
        keep = np.ones(len(self), bool)
        if wanted.run is not None:
            keep &= self.run == wanted.run
        if wanted.programs is not None:
            keep &= _members(wanted.programs, self.program)
        if wanted.task is not None:
            keep &= _members(_matching(self.tasks, wanted.task), self.task)
        if wanted.outcome is not None:
            keep &= self.outcome == _code(self.outcomes, wanted.outcome)
        if wanted.source is not None:
            keep &= _members(_matching(self.sources, wanted.source), self.source)
        if wanted.pass_rate is not None:
            low, high = (np.float32(end) for end in wanted.pass_rate)
            keep &= (self.pass_rate >= low) & (self.pass_rate <= high)
        if wanted.iteration is not None:
            low_iteration, high_iteration = wanted.iteration
            keep &= (self.iteration >= low_iteration) & (self.iteration <= high_iteration)
        return np.flatnonzero(keep)

    def sort(
        self,
        rows: NDArray[np.int64],
        key: str | NDArray[Any],
        descending: bool = False,
        limit: int | None = None,
    ) -> NDArray[np.int64]:
        """Rows in the order of a column, or of an array with one entry for each row of the mirror.

        Names are ordered as text, unknown values come last either way, equal ones stay in the order
        of `rows`. With `limit` only the first so many are returned, and much faster.
        """
        values = self._sort_values(key)[rows]
        if descending:
            values = -values
        if limit is not None and limit < len(rows):
            near = _smallest(values, limit)
            rows, values = rows[near], values[near]
        return rows[np.argsort(values, kind="stable")[:limit]]

    def _sort_values(self, key: str | NDArray[Any]) -> NDArray[Any]:
        """Numbers that sort as the key does, and that can be negated."""
        if not isinstance(key, str):
            return key.astype(np.float64) if key.dtype.kind in "bu" else key
        names = {"task": self.tasks, "source": self.sources, "outcome": self.outcomes}.get(key)
        if names is None:
            values: NDArray[Any] = getattr(self, key)
            return values
        codes: NDArray[np.intp] = getattr(self, key)
        places = np.empty(len(names) + 1)
        places[np.argsort(np.array([*names, ""])[:-1], kind="stable")] = np.arange(len(names))
        places[UNJUDGED] = np.nan
        return places[codes]

    def _publish(self) -> None:
        for name, column in self._columns.items():
            setattr(self, name, column.values)

    def _add_names(self) -> None:
        # Ids count up from 1 without a gap: these tables are only appended to.
        for table, names in (("sources", self.sources), ("outcomes", self.outcomes)):
            sql = f"SELECT name FROM {table} WHERE id > ? ORDER BY id"
            names += [name for (name,) in self._reader.query(sql, (len(names),))]
        sql = "SELECT task_id FROM tasks WHERE id > ? ORDER BY id"
        self.tasks += [name for (name,) in self._reader.query(sql, (len(self.tasks),))]

    def _add_samples(self) -> bool:
        column = self._columns
        before = len(column["sample"])
        while True:
            last = int(column["sample"].values[-1]) if len(column["sample"]) else 0
            found = self._reader.numbers(_SAMPLES, (last, _CHUNK)).T
            if not found.size:
                return len(column["sample"]) > before
            for name, values in zip(("sample", "run", "iteration", "program"), found, strict=False):
                column[name].extend(values)
            column["task"].extend(found[4] - 1)
            column["rank"].extend(found[5])
            column["source"].extend(found[6] - 1)
            column["logprob"].extend(_unknown_as_nan(found[7]))
            column["n_tokens"].extend(found[8])
            programs = found[3].astype(np.int64)
            self._program_pass_rate.grow(int(programs.max()) + 1)
            self._program_outcome.grow(int(programs.max()) + 1)
            column["pass_rate"].extend(self._program_pass_rate.values[programs])
            column["outcome"].extend(self._program_outcome.values[programs])
            column["replays"].grow(len(column["sample"]))

    def _add_verdicts(self) -> bool:
        judged = []
        while True:
            found = self._reader.numbers(_VERDICTS, (self._verdict, _CHUNK)).T
            if not found.size:
                break
            programs = found[1].astype(np.int64)
            self._program_pass_rate.grow(int(programs.max()) + 1)
            self._program_outcome.grow(int(programs.max()) + 1)
            # Of several on one program, numpy keeps the last one: the newest.
            self._program_pass_rate.values[programs] = _unknown_as_nan(found[2])
            self._program_outcome.values[programs] = found[3] - 1
            self._verdict = int(found[0, -1])
            judged.append(programs)
        if judged and len(self):
            program = self._columns["program"].values
            rows = np.flatnonzero(_members(np.concatenate(judged), program))
            touched = program[rows]
            self._columns["pass_rate"].values[rows] = self._program_pass_rate.values[touched]
            self._columns["outcome"].values[rows] = self._program_outcome.values[touched]
        return bool(judged)

    def _add_updates(self) -> bool:
        replays, sample = self._columns["replays"].values, self._columns["sample"].values
        rewind = self._reader.query("SELECT ifnull(max(id), 0) FROM rewinds")[0][0]
        rewound = rewind != self._rewind
        if rewound:  # updates were deleted, and their ids may be used again
            self._rewind, self._update = rewind, 0
            replays[:] = 0
        found = self._reader.query(
            "SELECT id, draws FROM updates WHERE id > ? ORDER BY id", (self._update,)
        )
        if not found:
            return bool(rewound)
        self._update = found[-1][0]
        draws = np.frombuffer(b"".join(blob for _, blob in found), "<i8")
        np.add.at(replays, np.searchsorted(sample, draws), 1)
        return True


def _unknown_as_nan(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isinf(values), np.nan, values)


def _members(wanted: NDArray[Any], values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which of the non-negative numbers in `values` are among the wanted ones."""
    size = max(int(wanted.max(initial=0)), int(values.max(initial=0))) + 1
    table = np.zeros(size, bool)
    table[wanted] = True
    found: NDArray[np.bool_] = table[values]
    return found


def _smallest(values: NDArray[Any], count: int) -> NDArray[np.int64]:
    """Places of the smallest values, in their order: at least `count`, equals of the last included.

    Places of unknown values (NaN) are among them only where there are too few others.
    """
    probe = values[:: max(1, len(values) // 4096)]
    # In most cases four times the share of the probe that is wanted leaves a few hundred values.
    guess = min(8 + 4 * count * len(probe) // len(values), len(probe) - 1)
    near = np.flatnonzero(values <= np.partition(probe, guess)[guess])
    if len(near) < count:
        near = np.flatnonzero(values <= np.partition(values, count)[count])
    return near if len(near) >= count else np.arange(len(values))


def _matching(names: list[str], part: str) -> NDArray[np.int64]:
    pattern = part.lower() if "*" in part or "?" in part else f"*{_literally(part.lower())}*"
    found = [code for code, name in enumerate(names) if fnmatchcase(name.lower(), pattern)]
    return np.array(found, np.int64)


def _literally(text: str) -> str:
    return text.replace("[", "[[]")


def _code(names: list[str], name: str) -> int:
    if name == "":
        return UNJUDGED
    return names.index(name) if name in names else len(names)
