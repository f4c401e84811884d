"""From a key in the filter bar to the new page, at a million rows, by way of the screen's own feed.

    python -m tests.benchmarks.bench_filter [--rows N] [--json] [--workspace DIR] [--write]

Filters are typed a key at a time, 120 ms apart, text 300 ms. What is measured is from the wish, as
the screen leaves it in the feed, to the first page for that filter, as the feed posts it: for
columns the top of the sorted page and its count, for text the newest hits. `whole` is from the last
key of a filter to the page with all of it, sorted and counted. `unanswered` counts keys that the
next one came before; they count as long as until then. With `--write` another process inserts 2,000
rows a second meanwhile. `--workspace` takes a filled folder, or fills an empty one and leaves it.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textual.message import Message

from btp_tui.filters.completion import may_become_key
from btp_tui.reading.feed import Feed
from btp_tui.reading.messages import PageReady, SnapshotReady
from btp_tui.reading.wishes import Wishes
from storage.query import QueryError, parse_query
from storage.search import SearchIndex
from storage.workspace import Workspace
from tests.benchmarks.bench_store import Texts, fill, insert_steadily

#: Seconds between two keys of each kind of filter, and after the last of a filter at most.
KEY_S = {"columns": 0.12, "text": 0.3}
END_S = 5.0

COLUMNS = (
    "pass:0.5..1",
    "-outcome:passed",
    "status:wrong-answer pass:0.25,0.75",
    "task:made/4 sort:-pass",
    "iter:>200 sort:-p2value",
    "sort:-logprob",
    "p2value:>0.8 sort:tokens",
    "source:self tokens:100..200 sort:task",
)
TEXTS = (
    '"return"',
    '"for x in"',
    '"import os"',
    "self pass:1",
    "lambda key sort:-pass",
    '"if not"',
    '"zzz_nowhere"',
    "def -class",
)


@dataclass
class Typist:
    """Leaves wishes in a feed, and notes when they are answered."""

    feed: Feed = field(init=False)
    first: dict[str, float] = field(default_factory=dict)
    whole: dict[str, float] = field(default_factory=dict)
    looked: threading.Event = field(default_factory=threading.Event)
    _news: threading.Event = field(default_factory=threading.Event)

    def heard(self, message: Message) -> None:
        """The feed posts."""
        now = time.perf_counter()
        if isinstance(message, PageReady):
            page = message.page
            self.first.setdefault(page.query, now)
            if not page.searching and not page.unsearched:
                self.whole.setdefault(page.query, now)
            self._news.set()
        elif isinstance(message, SnapshotReady) and message.snapshot.watched is not None:
            self.looked.set()

    def type(self, text: str, gap: float) -> tuple[list[float], int, float]:
        """Types a filter: seconds to the first page by key, unanswered keys, seconds to the end."""
        answered: list[float] = []
        unanswered, began = 0, 0.0
        for end in range(1, len(text) + 1):
            written = text[:end]
            if end < len(text) and may_become_key(written, end):
                time.sleep(gap)
                continue
            try:
                parse_query(written)
            except QueryError:
                time.sleep(gap)
                continue
            self.first.pop(written, None)
            self.whole.pop(written, None)
            began = time.perf_counter()
            self.feed.wish(Wishes(page=(written, 0)))
            self._wait(self.first, written, began + gap)
            unanswered += written not in self.first
            answered.append(self.first.get(written, began + gap) - began)
            time.sleep(max(0.0, began + gap - time.perf_counter()))
        self._wait(self.whole, text, began + END_S)
        return answered, unanswered, self.whole.get(text, began + END_S) - began

    def _wait(self, where: dict[str, float], text: str, until: float) -> None:
        while text not in where and (left := until - time.perf_counter()) > 0:
            self._news.wait(left)
            self._news.clear()


def measure(
    workspace: Workspace, filters: Sequence[str], gap: float, rounds: int
) -> dict[str, Any]:
    """Milliseconds over all keys of the filters, and by filter."""
    typist = Typist()
    typist.feed = Feed(workspace.path, typist.heard)
    typist.feed.wish(Wishes(page=("", 0)))
    typist.feed.start()
    typist.looked.wait(120)
    typist.looked.clear()
    typist.looked.wait(120)  # the mirror is loaded and the first page answered
    keys: list[float] = []
    whole: list[float] = []
    unanswered = 0
    by_filter = {}
    for text in filters * rounds:
        answered, missed, end = typist.type(text, gap)
        keys += answered
        whole.append(end)
        unanswered += missed
        by_filter.setdefault(text, []).extend(answered)
        typist.feed.wish(Wishes(page=("", 0)))
        time.sleep(0.5)
    typist.feed.close()
    typist.feed.join()
    return {
        "keys": len(keys),
        "p50_ms": _percentile(keys, 0.5),
        "p95_ms": _percentile(keys, 0.95),
        "max_ms": _percentile(keys, 1.0),
        "unanswered": unanswered,
        "whole_p50_ms": _percentile(whole, 0.5),
        "whole_p95_ms": _percentile(whole, 0.95),
        "by_filter_median_ms": {
            text: round(statistics.median(each) * 1e3, 1)
            for text, each in by_filter.items()
            if each
        },
    }


def _percentile(seconds: Sequence[float], share: float) -> float:
    ordered = sorted(seconds)
    if not ordered:
        return float("nan")
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1e3, 1)


def filled(folder: Path, rows: int) -> Workspace:
    """A workspace with so many judged and searchable samples."""
    workspace = Workspace(folder / "full")
    if workspace.exists:
        return workspace.create()
    workspace, _ = fill(folder, Texts(0), rows)
    index = SearchIndex(workspace)
    while index.feed(5.0):
        pass
    index.close()
    return workspace


def main() -> None:
    """Measures, and prints a table or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--workspace", type=Path, help="a filled folder, or one to fill and leave")
    parser.add_argument("--write", action="store_true", help="2,000 new rows a second meanwhile")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        workspace = filled(arguments.workspace or Path(temporary), arguments.rows)
        context = multiprocessing.get_context("spawn")
        ready, stop = context.Event(), context.Event()
        writing = context.Process(target=insert_steadily, args=(workspace.path, 1, ready, stop))
        if arguments.write:
            writing.start()
            ready.wait()
        figures = {
            "columns": measure(workspace, COLUMNS, KEY_S["columns"], arguments.rounds),
            "text": measure(workspace, TEXTS, KEY_S["text"], arguments.rounds),
        }
        if arguments.write:
            stop.set()
            writing.join()
    if arguments.json:
        print(json.dumps(figures))
        return
    for kind, found in figures.items():
        for name, figure in found.items():
            if not isinstance(figure, dict):
                print(f"{kind:8} {name:14} {figure}")
                continue
            for text, median in figure.items():
                print(f"{kind:8}   {text:40} {median}")


if __name__ == "__main__":
    main()
