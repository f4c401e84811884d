"""What is filtered, sorted, drawn or plotted, as numpy arrays: one entry a sample.

The engine draws from them, the screen filters, sorts, counts and plots them; text is fetched only
for what is shown or trained on. Loaded once, from the copy that an earlier process left beside the
database where there is one, then extended by one cursor per append-only table.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.growing import Growing
from storage.mirror_copy import MirrorCopy, load_copy, save_copy
from storage.reader import Reader
from storage.rows import UNJUDGED, Filter, Rows, members
from storage.schema import DELETED_KINDS

__all__ = ["UNJUDGED", "Columns", "Filter"]

#: Rows read at once: few enough that what is thrown away again is small beside the arrays.
_CHUNK = 1 << 14

#: A copy is left for the next process when so many rows, and a tenth of all, are not in the last.
_COPY_AFTER = 50_000

_SAMPLES = """SELECT id, run, iteration, program, task, rank, source, ifnull(logprob, 9e999),
ifnull(n_tokens, 0) FROM samples WHERE id > ? ORDER BY id LIMIT ?"""

_VERDICTS = """SELECT id, program, ifnull(pass_rate, 9e999), outcome
FROM verdicts WHERE id > ? ORDER BY id LIMIT ?"""

_POSSIBILITIES = """SELECT id, sample, logprob, n_tokens
FROM possibilities WHERE id > ? ORDER BY id LIMIT ?"""

_FLAGS = """SELECT id, run, program, flag = 'excluded', raised
FROM flags WHERE id > ? ORDER BY id LIMIT ?"""

_NEWEST = """SELECT ifnull((SELECT max(id) FROM samples), 0),
ifnull((SELECT max(id) FROM programs), 0)"""

#: Tells this store, at the moment of a copy, from every other: what the newest rows are.
_MARKS = f"""SELECT
(SELECT at FROM samples WHERE id = ?1), (SELECT at FROM verdicts WHERE id = ?2),
(SELECT at FROM possibilities WHERE id = ?3), (SELECT at FROM updates WHERE id = ?4),
(SELECT at FROM rewinds WHERE id = ?5), (SELECT at FROM flags WHERE id = ?6),
(SELECT at FROM runs ORDER BY id LIMIT 1),
(SELECT count(*) FROM runs WHERE kind IN {DELETED_KINDS})"""

#: The columns that say which text of which run a row is, and what was said of it.
_TEXT, _SAID = ("run", "program"), ("excluded", "marked")

_DELETED = f"SELECT id FROM runs WHERE kind IN {DELETED_KINDS} ORDER BY id"


class Columns(Rows):
    """The mirror: the arrays of `Rows`, brought up to date by `refresh`.

    An array that was handed out keeps its length; a later `refresh` may change in it what new
    verdicts, updates and possibilities say.
    """

    def __init__(self, reader: Reader) -> None:
        super().__init__()
        self.revision = 0
        """Counts the refreshes that brought samples, verdicts or possibilities."""
        self.rescored = 0
        """Counts the refreshes that brought possibilities."""
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
            "student_logprob": Growing(np.float32, fill=np.nan),
            "student_tokens": Growing(np.int32),
            "excluded": Growing(np.bool_),
            "marked": Growing(np.bool_),
        }
        # The newest verdict by program, for the samples that come after it.
        self._program_pass_rate = Growing(np.float32, fill=np.nan)
        self._program_outcome = Growing(np.int8, fill=UNJUDGED)
        # What was said of the texts of a run, which are few, for the same; and of which programs.
        self._flags: dict[tuple[int, int], tuple[bool, bool]] = {}
        self._flagged = Growing(np.bool_)
        # The newest row that was taken in of each table, and of all its writers.
        self._verdict = self._possibility = self._update = self._rewind = self._flag = 0
        self._version = 0
        self._copied = 0  # rows in the newest copy
        self._publish()

    def refresh(self) -> bool:
        """Takes in what was stored since; returns whether anything here changed."""
        version = self._reader.version()
        if version == self._version:
            return False
        first = not self._version
        with self._reader.snapshot():
            loaded = first and self._load()
            self._add_names()
            self._reserve()
            rewound = self._take_back()
            # Verdicts first: new samples of a judged program then find its verdict.
            verdicts = self._add_verdicts()
            flags = self._add_flags()
            samples = self._add_samples()
            possibilities = self._add_possibilities() or rewound
            updates = self._add_updates() or rewound
        self._publish()
        self._version = version
        self.revision += loaded or verdicts or samples or possibilities
        self.rescored += loaded or possibilities
        if len(self) - self._copied > max(_COPY_AFTER, len(self) // 10):
            self._save()
        return loaded or verdicts or samples or possibilities or updates or flags

    def _publish(self) -> None:
        for name, column in self._columns.items():
            setattr(self, name, column.values)

    def _all(self) -> dict[str, Growing[Any]]:
        return self._columns | {
            "program_pass_rate": self._program_pass_rate,
            "program_outcome": self._program_outcome,
        }

    def _load(self) -> bool:
        """Takes over the copy that an earlier process left, where it is one of this very store."""
        copy = load_copy(self._reader.workspace)
        if copy is None or copy.marks != self._marks(copy.cursors):
            return False
        everything = self._all()
        if [*copy.arrays] != [*everything]:
            return False
        for name, array in copy.arrays.items():
            if not everything[name].adopt(array):
                return False
        _, self._verdict, self._possibility, self._update, self._rewind, self._flag = copy.cursors
        self._copied = len(self._columns["sample"])
        self._recall_flags()
        return True

    def _save(self) -> None:
        self._copied = len(self)
        last = int(self.sample[-1])
        said = self._verdict, self._possibility
        cursors = (last, *said, self._update, self._rewind, self._flag)
        arrays = {name: column.values for name, column in self._all().items()}
        marks = self._marks(cursors)
        save_copy(self._reader.workspace, MirrorCopy(cursors, marks, arrays))

    def _marks(self, cursors: tuple[int, ...]) -> tuple[float | None, ...]:
        return self._reader.query(_MARKS, cursors)[0]

    def _add_names(self) -> None:
        # Ids count up from 1 without a gap: these tables are only appended to.
        for table, names in (("sources", self.sources), ("outcomes", self.outcomes)):
            sql = f"SELECT name FROM {table} WHERE id > ? ORDER BY id"
            names += [name for (name,) in self._reader.query(sql, (len(names),))]
        sql = "SELECT task_id FROM tasks WHERE id > ? ORDER BY id"
        self.tasks += [name for (name,) in self._reader.query(sql, (len(self.tasks),))]
        self.deleted_runs = [run for (run,) in self._reader.query(_DELETED)]

    def _add_samples(self) -> bool:
        column = self._columns
        before = len(column["sample"])
        last = int(column["sample"].values[-1]) if before else 0
        while True:
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
            for name in ("replays", "student_logprob", "student_tokens", "excluded", "marked"):
                column[name].grow(len(column["sample"]))
            self._flag_rows(len(column["sample"]) - len(programs))
            last = int(found[0, -1])

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
            if len(self._columns["sample"]):
                judged.append(programs)
        if judged:
            program = self._columns["program"].values
            rows = np.flatnonzero(members(np.concatenate(judged), program))
            touched = program[rows]
            self._columns["pass_rate"].values[rows] = self._program_pass_rate.values[touched]
            self._columns["outcome"].values[rows] = self._program_outcome.values[touched]
        return bool(judged)

    def _add_flags(self) -> bool:
        """What a user said of programs last, for the rows that are there and those to come."""
        before = self._flag
        while True:
            found = self._reader.query(_FLAGS, (self._flag, _CHUNK))
            if not found:
                break
            for flag, run, program, excluding, raised in found:
                excluded, marked = self._flags.get((run, program), (False, False))
                said = (bool(raised), marked) if excluding else (excluded, bool(raised))
                self._flags[run, program] = said
                self._flag = flag
        if self._flag > before:
            self._note_flagged()
            self._flag_rows(0)
        return self._flag > before

    def _flag_rows(self, begin: int) -> None:
        """Writes what was said of programs into the rows from `begin` on."""
        if not self._flags:
            return
        program = self._columns["program"].values[begin:]
        self._flagged.grow(int(program.max(initial=0)) + 1)
        rows = np.flatnonzero(self._flagged.values.take(program)) + begin
        texts = zip(*(self._columns[name].values[rows].tolist() for name in _TEXT), strict=True)
        said = np.array([self._flags.get(text, (False, False)) for text in texts], bool)
        for name, values in zip(_SAID, said.reshape(-1, 2).T, strict=True):
            self._columns[name].values[rows] = values

    def _recall_flags(self) -> None:
        """What was said of programs, out of the rows of a copy."""
        excluded, marked = (self._columns[name].values for name in _SAID)
        rows = np.flatnonzero(excluded | marked)
        texts, said = (
            zip(*(self._columns[name].values[rows].tolist() for name in names), strict=True)
            for names in (_TEXT, _SAID)
        )
        self._flags = dict(zip(texts, said, strict=True))
        self._note_flagged()

    def _note_flagged(self) -> None:
        programs = np.array([program for _, program in self._flags], np.int64)
        self._flagged.grow(int(programs.max(initial=0)) + 1)
        self._flagged.values[programs] = True

    def _add_possibilities(self) -> bool:
        """What the student said of a sample last; of several rows on one the newest counts."""
        before = self._possibility
        sample = self._columns["sample"].values
        while True:
            found = self._reader.numbers(_POSSIBILITIES, (self._possibility, _CHUNK)).T
            if not found.size:
                return self._possibility > before
            rows = np.searchsorted(sample, found[1])
            self._columns["student_logprob"].values[rows] = found[2]
            self._columns["student_tokens"].values[rows] = found[3]
            self._possibility = int(found[0, -1])

    def _add_updates(self) -> bool:
        found = self._reader.query(
            "SELECT id, draws FROM updates WHERE id > ? ORDER BY id", (self._update,)
        )
        if not found:
            return False
        self._update = found[-1][0]
        draws = np.frombuffer(b"".join(blob for _, blob in found), "<i8")
        rows = np.searchsorted(self._columns["sample"].values, draws)
        np.add.at(self._columns["replays"].values, rows, 1)
        return True

    def _take_back(self) -> bool:
        """Forgets updates and possibilities where some were deleted: ids may be used again."""
        rewind = self._reader.query("SELECT ifnull(max(id), 0) FROM rewinds")[0][0]
        if rewind == self._rewind:
            return False
        self._rewind, self._update, self._possibility = rewind, 0, 0
        self._columns["replays"].values[:] = 0
        self._columns["student_logprob"].values[:] = np.nan
        self._columns["student_tokens"].values[:] = 0
        return True

    def _reserve(self) -> None:
        """Makes room for all that is to come at once: arrays that grow are copied, and twice."""
        samples, programs = self._reader.query(_NEWEST)[0]
        sample = self._columns["sample"]
        last = int(sample.values[-1]) if len(sample) else 0
        for column in self._columns.values():
            column.reserve(len(column) + samples - last)
        self._program_pass_rate.reserve(programs + 1)
        self._program_outcome.reserve(programs + 1)


def _unknown_as_nan(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isinf(values), np.nan, values)
