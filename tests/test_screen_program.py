"""One program in full: what is read of it, what its keys do."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from textual.pilot import Pilot

from btp_tui.panels.program import ProgramView, _code
from btp_tui.panels.program_diff import compared_programs, pair_lines
from btp_tui.panels.program_tests import each_test, first_difference
from btp_tui.personal.clipboard import LONGEST, osc52, passed_through, why_no_clipboard
from btp_tui.reading.cards import find_card
from btp_tui.reading.observer import Observer
from btp_tui.reading.token_texts import TokenTexts
from btp_tui.reading.wishes import Wishes
from btp_tui.snapshot import Knobs, ProgramCard, ShownTest
from tests.screens import card, lineage
from tests.stores import Store, sample, update
from tests.test_screen_keys import app_of, shown, text_of


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Task "a": x = 1 and x = 2 in the first iteration, x = 1 again and x = 3 in the second."""
    with Store(tmp_path) as made:
        made.sampled("x = 1", "x = 2", iteration=0)
        programs = made.sampled("x = 1", "x = 3", iteration=1)
        made.writer.add_samples(made.run, 1, [sample("b", "y = 1")])
        made.judged(dict(zip(programs, (0.5, 1.0), strict=True)))
        yield made


def read(store: Store, number: int) -> ProgramCard:
    with Observer(store.workspace) as observer:
        observer.snapshot(Wishes())
        found = find_card(observer, number, Knobs())
    assert found is not None
    return found


def text(content: Any) -> list[str]:
    return content.plain.split("\n")


def test_a_program_knows_its_place_among_the_different_programs_of_its_task(store: Store) -> None:
    places = [read(store, number).lineage for number in (1, 2, 3, 4)]
    assert [each.said for each in places if each] == ["1 of 3", "2 of 3", "1 of 3", "3 of 3"]
    assert places[0] is not None
    assert places[0].samples == (1, 2, 4)


def test_a_program_knows_the_one_before_and_what_that_came_to(store: Store) -> None:
    second, third = read(store, 2).lineage, read(store, 4).lineage
    assert second is not None
    assert second.before is not None
    assert (second.before.text, second.before.pass_rate) == ("x = 1", 0.5)
    assert third is not None
    assert third.before is not None
    assert (third.before.text, third.before.iteration, third.before.outcome) == ("x = 2", 1, None)


def test_another_run_or_task_is_no_part_of_the_lineage(store: Store) -> None:
    other = store.writer.create_run("demo-2", "train", "seed = 0\n", "nano", "all")
    store.writer.add_samples(other, 0, [sample("a", "x = 0"), sample("a", "x = 1", 1)])
    found = read(store, 4).lineage
    assert found is not None
    assert len(found.samples) == 3


def test_the_order_is_the_run_s_own_whichever_run_stored_a_text_first(store: Store) -> None:
    other = store.writer.create_run("demo-2", "train", "seed = 0\n", "nano", "all")
    store.writer.add_samples(other, 0, [sample("a", "x = 0")])
    store.writer.add_samples(other, 1, [sample("a", "x = 1")])
    found = read(store, 7).lineage
    assert found is not None
    assert (found.samples, found.place) == ((6, 7), 1)


def test_replays_count_the_draws_of_every_sample_of_the_text(store: Store) -> None:
    store.writer.add_update(store.run, update(1, [1, 3, 3]))
    store.writer.add_update(store.run, update(2, [2]))
    store.writer.add_update(store.run, update(3, [3, 4]))
    again = read(store, 1)
    assert (again.replays, again.draws) == (4, ((3, 1), (1, 3)))
    assert read(store, 5).draws == ()


def test_only_so_many_updates_are_searched_for_draws(store: Store) -> None:
    for number in range(1, 6):
        store.writer.add_update(store.run, update(number, [1]))
    found = store.reader.newest_draws(store.run, np.array([1]), last=2)
    assert found == ((5, 1), (4, 1))
    assert store.reader.newest_draws(99, np.array([1]), last=2) == ()


@pytest.mark.parametrize(
    ("one", "other", "at"),
    [("6", "5", 0), ("abc", "abd", 2), ("ab", "abc", 2), ("abc", "ab", 2), ("", "", None)],
)
def test_two_values_part_at_the_first_character_that_differs(
    one: str, other: str, at: int | None
) -> None:
    assert first_difference(one, other) == at


def values_of(expected: str, actual: str) -> list[str]:
    test = ShownTest("f(1)", expected, "wrong answer", actual)
    rows = text(each_test(replace(card(), description="", tests=(test,)), 60))
    return rows[3:-1] if not rows[-1] else rows[3:]


def test_a_sign_stands_below_the_first_difference() -> None:
    expected, actual, mark = values_of("[1, 2, 3]", "[1, 7, 3]")
    assert (expected, actual) == ("  expected  [1, 2, 3]", "  actual    [1, 7, 3]")
    assert mark.index("▲") == actual.index("7")
    assert mark.endswith("differs from character 5 on")


def test_a_difference_far_inside_long_values_is_in_sight() -> None:
    expected, actual, mark = values_of("a" * 500 + "b" * 99, "a" * 500 + "c" * 99)
    assert mark.index("▲") == actual.index("ccc") == expected.index("bbb")
    assert max(map(len, (expected, actual))) <= 60
    assert "character 501" in mark


def test_lines_are_shown_as_one_row_each_value() -> None:
    expected, actual, mark = values_of("1\n2\n", "1\n3\n")
    assert (expected, actual) == ("  expected  1 ⏎ 2", "  actual    1 ⏎ 3")
    assert mark.index("▲") == actual.index("3")


def test_a_program_that_printed_nothing_is_said_to() -> None:
    assert values_of("1", "") == ["  expected  1", "  actual    nothing"]


def test_values_that_read_the_same_have_no_mark() -> None:
    assert values_of("1 ", "1") == ["  expected  1", "  actual    1"]


def signs(before: str, after: str) -> list[str]:
    shown = replace(card(), text=after, lineage=lineage(997))
    assert shown.lineage is not None
    assert shown.lineage.before is not None
    told = replace(shown.lineage, before=replace(shown.lineage.before, text=before))
    return text(compared_programs(replace(shown, lineage=told), 60))[3:]


def test_a_changed_line_is_shown_gone_and_new() -> None:
    assert signs("a\nb\nc", "a\nx\nc\nd") == [
        "    1 a",
        "−   2 b",
        "+   2 x",
        "    3 c",
        "+   4 d",
    ]


def test_what_took_another_s_place_comes_after_all_of_it() -> None:
    assert signs("a\nb", "x\ny") == ["−   1 a", "−   2 b", "+   1 x", "+   2 y"]


def test_long_stretches_of_equal_lines_are_folded() -> None:
    many = "\n".join(f"line {number}" for number in range(20))
    rows = signs(f"{many}\nold", f"{many}\nnew")
    assert rows == [
        "    ⋯ 17 equal lines",
        *(f"  {number:>3} line {number - 1}" for number in (18, 19, 20)),
        "−  21 old",
        "+  21 new",
    ]


def test_beside_each_other_a_line_stands_left_of_what_took_its_place() -> None:
    told = replace(card(), text="a\nx\nc")
    assert told.lineage is not None
    assert told.lineage.before is not None
    before = replace(told.lineage.before, text="a\nb\nc")
    told = replace(told, lineage=replace(told.lineage, before=before))
    row = text(compared_programs(told, 100))[3]
    left, _, right = row.partition("│")
    assert (left.rstrip(), right.rstrip()) == ("−   2 b", " +   2 x")


def test_equal_lines_keep_the_numbers_of_both_programs() -> None:
    pairs = pair_lines("a\nb", "new\na\nb")
    assert [(pair.old, pair.new) for pair in pairs if pair.equal] == [
        ((1, "a"), (2, "a")),
        ((2, "b"), (3, "b")),
    ]


@asynccontextmanager
async def opened(size: tuple[int, int] = (80, 24), **more: Any) -> AsyncIterator[Pilot[Any]]:
    """The third of a task's 17 programs over the whole window."""
    async with shown(size=size, **more) as pilot:
        await pilot.press("down", "down", "down", "enter")
        await pilot.pause()
        yield pilot


def sample_in_sight(pilot: Pilot[Any]) -> int:
    told = pilot.app.screen.query_one(ProgramView).card
    assert told is not None
    return told.sample


async def test_n_and_capital_n_go_through_the_programs_of_the_task() -> None:
    async with opened() as pilot:
        assert sample_in_sight(pilot) == 997
        assert "program 3 of 17 of this task" in text_of(pilot)
        await pilot.press("n", "n")
        await pilot.pause()
        assert sample_in_sight(pilot) == 1003
        assert "program 5 of 17 of this task" in text_of(pilot)
        await pilot.press("N")
        await pilot.pause()
        assert sample_in_sight(pilot) == 1000


async def test_neither_key_goes_beyond_the_ends() -> None:
    async with opened() as pilot:
        await pilot.press(*["N"] * 9)
        await pilot.pause()
        assert sample_in_sight(pilot) == 991
        assert "N Previous" not in text_of(pilot)
        await pilot.press(*["n"] * 30)
        await pilot.pause()
        assert sample_in_sight(pilot) == 1039


async def test_keys_pressed_faster_than_programs_are_read_are_all_counted() -> None:
    async with opened() as pilot:
        feed: Any = app_of(pilot)._feed
        answers = feed._post
        waiting: list[Any] = []
        feed._post = waiting.append
        await pilot.press("n", "n")
        feed._post = answers
        for message in waiting[:1]:
            answers(message)
        await pilot.pause()
        assert sample_in_sight(pilot) == 1000
        await pilot.press("n")
        await pilot.pause()
        assert sample_in_sight(pilot) == 1006


async def test_escape_leads_back_to_the_row_it_was_opened_from() -> None:
    async with shown() as pilot:
        await pilot.press("b")
        await pilot.pause()
        await pilot.press("down", "down", "down", "enter")
        await pilot.pause()
        await pilot.press("n", "escape")
        await pilot.pause()
        assert app_of(pilot)._feed.wishes.sample == 997
        assert sample_in_sight(pilot) == 997


async def test_v_shows_what_changed_and_then_the_program_again() -> None:
    async with opened() as pilot:
        assert "+   4" not in text_of(pilot)
        await pilot.press("v")
        await pilot.pause()
        assert "−   2     total = 1" in text_of(pilot)
        assert "+   2     total = 0" in text_of(pilot)
        await pilot.press("n")
        await pilot.pause()
        assert "+   2     total = 0" in text_of(pilot), "it stays for the next program"
        await pilot.press("v")
        await pilot.pause()
        assert "−   2" not in text_of(pilot)


async def test_the_first_program_says_that_there_is_none_before_it() -> None:
    async with opened() as pilot:
        await pilot.press("N", "N", "v")
        await pilot.pause()
        assert "none before to compare with" in text_of(pilot)


async def test_u_asks_for_the_tokens_and_shows_how_sure_the_model_was_of_each() -> None:
    async with opened() as pilot:
        feed = app_of(pilot)._feed
        assert not feed.wishes.tokens
        await pilot.press("u")
        await pilot.pause()
        assert feed.wishes.tokens
        assert "10, by P   6 ≥ 0.9  2 ≥ 0.5  1 ≥ 0.1  1 < 0.1" in text_of(pilot)
        assert "'[0]', P 0.055, token 8: 60 % of log P(t)" in text_of(pilot)
        await pilot.press("v")
        await pilot.pause()
        assert not feed.wishes.tokens
        assert "+   2     total = 0" in text_of(pilot)
        await pilot.press("u", "escape")
        await pilot.pause()
        assert not feed.wishes.tokens


def with_tokenizer(store: Store, folder: str = "runs/demo-1/checkpoints/best") -> None:
    """A byte-level tokenizer of four tokens: two of them are one character together."""
    from tokenizers import Tokenizer
    from tokenizers.decoders import ByteLevel
    from tokenizers.models import BPE

    made = Tokenizer(BPE(vocab={"x": 0, "Ġ=": 1, "Ã": 2, "©": 3}, merges=[]))
    made.decoder = ByteLevel()
    place = store.workspace.path / folder
    place.mkdir(parents=True)
    made.save(str(place / "tokenizer.json"))


def tokens_of(store: Store, number: int) -> Any:
    with Observer(store.workspace) as observer:
        observer.snapshot(Wishes())
        found = find_card(observer, number, Knobs(), TokenTexts(store.workspace))
    assert found is not None
    return found.tokens


def test_tokens_are_read_by_the_tokenizer_of_a_checkpoint(store: Store) -> None:
    with_tokenizer(store)
    assert tokens_of(store, 1).tokens == (("x", -0.25), (" =", -0.25), ("", -0.25), ("é", -0.25))


@pytest.mark.parametrize(
    ("source", "logprob", "why"),
    [
        ("teacher:nano", -1.0, "teacher:nano has a tokenizer of its own"),
        ("self", None, "No log-probability of its tokens"),
        ("self", -1.0, "it comes with the run's first checkpoint"),
    ],
)
def test_why_there_are_no_tokens_is_said(
    store: Store, source: str, logprob: float | None, why: str
) -> None:
    made = sample("c", "z = 1", source=source, logprob=logprob)
    [stored] = store.writer.add_samples(store.run, 2, [made])
    assert why in tokens_of(store, stored.sample).why_none


def test_a_torn_tokenizer_is_said_and_the_screen_goes_on(store: Store) -> None:
    with_tokenizer(store)
    file = store.workspace.path / "runs/demo-1/checkpoints/best/tokenizer.json"
    file.write_text(file.read_text()[:50])
    assert tokens_of(store, 1).why_none.startswith(f"Cannot read {file}")


def test_what_failed_at_a_line_is_said_below_it() -> None:
    rows = text(_code(card()))
    at = next(number for number, row in enumerate(rows) if row.startswith("▸"))
    assert rows[at].startswith("▸  4 ")
    assert rows[at + 1] == "     ╰ IndexError: list index out of range (test 2)"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A terminal with a clipboard and nothing in between."""
    for name in ("TMUX", "STY", "TERM_PROGRAM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    return monkeypatch


def written(pilot: Pilot[Any], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What goes to the terminal past the picture."""
    said: list[str] = []
    driver = pilot.app._driver
    assert driver is not None
    monkeypatch.setattr(driver, "write", said.append)
    return said


async def test_y_puts_the_program_into_the_terminal_s_clipboard(
    terminal: pytest.MonkeyPatch,
) -> None:
    async with opened() as pilot:
        said = written(pilot, terminal)
        await pilot.press("y")
        assert osc52(card().text) in said
        assert not any("Ptmux" in each for each in said)
        assert "Copied 5 lines" in text_of(pilot)


async def test_inside_tmux_it_goes_to_the_terminal_around_it_as_well(
    terminal: pytest.MonkeyPatch,
) -> None:
    terminal.setenv("TMUX", "/tmp/tmux-0/default,1,0")
    async with opened() as pilot:
        said = written(pilot, terminal)
        await pilot.press("y")
        assert said.count(osc52(card().text)) == 1
        assert said.count(passed_through(osc52(card().text))) == 1


def test_tmux_is_given_every_escape_twice() -> None:
    wrapped = passed_through(osc52("é"))
    assert wrapped.startswith("\x1bPtmux;\x1b\x1b]52;c;")
    assert wrapped.endswith("\x1b\\")
    assert base64.b64decode(wrapped[15:-3]).decode() == "é"


@pytest.mark.parametrize(
    ("environment", "size", "why"),
    [
        ({"TERM": "linux"}, 1, "This console has no clipboard"),
        ({"TERM": "xterm", "TERM_PROGRAM": "Apple_Terminal"}, 1, "This terminal takes no text"),
        ({"TERM": "screen", "STY": "1.pts"}, 1, "GNU screen passes nothing on"),
        ({"TERM": "screen", "STY": "1.pts", "TMUX": "/tmp/x"}, 1, ""),
        ({"TERM": "xterm"}, LONGEST, ""),
        ({"TERM": "xterm"}, LONGEST + 1, "Too long"),
    ],
)
def test_a_terminal_without_a_clipboard_is_known(
    environment: dict[str, str], size: int, why: str
) -> None:
    assert why_no_clipboard("x" * size, environment).startswith(why)
    assert bool(why_no_clipboard("x" * size, environment)) == bool(why)


async def test_without_a_clipboard_y_writes_a_file_and_says_where(
    terminal: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    terminal.setenv("TERM", "linux")
    terminal.chdir(tmp_path)
    async with opened(size=(120, 40)) as pilot:
        await pilot.press("y")
        assert "written to btp-runs/copied/program-997.py" in text_of(pilot)
    assert (tmp_path / "btp-runs/copied/program-997.py").read_text() == card().text


async def test_a_file_that_cannot_be_written_is_said(
    terminal: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    terminal.setenv("TERM", "linux")
    (tmp_path / "file").touch()
    async with opened(folder=tmp_path / "file") as pilot:
        await pilot.press("y")
        assert "nothing was copied" in text_of(pilot)


async def test_y_turns_a_knob_elsewhere_as_before() -> None:
    async with shown("finished") as pilot:
        await pilot.press("y")
        assert dict(app_of(pilot)._feed.wishes.turned) == {"possibility": "joint"}


def test_the_program_s_parts_load_nothing_heavy() -> None:
    code = (
        "import sys, btp_tui.reading.cards, btp_tui.reading.task_history;"
        "import btp_tui.screens.tasks, tokenizers;"
        "heavy = {'torch', 'transformers', 'datasets', 'sqlite_utils', 'pandas', 'pydantic'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
