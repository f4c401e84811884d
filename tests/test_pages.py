"""Pages of programs from real stores: which rows, what comes first, and what is given up."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.message import Message

import storage.search
from btp_tui.reading import browser
from btp_tui.reading.browser import Pages, PageWish, SupersededError
from btp_tui.reading.feed import Feed
from btp_tui.reading.messages import PageReady, SnapshotReady
from btp_tui.reading.observer import Observer
from btp_tui.reading.wishes import Wishes
from btp_tui.snapshot import PAGE, Knobs, Page
from core.config import ReplayConfig
from core.exchange.export import Format, export
from tests.stores import Store, sample, update

SOME = 1_200


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """1,200 programs of task "a", a third of them with the word `rare`; and two of task "b"."""
    with Store(tmp_path) as made:
        texts = [f"x_{n} = {'rare' if n % 3 == 0 else 'usual'}" for n in range(SOME)]
        programs = made.sampled(*texts, iteration=0)
        rates = (0.0, 0.5, 1.0, None)
        made.judged({each: rates[at % 4] for at, each in enumerate(programs)})
        teacher = [sample("b", f"y = {n}", n, "teacher:gpt", -float(n), 5 + n) for n in range(2)]
        made.writer.add_samples(made.run, 6, teacher)
        made.writer.add_update(made.run, update(1, [1, 1, 2]))
        yield made


@pytest.fixture
def observer(store: Store) -> Iterator[Observer]:
    with Observer(store.workspace) as made:
        made.snapshot(Wishes())
        yield made


def wish(text: str, offset: int = 0) -> PageWish:
    return PageWish(text, offset, "demo-1", Knobs())


def samples(page: Page) -> list[int]:
    assert not page.problem
    return [row.sample for row in page.rows]


@pytest.mark.parametrize(
    ("text", "total"),
    [
        ("", SOME + 2),
        ("task:b", 2),
        ("-task:b", SOME),
        ("task:b,c", 2),
        ("source:teacher:*", 2),
        ("-source:teacher:*,nobody", SOME),
        ("pass:1", 300),
        ("-pass:1", 902),
        ("pass:>0.5", 300),
        ("pass:0.5..", 600),
        ("pass:0,1", 600),
        ("iter:1", SOME),
        ("iter:>1", 2),
        ("iter:<7", SOME),
        ("replays:0", SOME),
        ("replays:>0", 2),
        ("replays:2", 1),
        ("tokens:>5", 1),
        ("tokens:>=5", 2),
        ("logprob:<-0.5", SOME + 1),
        ("logprob:>=-0", 1),
        ("outcome:not-tested", 2),
        ("-outcome:not-tested", SOME),
        ("p2value:>0.5", 600),
        ("-p2value:..0.5", 902),
        ("rare", 400),
        ("-rare", SOME - 400 + 2),
        ("rare pass:1", 100),
        ("x_0", 1),
        ('"= rare" -x_0', 399),
        ("run:demo-*", SOME + 2),
        ("-run:demo-1", 0),
        ("pass:1 pass:0", 0),
    ],
)
def test_a_filter_finds_what_it_says(observer: Observer, text: str, total: int) -> None:
    assert Pages(observer).find(wish(text)).total == total


def test_a_page_at_any_offset_goes_on_where_the_one_before_ended(observer: Observer) -> None:
    pages = Pages(observer)
    found = [samples(pages.find(wish("sort:iter", offset))) for offset in (0, PAGE, 2 * PAGE)]
    assert [len(each) for each in found] == [PAGE, PAGE, SOME + 2 - 2 * PAGE]
    assert [each for page in found for each in page] == [*range(1, SOME + 3)]


def test_the_top_of_a_page_is_shown_before_the_rest_of_it(observer: Observer) -> None:
    posted: list[Page] = []
    whole = Pages(observer).find(wish("sort:iter"), posted.append)
    [top] = posted
    assert (top.total, top.searching) == (SOME + 2, False)
    assert whole.rows[: len(top.rows)] == top.rows
    assert len(top.rows) < len(whole.rows) == PAGE


def test_of_words_the_newest_hits_are_shown_before_all_are_sorted_and_counted(
    observer: Observer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.search, "_FIRST_IDS", 600)
    posted: list[Page] = []
    whole = Pages(observer).find(wish("usual sort:iter"), posted.append)
    top, newest = posted
    assert (newest.searching, newest.sort) == (True, "newest")
    hits = [number for number in range(1, SOME + 1) if (number - 1) % 3]
    assert samples(newest) == hits[: -PAGE - 1 : -1]
    assert samples(top) == samples(newest)[: len(top.rows)]
    assert (whole.searching, whole.total) == (False, 800)
    assert samples(whole) == hits[:PAGE]


def test_of_a_word_that_must_not_be_there_no_hit_is_shown_that_has_it(
    observer: Observer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.search, "_FIRST_IDS", 50)
    monkeypatch.setattr(browser, "_PATIENCE_S", 0.0)
    posted: list[Page] = []
    whole = Pages(observer).find(wish("-usual"), posted.append)
    assert posted[0].searching
    assert not {row.text for row in posted[0].rows} - {row.text for row in whole.rows}


def test_few_hits_are_shown_when_it_takes_long(
    observer: Observer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.search, "_FIRST_IDS", 50)
    monkeypatch.setattr(browser, "_PATIENCE_S", 0.0)
    posted: list[Page] = []
    Pages(observer).find(wish("rare pass:1"), posted.append)
    assert 0 < len(posted[0].rows) <= 50
    assert posted[0].searching


@pytest.mark.parametrize("text", ["rare", "rare usual", "sort:iter"])
def test_what_nobody_waits_for_is_given_up(observer: Observer, text: str) -> None:
    posted: list[Page] = []
    with pytest.raises(SupersededError):
        Pages(observer).find(wish(text), posted.append, lambda: bool(posted) or text != "sort:iter")
    assert len(posted) == (text == "sort:iter")


def test_what_was_found_for_a_word_is_asked_for_again_only_where_programs_have_come(
    store: Store, observer: Observer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    search = observer.reader.search

    def note(words: str, known: Any, on_found: Any) -> Any:
        asked.append((words, known and known.last))
        return search(words, known, on_found)

    monkeypatch.setattr(observer.reader, "search", note)
    pages = Pages(observer)
    for text in ("rare", "rare x_0", "rare"):
        pages.find(wish(text))
    assert asked == [("rare", None), ("x_0", None)]
    store.sampled("x = rare", iteration=9)
    observer.mirror.columns.refresh()
    observer.mirror.changes += 1
    assert pages.find(wish("rare")).total == 401
    assert asked[-1] == ("rare", SOME + 2)


def test_names_to_complete_are_those_of_the_run_in_sight(store: Store) -> None:
    other = store.writer.create_run("demo-2", "train", "", "nano", "")
    store.writer.add_samples(other, 0, [sample("c", "z = 1", source="import:x")])
    with Observer(store.workspace) as observer:
        observer.snapshot(Wishes())
        pages = Pages(observer)
        of_run, of_all = pages.find(wish("")), pages.find(wish("run:*"))
    assert (of_run.tasks, of_run.sources) == (("a", "b"), ("self", "teacher:gpt"))
    assert (of_all.tasks, of_all.sources) == (
        ("a", "b", "c"),
        ("self", "teacher:gpt", "import:x"),
    )


@pytest.mark.parametrize(
    "text",
    ["-pass:1 sort:-pass", "rare -x_0 sort:iter", "p2value:>0.3 sort:-p2value", "replays:>0"],
)
def test_an_export_holds_the_set_that_the_screen_shows(
    store: Store, observer: Observer, tmp_path: Path, text: str
) -> None:
    shown = Pages(observer).find(wish(text))
    out = tmp_path / "rows.jsonl"
    query = f"sort:-newest {text}"
    count = export(store.workspace, query, Format.JSONL, out, ReplayConfig())
    assert count == shown.total
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["program"] for line in lines[: len(shown.rows)]] == [
        row.text for row in shown.rows
    ]


def test_a_new_filter_is_answered_before_the_next_snapshot_and_the_newest_one_last(
    store: Store,
) -> None:
    said: list[Message] = []
    ready = threading.Event()

    def heard(message: Message) -> None:
        said.append(message)
        if isinstance(message, PageReady) and message.page.query == "pass:1":
            ready.set()

    feed = Feed(store.workspace.path, heard)
    feed.wish(Wishes(page=("", 0)))
    feed.start()
    while not any(isinstance(each, PageReady) for each in said):
        pass
    del said[:]
    for text in ("p", "pa", "pass:", "pass:1"):
        feed.wish(Wishes(page=(text, 0)))
    assert ready.wait(5)
    feed.close()
    feed.join()
    first = next(each for each in said if isinstance(each, PageReady | SnapshotReady))
    assert isinstance(first, PageReady)
