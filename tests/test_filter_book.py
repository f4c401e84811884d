"""The file of the filters of a workspace: what was written lately, what was saved."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from btp_tui.filter_book import MOST, FilterBook, FilterFile
from storage.errors import StorageError

MANY = """
import sys
from pathlib import Path
from btp_tui.filter_book import FilterFile
name = sys.argv[2]
file = FilterFile(Path(sys.argv[1]))
for number in range(40):
    file.change(lambda book: book.used(f"{name}{number}").kept(f"{name}{number}", "iter:1"))
"""


def test_the_newest_filter_comes_first_and_each_only_once() -> None:
    book = FilterBook().used("a").used("b").used("a")
    assert book.history == ("a", "b")


def test_the_history_is_bounded() -> None:
    book = FilterBook()
    for number in range(MOST + 5):
        book = book.used(str(number))
    assert len(book.history) == MOST
    assert book.history[0] == str(MOST + 4)


def test_a_filter_is_saved_renamed_replaced_and_dropped() -> None:
    book = FilterBook().kept("b", "iter:1").kept("a", "iter:2").kept("b", "iter:3")
    assert book.saved == (("a", "iter:2"), ("b", "iter:3"))
    assert book.renamed("b", "c").saved == (("a", "iter:2"), ("c", "iter:3"))
    assert book.dropped("a").saved == (("b", "iter:3"),)


def test_renaming_what_another_screen_has_dropped_brings_nothing_back() -> None:
    assert FilterBook().renamed("gone", "new").saved == ()


def test_filters_are_there_at_the_next_start(tmp_path: Path) -> None:
    FilterFile(tmp_path).change(lambda book: book.used("iter:1").kept("x[0]", '"a b"'))
    assert FilterFile(tmp_path).read() == FilterBook(("iter:1",), (("x[0]", '"a b"'),))


def test_two_screens_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", MANY, str(tmp_path)]
    for process in [subprocess.Popen([*command, name]) for name in ("a", "b", "c")]:
        assert process.wait() == 0
    book = FilterFile(tmp_path).read()
    expected = {f"{name}{number}" for name in "abc" for number in range(40)}
    assert set(book.history) == expected
    assert {name for name, _ in book.saved} == expected


def test_a_workspace_that_does_not_exist_is_not_made(tmp_path: Path) -> None:
    file = FilterFile(tmp_path / "none")
    file.change(lambda book: book.used("iter:1"))
    assert file.read().history == ("iter:1",)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"history": 1, "saved": []}'])
def test_a_damaged_file_reads_as_empty_and_is_kept_aside(tmp_path: Path, content: str) -> None:
    place = tmp_path / "filters.json"
    place.write_text(content)
    file = FilterFile(tmp_path)
    assert file.read() == FilterBook()
    file.change(lambda book: book.used("iter:1"))
    assert json.loads(place.read_text())["history"] == ["iter:1"]
    assert (tmp_path / "filters.damaged").read_text() == content


def test_a_place_that_cannot_be_written_is_said_and_leaves_the_file_as_it_was(
    tmp_path: Path,
) -> None:
    file = FilterFile(tmp_path)
    file.change(lambda book: book.used("iter:1"))
    (tmp_path / f"filters.{os.getpid()}.part").mkdir()
    with pytest.raises(StorageError, match=r"Cannot write .*filters.json"):
        file.change(lambda book: book.used("iter:2"))
    assert FilterFile(tmp_path).read().history == ("iter:1",)
