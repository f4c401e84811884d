"""The file of the filters of a workspace: what was written lately, what was saved."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from btp_tui.filters.book import MOST, FilterBook, FilterFile
from storage.errors import StorageError

MANY = """
import sys
from pathlib import Path
from btp_tui.filters.book import FilterFile
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


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"history": 1, "saved": []}', '{"history": [null], "saved": []}', "[" * 99999],
    ids=lambda content: content[:20],
)
def test_a_damaged_file_reads_as_empty_and_is_kept_aside(tmp_path: Path, content: str) -> None:
    place = tmp_path / "filters.json"
    place.write_text(content)
    file = FilterFile(tmp_path)
    assert file.read() == FilterBook()
    file.change(lambda book: book.used("iter:1"))
    assert json.loads(place.read_text())["history"] == ["iter:1"]
    assert (tmp_path / "filters.damaged").read_text() == content


def test_what_was_put_aside_before_is_not_replaced(tmp_path: Path) -> None:
    for content in ("first", "second"):
        (tmp_path / "filters.json").write_text(content)
        FilterFile(tmp_path).change(lambda book: book.used("iter:1"))
    aside = sorted(place.read_text() for place in tmp_path.glob("*.damaged*"))
    assert aside == ["first", "second"]


def test_a_pipe_in_its_place_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "filters.json")
    code = "import sys; from btp_tui.filters.book import *; FilterFile(Path(sys.argv[1])).read()"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], timeout=20, check=True)


def test_a_file_too_large_for_filters_is_not_read(tmp_path: Path) -> None:
    content = json.dumps({"history": ["x" * (20 << 20)], "saved": []})
    (tmp_path / "filters.json").write_text(content)
    assert FilterFile(tmp_path).read() == FilterBook()


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_text('{"history": [], "saved": []}')
    (tmp_path / "filters.json").symlink_to(elsewhere)
    FilterFile(tmp_path).change(lambda book: book.used("iter:1"))
    assert (tmp_path / "filters.json").is_symlink()
    assert json.loads(elsewhere.read_text())["history"] == ["iter:1"]


def test_no_text_of_the_file_can_move_the_cursor_or_turn_the_text_round(tmp_path: Path) -> None:
    saved = [["a\x1b[31m", "x\u202ey\ud800\x00"]]
    (tmp_path / "filters.json").write_text(json.dumps({"history": ["\x9b2J"], "saved": saved}))
    assert FilterFile(tmp_path).read() == FilterBook((" 2J",), (("a [31m", "x y  "),))


def test_a_place_that_cannot_be_written_is_said_and_leaves_the_file_as_it_was(
    tmp_path: Path,
) -> None:
    file = FilterFile(tmp_path)
    file.change(lambda book: book.used("iter:1"))
    (tmp_path / f"filters.{os.getpid()}.part").mkdir()
    with pytest.raises(StorageError, match=r"Cannot write .*filters.json"):
        file.change(lambda book: book.used("iter:2"))
    assert FilterFile(tmp_path).read().history == ("iter:1",)
