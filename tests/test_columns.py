"""The mirror says what SQL says, whatever was written, in whatever order, and resumed or not."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

import storage.columns
from storage.columns import UNJUDGED, Columns, Filter
from storage.growing import Growing
from storage.reader import Reader
from storage.schema import Flag, PossibilityRecord
from storage.workspace import Workspace
from storage.writer import Writer
from tests.stores import Store, sample, task, update, verdict

#: What the mirror should hold, computed by SQL alone.
EXPECTED = """
SELECT s.id, s.run, s.iteration, s.program, t.task_id, s.rank, c.name, s.logprob,
    ifnull(s.n_tokens, 0),
    (SELECT v.pass_rate FROM verdicts v WHERE v.program = s.program ORDER BY v.id DESC LIMIT 1),
    (SELECT o.name FROM verdicts v JOIN outcomes o ON o.id = v.outcome
     WHERE v.program = s.program ORDER BY v.id DESC LIMIT 1),
    (SELECT p.logprob FROM possibilities p WHERE p.sample = s.id ORDER BY p.id DESC LIMIT 1),
    (SELECT p.n_tokens FROM possibilities p WHERE p.sample = s.id ORDER BY p.id DESC LIMIT 1),
    (SELECT f.raised FROM flags f WHERE f.run = s.run AND f.program = s.program
     AND f.flag = 'excluded' ORDER BY f.id DESC LIMIT 1) IS 1,
    (SELECT f.raised FROM flags f WHERE f.run = s.run AND f.program = s.program
     AND f.flag = 'marked' ORDER BY f.id DESC LIMIT 1) IS 1
FROM samples s JOIN tasks t ON t.id = s.task JOIN sources c ON c.id = s.source ORDER BY s.id
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path) as opened:
        yield opened


def mirrored(columns: Columns) -> list[tuple[object, ...]]:
    """The mirror's rows as EXPECTED gives them, without the replays."""
    outcomes = [*columns.outcomes, None]  # UNJUDGED is -1
    return [
        (
            *(int(column[row]) for column in (columns.sample, columns.run, columns.iteration)),
            int(columns.program[row]),
            columns.tasks[columns.task[row]],
            int(columns.rank[row]),
            columns.sources[columns.source[row]],
            _known(columns.logprob[row]),
            int(columns.n_tokens[row]),
            _known(columns.pass_rate[row]),
            outcomes[columns.outcome[row]],
            _known(columns.student_logprob[row]),
            int(columns.student_tokens[row]) or None,
            bool(columns.excluded[row]),
            bool(columns.marked[row]),
        )
        for row in range(len(columns))
    ]


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


class Mirroring(RuleBasedStateMachine):
    """Writes at random, refreshes at random, and compares with SQL after each refresh."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.store = Store(Path(self.folder.name))
        self.runs = [self.store.run, self.store.writer.create_run("b", "train", "", "nano", "")]
        self.copy_after = storage.columns._COPY_AFTER
        storage.columns._COPY_AFTER = -1  # a copy with every row
        self.iteration = 0
        self.numbers = dict.fromkeys(self.runs, 0)

    @rule(
        run=st.integers(0, 1),
        texts=st.lists(st.sampled_from("uvwxyz"), min_size=1, max_size=5),
        task=st.sampled_from("abc"),
        source=st.sampled_from(["self", "teacher"]),
        logprob=st.sampled_from([None, -0.5, -700.0]),
    )
    def samples(
        self, run: int, texts: list[str], task: str, source: str, logprob: float | None
    ) -> None:
        self.iteration += 1
        records = [
            sample(task, text, rank, source, logprob, None if logprob is None else rank + 1)
            for rank, text in enumerate(texts)
        ]
        self.store.writer.add_samples(self.runs[run], self.iteration, records)

    @rule(
        choice=st.integers(0, 10**6),
        outcomes=st.lists(
            st.sampled_from([(None, "harness error"), (0.25, "wrong answer"), (1.0, "passed")]),
            min_size=1,
            max_size=3,
        ),
    )
    def verdicts(self, choice: int, outcomes: list[tuple[float | None, str]]) -> None:
        ((programs,),) = self.store.reader.query("SELECT count(*) FROM programs")
        if programs:
            program = choice % programs + 1
            records = [verdict(program, rate, outcome) for rate, outcome in outcomes]
            self.store.writer.add_verdicts(self.store.run, records)

    @rule(run=st.integers(0, 1), draws=st.lists(st.integers(0, 10**6), max_size=4))
    def updates(self, run: int, draws: list[int]) -> None:
        ((samples,),) = self.store.reader.query("SELECT count(*) FROM samples")
        if samples:
            self.numbers[self.runs[run]] += 1
            record = update(self.numbers[self.runs[run]], [draw % samples + 1 for draw in draws])
            self.store.writer.add_update(self.runs[run], record)

    @rule(
        run=st.integers(0, 1),
        said=st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from([-0.25, -70.0]))),
    )
    def possibilities(self, run: int, said: list[tuple[int, float]]) -> None:
        ((samples,),) = self.store.reader.query("SELECT count(*) FROM samples")
        if samples:
            records = [
                PossibilityRecord(choice % samples + 1, logprob, choice % 7 + 1)
                for choice, logprob in said
            ]
            number = self.numbers[self.runs[run]]
            self.store.writer.add_possibilities(self.runs[run], number, records)

    @rule(
        choice=st.integers(0, 10**6),
        flag=st.sampled_from(["excluded", "marked"]),
        raised=st.booleans(),
    )
    def flags(self, choice: int, flag: Flag, raised: bool) -> None:
        samples = self.store.reader.query("SELECT id, run FROM samples ORDER BY id")
        if samples:
            chosen, run = samples[choice % len(samples)]
            self.store.writer.set_flag(run, flag, raised, [chosen])

    @rule()
    def begins_anew_with_a_copy(self) -> None:
        self.store.columns = Columns(self.store.reader)

    @rule(run=st.integers(0, 1), back=st.integers(0, 3))
    def rewinds(self, run: int, back: int) -> None:
        number = max(0, self.numbers[self.runs[run]] - back)
        self.numbers[self.runs[run]] = number
        self.store.writer.rewind_updates(self.runs[run], number)

    @rule()
    def refreshes(self) -> None:
        columns, reader = self.store.columns, self.store.reader
        columns.refresh()
        assert mirrored(columns) == reader.query(EXPECTED)
        replays = np.zeros(len(columns) + 1, int)
        for run in self.runs:
            for each in reader.updates(run):
                np.add.at(replays, np.array(each.draws, int), 1)
        assert columns.replays.tolist() == replays[1:].tolist()
        assert not columns.refresh()

    @invariant()
    def arrays_have_one_length(self) -> None:
        columns = self.store.columns
        lengths = {len(getattr(columns, name)) for name in ("sample", "task", "pass_rate")}
        assert lengths == {len(columns)}

    def teardown(self) -> None:
        self.refreshes()
        storage.columns._COPY_AFTER = self.copy_after
        (self.store.workspace.path / "mirror.cache").unlink(missing_ok=True)
        fresh = Columns(Reader(self.store.workspace))
        fresh.refresh()
        assert mirrored(fresh) == mirrored(self.store.columns)
        assert fresh.replays.tolist() == self.store.columns.replays.tolist()
        self.store.__exit__()
        self.folder.cleanup()


TestMirror = Mirroring.TestCase
TestMirror.settings = settings(
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def test_a_resumed_run_counts_only_the_updates_that_stand(store: Store) -> None:
    """Deleted updates leave the mirror, and those that take their row ids come in."""
    store.sampled("x", "y", "z")
    for number in (1, 2, 3):
        store.writer.add_update(store.run, update(number, [1, 2]))
    store.columns.refresh()
    store.writer.rewind_updates(store.run, 1)
    assert store.columns.refresh()
    assert store.columns.replays.tolist() == [1, 1, 0]
    store.writer.rewind_updates(store.run, 0)
    store.writer.add_update(store.run, update(1, [3]))
    store.columns.refresh()
    assert store.columns.replays.tolist() == [0, 0, 1]


def test_a_large_workspace_is_read_in_parts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = store.sampled(*(f"text {number}" for number in range(100)))
    store.judged({program: program / 128 for program in programs})
    monkeypatch.setattr(storage.columns, "_CHUNK", 7)
    store.columns.refresh()
    assert mirrored(store.columns) == store.reader.query(EXPECTED)


@pytest.fixture
def copied(store: Store, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a mirror of three samples, in a file."""
    monkeypatch.setattr(storage.columns, "_COPY_AFTER", 2)
    store.judged(dict.fromkeys(store.sampled("x", "y", "z"), 0.5))
    store.columns.refresh()
    return store.workspace.path / "mirror.cache"


def asked(columns: Columns, monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """The arguments of the questions after samples that a refresh needs."""
    questions: list[tuple[object, ...]] = []
    numbers = columns._reader.numbers

    def listen(sql: str, arguments: tuple[object, ...]) -> np.ndarray:
        questions.extend([arguments] if "FROM samples" in sql else [])
        return numbers(sql, arguments)

    monkeypatch.setattr(columns._reader, "numbers", listen)
    columns.refresh()
    return questions


def test_a_mirror_begins_with_the_copy_and_reads_only_what_came_after(
    store: Store, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.sampled("later", iteration=2)
    columns = Columns(Reader(store.workspace))
    assert [after for after, _ in asked(columns, monkeypatch)] == [3, 4]
    assert mirrored(columns) == store.reader.query(EXPECTED)


@pytest.mark.parametrize("place", [0, 14, 20, 60, -150, -9, -1])  # -9: the last array's last byte
def test_a_copy_with_one_wrong_byte_is_passed_over(store: Store, copied: Path, place: int) -> None:
    content = bytearray(copied.read_bytes())
    content[place] ^= 1
    copied.write_bytes(content)
    columns = Columns(Reader(store.workspace))
    columns.refresh()
    assert mirrored(columns) == store.reader.query(EXPECTED)


@pytest.mark.parametrize("length", [0, 5, 30, 100, -1])
def test_a_torn_copy_is_passed_over(store: Store, copied: Path, length: int) -> None:
    copied.write_bytes(copied.read_bytes()[:length])
    columns = Columns(Reader(store.workspace))
    columns.refresh()
    assert mirrored(columns) == store.reader.query(EXPECTED)


def test_the_copy_of_a_later_moment_is_passed_over(store: Store, copied: Path) -> None:
    """Where the store was put back to an earlier one, and has gone another way since."""
    store.writer.add_update(store.run, update(1, [1, 1]))
    store.reader.close()
    store.writer.close()
    earlier = store.workspace.database.read_bytes()
    copied.unlink()
    with Writer(store.workspace) as writer:
        for number in (2, 3):
            writer.add_update(store.run, update(number, [1]))
    Columns(store.reader).refresh()
    assert copied.exists()
    store.reader.close()
    store.workspace.database.write_bytes(earlier)
    with Writer(store.workspace) as writer:
        for number in (2, 3):
            writer.add_update(store.run, update(number, [2]))
    columns = Columns(store.reader)
    columns.refresh()
    assert columns.replays.tolist() == [2, 2, 0]


def test_a_copy_that_was_killed_is_no_obstacle_to_the_next(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.columns, "_COPY_AFTER", -1)
    (store.workspace.path / ".mirror.part").write_bytes(b"half of it")
    store.sampled("x")
    store.columns.refresh()
    assert (store.workspace.path / "mirror.cache").exists()
    assert not (store.workspace.path / ".mirror.part").exists()


def test_the_copy_of_another_store_is_passed_over(copied: Path, tmp_path: Path) -> None:
    with Store(tmp_path / "other") as other:
        other.judged(dict.fromkeys(other.sampled("1", "2", "3", "4"), 1.0))
        copied.rename(other.workspace.path / copied.name)
        other.columns.refresh()
        assert mirrored(other.columns) == other.reader.query(EXPECTED)


def test_a_folder_that_takes_no_copy_does_no_harm(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.columns, "_COPY_AFTER", -1)
    (store.workspace.path / "mirror.cache").mkdir()
    store.sampled("x")
    assert store.columns.refresh()
    fresh = Columns(Reader(store.workspace))
    assert fresh.refresh()
    assert not list(store.workspace.path.glob(".mirror*"))


def test_a_mirror_of_nothing_is_empty(tmp_path: Path) -> None:
    columns = Columns(Reader(Workspace(tmp_path)))
    assert not columns.refresh()
    assert len(columns) == 0
    everything = columns.select(Filter(task="x", outcome="passed", source="self"))
    assert columns.sort(everything, "task").tolist() == []


def test_a_mirror_finds_the_workspace_when_it_is_made(tmp_path: Path) -> None:
    columns = Columns(Reader(Workspace(tmp_path / "workspace")))
    columns.refresh()
    with Store(tmp_path) as store:
        store.sampled("x")
        assert columns.refresh()
    assert len(columns) == 1


def test_an_array_that_was_handed_out_keeps_its_length(store: Store) -> None:
    store.sampled("x")
    store.columns.refresh()
    before = store.columns.sample
    store.sampled(*(f"text {number}" for number in range(1000)), iteration=2)
    store.columns.refresh()
    assert before.tolist() == [1]
    assert len(store.columns) == 1001


@pytest.fixture
def shelf(store: Store) -> Store:
    """Six samples: rows 0-2 of task "a" in iteration 1, then one each of b, c, a[1]."""
    writer = store.writer
    writer.add_tasks([task("mbpp/12"), task("a[1]")])
    programs = store.sampled("one", "two", "three")
    other = writer.create_run("demo-2", "train", "", "nano", "")
    more = writer.add_samples(other, 2, [sample("mbpp/12", "four", 0, "teacher", -2.0)])
    more += writer.add_samples(other, 3, [sample("c", "two", 0, "self", None, None)])
    more += writer.add_samples(other, 4, [sample("a[1]", "six", 0, "self", -0.1)])
    records = [verdict(programs[0], 0.0, "error"), verdict(programs[1], 1.0, "passed")]
    records += [verdict(programs[2], 1 / 3), verdict(more[0].program, None, "harness error")]
    writer.add_verdicts(store.run, records)
    writer.set_flag(other, "excluded", True, [5])
    writer.set_flag(store.run, "marked", True, [1, 3])
    store.columns.refresh()
    return store


@pytest.mark.parametrize(
    ("wanted", "rows"),
    [
        (Filter(), [0, 1, 2, 3, 4, 5]),
        (Filter(run=1), [0, 1, 2]),
        (Filter(run=9), []),
        (Filter(task="a"), [0, 1, 2, 5]),
        (Filter(task="a[1]"), [5]),
        (Filter(task="MBPP"), [3]),
        (Filter(task="mbpp/*"), [3]),
        (Filter(task="?"), [0, 1, 2, 4]),
        (Filter(task="nothing"), []),
        (Filter(outcome="passed"), [1]),
        (Filter(outcome=""), [4, 5]),
        (Filter(outcome="no such outcome"), []),
        (Filter(pass_rate=(0.0, 0.5)), [0, 2]),
        (Filter(pass_rate=(1 / 3, 1.0)), [1, 2]),
        (Filter(source="teacher"), [3]),
        (Filter(source="teach*"), [3]),
        (Filter(source="no such source"), []),
        (Filter(iteration=(2, 3)), [3, 4]),
        (Filter(run=1, outcome="passed", task="a", iteration=(1, 1)), [1]),
        (Filter(run=2, outcome="passed"), []),
        (Filter(excluded=True), [4]),
        (Filter(excluded=False, run=2), [3, 5]),
        (Filter(marked=True), [0, 2]),
        (Filter(marked=False, run=1), [1]),
    ],
)
def test_filters_let_through_what_they_name(shelf: Store, wanted: Filter, rows: list[int]) -> None:
    assert np.flatnonzero(shelf.columns.select(wanted)).tolist() == rows


def test_a_row_holds_words_in_its_text_or_in_the_description_of_its_task(shelf: Store) -> None:
    rows = {
        words: np.flatnonzero(
            shelf.columns.select(Filter(text=(shelf.reader.search(words),)))
        ).tolist()
        for words in ("two", "Do mbpp", "nothing")
    }
    assert rows == {"two": [1, 4], "Do mbpp": [3], "nothing": []}


def test_every_part_of_a_search_must_be_there(shelf: Store) -> None:
    found = tuple(shelf.reader.search(words) for words in ("two", "Do c"))
    assert np.flatnonzero(shelf.columns.select(Filter(text=found))).tolist() == [4]


@pytest.mark.parametrize(
    ("key", "descending", "rows"),
    [
        ("pass_rate", False, [0, 2, 1, 3, 4, 5]),
        ("pass_rate", True, [1, 2, 0, 3, 4, 5]),
        ("logprob", True, [5, 0, 1, 2, 3, 4]),
        ("task", False, [0, 1, 2, 5, 4, 3]),
        ("task", True, [3, 4, 5, 0, 1, 2]),
        ("outcome", False, [0, 3, 1, 2, 4, 5]),
        ("sample", True, [5, 4, 3, 2, 1, 0]),
        (np.array([3.0, np.nan, 1.0, 2.0, 1.0, 0.0]), False, [5, 2, 4, 3, 0, 1]),
        (np.array([True, False, True, True, True, False]), True, [0, 2, 3, 4, 1, 5]),
    ],
)
def test_sorting_puts_unknown_last_and_keeps_the_order_of_equals(
    shelf: Store, key: str | np.ndarray, descending: bool, rows: list[int]
) -> None:
    columns = shelf.columns
    everything = columns.select(Filter())
    assert columns.sort(everything, key, descending).tolist() == rows
    for limit in range(7):
        assert columns.sort(everything, key, descending, limit).tolist() == rows[:limit]


@pytest.mark.parametrize("limit", [1, 50, 499])
def test_the_first_page_of_many_rows_is_the_head_of_the_whole_order(
    store: Store, limit: int
) -> None:
    store.sampled(*(f"text {number}" for number in range(10_000)))
    store.columns.refresh()
    rng = np.random.default_rng(0)
    some = [np.ones(10_000, bool), rng.random(10_000) < 0.5, rng.random(10_000) < 0.06]
    keys = [
        rng.random(10_000),
        rng.integers(0, 3, 10_000),
        np.arange(10_000),
        np.where(np.arange(10_000) % 7, np.nan, np.arange(10_000)),  # few known ones
        np.where(rng.random(10_000) < 0.99, np.nan, 1.0),
        np.repeat([1.0, 0.0], [9_999, 1]),
    ]
    for key, keep, descending in product(keys, some, (False, True)):
        whole = store.columns.sort(keep, key, descending)
        page = store.columns.sort(keep, key, descending, limit)
        assert page.tolist() == whole[:limit].tolist()


def test_codes_point_at_names(shelf: Store) -> None:
    columns = shelf.columns
    assert [columns.sources[code] for code in columns.source[2:5]] == ["self", "teacher", "self"]
    assert columns.outcome[5] == UNJUDGED
    assert columns.tasks[columns.task[3]] == "mbpp/12"


def test_growing_keeps_what_was_handed_out() -> None:
    column = Growing(np.int32, fill=7)
    column.extend(np.arange(3))
    early = column.values
    for _ in range(100):
        column.extend(np.arange(5))
    column.grow(600)
    assert early.tolist() == [0, 1, 2]
    assert len(column) == 600
    assert column.values[503:].tolist() == [7] * 97
