"""Full-text search: what is found, when, and what becomes of an index that is not sound."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import storage.search
from storage.errors import StorageError
from storage.query import QueryError, parse_query
from storage.search import Indexer, SearchIndex
from storage.selection import find_selection
from storage.workspace import Workspace
from storage.writer import Writer
from tests.stores import Store, task


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path) as opened:
        yield opened


@pytest.fixture
def place(store: Store) -> Path:
    return store.workspace.path / "search.db"


def found(store: Store, words: str) -> list[int]:
    return store.reader.search(words).programs.tolist()


PROGRAMS = (
    "def add_two(a, b):\n    return a + b\n",
    "def total(values):\n    return sum(values)\n",
    "class Größe:\n    x_1 = 'RETURN'\n",
    "print(1)\n",
)


@pytest.mark.parametrize(
    ("words", "programs"),
    [
        ("return", [1, 2, 3]),
        ("Return", [1, 2, 3]),
        ("ret", [1, 2, 3]),
        ("eturn", []),
        ("add_two", [1]),
        ("add", [1]),
        ("ad", []),
        ("return a", [1]),
        ("two", []),
        ("x_", []),
        ("x_1", [3]),
        ("größe", [3]),
        ("GRÖSSE", []),
        ("return sum", [2]),
        ("return su", []),
        ("retur sum", []),
        ("sum return", []),
        ("def total(values):", [2]),
        ("print 1", [4]),
        ('"', []),
        ("a\0b", [1]),
        ("a OR sum", []),
        ("ret(", [1, 2, 3]),
        ("pri 1", []),
        ("text:return", []),
    ],
)
def test_words_are_found_one_after_another_a_last_one_of_three_letters_as_a_beginning(
    store: Store, words: str, programs: list[int]
) -> None:
    store.sampled(*PROGRAMS)
    assert found(store, words) == programs


def test_the_description_of_a_task_is_searched_too(store: Store) -> None:
    store.reader.search("anything")
    store.writer.add_tasks([task("later")])  # "Do later."
    assert store.reader.search("do late").tasks.tolist() == [4]
    assert store.reader.search("do").tasks.tolist() == [1, 2, 3, 4]


def test_what_was_just_stored_is_found(store: Store) -> None:
    for iteration in range(1, 5):
        store.sampled(f"fresh_{iteration}", iteration=iteration)
        assert found(store, f"fresh_{iteration}") == [iteration]


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(st.text("aB_1é +\"'*:()\n", min_size=1), min_size=1, max_size=6, unique=True),
    word=st.text("abé_1", min_size=1, max_size=3),
)
def test_a_word_is_found_as_it_is_and_a_longer_one_where_a_name_begins_with_it(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], word: str
) -> None:
    def holds(text: str) -> bool:
        names = "".join(c if c.isalnum() or c == "_" else " " for c in text.lower()).split()
        longer = len(word) >= 3
        return any(name.startswith(word.lower()) if longer else name == word for name in names)

    with Store(tmp_path_factory.mktemp("search")) as store:
        programs = store.sampled(*texts)
        expected = [program for program, text in zip(programs, texts, strict=True) if holds(text)]
        assert found(store, word) == expected


def test_a_search_says_how_much_it_has_not_looked_at(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.search, "_BATCH", 10)
    monkeypatch.setattr("storage.reader._FEED_S", 0.0)  # one batch
    store.sampled(*(f"name {number}" for number in range(25)))
    left = [store.reader.search("name").left for _ in range(4)]
    assert left == [15, 5, 0, 0]
    assert len(found(store, "name")) == 25


def test_while_another_process_indexes_a_search_goes_on_with_what_is_there(
    store: Store, place: Path
) -> None:
    store.sampled("one")
    assert found(store, "one") == [1]
    store.sampled("two", iteration=2)
    other = sqlite3.connect(place, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    partly = store.reader.search("one")
    assert (partly.programs.tolist(), partly.left) == ([1], 1)
    other.close()
    assert found(store, "two") == [2]


def test_an_engine_indexes_on_its_own_within_a_second_of_being_idle(store: Store) -> None:
    with Indexer(store.workspace):
        store.sampled(*(f"name {number}" for number in range(3000)))
        idle = time.monotonic()
        index = SearchIndex(store.workspace)
        while len(index.find("name").programs) < 3000:
            assert time.monotonic() - idle < 10, "it does not index"
            time.sleep(0.02)
        index.close()


def test_what_is_stored_last_is_indexed_before_the_engine_ends(store: Store) -> None:
    with Indexer(store.workspace):
        store.sampled("last")
    index = SearchIndex(store.workspace)
    assert index.find("last").programs.tolist() == [1]
    index.close()


def test_two_that_index_at_once_index_everything_once(store: Store) -> None:
    with Indexer(store.workspace), Indexer(store.workspace):
        for iteration in range(20):
            store.sampled(*(f"name {iteration} {n}" for n in range(200)), iteration=iteration)
    assert found(store, "name") == [*range(1, 4001)]


def test_an_index_that_could_not_be_made_is_made_later(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.sampled("name")

    def without_room(connection: sqlite3.Connection) -> None:
        connection.execute("SELECT * FROM nowhere")

    index = SearchIndex(store.workspace)
    with monkeypatch.context() as patch, pytest.raises(sqlite3.OperationalError):
        patch.setattr(storage.search, "_prepare", without_room)
        index.feed(1.0)
    assert index.feed(1.0) == 0
    assert index.find("name").programs.tolist() == [1]
    index.close()


def test_many_that_make_the_index_at_once_share_one(store: Store) -> None:
    for number in range(8):
        store.reader.close()
        (store.workspace.path / "search.db").unlink(missing_ok=True)
        store.sampled(f"name_{number}", iteration=number)
        indexes = [SearchIndex(store.workspace) for _ in range(4)]
        threads = [threading.Thread(target=each.feed, args=(5.0,)) for each in indexes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        store.sampled(f"later_{number}", iteration=100 + number)
        assert indexes[0].feed(5.0) == 0
        found = [each.find(f"later_{number}").programs.tolist() for each in indexes]
        assert found == [[2 * number + 2]] * 4, "all have the same file open"
        for each in indexes:
            each.close()


def test_half_a_surrogate_pair_is_found_nowhere(store: Store) -> None:
    store.sampled("name")
    assert found(store, "name\udcff") == [1]
    assert found(store, "x\udcff") == []


@pytest.mark.parametrize("damage", ["garbage", "a page", "empty", "gone"])
def test_a_damaged_index_is_made_anew(store: Store, place: Path, damage: str) -> None:
    store.sampled(*(f"name {number} {'word ' * 50}" for number in range(500)))
    found(store, "name")
    store.reader.close()
    content = bytearray(place.read_bytes())
    if damage == "garbage":
        place.write_bytes(b"no database" * 1000)
    elif damage == "a page":
        for page in range(2, len(content) // 8192):
            content[8192 * page : 8192 * (page + 1)] = bytes([0xFF]) * 8192
        place.write_bytes(content)
    elif damage == "empty":
        place.write_bytes(b"")
    else:
        place.unlink()
    store.sampled("name and another", iteration=2)
    for _ in range(2):
        store.reader.search("name")
    assert found(store, "name") == [*range(1, 502)]


def test_the_index_of_another_store_is_made_anew(store: Store, place: Path, tmp_path: Path) -> None:
    with Store(tmp_path / "other") as other:
        other.sampled("alien", "strange")
        found(other, "alien")
        other.reader.close()
        store.sampled("ours", "mine", "both")
        place.write_bytes((other.workspace.path / "search.db").read_bytes())
        assert found(store, "alien") == []
        assert found(store, "ours") == [1]


def test_damage_to_the_store_is_not_taken_for_damage_to_the_index(
    store: Store, place: Path
) -> None:
    store.sampled(*(f"name {number} {'word ' * 500}" for number in range(100)))
    store.writer.close()
    store.reader.close()
    content = bytearray(store.workspace.database.read_bytes())
    for page in range(30, len(content) // 8192):
        content[8192 * page : 8192 * (page + 1)] = bytes([0xFF]) * 8192
    store.workspace.database.write_bytes(content)
    index = SearchIndex(store.workspace)
    for _ in range(2):
        with pytest.raises(StorageError, match=r"btp\.db is damaged"):
            index.feed(1.0)
        assert place.exists(), "the second time it is left as it is"
    index.close()


def test_a_store_put_back_to_an_earlier_moment_is_indexed_anew(
    store: Store, place: Path, tmp_path: Path
) -> None:
    store.sampled("name")
    store.reader.search("x")
    store.reader.close()
    store.writer.close()
    earlier = store.workspace.database.read_bytes()
    for task_id in ("penguins", "flamingos"):
        store.reader.close()
        store.workspace.database.write_bytes(earlier)
        with Writer(store.workspace) as writer:
            writer.add_tasks([task(task_id)])
        assert store.reader.search(task_id).tasks.tolist() == [4]


def test_a_workspace_that_does_not_exist_holds_nothing(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        reader = type(store.reader)(Workspace(tmp_path / "nowhere"))
        assert reader.search("x").programs.tolist() == []
        assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("text", ['"=="', "+", '"[:]"'])
def test_a_search_without_a_word_says_so(store: Store, text: str) -> None:
    with pytest.raises(QueryError, match="holds no word"):
        find_selection(parse_query(text), {})


def test_searches_from_several_threads_do_not_disturb_each_other(store: Store) -> None:
    store.sampled(*(f"name_{number % 10} {number}" for number in range(1000)))
    wrong: list[str] = []

    def ask(digit: int) -> None:
        for _ in range(20):
            programs = store.reader.search(f"name_{digit}").programs
            if not np.array_equal(programs, np.arange(digit + 1, 1001, 10)):
                wrong.append(f"name_{digit}")

    threads = [threading.Thread(target=ask, args=(digit,)) for digit in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
