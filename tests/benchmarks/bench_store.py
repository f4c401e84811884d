"""The store at a million rows of realistic text: inserts, fetches, pages, histograms, opening.

    python tests/benchmarks/bench_store.py [--quick] [--json] [--folder DIR]

Texts are pieces of the standard library's source (mean 900 bytes), each made distinct by a first
line; a sample has 250 tokens on average. Inserts are compared in turns, on fresh databases with the
same tables, with bare sqlite3 (`executemany` of ready tuples) and with sqlite-utils (`insert_all`),
all in WAL mode with synchronous NORMAL and in transactions of 256; the rivals leave all else as
SQLite has it, `same_pages` is bare sqlite3 with our size of pages. Totals are compared, so that
whoever moves its log to the database pays for it. Everything else is measured on the store that was
filled; `mirror_bytes_per_row` is the growth of resident memory, opened through SQL.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import sqlite3
import statistics
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, Literal

import numpy as np
import sqlite_utils

from btp_tui.reading.candidates import Candidates, find_pool
from btp_tui.snapshot import Knobs
from core.config import ReplayConfig
from core.replay import ReplayBuffer
from storage.columns import Columns, Filter
from storage.connection import PAGE_BYTES
from storage.migrations import MIGRATIONS
from storage.programs import pack_tokens
from storage.reader import Reader
from storage.samples import COLUMNS
from storage.schema import SampleRecord, TaskRecord, VerdictRecord
from storage.search import Indexer, SearchIndex
from storage.workspace import Workspace
from storage.writer import Writer

BATCH = 256
TASKS = 500
PAGE = 50


class Texts:
    """Programs that look like programs."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.numbers = np.random.default_rng(seed)
        lines: list[str] = []
        for file in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
            lines += file.read_text(encoding="utf-8", errors="ignore").splitlines()
        self.pieces = [self._piece(lines) for _ in range(5000)]

    def _piece(self, lines: Sequence[str]) -> str:
        begin = self.random.randrange(len(lines) - 400)
        length = self.random.gammavariate(3.0, 280.0)
        text = ""
        while len(text) < length:
            text += lines[begin] + "\n"
            begin += 1
        return text

    def records(self, first: int, count: int) -> list[SampleRecord]:
        """Samples with numbers from `first` on, three to a task, each text new."""
        made = []
        for number in range(first, first + count):
            n_tokens = self.random.randrange(50, 450)
            logprobs = -self.numbers.random(n_tokens, dtype=np.float32)
            tokens = pack_tokens(np.arange(n_tokens, dtype=np.int32), logprobs)
            text = f"# {number}\n{self.pieces[number % len(self.pieces)]}"
            task_id = f"made/{number // 3 % TASKS}"
            logprob = float(logprobs.sum(dtype=np.float64))
            made.append(SampleRecord(task_id, number % 3, "self", text, logprob, n_tokens, tokens))
        return made


def new_store(folder: Path, name: str) -> tuple[Workspace, int]:
    """A workspace with the tasks and one run."""
    workspace = Workspace(folder / name).create()
    with Writer(workspace) as writer:
        tasks = [
            TaskRecord(f"made/{task}", "made", "What to do.", "", None, ()) for task in range(TASKS)
        ]
        writer.add_tasks(tasks)
        run = writer.create_run("bench-1", "train", "", "nano", "")
    return workspace, run


def rows_of(records: Sequence[SampleRecord], first: int) -> dict[str, list[tuple[object, ...]]]:
    """The same records as ready tuples of each table, for those who insert without looking."""
    rows: dict[str, list[tuple[object, ...]]] = {
        name: [] for name in ("programs", "texts", "samples", "tokens")
    }
    for number, each in enumerate(records, first):
        task = int(each.task_id.split("/")[1]) + 1
        rows["programs"].append((number, task, hash(each.text)))
        rows["texts"].append((number, each.text))
        key = (number, 1, 1, task, each.rank, 1, number)
        rows["samples"].append((*key, each.logprob, each.n_tokens, 0.0))
        rows["tokens"].append((number, each.tokens))
    return rows


def rival(folder: Path, name: str, page_size: int) -> sqlite3.Connection:
    """A database with the same tables and nothing else that is ours."""
    connection = sqlite3.connect(folder / f"{name}.db", isolation_level=None)
    connection.execute(f"PRAGMA page_size = {page_size}")
    for step in MIGRATIONS:
        step(sqlite_utils.Database(connection))
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def measure_inserts(folder: Path, texts: Texts, rounds: int) -> dict[str, float]:
    """Rows a second of the writer, bare sqlite3 and sqlite-utils, by turns."""
    workspace, run = new_store(folder, "ours")
    writer = Writer(workspace)
    bare = rival(folder, "bare", 4096)
    same_pages = rival(folder, "same", PAGE_BYTES)
    utils = sqlite_utils.Database(rival(folder, "utils", 4096))
    seconds: dict[str, list[float]] = {
        name: [] for name in ("ours", "sqlite3", "same_pages", "sqlite_utils")
    }
    for turn in range(rounds):
        records = texts.records(1 + turn * BATCH, BATCH)
        rows = rows_of(records, 1 + turn * BATCH)
        named = {
            table: [dict(zip(COLUMNS[table], row, strict=True)) for row in rows[table]]
            for table in rows
        }
        acts: dict[str, Callable[[], object]] = {
            "ours": partial(writer.add_samples, run, 1, records),
            "sqlite3": partial(insert_bare, bare, rows),
            "same_pages": partial(insert_bare, same_pages, rows),
            "sqlite_utils": partial(insert_utils, utils, named),
        }
        for name in random.Random(turn).sample([*acts], len(acts)):
            begin = time.perf_counter()
            acts[name]()
            seconds[name].append(time.perf_counter() - begin)
    for connection in (writer, bare, same_pages, utils):
        connection.close()
    total = {name: sum(values) for name, values in seconds.items()}
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    return {
        "insert_rows_per_s": round(rounds * BATCH / total["ours"]),
        "insert_median_rows_per_s": round(BATCH / middle["ours"]),
        "insert_vs_sqlite3": round(total["sqlite3"] / total["ours"], 2),
        "insert_vs_sqlite3_same_pages": round(total["same_pages"] / total["ours"], 2),
        "insert_vs_sqlite_utils": round(total["sqlite_utils"] / total["ours"], 2),
        "insert_median_vs_sqlite3": round(middle["sqlite3"] / middle["ours"], 2),
        "insert_median_vs_sqlite3_same_pages": round(middle["same_pages"] / middle["ours"], 2),
    }


def measure_search(folder: Path, texts: Texts, rows: int) -> dict[str, float]:
    """Rows a second stored and searchable: the writer and an Indexer beside it, to the last row."""
    workspace, run = new_store(folder, "searched")
    batches = [texts.records(first, BATCH) for first in range(0, rows, BATCH)]
    with Writer(workspace) as writer, Indexer(workspace):
        begin = time.perf_counter()
        for iteration, batch in enumerate(batches):
            writer.add_samples(run, iteration, batch)
        written = time.perf_counter()
        index = SearchIndex(workspace)
        while index.find("nothing").left:
            time.sleep(0.005)
        end = time.perf_counter()
        index.close()
    return {
        "search_rows_per_s": round(len(batches) * BATCH / (end - begin)),
        "search_complete_s": round(end - written, 2),
    }


def insert_bare(connection: sqlite3.Connection, rows: dict[str, list[tuple[object, ...]]]) -> None:
    """What one would write by hand."""
    connection.execute("BEGIN IMMEDIATE")
    for table, values in rows.items():
        marks = ", ".join("?" * len(COLUMNS[table]))
        names = ", ".join(COLUMNS[table])
        connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", values)
    connection.execute("COMMIT")


def insert_utils(database: sqlite_utils.Database, rows: dict[str, list[dict[str, object]]]) -> None:
    """The same through sqlite-utils, in one transaction."""
    with database.conn:
        for table, values in rows.items():
            database[table].insert_all(values)


def fill(folder: Path, texts: Texts, rows: int) -> tuple[Workspace, int]:
    """A store with so many judged samples."""
    workspace, run = new_store(folder, "full")
    rates = [0.0, 0.0, 0.25, 0.5, 0.75, 1.0, 1.0]
    with Writer(workspace) as writer:
        for first in range(0, rows, 4 * BATCH):
            count = min(4 * BATCH, rows - first)
            stored = writer.add_samples(run, first // 3000, texts.records(first, count))
            verdicts = []
            for each in stored:
                rate = texts.random.choice(rates)
                outcome = "passed" if rate == 1.0 else "wrong answer"
                verdicts.append(VerdictRecord(each.program, rate, outcome, (), "split", 0.01))
            writer.add_verdicts(run, verdicts)
    return workspace, run


def median_ms(act: Callable[[], object], turns: int) -> float:
    """Median milliseconds of an act."""
    seconds = []
    for _ in range(turns):
        begin = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds) * 1e3


def measure_opening(workspace: Workspace, rows: int) -> tuple[Columns, dict[str, float]]:
    """Seconds to a full mirror, through SQL and from a copy, and what it holds in memory."""
    context = multiprocessing.get_context("spawn")
    (workspace.path / "mirror.cache").unlink(missing_ok=True)
    with context.Pool(1, maxtasksperchild=1) as pool:  # each in a fresh process
        cold, memory = pool.apply(open_mirror, (workspace.path,))
        warm = [pool.apply(open_mirror, (workspace.path,))[0] for _ in range(5)]
    columns = Columns(Reader(workspace))
    columns.refresh()
    return columns, {
        "open_cold_s": round(cold, 2),
        "open_snapshot_s": round(statistics.median(warm), 3),
        "mirror_bytes_per_row": round(memory / rows, 1),
    }


def open_mirror(folder: Path) -> tuple[float, int]:
    """Seconds to a full mirror, and by how much this process has grown."""
    reader = Reader(Workspace(folder))
    reader.numbers("SELECT id, task FROM samples LIMIT 50000")  # fills SQLite's own page cache
    before = resident()
    begin = time.perf_counter()
    columns = Columns(reader)
    columns.refresh()
    return time.perf_counter() - begin, resident() - before


def resident() -> int:
    """Resident memory of this process in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def measure_fetch(workspace: Workspace, columns: Columns, run: int, turns: int) -> dict[str, float]:
    """Drawing a minibatch and fetching its programs, against the bare query for as many rows."""
    reader = Reader(workspace)
    buffer = ReplayBuffer(columns, run, ReplayConfig())
    connection = sqlite3.connect(f"file:{workspace.database}?mode=ro", uri=True)
    rng = np.random.default_rng(0)
    marks = ", ".join("?" * BATCH)
    sql = (
        "SELECT s.id, t.task_id, c.name, x.text, k.tokens FROM samples s "
        "JOIN tasks t ON t.id = s.task JOIN sources c ON c.id = s.source "
        f"JOIN texts x ON x.id = s.program JOIN tokens k ON k.id = s.id WHERE s.id IN ({marks})"
    )
    ours, bare = [], []
    for turn in range(turns):
        # The same draw beforehand for the other, so that both fetch the same number of rows.
        other = sorted({*buffer.draw(BATCH, rng).samples.tolist()})
        fill_up = rng.choice(columns.sample, BATCH).tolist()
        other = [*other, *fill_up][:BATCH]

        def draw_and_fetch() -> None:
            reader.tokens(buffer.draw(BATCH, rng).samples)

        def fetch(other: list[int] = other) -> None:
            connection.execute(sql, other).fetchall()

        acts = [(ours, draw_and_fetch), (bare, fetch)]
        for seconds, act in acts if turn % 2 else acts[::-1]:
            seconds.append(median_ms(act, 1))
    connection.close()
    return {
        "fetch_ms": round(statistics.median(ours), 2),
        "fetch_vs_raw": round(statistics.median(ours) / statistics.median(bare), 2),
    }


def measure_histogram(columns: Columns, run: int, turns: int) -> dict[str, float]:
    """The screen's histogram in 50 bins after a turn of α, and after new programs have come."""
    pool = find_pool(columns, run, Knobs())
    alphas = iter(np.random.default_rng(0).random(2 * turns).tolist())

    def turn_alpha(prioritization: Literal["proportional", "rank"]) -> None:
        knobs = Knobs(alpha=next(alphas), prioritization=prioritization)
        Candidates(pool, knobs).histogram(bins=50)

    return {
        "histogram_ms": round(median_ms(lambda: turn_alpha("proportional"), turns), 2),
        "histogram_rank_ms": round(median_ms(lambda: turn_alpha("rank"), turns), 2),
        "histogram_new_programs_ms": round(
            median_ms(lambda: find_pool(columns, run, Knobs()), turns), 1
        ),
    }


def queries(columns: Columns) -> Iterator[tuple[Filter, str]]:
    """What a reader asks for, one after another."""
    last = int(columns.iteration[-1])
    while True:
        yield Filter(outcome="passed"), "logprob"
        yield Filter(task="made/7"), "pass_rate"
        yield Filter(pass_rate=(0.2, 0.8)), "n_tokens"
        yield Filter(iteration=(last // 2, last)), "logprob"
        yield Filter(), "sample"


def measure_pages(
    workspace: Workspace, run: int, columns: Columns, seconds: float
) -> dict[str, Any]:
    """Filter, sort and first page with its texts, while a writer inserts 2,000 rows a second."""
    context = multiprocessing.get_context("spawn")
    ready, stop = context.Event(), context.Event()
    writing = context.Process(target=insert_steadily, args=(workspace.path, run, ready, stop))
    writing.start()
    ready.wait()
    taken: list[float] = []
    asked = queries(columns)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        wanted, key = next(asked)
        columns.refresh()
        begin = time.perf_counter()
        rows = columns.sort(columns.select(wanted), key, descending=True, limit=PAGE)
        columns._reader.rows(columns.sample[rows])
        taken.append(time.perf_counter() - begin)
        time.sleep(0.02)
    stop.set()
    writing.join()
    taken.sort()
    return {
        "page_median_ms": round(taken[len(taken) // 2] * 1e3, 2),
        "page_p95_ms": round(taken[int(len(taken) * 0.95)] * 1e3, 2),
    }


def insert_steadily(path: Path, run: int, ready: Event, stop: Event) -> None:
    """2,000 rows a second in transactions of 100, until told to stop."""
    texts = Texts(1)
    number = 10**9
    with Writer(Workspace(path)) as writer:
        writer.add_samples(run, 10**6, texts.records(number, 1))
        ready.set()
        while not stop.is_set():
            begin = time.monotonic()
            number += 100
            writer.add_samples(run, number, texts.records(number, 100))
            time.sleep(max(0.0, 0.05 - (time.monotonic() - begin)))


def measure(folder: Path, rows: int) -> dict[str, Any]:
    """All figures at so many rows."""
    texts = Texts(0)
    rounds = 40 + rows // 5_000
    figures: dict[str, Any] = {"rows": rows, **measure_inserts(folder, texts, rounds)}
    figures |= measure_search(folder, texts, 50_000 + rows // 20)
    begin = time.perf_counter()
    workspace, run = fill(folder, texts, rows)
    figures["fill_s"] = round(time.perf_counter() - begin, 1)
    columns, opening = measure_opening(workspace, rows)
    figures |= opening
    figures |= measure_fetch(workspace, columns, run, 100)
    figures |= measure_histogram(columns, run, 20)
    figures |= measure_pages(workspace, run, columns, 6.0)
    return figures


def main() -> None:
    """Measures, and prints a table or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="100,000 rows instead of a million")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--folder", type=Path, help="where to put the stores (3 GB)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        figures = measure(Path(folder), 100_000 if arguments.quick else 1_000_000)
    if arguments.json:
        print(json.dumps(figures))
        return
    for name, figure in figures.items():
        print(f"{name:32} {figure}")


if __name__ == "__main__":
    main()
